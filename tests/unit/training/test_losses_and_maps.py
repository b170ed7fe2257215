"""Losses against imbalance, and what the networks of corners and of masks are shown against what reads their answers."""

from __future__ import annotations

import numpy as np
import pytest

from workers.interpret import alignment, endplates, levels, masks
from workers.models.preprocess import PreprocessSpec
from workers.training.batches import STRIDE
from workers.training.course.batches import body_mask, corner_map
from workers.training.course.losses import classification, corner_loss, loss_of, mask_loss
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


def test_anchors_are_read_back_as_the_bodies_they_are_of_and_a_map_without_them_costs_more(
    runtime: None,
) -> None:
    corners = _spine()
    target = corner_map(corners, _SPEC, (5, 0))
    logits = target.copy()
    logits[..., [0, 9, 10]] = 24 * target[..., [0, 9, 10]] - 12
    found, _ = endplates.corners_of(logits, STRIDE, 0.3)
    assert levels.anchors(logits, found, STRIDE) == levels.Anchors(highest=0, lowest=5)
    silent = logits.copy()
    silent[..., 9:] = -12
    assert levels.anchors(silent, found, STRIDE) == levels.Anchors()
    cost = [float(np.asarray(corner_loss(target[None], one[None]))[0]) for one in (logits, silent)]
    assert cost[0] < cost[1]
    assert float(np.asarray(corner_loss(target[None], logits[None, ..., :9]))[0]) < cost[0], "without anchors"


def test_an_image_without_bodies_has_an_empty_map() -> None:
    assert not corner_map(np.zeros((0, 4, 2)), _SPEC).any()


def _logits(
    mask: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """What a network that has learnt the mask by heart answers."""
    sure = np.clip(mask, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(sure / (1 - sure)), np.float32)


def test_the_mask_of_bodies_is_read_back_to_their_corners_and_tilts() -> None:
    corners = _spine()
    found, scores = masks.corners_of(_logits(body_mask(corners, _SPEC)))
    assert len(found) == 6
    # These bodies are broader at one end; the sides that are found run along the spine.
    assert np.abs(found - corners).max() < 3.0
    for true, seen in zip(
        alignment.tilts(corners[..., ::-1]), alignment.tilts(found[..., ::-1]), strict=True
    ):
        assert np.abs(true - seen).max() < 0.7
    assert (scores > 0.9).all()


def test_a_speck_in_the_mask_is_no_body() -> None:
    mask = body_mask(_spine(), _SPEC)
    mask[2:4, 2:6] = 1
    assert len(masks.corners_of(_logits(mask))[0]) == 6


def test_an_empty_mask_has_no_bodies() -> None:
    corners, scores = masks.corners_of(np.full((32, 16, 1), -9.0, np.float32))
    assert corners.shape == (0, 4, 2)
    assert scores.shape == (0,)


def test_a_body_partly_outside_the_image_is_drawn_as_far_as_it_goes() -> None:
    body = np.array([[(-6.0, -5.0), (-6.0, 9.0), (4.0, 9.0), (4.0, -5.0)]])
    assert pytest.approx(body_mask(body, _SPEC).sum(), rel=0.01) == 4.5 * 9.5


def test_a_mask_loss_is_one_number_per_image_and_least_for_the_right_mask(runtime: None) -> None:
    target = body_mask(_spine(), _SPEC)[None]
    right, wrong = (np.asarray(mask_loss(target, 8 * sign * (target - 0.5))) for sign in (1, -1))
    assert right.shape == (1,)
    assert right[0] < 0.05 < wrong[0]
