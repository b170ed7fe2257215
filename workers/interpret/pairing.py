"""Which frontal and which lateral image of a study make the pair that a network of pairs is shown, or why none does.

Promise: pure; the views are the gate's, from pixels. A pair is of one study, both of the whole spine, both without
implants; of several the two taken nearest to each other, and at most MOST_APART_S apart. That the study is one patient's
is held elsewhere: a study whose images name two patients gets no result at all (report/identity.py).
Refuses (an Abstention for each): a guess which of several images belong together; a grown-up, a spine after surgery or in a
brace, which the network was never shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product

from triage.domain.finding import ImageView, View
from workers.models.ood import Abstention

WHOLE, BEFORE, AFTER, BRACE = "WHOLE", "PREOP", "POSTOP", "BRACE"
MOST_YEARS = 20.0
MOST_APART_S = 2 * 3600.0
# No surgery happens between two exposures of one sitting.
ONE_SITTING_S = 15 * 60.0

NO_VIEW = Abstention("NO_KNOWN_VIEW", "No image of the study is like those that the networks know.")
NO_FRONTAL = Abstention("NO_FRONTAL", "The study holds no frontal image of the spine.")
NO_LATERAL = Abstention("NO_LATERAL_OF_PAIR", "The study holds no lateral image of the spine.")
NOT_WHOLE_FRONTAL = Abstention(
    "FRONTAL_NOT_WHOLE", "No frontal image shows the whole spine, from the neck to the pelvis."
)
NOT_WHOLE_LATERAL = Abstention(
    "LATERAL_NOT_WHOLE", "No lateral image shows the whole spine, from the neck to the pelvis."
)
OPERATED = Abstention("AFTER_SURGERY", "Implants are seen; the network was trained on spines before surgery.")
DIFFERENT_STATES = Abstention(
    "OPERATIVE_STATES_DIFFER", "One view is taken for before surgery, the other for after it."
)
STATE_UNKNOWN = Abstention(
    "OPERATIVE_UNKNOWN", "The gate cannot tell whether implants are seen in either view."
)
GROWN_UP = Abstention(
    "NOT_A_CHILD",
    f"The patient is older than {MOST_YEARS:.0f}; the network was trained on children and adolescents.",
)
AGE_UNKNOWN = Abstention(
    "AGE_UNKNOWN", "The header tells no age; the network was trained on children and adolescents."
)
IN_BRACE = Abstention(
    "IN_BRACE", "A brace is seen in both views; the network was trained on spines without one."
)
WHICH = Abstention(
    "PAIR_AMBIGUOUS", "Several images of a view, and no times in their headers to tell which belong together."
)
APART = Abstention("TAKEN_APART", "No frontal and lateral image were taken within two hours of each other.")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One image as the gate sees it; `taken_at` and `age_years` are its header's, None where it has none."""

    view: ImageView
    taken_at: datetime | None
    age_years: float | None


@dataclass(frozen=True, slots=True)
class Pair:
    """The frontal and the lateral image that are looked at together."""

    frontal: Candidate
    lateral: Candidate

    @property
    def apart_s(self) -> float | None:
        """Return the seconds between the two exposures; None where either header has no time."""
        first, second = self.frontal.taken_at, self.lateral.taken_at
        return None if first is None or second is None else abs((first - second).total_seconds())


def pair_of(candidates: Sequence[Candidate]) -> Pair | Abstention:
    """Return the pair, or the first reason why there is none; candidates are all images of one study."""
    known = [one for one in candidates if one.view.view is not None and one.view.abstained is None]
    if not known:
        return NO_VIEW
    frontal, lateral = (_of_view(known, view) for view in (View.AP, View.LATERAL))
    missing = _missing(frontal, lateral)
    if missing is not None:
        return missing
    fitting = [
        Pair(a, b) for a, b in product(frontal, lateral) if a.view.coverage == b.view.coverage == WHOLE
    ]
    reasons = [_out_of_scope(pair) for pair in fitting]
    left = [pair for pair, reason in zip(fitting, reasons, strict=True) if reason is None]
    return _nearest(left) if left else next(reason for reason in reasons if reason is not None)


def _of_view(candidates: Sequence[Candidate], view: View) -> list[Candidate]:
    return [one for one in candidates if one.view.view is view]


def _missing(frontal: Sequence[Candidate], lateral: Sequence[Candidate]) -> Abstention | None:
    if not frontal:
        return NO_FRONTAL
    if not lateral:
        return NO_LATERAL
    if not any(one.view.coverage == WHOLE for one in frontal):
        return NOT_WHOLE_FRONTAL
    return None if any(one.view.coverage == WHOLE for one in lateral) else NOT_WHOLE_LATERAL


def _out_of_scope(pair: Pair) -> Abstention | None:
    """Both views must be of one operative state, before surgery; the gate may be unsure of one of them.

    Of two exposures of one sitting the frontal's state stands for both: implants are seen from the front, and on
    laterals of children the shipped gate takes many a back before surgery for one after it.
    """
    old = _too_old((pair.frontal.age_years, pair.lateral.age_years))
    if old is not None:
        return old
    front, side = pair.frontal.view.operative, pair.lateral.view.operative
    sitting = pair.apart_s is not None and pair.apart_s <= ONE_SITTING_S
    if {front, side} == {BEFORE, AFTER} and not (front == BEFORE and sitting):
        return DIFFERENT_STATES
    if front == AFTER or (front is None and side == AFTER):
        return OPERATED
    if front is None and side is None:
        return STATE_UNKNOWN
    braced = pair.frontal.view.device == pair.lateral.view.device == BRACE
    return IN_BRACE if braced else None


def _too_old(ages: tuple[float | None, float | None]) -> Abstention | None:
    known = [age for age in ages if age is not None]
    if not known:
        return AGE_UNKNOWN
    return GROWN_UP if max(known) > MOST_YEARS else None


def _nearest(pairs: Sequence[Pair]) -> Pair | Abstention:
    if len(pairs) == 1:
        (only,) = pairs
        return APART if (only.apart_s or 0.0) > MOST_APART_S else only
    if any(pair.apart_s is None for pair in pairs):
        return WHICH
    nearest = min(pairs, key=_rank)
    return APART if (nearest.apart_s or 0.0) > MOST_APART_S else nearest


def _rank(pair: Pair) -> tuple[float, str, str]:
    """Equal distances go by UID, so that the same study always gives the same pair."""
    return pair.apart_s or 0.0, pair.frontal.view.sop_instance_uid, pair.lateral.view.sop_instance_uid
