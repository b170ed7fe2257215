"""From the corner network's map to vertebral bodies, and the gate that says "not measurable" rather than a wrong angle.

Promise: pure; a body has four corners in source pixels; an angle leaves only through `cobb_angles` or
`sagittal_angles`, which answer with it or with the reason why there is none.
Refuses, each with its own code: implants (the published system excluded instrumented patients, and its failures were
theirs), too few bodies, corners that make no vertebral body, a body missing within the curve, a curve that runs out of the
image, corners that the network is unsure of, an expected error beyond MOST_ERROR, levels that are not named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.interpret import alignment
from workers.interpret.alignment import Curve, Side
from workers.models import calibrate, locate
from workers.models.ood import Abstention

Float = NDArray[np.float64]
FEWEST_BODIES = 5
LEAST_SCORE = 0.3
# One standard deviation, in degrees: two readers of one film differ by 3 to 5 (Morrissy et al. 1990, Carman et al. 1990).
MOST_ERROR = 4.0
# Share of the usual step between centres beyond which a body is missing; the cervicothoracic change is slower.
MOST_STEP = 1.7
# Height over width of a body: .3 is a crushed one, 1.6 no body at all; opposite sides of a body differ by less than 3.
_ASPECT = (0.2, 1.6)
_MOST_SIDES = 3.0
_MOST_WEDGE = 45.0

IMPLANT = Abstention("IMPLANT", "Not measurable: implants cover the endplates.")
TOO_FEW = Abstention("TOO_FEW_VERTEBRAE", "Not measurable: too few vertebrae were found.")
IMPLAUSIBLE = Abstention(
    "IMPLAUSIBLE_BODY", "Not measurable: the corners found do not make vertebral bodies."
)
GAP = Abstention("MISSING_VERTEBRA", "Not measurable: a vertebra is missing between those found.")
CUT_OFF = Abstention("CURVE_LEAVES_IMAGE", "Not measurable: the curve may go on outside what was found.")
UNSURE = Abstention("LOW_CONFIDENCE", "Not measurable: the corners of an end vertebra are uncertain.")
IMPRECISE = Abstention("IMPRECISE", "Not measurable: the endplates are too small in this image for an angle.")
NO_LEVELS = Abstention("LEVELS_UNKNOWN", "Not measurable: the levels of the vertebrae are not known.")
NO_SIDE = Abstention("SIDE_UNKNOWN", "Not measurable: which side of the image is the front is not known.")
UNSURE_IMPLANT = Abstention(
    "IMPLANT_UNKNOWN", "Not measurable: whether implants cover the endplates is not known."
)
CONTRADICTED = Abstention(
    "SIDE_CONTRADICTED", "Not measurable: the angles contradict the side that the header calls the front."
)
NOT_TRIED = Abstention("NOT_TRIED", "Not measured: an earlier attempt on this study was interrupted.")


@dataclass(frozen=True, slots=True)
class Bodies:
    """corners [n, 4, 2] in mm as alignment has them, head first; scores [n] in 0..1; corner_mm: error of a corner.

    whole says that nothing of the spine to be measured lies outside the image.
    """

    corners: Float
    scores: Float
    corner_mm: float
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Angle:
    """Degrees with one standard deviation that follows from the corners' error."""

    degrees: float
    error: float


def corners_of(logits: NDArray[np.float32], stride: int, threshold: float) -> tuple[Float, Float]:
    """Corners [n, 4, 2] (row, column) in network input pixels and scores [n] from one map [h, w, 9] (networks/corners.py)."""
    heat = np.asarray(calibrate.sigmoid(logits[..., 0]), np.float32)
    spine = locate.chain(heat, stride=stride, threshold=threshold)
    if not len(spine.points):
        return np.zeros((0, 4, 2)), np.zeros(0)
    cells = np.rint((spine.points + 0.5) / stride - 0.5).astype(int)
    cells = np.clip(cells, 0, np.array(heat.shape) - 1)
    offsets = np.asarray(logits[cells[:, 0], cells[:, 1], 1:], np.float64).reshape(-1, 4, 2)
    corners = (cells[:, None, :] + offsets + 0.5) * stride - 0.5
    return corners, spine.scores


