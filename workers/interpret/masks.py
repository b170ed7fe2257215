"""From a segmentation of vertebral bodies to their corners, so that the published form of the alignment system is measured
by the same geometry and the same gate as the corner network.

Promise: pure; the corners stand where the network's corners would (endplates.py), head first. Each piece of the mask is a
body; its endplates are straight lines fitted to where the probability falls to a half, finer than a pixel;
its sides run along the spine. Refuses nothing: what is no body (a speck, two bodies grown together) is left for the gate to judge.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from workers.models import calibrate, locate

Float = NDArray[np.float64]
THRESHOLD = 0.5
# A piece smaller than this share of the usual one is a speck.
_LEAST_SHARE = 0.25
_FEWEST_PIXELS = 6
# Rounded corners would bend the fitted lines.
_MIDDLE = 0.8
_STEP = 0.25


def corners_of(logits: NDArray[np.float32], threshold: float = THRESHOLD) -> tuple[Float, Float]:
    """Corners [n, 4, 2] (row, column) in network input pixels and scores [n] from one map [h, w, 1] of logits."""
    probability = np.asarray(calibrate.sigmoid(logits[..., 0]), np.float64)
    pieces = _pieces(probability >= threshold)
    if not pieces:
        return np.zeros((0, 4, 2)), np.zeros(0)
    centres = np.array([piece.mean(axis=0) for piece in pieces])
    order = np.argsort(centres[:, 0], kind="stable")
    angles = locate.axis_angles(centres[order])
    corners = [
        _corners(probability, pieces[place], angle) for place, angle in zip(order, angles, strict=True)
    ]
    scores = [float(probability[tuple(pieces[place].T)].mean()) for place in order]
    return np.stack(corners), np.array(scores)


def _pieces(mask: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """Pixels [k, 2] of each connected piece that is no speck."""
    labels, count = ndimage.label(mask)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    if not count:
        return []
    # The piece that the middle pixel of the mask lies in: many specks do not make a speck the usual piece.
    least = max(_FEWEST_PIXELS, _LEAST_SHARE * float(np.median(np.repeat(sizes, sizes))))
    return [np.argwhere(labels == place + 1) for place in range(count) if sizes[place] >= least]


def _corners(probability: Float, piece: NDArray[np.intp], angle: float) -> Float:
    """Upper left, upper right, lower right, lower left of one piece; angle as locate.axis_angles gives it."""
    centre = piece.mean(axis=0)
    down = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-down[1], down[0]])
    frame = np.array([centre, down, across])
    along, aside = (piece - centre) @ down, (piece - centre) @ across
    left, right = float(aside.min()) - 0.5, float(aside.max()) + 0.5
    shown = np.arange(_MIDDLE * left, _MIDDLE * right + 0.5)
    reach = float(np.abs(along).max()) + 2.0
    upper, lower = (_edge(probability, frame, shown, side * reach) for side in (-1.0, 1.0))
    local = [(upper, left), (upper, right), (lower, right), (lower, left)]
    return np.array([centre + np.polyval(line, v) * down + v * across for line, v in local])


def _edge(probability: Float, frame: Float, shown: Float, reach: float) -> Float:
    """The line [slope, offset] where the probability falls to a half, going from the middle by reach (up: less than 0)."""
    centre, down, across = frame
    steps = np.arange(0.0, abs(reach), _STEP)
    points = centre + np.sign(reach) * steps[:, None, None] * down + shown[:, None] * across
    profile = ndimage.map_coordinates(probability, np.moveaxis(points, -1, 0), order=1)
    outside = profile < 0.5
    outside[-1] = True
    last = outside.argmax(axis=0)
    before = np.take_along_axis(profile, np.maximum(last - 1, 0)[None], axis=0)[0]
    after = np.take_along_axis(profile, last[None], axis=0)[0]
    part = np.clip((before - 0.5) / np.maximum(before - after, 1e-9), 0.0, 1.0)
    edges = np.sign(reach) * _STEP * (last - 1 + part)
    return np.asarray(np.polyfit(shown, edges, 1) if len(shown) > 1 else [0.0, float(edges.mean())], float)
