"""Which two images of a study make a pair: whole, before surgery, nearest in time; and a reason for every study without one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from triage.domain.finding import ImageView, View
from workers.interpret import pairing
from workers.interpret.pairing import Candidate, Pair, pair_of
from workers.models.ood import Abstention

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def image(
    uid: str,
    view: View | None,
    minutes: float | None = 0.0,
    *,
    coverage: str | None = "WHOLE",
    operative: str | None = "PREOP",
    device: str | None = "NONE",
    age: float | None = 14.0,
) -> Candidate:
    abstained = None if view else "OUT_OF_DISTRIBUTION"
    seen = ImageView(uid, "X", view, coverage, operative, device, 0.99, abstained, "", None, False, 0.1)
    return Candidate(seen, None if minutes is None else NOON + timedelta(minutes=minutes), age)


def frontal(uid: str = "f", minutes: float | None = 0.0, **changes: Any) -> Candidate:
    return image(uid, View.AP, minutes, **changes)


def lateral(uid: str = "l", minutes: float | None = 3.0, **changes: Any) -> Candidate:
    return image(uid, View.LATERAL, minutes, **changes)


def uids(pair: Pair | Abstention) -> tuple[str, str]:
    assert isinstance(pair, Pair), pair
    return pair.frontal.view.sop_instance_uid, pair.lateral.view.sop_instance_uid


def test_one_frontal_and_one_lateral_of_the_whole_spine_make_a_pair() -> None:
    pair = pair_of([lateral(), frontal()])
    assert uids(pair) == ("f", "l")
    assert isinstance(pair, Pair) and pair.apart_s == 180.0
    assert uids(pair_of([frontal(minutes=None), lateral()])) == ("f", "l")


def test_of_several_the_two_nearest_in_time_are_taken_whatever_the_order_they_came_in() -> None:
    images = [
        frontal("f1", 0), frontal("f2", 60), lateral("l1", 20), lateral("l2", 58),
        lateral("lumbar", 60, coverage="PARTIAL"), image("hand", None, 60),
    ]  # fmt: skip
    found = {uids(pair_of(order)) for order in itertools.permutations(images)}
    assert found == {("f2", "l2")}


def test_equally_near_images_give_the_same_pair_every_time() -> None:
    images = [frontal("f1", 0), frontal("f2", 4), lateral("l", 2)]
    assert {uids(pair_of(order)) for order in itertools.permutations(images)} == {("f1", "l")}


def test_the_gate_may_be_unsure_of_the_state_in_one_view_but_not_in_both() -> None:
    assert uids(pair_of([frontal(), lateral(operative=None, device=None)])) == ("f", "l")
    unsure = pair_of([frontal(operative=None), lateral(operative=None)])
    assert unsure is pairing.STATE_UNKNOWN


def test_in_one_sitting_the_frontal_says_whether_implants_are_seen() -> None:
    assert uids(pair_of([frontal(), lateral(minutes=15, operative="POSTOP", device="TETHER")])) == ("f", "l")


def test_an_image_that_fits_is_taken_where_another_does_not() -> None:
    operated = frontal("after", 3, operative="POSTOP", device="FUSION")
    assert uids(pair_of([operated, frontal("before", 40), lateral()])) == ("before", "l")


@pytest.mark.parametrize(
    ("images", "why"),
    [
        ([], pairing.NO_VIEW),
        ([image("hand", None)], pairing.NO_VIEW),
        ([lateral()], pairing.NO_FRONTAL),
        ([frontal()], pairing.NO_LATERAL),
        ([frontal(coverage="PARTIAL"), lateral()], pairing.NOT_WHOLE_FRONTAL),
        ([frontal(), lateral(coverage=None)], pairing.NOT_WHOLE_LATERAL),
        ([frontal(operative="POSTOP"), lateral(operative="POSTOP")], pairing.OPERATED),
        ([frontal(operative="POSTOP"), lateral(operative=None)], pairing.OPERATED),
        ([frontal(operative="PREOP"), lateral(minutes=16, operative="POSTOP")], pairing.DIFFERENT_STATES),
        ([frontal(operative="PREOP"), lateral(minutes=None, operative="POSTOP")], pairing.DIFFERENT_STATES),
        ([frontal(operative="POSTOP"), lateral(operative="PREOP")], pairing.DIFFERENT_STATES),
        ([frontal(operative=None), lateral(operative="POSTOP")], pairing.OPERATED),
        ([frontal(device="BRACE"), lateral(device="BRACE")], pairing.IN_BRACE),
        ([frontal(age=41.0), lateral(age=41.0)], pairing.GROWN_UP),
        ([frontal(age=None), lateral(age=None)], pairing.AGE_UNKNOWN),
        ([frontal(), lateral(minutes=200)], pairing.APART),
        ([frontal("f1", 0), frontal("f2", 1), lateral("l", 300)], pairing.APART),
        ([frontal("f1", None), frontal("f2"), lateral()], pairing.WHICH),
    ],
)
def test_every_study_without_a_pair_has_its_reason(images: Sequence[Candidate], why: Abstention) -> None:
    assert pair_of(images) is why


def test_no_two_reasons_share_a_code_and_none_says_that_a_spine_is_well() -> None:
    reasons = [one for one in vars(pairing).values() if isinstance(one, Abstention)]
    assert len({one.code for one in reasons}) == len(reasons) == 13
    for one in reasons:
        assert not any(word in one.sentence.lower() for word in ("negative", "normal", "healthy", "clear"))
