"""From the corners of vertebral bodies to Cobb angles, thoracic kyphosis, lumbar lordosis and sacral slope.

Promise: pure geometry in millimetres and degrees, deterministic, no confidence in it: `measurable` decides beforehand
whether an angle may be said at all.
Conventions, each held by a test:
- A body is four points (x, y) in mm, x to the right of the image, y down: upper left, upper right, lower right, lower
  left *as they stand in the image*. Pixels that are not square must be scaled before: angles change otherwise.
- The tilt of an endplate is atan2(dy, dx) from its left to its right corner: 0 level, positive where its right end is
  lower. Between -90 and 90 degrees.
- Cobb angle (Cobb 1948; SRS terminology): between the upper endplate of the upper end vertebra and the lower endplate of
  the lower end vertebra, the end vertebrae being those most tilted towards each other. Given without sign; the side of
  the convexity is that of the image ("left" or "right"), not the patient's: only the header knows which hand that is.
- Thoracic kyphosis: upper endplate of T4 (or T5) to lower endplate of T12, positive where kyphotic (SDSG manual, O'Brien
  et al. 2008; Lenke's sagittal modifier uses T5-T12).
- Lumbar lordosis: upper endplate of L1 to the endplate of S1, positive where lordotic, as PI - LL needs it (Schwab et al.
  2012, SRS-Schwab). The SDSG manual writes lordosis negative; here each measure is positive in its usual direction.
- Sacral slope: endplate of S1 to the horizontal of the image, positive where its anterior end is lower (Legaye et al. 1998).
  It alone depends on the image standing upright; the angles between endplates do not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Side = Literal["left", "right"]
UPPER_LEFT, UPPER_RIGHT, LOWER_RIGHT, LOWER_LEFT = range(4)
# Lenke et al. 2001: structural curves are sought among the proximal thoracic, main thoracic and lumbar ones.
MOST_CURVES = 3
FEWEST_IN_CURVE = 3
# Below 10 degrees the SRS speaks of no scoliosis, and a second reader of no agreement.
SMALLEST_CURVE = 10.0


@dataclass(frozen=True, slots=True)
class Curve:
    """A lateral curve: indices of its end vertebrae and apex in the list given, its angle, the side it bulges to."""

    upper: int
    lower: int
    apex: int
    degrees: float
    convex: Side


def tilts(bodies: Float) -> tuple[Float, Float]:
    """Tilt in degrees of the upper and of the lower endplates of bodies [n, 4, 2]."""
    upper = bodies[:, UPPER_RIGHT] - bodies[:, UPPER_LEFT]
    lower = bodies[:, LOWER_RIGHT] - bodies[:, LOWER_LEFT]
    return _degrees(upper), _degrees(lower)


def _degrees(vectors: Float) -> Float:
    return np.asarray(np.degrees(np.arctan2(vectors[..., 1], vectors[..., 0])), np.float64)


def between(later: Any, earlier: Any) -> Any:
    """later - earlier in -180..180 degrees."""
    return (later - earlier + 180.0) % 360.0 - 180.0


def to_millimetres(corners: Float, spacing_mm: tuple[float, float]) -> Float:
    """Corners [..., 2] as (row, column) in pixels to (x, y) in mm; spacing is (between rows, between columns)."""
    return np.asarray(np.stack([corners[..., 1] * spacing_mm[1], corners[..., 0] * spacing_mm[0]], axis=-1))


def cobb(bodies: Float) -> Curve:
    """The largest lateral curve of bodies [n, 4, 2] in order from head to foot, n >= 3 (ValueError)."""
    if len(bodies) < FEWEST_IN_CURVE:
        raise ValueError(f"a curve needs {FEWEST_IN_CURVE} vertebrae, not {len(bodies)}")
    upper, lower = tilts(bodies)
    difference = (lower[None, :] - upper[:, None] + 180.0) % 360.0 - 180.0
    order = np.arange(len(bodies))
    allowed = order[None, :] - order[:, None] >= FEWEST_IN_CURVE - 1
    first, last = np.unravel_index(int(np.argmax(np.where(allowed, np.abs(difference), -1.0))), allowed.shape)
    angle = float(difference[first, last])
    return Curve(
        int(first),
        int(last),
        _apex(bodies, int(first), int(last)),
        abs(angle),
        "right" if angle > 0 else "left",
    )


def curves(bodies: Float) -> tuple[Curve, ...]:
    """The largest curve, then those above and below it of 10 degrees or more that bulge the other way; head first."""
    main = cobb(bodies)
    found = [main]
    above, below = bodies[: main.upper + 1], bodies[main.lower :]
    for part, offset in ((above, 0), (below, main.lower)):
        if len(part) >= FEWEST_IN_CURVE:
            curve = cobb(part)
            if curve.degrees >= SMALLEST_CURVE and curve.convex != main.convex:
                found.append(
                    Curve(
                        curve.upper + offset,
                        curve.lower + offset,
                        curve.apex + offset,
                        curve.degrees,
                        curve.convex,
                    )
                )
    return tuple(sorted(found, key=lambda curve: curve.upper))[:MOST_CURVES]


def _apex(bodies: Float, first: int, last: int) -> int:
    """The body farthest from the line between the centres of the end vertebrae."""
    centres = bodies[first : last + 1].mean(axis=1)
    along = centres[-1] - centres[0]
    away = centres - centres[0]
    return first + int(np.argmax(np.abs(away[:, 0] * along[1] - away[:, 1] * along[0])))


def _sagittal(endplate: Float, anterior: Side) -> float:
    """Tilt of (left, right) corners seen with the front of the patient to the left: positive where the back is lower."""
    left, right = endplate
    if anterior == "right":
        left, right = right * (-1.0, 1.0), left * (-1.0, 1.0)
    return float(_degrees(right - left))


def kyphosis(upper_body: Float, lower_body: Float, anterior: Side) -> float:
    """Degrees from the upper endplate of one body [4, 2] to the lower endplate of one below; positive is kyphotic."""
    top = upper_body[[UPPER_LEFT, UPPER_RIGHT]]
    bottom = lower_body[[LOWER_LEFT, LOWER_RIGHT]]
    return float(between(_sagittal(bottom, anterior), _sagittal(top, anterior)))


def lordosis(upper_body: Float, sacrum: Float, anterior: Side) -> float:
    """Degrees from the upper endplate of a body [4, 2] to the endplate (left, right) [2, 2] of S1; positive is lordotic."""
    top = upper_body[[UPPER_LEFT, UPPER_RIGHT]]
    return float(between(_sagittal(top, anterior), _sagittal(sacrum, anterior)))


def sacral_slope(sacrum: Float, anterior: Side) -> float:
    """Degrees of the endplate (left, right) [2, 2] of S1 to the image's horizontal; positive where the front is lower."""
    return -_sagittal(sacrum, anterior)


