"""From the corner network's map to vertebral bodies, and the gate that says "not measurable" rather than a wrong angle.

Promise: pure; a body has four corners in source pixels; an angle leaves only through `cobb_angles` or
`sagittal_angles`, which answer with it or with the reason why there is none.
Refuses, each with its own code: implants (the published system excluded instrumented patients, and its failures were
theirs), too few bodies, corners that make no vertebral body, a body missing within the curve or found twice, a curve that
runs out of the image, corners that the network is unsure of, an expected error beyond MOST_ERROR, levels not named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from workers.interpret import alignment
from workers.interpret.alignment import Curve, Side
from workers.models import calibrate, locate
from workers.models.networks.corners import CHANNELS
from workers.models.ood import Abstention

Float = NDArray[np.float64]
FEWEST_BODIES = 5
LEAST_SCORE = 0.3
# One standard deviation, in degrees: two readers of one film differ by 3 to 5 (Morrissy et al. 1990, Carman et al. 1990).
MOST_ERROR = 4.0
# Share of the usual step between centres beyond which a body is missing; the cervicothoracic change is slower.
MOST_STEP = 1.7
# And below which one was found twice; half a body's height lost to a fracture shortens its two steps by a fifth.
LEAST_STEP = 0.5
_AROUND = np.array([(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1)])
# The endplate of S1 is about as wide as that of L5.
_SACRUM = (0.5, 2.0)
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
    """corners [n, 4, 2] in mm as alignment has them, head first; scores [n] in 0..1.

    complete says whether nothing of the spine to be measured lies above the first body, and below the last. corner_mm is one
    standard deviation of a corner; tilt_degrees, where known, that of an endplate's tilt, and goes first.
    """

    corners: Float
    scores: Float
    corner_mm: float
    complete: tuple[bool, bool] = (False, False)
    tilt_degrees: float | None = None

    def error_of(self, plates: Sequence[Float]) -> float:
        """Degrees of one standard deviation of an angle between these endplates (left, right) [2, 2]."""
        if self.tilt_degrees is None:
            return alignment.error_of(plates, self.corner_mm)
        return self.tilt_degrees * float(np.sqrt(len(plates)))


@dataclass(frozen=True, slots=True)
class Angle:
    """Degrees with one standard deviation that follows from the corners' error."""

    degrees: float
    error: float


def corners_of(logits: NDArray[np.float32], stride: int, threshold: float) -> tuple[Float, Float]:
    """Corners [n, 4, 2] (row, column) in network input pixels and scores [n] of a map [h, w, 9 or 11] (networks/corners.py).

    Each cell about a centre says where the corners are; their mean, weighted as in training, is steadier than any one.
    """
    heat = np.asarray(calibrate.sigmoid(logits[..., 0]), np.float32)
    spine = locate.chain(heat, stride=stride, threshold=threshold)
    if not len(spine.points):
        return np.zeros((0, 4, 2)), np.zeros(0)
    cells = np.rint((spine.points + 0.5) / stride - 0.5).astype(int)
    around = cells[:, None] + _AROUND
    inside = ((around >= 0) & (around < np.array(heat.shape))).all(axis=-1)
    rows, columns = np.moveaxis(np.clip(around, 0, np.array(heat.shape) - 1), -1, 0)
    weights = np.square(heat[rows, columns].astype(np.float64)) * inside
    said = np.asarray(logits[rows, columns, 1:CHANNELS], np.float64).reshape(-1, 9, 4, 2)
    said += np.stack([rows, columns], axis=-1)[:, :, None, :]
    mean = (said * weights[..., None, None]).sum(axis=1) / weights.sum(axis=1)[:, None, None]
    return (mean + 0.5) * stride - 0.5, spine.scores


def cobb_angles(bodies: Bodies, *, implants: bool) -> tuple[tuple[Curve, Angle], ...] | Abstention:
    """The lateral curves of a frontal image, head first, or why the largest cannot be measured.

    A smaller curve that cannot be measured is left out: an absent curve was not measured, it is not absent.
    """
    if implants:
        return IMPLANT
    if len(bodies.corners) < FEWEST_BODIES:
        return TOO_FEW
    trouble = _unsound(bodies)
    if trouble:
        return trouble
    main = _measured(bodies, alignment.cobb(bodies.corners))
    if isinstance(main, Abstention):
        return main
    measured = ((curve, _measured(bodies, curve)) for curve in alignment.curves(bodies.corners))
    return tuple((curve, angle) for curve, angle in measured if isinstance(angle, Angle))


