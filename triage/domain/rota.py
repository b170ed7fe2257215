"""The staffed clock: how many minutes a reader was on duty up to a moment.

A night without a reader is nobody's delay: no order of the list shortens it. So the order's key and the
waits measure time while somebody could read. Shifts are wall times of a place, so the clock follows its
daylight-saving rules exactly: a night shift over the autumn change is an hour longer. A shift that
starts on a holiday does not take place. Without shifts the clock is the wall clock.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from triage.domain.errors import Refused

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# A Monday before the first study: every process must count from the same moment.
_ORIGIN = datetime(2024, 1, 1, tzinfo=UTC)
_WALL_ORIGIN = datetime(2000, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Shift:
    """Readers on duty on some weekdays from `start` to `end` (HH:MM); an end not after the start is the next day's."""

    days: tuple[str, ...]
    start: str
    end: str
    readers: int = 1

    def __post_init__(self) -> None:
        if not self.days or set(self.days) - set(WEEKDAYS):
            raise Refused("rota", f"a shift's days are some of {', '.join(WEEKDAYS)}")
        for wall in (self.start, self.end):
            _wall(wall)
        if self.readers < 1:
            raise Refused("rota", "a shift has at least one reader")

    def on(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Return when the shift that starts on `day` begins and ends, in UTC.

        A wall time that occurs twice begins at its first and ends at its second occurrence; one that a
        change of the clocks leaves out is as long after the hour before it (PEP 495).
        """
        begin, end = _wall(self.start), _wall(self.end)
        last = day if end > begin else day + _DAY
        ends = [datetime.combine(last, end.replace(fold=fold), zone).astimezone(UTC) for fold in (0, 1)]
        return datetime.combine(day, begin, zone).astimezone(UTC), max(ends)


@dataclass(frozen=True, slots=True)
class Rota:
    """Who reads when: shifts by weekday, holidays (ISO dates) and an IANA time zone."""

    zone: str = "UTC"
    shifts: tuple[Shift, ...] = ()
    holidays: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise Refused(
                "rota", f"{self.zone!r} is no IANA time zone; write one such as Asia/Tokyo"
            ) from None
        for day in self.holidays:
            try:
                date.fromisoformat(day)
            except ValueError:
                raise Refused("rota", f"{day!r} is no date; write holidays as 2027-01-01") from None

    @property
    def staffed(self) -> bool:
        """Tell whether there is a rota at all; without one the wall clock counts."""
        return bool(self.shifts)

    def minutes(self, moment: datetime) -> float:
        """Return A(moment): staffed minutes since a fixed day; never falls as the moment moves on."""
        if not self.shifts:
            return (moment - _WALL_ORIGIN).total_seconds() / 60.0
        if moment <= _ORIGIN:
            return (moment - _ORIGIN).total_seconds() / 60.0
        return _calendar(self).minutes(moment)

    def waited(self, since: datetime, until: datetime) -> float:
        """Return how many staffed minutes lie between two moments."""
        return self.minutes(until) - self.minutes(since)

    def on_duty(self, moment: datetime) -> int:
        """Return how many readers are on duty; without a rota nobody knows, and it is taken as one."""
        if not self.shifts:
            return 1
        around = self.between(moment, moment + timedelta(microseconds=1))
        return sum(readers for begin, end, readers in around if begin <= moment < end)

    def between(self, since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime, int]]:
        """Yield every shift that overlaps the span as (begin, end, readers), by the day it starts on."""
        zone = ZoneInfo(self.zone)
        day = since.astimezone(zone).date() - 2 * _DAY
        while day <= until.astimezone(zone).date():
            for shift in self._starting(day):
                begin, end = shift.on(day, zone)
                if begin < until and end > since and begin < end:
                    yield begin, end, shift.readers
            day += _DAY

    def _starting(self, day: date) -> list[Shift]:
        if day.isoformat() in self.holidays:
            return []
        return [shift for shift in self.shifts if WEEKDAYS[day.weekday()] in shift.days]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types only."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Rota:
        """Rebuild from `to_json` or from a TOML table; raises Refused naming what is wrong."""
        unknown = set(data) - {"zone", "shifts", "holidays"}
        if unknown:
            raise Refused("rota", f"a rota has no {', '.join(sorted(unknown))}")
        return cls(
            str(data.get("zone", "UTC")),
            tuple(_shift(row) for row in data.get("shifts", ())),
            tuple(str(day) for day in data.get("holidays", ())),
        )


def _shift(row: Mapping[str, Any]) -> Shift:
    try:
        days, start, end = row["days"], str(row["start"]), str(row["end"])
    except (KeyError, TypeError):
        raise Refused("rota", 'a shift is written {days = ["mon"], start = "08:00", end = "16:00"}') from None
    return Shift(tuple(days), start, end, int(row.get("readers", 1)))


def _wall(spoken: str) -> time:
    try:
        return datetime.strptime(spoken, "%H:%M").time()  # noqa: DTZ007  # a wall time; the rota has the zone
    except ValueError:
        raise Refused("rota", f"{spoken!r} is no time of day; write it as 08:00") from None


class _Calendar:
    """Merged spans of duty with their running sum, built week after week as far as anybody asks."""

    def __init__(self, rota: Rota) -> None:
        self._rota = rota
        self._spans: tuple[list[datetime], list[datetime], list[float]] = ([], [], [])
        self._until = _ORIGIN

    def minutes(self, moment: datetime) -> float:
        if moment > self._until:
            self._build(moment + timedelta(weeks=8))
        begins, ends, sums = self._spans
        last = bisect_right(begins, moment) - 1
        if last < 0:
            return 0.0
        return sums[last] + (min(moment, ends[last]) - begins[last]).total_seconds() / 60.0

    def _build(self, until: datetime) -> None:
        merged: list[tuple[datetime, datetime]] = []
        for begin, end, _ in sorted(self._rota.between(_ORIGIN, until)):
            begin = max(begin, _ORIGIN)
            if merged and begin <= merged[-1][1]:
                merged[-1] = merged[-1][0], max(end, merged[-1][1])
            else:
                merged.append((begin, end))
        sums, total = [], 0.0
        for begin, end in merged:
            sums.append(total)
            total += (end - begin).total_seconds() / 60.0
        # One assignment: threads that read meanwhile see the old spans or the new ones, never half.
        self._spans = [b for b, _ in merged], [e for _, e in merged], sums
        self._until = until


@lru_cache(maxsize=16)
def _calendar(rota: Rota) -> _Calendar:
    return _Calendar(rota)
