"""The figures a stop rule judges."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.proof.test_replay import days, week
from triage.proof.harm import harm


def test_days_read_as_the_base_would_show_no_harm() -> None:
    found = harm(days(week()))
    assert found.actual == found.base
    assert (found.days, found.studies) == (7, 140)
    assert found.actual.urgent_other_mean is None


def test_missed_fractures_read_late_show_as_harm() -> None:
    rows = week()
    for day in range(7):
        # The missed one (11th) and the last of the day change places.
        early, late = rows[day * 20 + 10], rows[day * 20 + 19]
        rows[day * 20 + 10] = replace(early, opened=late.opened)
        rows[day * 20 + 19] = replace(late, opened=early.opened and late.arrived + timedelta(minutes=1))
    found = harm(days(rows))
    assert found.actual.missed_p99 == pytest.approx(150)
    # Its own turn was given away, so in the base it is read at the next.
    assert found.base.missed_p99 == pytest.approx(70)


def test_urgent_studies_without_a_fracture_are_looked_at_apart() -> None:
    rows = [replace(row, requested_priority="HIGH") if row.study_id % 2 else row for row in week()]
    found = harm(days(rows))
    assert found.actual.urgent_other_mean == pytest.approx(60)
    assert found.base.urgent_other_mean is not None and found.base.urgent_other_mean < 60
