"""The attention map over the preview: where the crops lie, no larger than the preview, small, empty where nothing speaks."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from triage.domain.reading import KeyImage
from workers import overlay, preview
from workers.models.preprocess import GrayImage, Prepared, PreprocessSpec, crop

SPEC = PreprocessSpec(64, 64, (1.0, 99.0), "symmetric", 1.0)
IMAGE = GrayImage(np.tile(np.linspace(0, 4000, 600).astype(np.uint16), (1200, 1)), (0.5, 0.5))


def crops(*centres: tuple[float, float]) -> list[Prepared]:
    """Return upright crops of 128 source pixels a side."""
    return [crop(IMAGE, centre, 0.0, (0.5, 0.5), SPEC) for centre in centres]


def shown(content: bytes) -> np.ndarray:
    """Return the opacity [rows, columns] of a map."""
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))[..., 3]


def test_a_map_has_the_previews_size_and_lies_where_its_vertebrae_lie() -> None:
    made = preview.picture("2.25.2", IMAGE)
    maps = np.zeros((2, 4, 4), np.float32)
    maps[0, 1:3, 1:3], maps[1] = 2.0, 0.5
    content = overlay.film(made, IMAGE, crops((300.0, 200.0), (900.0, 400.0)), maps, SPEC)
    opacity = shown(content)
    assert opacity.shape == (made.height, made.width) == (256, 128)
    row, column = np.unravel_index(np.argmax(opacity), opacity.shape)
    assert abs(row - 300 * 256 / 1200) < 8 and abs(column - 200 * 128 / 600) < 8
    assert opacity.max() <= overlay.MOST_OPAQUE, "the film is never covered"
    assert 0 < opacity[192, 85] < opacity.max() / 2, "a vertebra that says little shows little"
    assert opacity[128, 20] == 0, "and what is no vertebra nothing"


def test_a_map_of_noise_is_as_small_as_the_database_asks_for() -> None:
    made = preview.picture("2.25.2", IMAGE)
    places = [(40.0 + 48 * n, 300.0) for n in range(24)]
    maps = np.random.default_rng(0).random((24, 16, 16)).astype(np.float32)
    content = overlay.film(made, IMAGE, crops(*places), maps, SPEC)
    assert 0 < len(content) < 65536
    assert KeyImage.from_json(made.to_json()).attention == b""


def test_maps_that_say_nothing_are_no_map() -> None:
    made = preview.picture("2.25.2", IMAGE)
    assert overlay.film(made, IMAGE, crops((300.0, 200.0)), np.zeros((1, 4, 4), np.float32), SPEC) == b""
    assert overlay.film(made, IMAGE, [], np.zeros((0, 4, 4), np.float32), SPEC) == b""
