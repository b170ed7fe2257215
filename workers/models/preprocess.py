"""From a decoded radiograph to a network's input: robust window, antialiased resize, letterbox; and crops of vertebrae.

Promise: what training saw and what a worker serves come from these functions, driven by data in the bundle; every
prepared array carries the affine map that takes its coordinates back to the source pixels exactly.
Coordinates are (row, column) with whole numbers at pixel centres.
Refuses: arrays that are not two-dimensional, empty images, non-finite windows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
_WINDOW_SAMPLES = 65_536


@dataclass(frozen=True)
class GrayImage:
    """One frame in stored orientation, bone bright (MONOCHROME1 already inverted).

    spacing_mm is (row, column) distance between pixel centres at the detector, None where the header has none.
    """

    pixels: NDArray[Any]
    spacing_mm: tuple[float, float] | None = None
    bits: int = 16

    def __post_init__(self) -> None:
        if self.pixels.ndim != 2 or 0 in self.pixels.shape:
            raise ValueError(f"expected a non-empty two-dimensional image, got shape {self.pixels.shape}")


@dataclass(frozen=True)
class PreprocessSpec:
    """How a bundle wants its input: size in pixels, window in percentiles, scaling, and mm per pixel for crops."""

    height: int
    width: int
    window: tuple[float, float]
    scaling: str
    spacing_mm: float | None = None

    @classmethod
    def from_mapping(cls, data: Mapping[str, Any]) -> PreprocessSpec:
        low, high = (float(value) for value in data["window"])
        spacing = data.get("spacing_mm")
        spec = cls(
            int(data["height"]),
            int(data["width"]),
            (low, high),
            str(data["scaling"]),
            None if spacing is None else float(spacing),
        )
        if not 0 <= low < high <= 100 or spec.scaling not in ("symmetric", "standard"):
            raise ValueError(f"unusable preprocessing: {dict(data)}")
        return spec

    def to_mapping(self) -> dict[str, Any]:
        return {
            "height": self.height,
            "width": self.width,
            "window": list(self.window),
            "scaling": self.scaling,
            "spacing_mm": self.spacing_mm,
        }


@dataclass(frozen=True)
class AffineMap:
    """source = matrix @ prepared + offset, both as (row, column)."""

    matrix: tuple[tuple[float, float], tuple[float, float]]
    offset: tuple[float, float]

    def to_source(self, points: NDArray[Any]) -> NDArray[np.float64]:
        """Prepared coordinates [..., 2] to source coordinates [..., 2]."""
        mapped: NDArray[np.float64] = np.asarray(points, float) @ np.array(self.matrix).T + np.array(
            self.offset
        )
        return mapped

    def to_prepared(self, points: NDArray[Any]) -> NDArray[np.float64]:
        """Source coordinates [..., 2] to prepared coordinates [..., 2]."""
        inverse = np.linalg.inv(np.array(self.matrix))
        mapped: NDArray[np.float64] = (np.asarray(points, float) - np.array(self.offset)) @ inverse.T
        return mapped


@dataclass(frozen=True)
class Prepared:
    """array is float32 [height, width, 1]."""

    array: Float
    to_source: AffineMap


def robust_window(pixels: NDArray[Any], percentiles: tuple[float, float]) -> tuple[float, float]:
    """Low and high grey value from an even subsample.

    Pixels at the exact minimum are collimator or padding on many films and would drag the low end, so they are left
    out as long as something else remains.
    """
    step = max(1, int(np.sqrt(pixels.size / _WINDOW_SAMPLES)))
    sample = np.asarray(pixels[::step, ::step], np.float32).ravel()
    lit = sample[sample > sample.min()]
    if lit.size >= 0.05 * sample.size:
        sample = lit
    low, high = (float(value) for value in np.percentile(sample, percentiles))
    if not np.isfinite([low, high]).all():
        raise ValueError("image holds values that are not numbers")
    return (low, high) if high > low else (low, low + 1.0)


def block_mean(pixels: NDArray[Any], rows: int, columns: int) -> Float:
    """Mean over whole blocks; what does not fill a block at the far edges is left out."""
    if rows == 1 and columns == 1:
        return np.asarray(pixels, np.float32)
    height, width = pixels.shape[0] // rows * rows, pixels.shape[1] // columns * columns
    wide = np.float32 if pixels.dtype.kind == "f" else np.int32
    # Whole-row additions are vectorised; a four-dimensional reshape-mean costs three times as much (models.md 3.9).
    summed: NDArray[Any] = np.asarray(pixels[0:height:rows, :width], wide)
    if rows > 1:
        summed = summed.copy()
    for index in range(1, rows):
        np.add(summed, pixels[index:height:rows, :width], out=summed, casting="unsafe")
    total: NDArray[Any] = summed[:, 0::columns].astype(np.float32)
    for index in range(1, columns):
        total += summed[:, index::columns]
    total /= rows * columns
    return total


def resize_weights(source: int, target: int) -> Float:
    """Rows of triangle-filter weights [target, source]; widens with the reduction so that nothing aliases."""
    scale = source / target
    support = max(1.0, scale)
    centres = (np.arange(target) + 0.5) * scale - 0.5
    distance = np.abs(np.arange(source)[None, :] - centres[:, None])
    weights = np.maximum(0.0, 1.0 - distance / support)
    total = weights.sum(axis=1, keepdims=True)
    return np.asarray(weights / total, np.float32)


def _scaled(unit: Float, scaling: str) -> Float:
    if scaling == "symmetric":
        return np.asarray(unit * np.float32(2.0) - np.float32(1.0), np.float32)
    return np.asarray((unit - unit.mean()) / np.float32(max(float(unit.std()), 0.02)), np.float32)


def scale_unit(unit: Float, spec: PreprocessSpec) -> Float:
    """Windowed values in 0..1 to what the network reads; training applies it to its cache after augmentation."""
    return np.asarray(_scaled(unit, spec.scaling), np.float32)


def letterbox(image: GrayImage, height: int, width: int) -> tuple[Float, tuple[slice, slice], AffineMap]:
    """Resized grey values on a canvas, the part of the canvas that holds the image, and the way back."""
    rows, columns = image.pixels.shape
    ratio = max(rows / height, columns / width)
    inner_rows = min(height, max(1, round(rows / ratio)))
    inner_columns = min(width, max(1, round(columns / ratio)))
    factor = max(1, min(rows // (2 * inner_rows), columns // (2 * inner_columns)))
    coarse = block_mean(image.pixels, factor, factor)
    down = resize_weights(coarse.shape[0], inner_rows)
    across = resize_weights(coarse.shape[1], inner_columns)
    canvas = np.zeros((height, width), np.float32)
    top, left = (height - inner_rows) // 2, (width - inner_columns) // 2
    place = (slice(top, top + inner_rows), slice(left, left + inner_columns))
    canvas[place] = down @ coarse @ across.T
    scale_r = coarse.shape[0] / inner_rows * factor
    scale_c = coarse.shape[1] / inner_columns * factor
    offset = ((0.5 - top) * scale_r - 0.5, (0.5 - left) * scale_c - 0.5)
    return canvas, place, AffineMap(((scale_r, 0.0), (0.0, scale_c)), offset)


def prepare_unit(image: GrayImage, spec: PreprocessSpec) -> tuple[Float, AffineMap]:
    """The whole image letterboxed and windowed to 0..1; the canvas outside the image is 0."""
    low, high = robust_window(image.pixels, spec.window)
    canvas, place, back = letterbox(image, spec.height, spec.width)
    canvas[place] = np.clip((canvas[place] - np.float32(low)) / np.float32(high - low), 0.0, 1.0)
    return canvas, back


def prepare(image: GrayImage, spec: PreprocessSpec) -> Prepared:
    """The whole image as one network input; at most 30 ms for 3000 x 2500 uint16 on one core."""
    unit, back = prepare_unit(image, spec)
    return Prepared(scale_unit(unit, spec)[..., None], back)


def _crop_map(
    centre: tuple[float, float], angle: float, step: tuple[float, float], spec: PreprocessSpec
) -> AffineMap:
    """Rotation by the axis angle (radians, 0 = spine straight down the image), then mm to pixels, then the centre."""
    cosine, sine = np.cos(angle), np.sin(angle)
    matrix = np.array([[cosine * step[0], -sine * step[0]], [sine * step[1], cosine * step[1]]])
    middle = np.array([(spec.height - 1) / 2, (spec.width - 1) / 2])
    offset = np.array(centre) - matrix @ middle
    rows = ((float(matrix[0, 0]), float(matrix[0, 1])), (float(matrix[1, 0]), float(matrix[1, 1])))
    return AffineMap(rows, (float(offset[0]), float(offset[1])))


def sample_bilinear(grid: Float, points: NDArray[np.float64]) -> Float:
    """Grey values at [..., 2] (row, column); beyond the edge the edge is repeated."""
    row = np.clip(points[..., 0], 0, grid.shape[0] - 1).astype(np.float32)
    column = np.clip(points[..., 1], 0, grid.shape[1] - 1).astype(np.float32)
    row0, column0 = row.astype(np.intp), column.astype(np.intp)
    row1, column1 = np.minimum(row0 + 1, grid.shape[0] - 1), np.minimum(column0 + 1, grid.shape[1] - 1)
    down, right = row - row0, column - column0
    upper = grid[row0, column0] * (1 - right) + grid[row0, column1] * right
    lower = grid[row1, column0] * (1 - right) + grid[row1, column1] * right
    return np.asarray(upper * (1 - down) + lower * down, np.float32)


def _patch(
    image: GrayImage, corners: NDArray[np.float64], factor: tuple[int, int]
) -> tuple[Float, NDArray[np.float64]]:
    """The source region under a crop at reduced resolution, and its first pixel."""
    margin = np.array(factor, float) * 2
    first = np.floor(np.maximum(corners.min(axis=0) - margin, 0)).astype(int)
    last = np.ceil(corners.max(axis=0) + margin).astype(int) + 1
    first = np.minimum(first, np.maximum(np.array(image.pixels.shape) - np.array(factor), 0))
    region = image.pixels[
        first[0] : max(last[0], first[0] + factor[0]), first[1] : max(last[1], first[1] + factor[1])
    ]
    return block_mean(region, *factor), first.astype(float)


def crop_unit(
    image: GrayImage,
    centre: tuple[float, float],
    angle: float,
    spacing_mm: tuple[float, float],
    spec: PreprocessSpec,
) -> tuple[Float, AffineMap]:
    """A square around a vertebra at spec.spacing_mm per pixel, turned upright, windowed by itself to 0..1."""
    if spec.spacing_mm is None:
        raise ValueError("this preprocessing has no spacing: it is not for crops")
    step = (spec.spacing_mm / spacing_mm[0], spec.spacing_mm / spacing_mm[1])
    back = _crop_map(centre, angle, step, spec)
    limits = np.array([[0, 0], [0, spec.width - 1], [spec.height - 1, 0], [spec.height - 1, spec.width - 1]])
    factor = (max(1, int(step[0] + 0.25)), max(1, int(step[1] + 0.25)))
    coarse, first = _patch(image, back.to_source(limits), factor)
    rows, columns = np.meshgrid(np.arange(spec.height), np.arange(spec.width), indexing="ij")
    source = back.to_source(np.stack([rows, columns], axis=-1))
    grid_points = (source - first + 0.5) / np.array(factor) - 0.5
    sampled = sample_bilinear(coarse, grid_points)
    low, high = robust_window(sampled, spec.window)
    unit = np.clip((sampled - np.float32(low)) / np.float32(high - low), 0.0, 1.0)
    return np.asarray(unit, np.float32), back


def crop(
    image: GrayImage,
    centre: tuple[float, float],
    angle: float,
    spacing_mm: tuple[float, float],
    spec: PreprocessSpec,
) -> Prepared:
    """One vertebra as one network input. centre in source pixels, angle in radians, spacing_mm (row, column)."""
    unit, back = crop_unit(image, centre, angle, spacing_mm, spec)
    return Prepared(scale_unit(unit, spec)[..., None], back)
