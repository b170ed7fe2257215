"""From a heat map to vertebral centres in order, head to foot, with the direction of the spine at each.

Promise: numpy only; peaks with sub-cell position, then the best chain of plausible steps by dynamic programming, so that
a stray peak (a rib crossing, a marker) is left out rather than woven in.
Levels are not named: a heat map of centres cannot tell L1 from T12 in a partial view.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
_MAX_PEAKS = 64
_MIN_STEP_CELLS = 1.4
_MAX_STEP_RATIO = 1.9
_MIN_STEP_RATIO = 0.5


@dataclass(frozen=True)
class Chain:
    """points [n, 2] (row, column) in network input pixels, head first; angles [n] radians; scores [n] in 0..1.

    An angle is 0 where the spine runs straight down the image and positive where its lower part turns right.
    """

    points: Points
    angles: NDArray[np.float64]
    scores: NDArray[np.float64]


def peaks(heatmap: NDArray[np.float32], threshold: float) -> tuple[Points, NDArray[np.float64]]:
    """Local maxima of a map [h, w] in 0..1 above the threshold, refined by the parabola through their neighbours."""
    padded = np.pad(np.asarray(heatmap, np.float64), 1, constant_values=-1.0)
    middle = padded[1:-1, 1:-1]
    highest = np.ones(middle.shape, bool)
    for dr in (-1, 0, 1):
        for dc in (-1, 0, 1):
            if (dr, dc) != (0, 0):
                around = padded[1 + dr : padded.shape[0] - 1 + dr, 1 + dc : padded.shape[1] - 1 + dc]
                highest &= (middle > around) if (dr, dc) > (0, 0) else (middle >= around)
    rows, columns = np.nonzero(highest & (middle >= threshold))
    best = np.argsort(-middle[rows, columns], kind="stable")[:_MAX_PEAKS]
    rows, columns = rows[best], columns[best]
    fine_r = rows + _parabola(padded[rows, columns + 1], middle[rows, columns], padded[rows + 2, columns + 1])
    fine_c = columns + _parabola(
        padded[rows + 1, columns], middle[rows, columns], padded[rows + 1, columns + 2]
    )
    return np.stack([fine_r, fine_c], axis=1), middle[rows, columns]


def _parabola(before: Points, at: Points, after: Points) -> Points:
    curve = before - 2 * at + after
    shift = np.where(np.abs(curve) > 1e-9, 0.5 * (before - after) / np.where(curve == 0, 1.0, curve), 0.0)
    return np.asarray(np.clip(shift, -0.5, 0.5), np.float64)


def _step_cost(points: Points, typical: float) -> NDArray[np.float64]:
    """cost[i, j] of going from peak i down to peak j; infinite where no spine takes that step."""
    difference = points[None] - points[:, None]
    length = np.hypot(difference[..., 0], difference[..., 1])
    downward = difference[..., 0] > 0.45 * length
    ratio = length / typical
    cost = np.log(np.maximum(ratio, 1e-6)) ** 2
    possible = (
        downward & (ratio >= _MIN_STEP_RATIO) & (ratio <= _MAX_STEP_RATIO) & (length >= _MIN_STEP_CELLS)
    )
    return np.where(possible, cost, np.inf)


def _best_chain(cost: NDArray[np.float64], gain: NDArray[np.float64]) -> list[int]:
    """Peaks are sorted by row; the path with the largest sum of gains minus costs."""
    best = gain.copy()
    previous = np.full(len(gain), -1)
    for j in range(len(gain)):
        arriving = best[:j] - cost[:j, j]
        if j and np.max(arriving) > 0:
            previous[j] = int(np.argmax(arriving))
            best[j] = gain[j] + arriving[previous[j]]
    path = [int(np.argmax(best))]
    while previous[path[-1]] >= 0:
        path.append(int(previous[path[-1]]))
    return path[::-1]


def _typical_step(points: Points) -> float:
    """Median distance to the nearest other peak; the spine's own rhythm, whatever the scale of the film."""
    distance = np.hypot(*np.moveaxis(points[None] - points[:, None], -1, 0))
    np.fill_diagonal(distance, np.inf)
    nearest = distance.min(axis=1)
    return float(np.median(nearest[np.isfinite(nearest)]))


def axis_angles(points: Points) -> NDArray[np.float64]:
    """Direction of the spine at each point from its neighbours; radians, see Chain."""
    if len(points) < 2:
        return np.zeros(len(points))
    tangent = np.gradient(points, axis=0)
    return np.asarray(np.arctan2(tangent[:, 1], tangent[:, 0]), np.float64)


def chain(heatmap: NDArray[np.float32], *, stride: int, threshold: float) -> Chain:
    """The spine in a heat map [h, w] of values 0..1 whose cells are stride x stride input pixels."""
    found, scores = peaks(heatmap, threshold)
    order = np.argsort(found[:, 0], kind="stable")
    found, scores = found[order], scores[order]
    if len(found) >= 2:
        path = _best_chain(_step_cost(found, _typical_step(found)), scores)
        found, scores = found[path], scores[path]
    points = (found + 0.5) * stride - 0.5
    return Chain(points, axis_angles(points), scores)


def body_outline(points: Points, angles: NDArray[np.float64], index: int) -> Points:
    """Four corners [4, 2] of a box the size of a vertebral body, from the distance to its neighbours.

    A body takes about three quarters of the step between centres, and is about as deep as that step is long.
    """
    gaps = np.hypot(*np.diff(points, axis=0).T) if len(points) > 1 else np.array([0.0])
    near = gaps[max(0, index - 1) : index + 1]
    step = float(near.min()) if near.size else float(gaps[-1])
    cosine, sine = np.cos(angles[index]), np.sin(angles[index])
    down, across = np.array([cosine, sine]) * step * 0.38, np.array([-sine, cosine]) * step * 0.5
    return np.asarray(
        points[index] + np.array([-down - across, -down + across, down + across, down - across])
    )


def estimate_spacing(points: Points, typical_step_mm: float) -> float | None:
    """mm per pixel of the coordinates given, when the header has no spacing; None with fewer than three centres."""
    if len(points) < 3:
        return None
    return typical_step_mm / float(np.median(np.hypot(*np.diff(points, axis=0).T)))