def sagittal(
    bodies: Mapping[str, Float], sacrum: Float | None, anterior: Side, spans: Sequence[tuple[str, str]] = (("T4", "T12"), ("T5", "T12"))
) -> dict[str, float]:  # fmt: skip
    """The measures whose levels are there: "TK T4-T12", "TK T5-T12", "LL L1-S1", "SS", in degrees."""
    found = {
        f"TK {first}-{last}": kyphosis(bodies[first], bodies[last], anterior)
        for first, last in spans
        if first in bodies and last in bodies
    }
    if sacrum is not None:
        found["SS"] = sacral_slope(sacrum, anterior)
        if "L1" in bodies:
            found["LL L1-S1"] = lordosis(bodies["L1"], sacrum, anterior)
    return found


def standard_error(bodies: Float, curve: Curve, corner_mm: float) -> float:
    """`error_of` the two endplates that a Cobb angle is taken from."""
    upper = bodies[curve.upper, [UPPER_LEFT, UPPER_RIGHT]]
    lower = bodies[curve.lower, [LOWER_LEFT, LOWER_RIGHT]]
    return error_of((upper, lower), corner_mm)


def error_of(plates: Sequence[Float], corner_mm: float) -> float:
    """Degrees of one standard deviation of the angle between endplates (left, right) [2, 2] whose ends are off by corner_mm.

    Each end in each direction by itself: an endplate of width w tilts by sqrt(2) * corner_mm / w radians, and several add
    in squares. One endplate alone is its tilt against the image.
    """
    widths = [float(np.hypot(*(plate[1] - plate[0]))) for plate in plates]
    return math.degrees(math.sqrt(sum(2.0 * (corner_mm / width) ** 2 for width in widths)))
