"""The staffed clock: shifts, holidays, time zones, and the two nights a year when the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.domain.errors import Refused
from triage.domain.rota import WEEKDAYS, Rota, Shift

WORKDAYS = ("mon", "tue", "wed", "thu", "fri")
BERLIN = ZoneInfo("Europe/Berlin")
DAYTIME = Rota("Europe/Berlin", (Shift(WORKDAYS, "08:00", "16:00", 3), Shift(WORKDAYS, "16:00", "22:00")))
NIGHTS = Rota("Europe/Berlin", (Shift(WEEKDAYS, "22:00", "06:00"),))
MOMENTS = st.datetimes(datetime(2024, 2, 1), datetime(2028, 1, 1), timezones=st.just(UTC))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def test_without_shifts_the_clock_is_the_wall_clock() -> None:
    assert Rota().waited(at("2026-11-24 02:00"), at("2026-11-25 02:00")) == 24 * 60
    assert not Rota().staffed


def test_minutes_count_while_somebody_is_on_duty() -> None:
    assert DAYTIME.waited(at("2026-11-24 07:00"), at("2026-11-24 09:30")) == 90
    assert DAYTIME.waited(at("2026-11-24 22:00"), at("2026-11-25 08:00")) == 0
    assert DAYTIME.waited(at("2026-11-27 21:00"), at("2026-11-30 09:00")) == 120, "over a weekend"


def test_a_holiday_s_shifts_do_not_take_place() -> None:
    rota = Rota("Europe/Berlin", DAYTIME.shifts, ("2026-12-25",))
    assert rota.waited(at("2026-12-25 00:00"), at("2026-12-26 00:00")) == 0
    assert DAYTIME.waited(at("2026-12-25 00:00"), at("2026-12-26 00:00")) == 14 * 60


@pytest.mark.parametrize(("evening", "hours"), [("2026-03-28", 7), ("2026-10-24", 9), ("2026-11-24", 8)])
def test_a_night_shift_is_as_long_as_the_clocks_make_it(evening: str, hours: int) -> None:
    begin = at(f"{evening} 21:00")
    assert NIGHTS.waited(begin, begin.astimezone(UTC) + timedelta(hours=12)) == hours * 60


def test_overlapping_shifts_are_counted_once_and_their_readers_added() -> None:
    both = Rota("UTC", (Shift(("tue",), "08:00", "12:00", 2), Shift(("tue",), "10:00", "14:00")))
    begin = datetime(2026, 11, 24, tzinfo=UTC)
    assert both.waited(begin, begin + timedelta(days=1)) == 6 * 60
    assert both.on_duty(begin + timedelta(hours=11)) == 3


@given(MOMENTS, MOMENTS)
def test_the_clock_never_falls_and_never_outruns_the_wall(one: datetime, other: datetime) -> None:
    first, second = min(one, other), max(one, other)
    for rota in (DAYTIME, NIGHTS):
        waited = rota.waited(first, second)
        assert -1e-6 <= waited <= (second - first).total_seconds() / 60 + 1e-6


def test_a_rota_survives_its_json() -> None:
    assert Rota.from_json(DAYTIME.to_json()) == DAYTIME


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"zone": "Berlin"}, "IANA"),
        ({"holidays": ["25.12.2026"]}, "2027-01-01"),
        ({"shifts": [{"days": ["mon"], "start": "8", "end": "16:00"}]}, "08:00"),
        ({"shifts": [{"days": ["monday"], "start": "08:00", "end": "16:00"}]}, "mon"),
        ({"shifts": [{"start": "08:00", "end": "16:00"}]}, "days"),
        ({"shift": []}, "shift"),
    ],
)
def test_a_wrong_rota_is_refused_with_what_to_write(wrong: dict[str, object], word: str) -> None:
    with pytest.raises(Refused) as refused:
        Rota.from_json(wrong)
    assert word in refused.value.sentence
