"""Every status of 16 bits has its consequence, by range."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.evidence.judgement import STORED, Verdict, judge


def test_success_is_sent() -> None:
    assert judge(0x0000) == (Verdict.SENT, "stored")


@pytest.mark.parametrize("status", [0xB000, 0xB006, 0xB007, 0xBFFF])
def test_a_warning_means_stored_and_is_remembered(status: int) -> None:
    assert judge(status) == (Verdict.SENT_WITH_WARNING, f"warning-{status:04X}")


def test_a_duplicate_is_an_earlier_try_that_arrived() -> None:
    assert judge(0x0111) == (Verdict.SENT_WITH_WARNING, "already-held")


@pytest.mark.parametrize("status", [0xA700, 0xA701, 0xA7FF, 0x0110, 0x0213, None])
def test_a_passing_failure_is_tried_again(status: int | None) -> None:
    assert judge(status)[0] is Verdict.LATER


@pytest.mark.parametrize(
    "status", [0xA900, 0xA6FF, 0xA800, 0xC000, 0xCFFF, 0x0117, 0x0122, 0x0112, 0x0124, 0x0214]
)
def test_a_lasting_failure_waits_for_a_person(status: int) -> None:
    assert judge(status) == (Verdict.REFUSED, f"status-{status:04X}")


@given(st.integers(0, 0xFFFF))
def test_only_success_warnings_and_duplicates_ever_count_as_stored(status: int) -> None:
    assert (judge(status)[0] in STORED) == (status in (0, 0x0111) or 0xB000 <= status <= 0xBFFF)
