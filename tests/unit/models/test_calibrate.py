"""Calibration as served."""

from __future__ import annotations

import numpy as np
import pytest

from workers.models import calibrate

LOGITS = np.array([[2.0, 0.0, -1.0], [0.1, 0.2, 0.3]])


def test_a_temperature_keeps_the_order_and_softens_the_top() -> None:
    sharp = calibrate.apply(LOGITS, {"method": "none"})
    soft = calibrate.apply(LOGITS, {"method": "temperature", "temperature": 3.0})
    assert (soft.argmax(axis=1) == sharp.argmax(axis=1)).all()
    assert soft[0].max() < sharp[0].max()
    assert np.allclose(soft.sum(axis=1), 1)


def test_a_bias_moves_probability_between_classes() -> None:
    plain = calibrate.apply(LOGITS, {"method": "temperature", "temperature": 1.0})
    moved = calibrate.apply(LOGITS, {"method": "temperature", "temperature": 1.0, "bias": [0.0, 0.0, -2.0]})
    assert (moved[:, 2] < plain[:, 2]).all()


def test_isotonic_steps_rise_and_normalise() -> None:
    steps = {"x": [0.2, 0.5, 0.9], "y": [0.0, 0.4, 1.0]}
    found = calibrate.apply(LOGITS, {"method": "isotonic", "classes": [steps] * 3})
    assert np.allclose(found.sum(axis=1), 1)
    assert found[0, 0] == 1.0
    assert (np.diff(found[1]) >= 0).all()
    never = {"x": [0.0, 1.0], "y": [0.0, 0.0]}
    plain = calibrate.apply(LOGITS, {"method": "none"})
    assert np.allclose(calibrate.apply(LOGITS, {"method": "isotonic", "classes": [never] * 3}), plain)


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown calibration"):
        calibrate.apply(LOGITS, {"method": "spline"})


def test_a_film_is_as_suspicious_as_its_worst_vertebra() -> None:
    study = {"aggregate": "max", "slope": 1.0, "intercept": 0.0}
    assert abs(calibrate.image_probability(np.array([0.1, 0.7, 0.2]), study) - 0.7) < 1e-6


def test_noisy_or_grows_with_every_vertebra() -> None:
    assert calibrate.aggregate(np.array([0.5, 0.5]), "noisy-or") == 0.75


def test_no_vertebra_has_no_score() -> None:
    with pytest.raises(ValueError, match="no vertebra"):
        calibrate.aggregate(np.array([]), "max")
