"""The ladder of corruptions: it keeps the film's frame, spoils more at higher levels, and repeats."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from workers.evaluation.corrupt import LADDER, corrupted
from workers.models.preprocess import GrayImage


def film() -> GrayImage:
    rng = np.random.default_rng(5)
    smooth = gaussian_filter(rng.random((200, 120)), 3)
    values = np.round(4000 * (smooth - smooth.min()) / np.ptp(smooth)).astype(np.uint16)
    return GrayImage(values, (0.5, 0.5), 12)


@pytest.mark.parametrize("name", LADDER)
def test_a_spoilt_film_keeps_its_frame_and_repeats_from_its_seed(name: str) -> None:
    image = film()
    for level in LADDER[name][1]:
        one, two = corrupted(image, name, level, 3), corrupted(image, name, level, 3)
        assert np.array_equal(one.pixels, two.pixels)
        assert one.pixels.shape == image.pixels.shape
        assert one.spacing_mm == image.spacing_mm
        assert one.pixels.dtype == np.uint16
        assert one.pixels.max() <= 4095


@pytest.mark.parametrize("name", [name for name in LADDER if not name.startswith("gamma")])
def test_each_level_is_further_from_the_film_than_the_one_before(name: str) -> None:
    image = film()
    reference = corrupted(image, "contrast (factor)", 1.0, 0).pixels.astype(float)
    gaps = [
        float(np.abs(corrupted(image, name, level, 1).pixels - reference).mean()) for level in LADDER[name][1]
    ]
    assert gaps == sorted(gaps)
    assert gaps[0] < gaps[-1] / 1.5
