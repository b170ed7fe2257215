"""Preprocessing: windows, letterboxes and crops agree with the source pixels they came from."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.models.preprocess import (
    GrayImage,
    PreprocessSpec,
    block_mean,
    crop,
    prepare,
    prepare_unit,
    resize_weights,
    robust_window,
)

WHOLE = PreprocessSpec(384, 192, (0.5, 99.5), "symmetric")
CROP = PreprocessSpec(64, 64, (1.0, 99.0), "standard", 0.6)


def _spot(rows: int, columns: int, at: tuple[float, float], size: float) -> GrayImage:
    r, c = np.mgrid[:rows, :columns]
    bump = np.exp(-(((r - at[0]) ** 2 + (c - at[1]) ** 2) / (2 * size**2)))
    return GrayImage((bump * 4000).astype(np.uint16), (0.3, 0.3), 12)


def _peak(
    array: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    weights = np.maximum(array - array.min() - 0.5 * np.ptp(array), 0)
    r, c = np.mgrid[: array.shape[0], : array.shape[1]]
    return np.asarray([(weights * r).sum(), (weights * c).sum()], float) / float(weights.sum())


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(200, 900),
    columns=st.integers(150, 900),
    where=st.tuples(st.floats(0.2, 0.8), st.floats(0.2, 0.8)),
)
def test_a_point_of_a_letterboxed_film_maps_back_to_its_source_pixel(
    rows: int, columns: int, where: tuple[float, float]
) -> None:
    at = (where[0] * rows, where[1] * columns)
    unit, back = prepare_unit(_spot(rows, columns, at, max(rows, columns) / 40), WHOLE)
    found = back.to_source(_peak(unit))
    assert np.abs(found - np.array(at)).max() < 0.01 * max(rows, columns)


def test_the_affine_map_inverts_exactly() -> None:
    _, back = prepare_unit(_spot(700, 301, (100, 200), 20), WHOLE)
    points = np.array([[0.0, 0.0], [383.0, 191.0], [12.5, 90.25]])
    assert np.allclose(back.to_prepared(back.to_source(points)), points)


def test_a_crop_is_centred_on_the_vertebra_and_turned_by_the_axis_angle() -> None:
    image = _spot(400, 400, (210, 150), 8)
    prepared = crop(image, (210, 150), 0.4, (0.3, 0.3), CROP)
    assert np.abs(_peak(prepared.array[..., 0]) - 31.5).max() < 0.3
    below = prepared.to_source.to_source(np.array([41.5, 31.5])) - np.array([210, 150])
    assert np.allclose(below, 10 * 0.6 / 0.3 * np.array([np.cos(0.4), np.sin(0.4)]), atol=1e-6)


def test_a_crop_beyond_the_edge_repeats_the_edge_and_stays_finite() -> None:
    prepared = crop(_spot(100, 80, (5, 5), 6), (0, 0), 0.0, (0.3, 0.3), CROP)
    assert np.isfinite(prepared.array).all()


def test_a_crop_of_a_fine_matrix_equals_the_crop_of_its_block_mean() -> None:
    fine = _spot(1200, 1200, (600, 580), 40)
    coarse = GrayImage(block_mean(fine.pixels, 4, 4), (1.2, 1.2), 12)
    one = crop(fine, (601.5, 581.5), 0.0, (0.3, 0.3), CROP).array
    other = crop(coarse, (150.0, 145.0), 0.0, (1.2, 1.2), CROP).array
    assert np.abs(one - other).mean() < 0.03


def test_collimated_borders_do_not_move_the_window() -> None:
    rng = np.random.default_rng(0)
    body = rng.integers(1000, 3000, (400, 300))
    framed = np.zeros((600, 500), np.uint16)
    framed[100:500, 100:400] = body
    low, high = robust_window(framed, (0.5, 99.5))
    assert 950 < low < 1100
    assert 2900 < high < 3000


@pytest.mark.parametrize("kind", ["uint8", "int16", "uint16", "float32"])
def test_every_pixel_type_gives_the_same_input(kind: str) -> None:
    values = np.random.default_rng(1).integers(0, 255, (300, 200))
    one = prepare(GrayImage(values.astype(kind)), WHOLE).array
    other = prepare(GrayImage(values.astype("uint16")), WHOLE).array
    assert np.abs(one - other).max() < 1e-4


def test_the_resize_does_not_alias() -> None:
    stripes = np.tile(np.array([0.0, 1.0], np.float32), 200)
    assert np.ptp(resize_weights(400, 64) @ stripes) < 0.1


def test_a_large_film_is_prepared_in_time() -> None:
    values = np.random.default_rng(2).integers(0, 4096, (3000, 2500), dtype=np.uint16)
    image = GrayImage(values, (0.14, 0.14), 12)
    prepare(image, WHOLE)
    spent = []
    for _ in range(5):
        start = time.thread_time()
        prepare(image, WHOLE)
        spent.append(time.thread_time() - start)
    # The budget is 30 ms of a quiet core; a shared test machine gets room, a quadratic resize does not.
    assert min(spent) < 0.12


def test_a_stack_of_frames_is_refused() -> None:
    with pytest.raises(ValueError, match="two-dimensional"):
        GrayImage(np.zeros((2, 10, 10), np.uint8))


def test_an_image_of_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="not numbers"):
        robust_window(np.full((64, 64), np.nan, np.float32), (1.0, 99.0))
