"""From the corner network's map of one image to its angles in degrees, or to why there is none.

Promise: pure; an angle leaves only through the gate of `endplates`, arms in stored pixels (0.5 being the centre of the
first, PS3.3 C.10.5.1.2). Levels are named where the network recognised the bodies that they are counted from (levels.py), or
where the whole spine is in view and the number of bodies is that of the bundle's own list.
Refuses: an image unlike the training's, implants or doubt about them, a lateral image without a known front.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.domain.finding import ImageView, Measure, MeasureKind, Point, View
from workers.interpret import alignment, endplates, levels
from workers.interpret.alignment import LOWER_LEFT, LOWER_RIGHT, UPPER_LEFT, UPPER_RIGHT, Side
from workers.interpret.endplates import Angle, Bodies
from workers.interpret.levels import SACRUM, Counted
from workers.interpret.vertebrae import stored_point
from workers.models import ood
from workers.models.bundle import Bundle
from workers.models.networks.corners import CHANNELS
from workers.models.ood import Abstention
from workers.models.preprocess import AffineMap, GrayImage

Float = NDArray[np.float32]
WHOLE, NATIVE, OPERATED = "WHOLE", "PREOP", "POSTOP"
KINDS: Mapping[View, tuple[MeasureKind, ...]] = {
    View.AP: (MeasureKind.COBB,),
    View.LATERAL: (MeasureKind.KYPHOSIS, MeasureKind.LORDOSIS),
}
# The names that `alignment.sagittal` gives, the one to be told first.
_SPANS = {
    MeasureKind.KYPHOSIS: (("TK T4-T12", "T4", "T12"), ("TK T5-T12", "T5", "T12")),
    MeasureKind.LORDOSIS: (("LL L1-S1", "L1", SACRUM),),
}
# One angle may be this far to the other side (a flat back); both, or one beyond it, mean the wrong front.
_LEAST_ALONE = -20.0


@dataclass(frozen=True, slots=True)
class Film:
    """One image to be measured: its view, the way back to its pixels, the side that is its front."""

    view: ImageView
    image: GrayImage
    to_source: AffineMap
    front: Side | None


@dataclass(frozen=True, slots=True)
class _Chain:
    bodies: Bodies
    stored: NDArray[np.float64]
    levels: tuple[str | None, ...]
    sacrum: NDArray[np.float64] | None


def none(film: Film, why: Abstention) -> tuple[Measure, ...]:
    """Return the measures of this view as not measurable."""
    return tuple(_none(film, kind, why) for kind in KINDS.get(film.view.view or View.AP, ()))


def measured(film: Film, logits: Float, features: Float, bundle: Bundle) -> tuple[Measure, ...]:
    """Return the angles of an AP or lateral image from its map [h, w, 9 or 11] and features [d]."""
    outside = ood.judge(float(bundle.reference.scores(features[None])[0]), bundle.ood_threshold)
    if outside:
        return none(film, outside)
    if film.view.operative not in (NATIVE, OPERATED):
        return none(film, endplates.UNSURE_IMPLANT)
    chain = _chain(film, logits, bundle)
    return _frontal(film, chain) if film.view.view is View.AP else _lateral(film, chain)


def _chain(film: Film, logits: Float, bundle: Bundle) -> _Chain:
    stride = bundle.preprocessing.height // logits.shape[0]
    threshold = float(bundle.calibration["heatmap_threshold"])
    found, scores = endplates.corners_of(logits, stride, threshold)
    counted = _counted(film, bundle, logits, found)
    stored = film.to_source.to_source(found[counted.kept])
    scores, names = scores[counted.kept], counted.levels
    # Where no spacing is known pixels are taken as square; angles need no more (results.md 8).
    spacing = film.image.spacing_mm or (1.0, 1.0)
    corners = alignment.to_millimetres(stored, spacing)
    sacrum = None
    if names and names[-1] == SACRUM:
        # S1 is no box: its upper endplate alone is measured, and it bounds no curve.
        sacrum, names = corners[-1][[UPPER_LEFT, UPPER_RIGHT]], names[:-1]
        corners, scores = corners[:-1], scores[:-1]
    tilt = bundle.calibration.get("tilt_degrees", {}).get(str(film.view.view))
    corner_mm = _corner_mm(film, bundle, spacing)
    bodies = Bodies(corners, scores, corner_mm, counted.complete, None if tilt is None else float(tilt))
    return _Chain(bodies, stored, names, sacrum)


def _counted(film: Film, bundle: Bundle, logits: Float, found: NDArray[np.float64]) -> Counted:
    names, number = tuple(str(level) for level in bundle.scope.get("levels", ())), len(found)
    whole = film.view.coverage == WHOLE
    if logits.shape[-1] == CHANNELS:
        if names and whole and len(names) == number:
            return Counted(slice(0, number), names, (True, True))
        # A network that recognises no body: the view gate's word is all there is.
        return Counted(slice(0, number), (None,) * number, (whole, whole))
    stride = bundle.preprocessing.height // logits.shape[0]
    return levels.count(number, levels.anchors(logits, found, stride), film.view.view)


def _corner_mm(film: Film, bundle: Bundle, spacing: tuple[float, float]) -> float:
    if "corner_mm" in bundle.calibration and film.image.spacing_mm is not None:
        return float(bundle.calibration["corner_mm"])
    if "corner_pixels" not in bundle.calibration:
        # Millimetres on an image of unknown spacing say nothing: no angle passes the gate.
        return float("inf")
    steps = np.abs(np.diag(np.array(film.to_source.matrix))) * np.array(spacing)
    return float(bundle.calibration["corner_pixels"]) * float(steps.mean())


def _frontal(film: Film, chain: _Chain) -> tuple[Measure, ...]:
    found = endplates.cobb_angles(chain.bodies, implants=film.view.operative == OPERATED)
    if isinstance(found, Abstention):
        return none(film, found)
    return tuple(
        _angle(film, chain, MeasureKind.COBB, angle, (curve.upper, curve.lower), curve.convex)
        for curve, angle in found
    )


def _lateral(film: Film, chain: _Chain) -> tuple[Measure, ...]:
    found = endplates.sagittal_angles(
        chain.bodies, chain.levels, chain.sacrum, film.front, implants=film.view.operative == OPERATED
    )
    if isinstance(found, Abstention):
        return none(film, found)
    told = {kind: _first(found, spans) for kind, spans in _SPANS.items()}
    degrees = [span[0].degrees for span in told.values() if not isinstance(span, Abstention)]
    if degrees and (min(degrees) < _LEAST_ALONE or (len(degrees) > 1 and max(degrees) < 0)):
        return none(film, endplates.CONTRADICTED)
    return tuple(
        _none(film, kind, span)
        if isinstance(span, Abstention)
        else _angle(film, chain, kind, span[0], (_place(chain, span[1]), _place(chain, span[2])), "")
        for kind, span in told.items()
    )


def _first(
    found: Mapping[str, Angle | Abstention], spans: tuple[tuple[str, str, str], ...]
) -> tuple[Angle, str, str] | Abstention:
    """The first span that was measured, else why the first that could have been was not."""
    there = [(found[name], upper, lower) for name, upper, lower in spans if name in found]
    for angle, upper, lower in there:
        if isinstance(angle, Angle):
            return angle, upper, lower
    return next((why for why, _, _ in there if isinstance(why, Abstention)), endplates.NO_LEVELS)


def _place(chain: _Chain, level: str) -> int:
    # The sacrum stands last among the stored corners and has no place among the bodies.
    return len(chain.stored) - 1 if level == SACRUM else chain.levels.index(level)


def _angle(
    film: Film, chain: _Chain, kind: MeasureKind, angle: Angle, ends: tuple[int, int], convex: str
) -> Measure:
    upper, lower = ends
    names = (*chain.levels, SACRUM) if chain.sacrum is not None else chain.levels
    below = (UPPER_LEFT, UPPER_RIGHT) if names[lower] == SACRUM else (LOWER_LEFT, LOWER_RIGHT)
    return Measure(
        sop_instance_uid=film.view.sop_instance_uid,
        kind=kind,
        degrees=round(angle.degrees, 1),
        error=round(angle.error, 1),
        upper=names[upper],
        lower=names[lower],
        convex=convex,
        arms=(
            _arm(film, chain.stored[upper], (UPPER_LEFT, UPPER_RIGHT)),
            _arm(film, chain.stored[lower], below),
        ),
        abstained=None,
        sentence="",
    )


def _arm(film: Film, corners: NDArray[np.float64], ends: tuple[int, int]) -> tuple[Point, Point]:
    left, right = (stored_point(corners[end], film.image) for end in ends)
    return left, right


def _none(film: Film, kind: MeasureKind, why: Abstention) -> Measure:
    nothing: dict[str, Any] = dict.fromkeys(("degrees", "error", "upper", "lower"))
    return Measure(
        sop_instance_uid=film.view.sop_instance_uid,
        kind=kind,
        convex="",
        arms=(),
        abstained=why.code,
        sentence=why.sentence,
        **nothing,
    )
