"""Abstention: pictures that are no radiograph are refused before the network, strange features after it."""

from __future__ import annotations

import numpy as np
import pytest

from workers.models import ood
from workers.models.preprocess import GrayImage
from workers.training.phantom.anatomy import sample_patient
from workers.training.phantom.radiograph import Exposure, render


@pytest.fixture(scope="module")
def film() -> GrayImage:
    picture = render(sample_patient(11), Exposure("LATERAL", "LUMBAR", rows=300)).pixels
    return GrayImage((picture * 4095).astype(np.uint16), None, 12)


def _code(pixels: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> str | None:
    refusal = ood.check_pixels(GrayImage(pixels))
    return None if refusal is None else refusal.code


def test_a_phantom_film_passes_the_pixel_gate(film: GrayImage) -> None:
    assert ood.check_pixels(film) is None


def test_white_noise_is_refused() -> None:
    assert _code(np.random.default_rng(0).integers(0, 4096, (400, 300), dtype=np.uint16)) == "NOISE"


def test_a_constant_image_is_refused() -> None:
    assert _code(np.full((400, 300), 700, np.uint16)) == "CONSTANT"


def test_a_thumbnail_is_refused() -> None:
    assert _code(np.zeros((40, 300), np.uint8)) == "TOO_SMALL"


def test_a_ribbon_is_refused() -> None:
    assert _code(np.zeros((900, 100), np.uint8)) == "ASPECT"


def test_a_burnt_out_image_is_refused() -> None:
    pixels = np.full((400, 300), 4095, np.uint16)
    pixels[:150] = np.arange(300)[None] * 12
    assert _code(pixels) == "SATURATED"


def _reference(width: int = 6) -> tuple[ood.Reference, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    rng = np.random.default_rng(3)
    labels = np.arange(600) % 2
    features = (rng.normal(size=(600, width)) + 4 * labels[:, None]).astype(np.float32)
    return ood.fit(features[:400], labels[:400], held_out=features[400:], quantile=0.99), features


def test_few_known_features_and_all_far_ones_are_outside() -> None:
    reference, features = _reference()
    assert (reference.scores(features[400:]) > 1).mean() < 0.05
    assert (reference.scores(features[400:] + 12) > 1).all()


def test_features_between_two_classes_are_outside() -> None:
    reference, features = _reference()
    middle = np.full((1, features.shape[1]), 2.0, np.float32)
    assert (
        reference.scores(middle)[0] > 0.8 * reference.scores(features[400:]).max()
        or reference.scores(middle)[0] > 1
    )


def test_a_reference_survives_its_arrays() -> None:
    reference, features = _reference()
    again = ood.Reference.from_arrays(reference.to_arrays())
    assert np.allclose(again.scores(features[:50]), reference.scores(features[:50]), rtol=2e-3)


def test_the_head_alone_can_refuse() -> None:
    _, features = _reference()
    head = ood.LinearHead(("OUTSIDE",), np.ones((6, 1), np.float32), np.array([-30.0], np.float32))
    labels = np.arange(400) % 2
    reference = ood.fit(features[:400], labels, held_out=features[400:], head=head)
    assert reference.limits.shape == (3,)
    assert np.isfinite(reference.limits).all()


def test_a_score_that_is_no_number_is_outside() -> None:
    assert ood.judge(float("nan"), 1.0) is ood.OUT_OF_DISTRIBUTION
    assert ood.judge(0.5, 1.0) is None
