"""When a study is complete enough: pure rules, the clock is an argument."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.domain.closing import ClosingReason, ClosingRules, closing_reason, quiet_period
from triage.domain.study import ClosingView

T0 = datetime(2026, 1, 1, tzinfo=UTC)
RULES = ClosingRules(peer_quiet_seconds={"FAST": 3.0})


def view(
    modalities: tuple[str, ...] = ("CR",),
    silent_since: float = 0,
    instances: int = 1,
    expected: int | None = None,
    views: tuple[str, ...] = (),
    calling_ae: str = "MODALITY",
) -> ClosingView:
    return ClosingView(
        frozenset(modalities),
        calling_ae,
        T0 + timedelta(seconds=silent_since),
        T0,
        instances,
        expected,
        frozenset(views),
    )


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def test_a_radiograph_closes_after_thirty_seconds_of_silence() -> None:
    assert closing_reason(view(), RULES, at(29.9)) is None
    assert closing_reason(view(), RULES, at(30)) is ClosingReason.QUIET_PERIOD


def test_the_slowest_modality_of_a_study_decides() -> None:
    assert closing_reason(view(("CR", "MR")), RULES, at(60)) is None
    assert closing_reason(view(("CR", "MR")), RULES, at(90)) is ClosingReason.QUIET_PERIOD


def test_a_peer_may_have_its_own_quiet_period() -> None:
    assert closing_reason(view(("MR",), calling_ae="FAST"), RULES, at(3)) is ClosingReason.QUIET_PERIOD


def test_the_expected_count_closes_at_once() -> None:
    assert closing_reason(view(instances=2, expected=2), RULES, at(0)) is ClosingReason.EXPECTED_COUNT
    assert closing_reason(view(instances=1, expected=2), RULES, at(0)) is None


def test_a_count_that_proved_wrong_no_longer_closes_the_study() -> None:
    assert closing_reason(view(instances=3, expected=2), RULES, at(0)) is None
    assert closing_reason(view(instances=3, expected=2), RULES, at(30)) is ClosingReason.QUIET_PERIOD


def test_an_expected_count_of_zero_is_no_count() -> None:
    assert closing_reason(view(instances=1, expected=0), RULES, at(0)) is None


@pytest.mark.parametrize("lateral", ["LL", "RL", "LAT"])
def test_an_ap_and_lateral_pair_closes_after_a_short_while(lateral: str) -> None:
    pair = view(views=("AP", lateral), instances=2)
    assert closing_reason(pair, RULES, at(4)) is None
    assert closing_reason(pair, RULES, at(5)) is ClosingReason.PAIR_COMPLETE


def test_the_ceiling_closes_a_study_that_never_falls_silent() -> None:
    assert closing_reason(view(silent_since=899), RULES, at(900)) is ClosingReason.CEILING


@given(st.floats(0, 5000), st.floats(0, 5000), st.sampled_from(["CR", "MR", "CT", ""]))
def test_once_closed_waiting_longer_never_opens_it_again(first: float, later: float, modality: str) -> None:
    seen = view((modality,))
    if closing_reason(seen, RULES, at(first)) is not None:
        assert closing_reason(seen, RULES, at(first + later)) is not None


@given(st.sets(st.sampled_from(["CR", "DX", "MR", "CT"])))
def test_every_study_closes_by_its_quiet_period(modalities: set[str]) -> None:
    seen = view(tuple(modalities))
    assert closing_reason(seen, RULES, T0 + quiet_period(seen, RULES)) is not None
