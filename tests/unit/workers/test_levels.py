"""Levels are counted from the ends that the network recognised; a count that contradicts them names and cuts nothing."""

from __future__ import annotations

import pytest

from triage.domain.finding import View
from workers.interpret.levels import FROM_THE_FRONT, Anchors, count


def test_both_ends_and_as_many_bodies_as_there_are_levels_give_every_name() -> None:
    found = count(len(FROM_THE_FRONT) + 2, Anchors(1, len(FROM_THE_FRONT)), View.AP)
    assert (found.kept, found.levels) == (slice(1, len(FROM_THE_FRONT) + 1), FROM_THE_FRONT)
    assert found.complete == (True, True)


@pytest.mark.parametrize("seen", [Anchors(5, 16), Anchors(0, 12), Anchors(9, 3)])
def test_ends_that_the_count_contradicts_cut_nothing_off_and_end_no_curve(seen: Anchors) -> None:
    found = count(17, seen, View.AP)
    assert (found.kept, set(found.levels), found.complete) == (slice(0, 17), {None}, (False, False))


def test_the_lower_end_alone_names_from_below() -> None:
    found = count(4, Anchors(None, 3), View.AP)
    assert (found.levels, found.complete) == (FROM_THE_FRONT[-4:], (False, True))
