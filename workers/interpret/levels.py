"""Which vertebra is which: bodies counted from those that the network itself knows, T1 and the lowest of a whole spine.

Promise: a level is named only where the lowest body (S1 from the side, L5 from the front) was recognised; where T1 was
recognised too, only if as many bodies lie between as a spine has. What was found above T1 and below the lowest is left out.
Refuses to name: a network without anchors, an anchor seen at two places or at none of the bodies, a count that is wrong.
It counts twelve thoracic and five lumbar vertebrae; about one person in ten has another number, and no count can tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage.domain.finding import View
from workers.models import calibrate, locate
from workers.models.networks.corners import ANCHORED, HIGHEST, LOWEST

Float = NDArray[np.float64]
SACRUM = "S1"
FROM_THE_FRONT = (*(f"T{number}" for number in range(1, 13)), *(f"L{number}" for number in range(1, 6)))
FROM_THE_SIDE = (*FROM_THE_FRONT, SACRUM)
# An anchor's place and its body's are two answers of one network: they differ by less than this share of a step.
_NEAR = 0.5
# An anchor's least score; bodies have a threshold of their own.
_LEAST = 0.4


@dataclass(frozen=True, slots=True)
class Anchors:
    """Places of T1 and of the lowest body among those found, head first; None where not recognised."""

    highest: int | None = None
    lowest: int | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """The bodies kept, a name or None for each, and whether the spine is known to end above and below with them."""

    kept: slice
    levels: tuple[str | None, ...]
    complete: tuple[bool, bool]


def anchors(logits: NDArray[np.float32], corners: Float, stride: int) -> Anchors:
    """Where a map [h, w, 11] has its anchors among bodies [n, 4, 2] (row, column) in network input pixels."""
    if logits.shape[-1] != ANCHORED or len(corners) < 2:
        return Anchors()
    centres = corners.mean(axis=1)
    found = (_anchor(logits[..., channel], centres, stride) for channel in (HIGHEST, LOWEST))
    return Anchors(*found)


def _anchor(logits: NDArray[np.float32], centres: Float, stride: int) -> int | None:
    heat = np.asarray(calibrate.sigmoid(logits), np.float32)
    points, _ = locate.peaks(heat, _LEAST)
    places = (points + 0.5) * stride - 0.5
    step = float(np.median(np.hypot(*np.diff(centres, axis=0).T)))
    bodies = set()
    for place in places:
        away = np.hypot(*(centres - place).T)
        if away.min() > _NEAR * step:
            return None
        bodies.add(int(away.argmin()))
    return bodies.pop() if len(bodies) == 1 else None


def count(number: int, seen: Anchors, view: View | None) -> Counted:
    """Names for that many bodies of a view."""
    names = FROM_THE_SIDE if view is View.LATERAL else FROM_THE_FRONT
    first = 0 if seen.highest is None else seen.highest
    last = number - 1 if seen.lowest is None else seen.lowest
    complete = (seen.highest is not None, seen.lowest is not None)
    both = seen.highest is not None and seen.lowest is not None
    if first > last or (both and last - first + 1 != len(names)):
        # One of the two stands on a wrong body, or one was not found between them: neither end can be told.
        return Counted(slice(0, number), (None,) * number, (False, False))
    if seen.lowest is None:
        return Counted(slice(first, last + 1), (None,) * (last - first + 1), complete)
    first = max(first, last + 1 - len(names))
    return Counted(slice(first, last + 1), names[len(names) - (last + 1 - first) :], complete)
