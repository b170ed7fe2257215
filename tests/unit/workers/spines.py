"""Spines made of boxes: vertebral bodies stacked along their own axes, with tilts that a test chooses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


def stacked(
    tilts: Sequence[float],
    *,
    width: float = 40.0,
    height: float = 25.0,
    disc: float = 6.0,
    wedge: float = 0.0,
) -> Float:
    """Bodies [n, 4, 2] in mm, head first; each body stands at tilts[i] degrees, its endplates wedge degrees apart."""
    bodies = []
    centre = np.zeros(2)
    for index, tilt in enumerate(tilts):
        if index:
            middle = np.radians((tilts[index - 1] + tilt) / 2)
            centre = centre + (height + disc) * np.array([-np.sin(middle), np.cos(middle)])
        bodies.append(centre + body(tilt, width=width, height=height, wedge=wedge))
    return np.stack(bodies)


def body(tilt: float, *, width: float = 40.0, height: float = 25.0, wedge: float = 0.0) -> Float:
    """One body about the origin; its upper endplate tilts by tilt - wedge / 2, its lower by tilt + wedge / 2."""
    corners = []
    for vertical, half, sides in ((-1, -wedge / 2, (-1, 1)), (1, wedge / 2, (1, -1))):
        angle = np.radians(tilt)
        middle = vertical * height / 2 * np.array([-np.sin(angle), np.cos(angle)])
        plate = np.radians(tilt + half)
        corners += [middle + side * width / 2 * np.array([np.cos(plate), np.sin(plate)]) for side in sides]
    return np.stack(corners)


def turned(points: Float, degrees: float) -> Float:
    """Points turned clockwise as seen in the image."""
    angle = np.radians(degrees)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(points @ matrix.T)


def mirrored(bodies: Float) -> Float:
    """Bodies in the mirror: left and right corners change places."""
    return np.asarray((bodies * (-1.0, 1.0))[:, [1, 0, 3, 2]])