def _measured(bodies: Bodies, curve: Curve) -> Angle | Abstention:
    ends = (curve.upper, curve.lower)
    if min(bodies.scores[end] for end in ends) < LEAST_SCORE:
        return UNSURE
    upper, lower = bodies.corners[curve.upper, :2], bodies.corners[curve.lower, [3, 2]]
    error = bodies.error_of((upper, lower))
    if error > MOST_ERROR:
        return IMPRECISE
    return Angle(curve.degrees, error) if _turns_back(bodies, curve, error) else CUT_OFF


def _turns_back(bodies: Bodies, curve: Curve, error: float) -> bool:
    """Whether beyond each end, where the spine may go on, tilts come back by more than their own doubt."""
    upper, lower = alignment.tilts(bodies.corners)
    above, below = bodies.complete
    back_above = np.abs(alignment.between(upper[: curve.upper], upper[curve.upper]))
    back_below = np.abs(alignment.between(lower[curve.lower + 1 :], lower[curve.lower]))
    return (above or back_above.max(initial=0.0) > error) and (below or back_below.max(initial=0.0) > error)


def sagittal_angles(
    bodies: Bodies,
    levels: tuple[str | None, ...],
    sacrum: Float | None,
    anterior: Side | None,
    *,
    implants: bool,
) -> Mapping[str, Angle | Abstention] | Abstention:
    """Kyphosis, lordosis and sacral slope of a lateral image, or why each could not be measured, or why none could.

    Levels are counted upwards from the last body, so all that lies below an angle's upper end must be sound; what lies above may not.
    """
    if implants:
        return IMPLANT
    if len(bodies.corners) < FEWEST_BODIES:
        return TOO_FEW
    if anterior is None:
        return NO_SIDE
    named = {str(name): place for place, name in enumerate(levels) if name is not None}
    corners = {name: bodies.corners[place] for name, place in named.items()}
    found: dict[str, Angle | Abstention] = {}
    for name, value in alignment.sagittal(corners, sacrum, anterior).items():
        plates = _plates(name, corners, sacrum)
        first = named[name.split()[1].split("-")[0]] if " " in name else len(bodies.corners) - FEWEST_BODIES
        trouble = _unsound(_from(bodies, first), sacrum if name in _ON_SACRUM else None)
        error = bodies.error_of(plates)
        found[name] = trouble or (Angle(value, error) if error <= MOST_ERROR else IMPRECISE)
    return found or NO_LEVELS


_ON_SACRUM = ("LL L1-S1", "SS")


def _plates(name: str, corners: Mapping[str, Float], sacrum: Float | None) -> list[Float]:
    """The endplates (left, right) that an angle of `alignment.sagittal` is taken from."""
    upper = [] if name == "SS" else [corners[name.split()[1].split("-")[0]][:2]]
    if name in _ON_SACRUM:
        assert sacrum is not None
        return [*upper, sacrum]
    return [*upper, corners[name.split("-")[1]][[alignment.LOWER_LEFT, alignment.LOWER_RIGHT]]]


def _from(bodies: Bodies, first: int) -> Bodies:
    return replace(bodies, corners=bodies.corners[first:], scores=bodies.scores[first:])


def _unsound(bodies: Bodies, sacrum: Float | None = None) -> Abstention | None:
    if not (np.isfinite(bodies.corners).all() and all(is_body(body) for body in bodies.corners)):
        return IMPLAUSIBLE
    if sacrum is not None and not _is_sacrum(sacrum, bodies.corners[-1]):
        return IMPLAUSIBLE
    if (bodies.scores < LEAST_SCORE).any():
        return UNSURE
    centres = bodies.corners.mean(axis=1)
    steps = np.hypot(*np.diff(centres, axis=0).T)
    if (np.diff(centres[:, 1]) <= 0).any():
        return IMPLAUSIBLE
    # Against the neighbours' steps: discs and bodies grow from head to foot.
    usual = np.array([np.median(steps[max(0, i - 3) : i + 4]) for i in range(len(steps))])
    if (steps < LEAST_STEP * usual).any():
        return IMPLAUSIBLE
    return GAP if (steps > MOST_STEP * usual).any() else None


def _is_sacrum(plate: Float, last: Float) -> bool:
    """S1's endplate lies below the last body, its left end to the left, about as wide as that body's lower one."""
    lower = last[[alignment.LOWER_LEFT, alignment.LOWER_RIGHT]]
    width = float(np.hypot(*(plate[1] - plate[0])) / np.hypot(*(lower[1] - lower[0])))
    below = plate[:, 1].mean() > last[:, 1].mean()
    return bool(
        np.isfinite(plate).all() and plate[1, 0] > plate[0, 0] and below and _SACRUM[0] <= width <= _SACRUM[1]
    )


def is_body(body: Float) -> bool:
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
