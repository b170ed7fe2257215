"""Losses against imbalance, and the corner network's target against its reader."""

from __future__ import annotations

import numpy as np
import pytest

from workers.interpret import endplates
from workers.models.preprocess import PreprocessSpec
from workers.training.batches import STRIDE
from workers.training.course.batches import corner_map
from workers.training.course.losses import classification, corner_loss, loss_of
from workers.training.course.recipe import recipe_of

_LOGITS = np.array([[2.0, 0.0], [0.0, 1.0]], np.float32)
_TARGETS = np.array([[1.0, 0.0], [1.0, 0.0]], np.float32)
_SPEC = PreprocessSpec(256, 128, (0.5, 99.5), "symmetric")


def _log_probability() -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    wide = np.asarray(_LOGITS, np.float64)
    return np.asarray(wide - np.log(np.exp(wide).sum(axis=1, keepdims=True)), np.float64)


def test_weights_multiply_the_cross_entropy_of_their_class(runtime: None) -> None:
    found = np.asarray(classification([3.0, 1.0], 0.0)(_TARGETS, _LOGITS))
    assert found == pytest.approx(-3.0 * _log_probability()[:, 0], rel=1e-5)


def test_focal_loss_spares_what_is_already_right(runtime: None) -> None:
    found = np.asarray(classification([1.0, 1.0], 2.0)(_TARGETS, _LOGITS))
    sure = np.exp(_log_probability()[:, 0])
    assert found == pytest.approx(-((1 - sure) ** 2) * np.log(sure), rel=1e-5)


def test_the_rare_class_weighs_as_much_as_the_common_one(runtime: None) -> None:
    recipe = recipe_of({"task": "fracture", "loss": "weighted"})
    loss = loss_of(recipe, ("fresh", "not-fresh"), ["fresh"] + ["not-fresh"] * 3)
    rare = float(np.asarray(loss(np.array([[1.0, 0.0]], np.float32), np.zeros((1, 2), np.float32)))[0])
    common = float(np.asarray(loss(np.array([[0.0, 1.0]], np.float32), np.zeros((1, 2), np.float32)))[0])
    assert rare == pytest.approx(3 * common, rel=1e-5)


def _spine() -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Six bodies down a leaning line."""
    body = np.array([(-9, -14), (-7, 14), (9, 13), (8, -13)], float)
    return np.stack([body + np.array([30.0 + 36 * index, 60.0 + 2 * index]) for index in range(6)])


def test_the_map_of_corners_is_read_back_to_the_same_corners() -> None:
    corners = _spine()
    target = corner_map(corners, _SPEC)
    logits = target.copy()
    logits[..., 0] = 24 * target[..., 0] - 12
    found, scores = endplates.corners_of(logits, STRIDE, 0.3)
    assert len(found) == 6
    assert np.abs(found - corners).max() < 1e-3
    assert (scores > 0.3).all()


def test_a_perfect_map_of_corners_costs_less_than_a_shifted_one(runtime: None) -> None:
    target = corner_map(_spine(), _SPEC)[None]
    right = target.copy()
    right[..., 0] = 20 * target[..., 0] - 10
    wrong = right.copy()
    wrong[..., 1:] += 1.0
    assert float(np.asarray(corner_loss(target, right))[0]) < float(np.asarray(corner_loss(target, wrong))[0])


def test_an_image_without_bodies_has_an_empty_map() -> None:
    assert not corner_map(np.zeros((0, 4, 2)), _SPEC).any()
