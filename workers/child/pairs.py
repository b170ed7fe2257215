"""After the flag: the pattern of the curve from a frontal and a lateral image together, where the site serves such a bundle.

Promise: inputs are prepared while an image's pixels are at hand, of at most MOST_WAITING images that may become one of a
pair; the network runs once, on one pair. Each study ends with a pattern or with the reason why there is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from triage.domain.finding import CurvePattern, ImageView
from workers.child.known import Shown, Waiting
from workers.infer import Served
from workers.interpret import pairing, patterns
from workers.interpret.pairing import Candidate, Pair
from workers.models.ood import Abstention
from workers.models.preprocess import prepare

MOST_WAITING = 16
TOO_MANY = Abstention(
    "TOO_MANY_IMAGES", f"More than {MOST_WAITING} images of the whole spine: which to pair cannot be told."
)


def waiting(pair: Served | None, images: Sequence[Shown], kept: Sequence[Waiting]) -> Iterator[Waiting]:
    """Yield what is known of these images for pairing; `kept` are those before them."""
    if pair is None:
        return
    known = sum(one.array is not None for one in kept)
    for one in images:
        if one.view is None:
            continue
        candidate, array = Candidate(one.view, one.radiograph.taken_at, one.radiograph.age_years), None
        if _may_pair(one.view) and known < MOST_WAITING:
            array, known = prepare(one.radiograph.image, pair.bundle.preprocessing).array, known + 1
        yield Waiting(candidate, array)


def _may_pair(view: ImageView) -> bool:
    return view.abstained is None and view.coverage == pairing.WHOLE


def ready(kept: Sequence[Waiting]) -> bool:
    """Tell whether a network may have to be asked: at least two images may become a pair."""
    return sum(one.array is not None for one in kept) > 1


def pattern(pair: Served | None, kept: Sequence[Waiting], *, wanted: bool) -> CurvePattern | None:
    """Return the pattern, or why there is none; None where no bundle is served. `wanted` is off after an interruption."""
    if pair is None:
        return None
    if not wanted:
        return patterns.none(patterns.NOT_TRIED)
    if any(one.array is None and _may_pair(one.candidate.view) for one in kept):
        return patterns.none(TOO_MANY)
    chosen = pairing.pair_of([one.candidate for one in kept])
    if isinstance(chosen, Abstention):
        return patterns.none(chosen)
    answers = pair.run(_both(chosen, kept)[None])
    return patterns.pattern_of(chosen, answers.logits[0], answers.features[0], pair.bundle)


def _both(chosen: Pair, kept: Sequence[Waiting]) -> NDArray[np.float32]:
    """[height, width, 2], coronal first (models/networks/pair.py)."""
    arrays = {one.candidate.view.sop_instance_uid: one.array for one in kept if one.array is not None}
    sides = (chosen.frontal, chosen.lateral)
    return np.concatenate([arrays[side.view.sop_instance_uid] for side in sides], axis=-1)