def cobb_angles(bodies: Bodies, *, implants: bool) -> tuple[tuple[Curve, Angle], ...] | Abstention:
    """The lateral curves of a frontal image, head first, or why the largest cannot be measured.

    A smaller curve that cannot be measured is left out: an absent curve was not measured, it is not absent.
    """
    trouble = _unusable(bodies, implants)
    if trouble:
        return trouble
    main = _measured(bodies, alignment.cobb(bodies.corners))
    if isinstance(main, Abstention):
        return main
    measured = ((curve, _measured(bodies, curve)) for curve in alignment.curves(bodies.corners))
    return tuple((curve, angle) for curve, angle in measured if isinstance(angle, Angle))


def _measured(bodies: Bodies, curve: Curve) -> Angle | Abstention:
    ends = (curve.upper, curve.lower)
    if not bodies.whole and (0 in ends or len(bodies.corners) - 1 in ends):
        return CUT_OFF
    if min(bodies.scores[end] for end in ends) < LEAST_SCORE:
        return UNSURE
    error = alignment.standard_error(bodies.corners, curve, bodies.corner_mm)
    return Angle(curve.degrees, error) if error <= MOST_ERROR else IMPRECISE


def sagittal_angles(
    bodies: Bodies,
    levels: tuple[str | None, ...],
    sacrum: Float | None,
    anterior: Side | None,
    *,
    implants: bool,
) -> Mapping[str, Angle] | Abstention:
    """Kyphosis, lordosis and sacral slope of a lateral image, those whose levels are there, or why none."""
    trouble = _unusable(bodies, implants)
    if trouble:
        return trouble
    if anterior is None:
        return NO_SIDE
    if None in levels:
        return NO_LEVELS
    named = {
        str(level): corners
        for level, corners, score in zip(levels, bodies.corners, bodies.scores, strict=True)
        if score >= LEAST_SCORE
    }
    found = alignment.sagittal(named, sacrum, anterior)
    if not found:
        return NO_LEVELS
    narrowest = min(float(np.hypot(*(body[1] - body[0]))) for body in named.values())
    # As for a Cobb angle: two endplates, two corners each.
    error = float(np.degrees(2.0 * bodies.corner_mm / narrowest))
    if not error <= MOST_ERROR:
        return IMPRECISE
    return {name: Angle(value, error) for name, value in found.items()}


def _unusable(bodies: Bodies, implants: bool) -> Abstention | None:
    if implants:
        return IMPLANT
    if len(bodies.corners) < FEWEST_BODIES:
        return TOO_FEW
    if not (np.isfinite(bodies.corners).all() and all(_is_body(body) for body in bodies.corners)):
        return IMPLAUSIBLE
    centres = bodies.corners.mean(axis=1)
    steps = np.hypot(*np.diff(centres, axis=0).T)
    if (np.diff(centres[:, 1]) <= 0).any():
        return IMPLAUSIBLE
    # Against the neighbours' steps: discs and bodies grow from head to foot.
    usual = np.array([np.median(steps[max(0, i - 3) : i + 4]) for i in range(len(steps))])
    return GAP if (steps > MOST_STEP * usual).any() else None


def _is_body(body: Float) -> bool:
    """Convex, in the right order, neither flat nor tall, its endplates roughly parallel."""
    edges = np.roll(body, -1, axis=0) - body
    following = np.roll(edges, -1, axis=0)
    turns = edges[:, 0] * following[:, 1] - edges[:, 1] * following[:, 0]
    if not (turns > 0).all() or edges[0, 0] <= 0:
        return False
    top, right, bottom, left = (float(length) for length in np.hypot(edges[:, 0], edges[:, 1]))
    shape = (left + right) / (top + bottom)
    uneven = max(top / bottom, bottom / top, left / right, right / left)
    upper, lower = alignment.tilts(body[None])
    return (
        _ASPECT[0] <= shape <= _ASPECT[1]
        and uneven <= _MOST_SIDES
        and abs(float(upper[0] - lower[0])) <= _MOST_WEDGE
    )
