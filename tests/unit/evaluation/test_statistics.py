"""Statistics checked against slow definitions and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta
from sklearn.metrics import roc_auc_score

from workers.evaluation import statistics


def _scores(
    seed: int = 0, size: int = 300
) -> tuple[
    np.ndarray[tuple[int, ...], np.dtype[np.float64]], np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
]:
    rng = np.random.default_rng(seed)
    positive = rng.random(size) < 0.3
    return np.round(rng.normal(size=size) + positive, 1), positive


def test_the_area_agrees_with_scikit_learn_and_with_counting_pairs() -> None:
    scores, positive = _scores()
    estimate = statistics.auc_delong(scores, positive)
    difference = scores[positive][:, None] - scores[~positive][None]
    pairs = float(((difference > 0) + 0.5 * (difference == 0)).mean())
    assert abs(estimate.value - roc_auc_score(positive, scores)) < 1e-12
    assert abs(estimate.value - pairs) < 1e-12
    assert abs(statistics.auc(scores, positive) - pairs) < 1e-12


def test_delong_and_the_bootstrap_agree_when_every_patient_has_one_film() -> None:
    scores, positive = _scores()
    delong = statistics.auc_delong(scores, positive)
    boot = statistics.by_patient(
        lambda r: statistics.auc(scores[r], positive[r]), np.arange(len(scores)), rounds=400
    )
    assert abs((delong.high - delong.low) - (boot.high - boot.low)) < 0.02


def test_films_of_one_patient_widen_the_interval() -> None:
    scores, positive = _scores(1, 60)
    many, truth = np.repeat(scores, 8), np.repeat(positive, 8)
    patients = np.repeat(np.arange(60), 8)
    naive = statistics.auc_delong(many, truth)
    honest = statistics.by_patient(lambda r: statistics.auc(many[r], truth[r]), patients, rounds=300)
    assert honest.high - honest.low > 1.8 * (naive.high - naive.low)


def test_a_proportion_of_all_or_nothing_has_an_honest_interval() -> None:
    assert statistics.proportion(20, 20).low < 0.85
    assert statistics.proportion(0, 20).high > 0.15


@pytest.mark.parametrize(("count", "misses"), [(58, None), (59, 0), (92, 0), (93, 1)])
def test_a_sensitivity_of_95_percent_takes_59_positives_to_prove(count: int, misses: int | None) -> None:
    positives = np.arange(count, dtype=float)
    threshold = statistics.threshold_for(positives, 0.95)
    assert threshold == (None if misses is None else float(misses))


def test_the_threshold_keeps_its_promise_on_new_patients() -> None:
    rng = np.random.default_rng(4)
    kept = []
    for _ in range(300):
        threshold = statistics.threshold_for(rng.normal(size=100), 0.8)
        assert threshold is not None
        kept.append(float((rng.normal(size=2000) >= threshold).mean()))
    assert np.mean(np.array(kept) >= 0.8) >= 0.93
    assert beta.ppf(0.05, 100, 1) > 0.8


def test_a_temperature_repairs_overconfidence() -> None:
    rng = np.random.default_rng(5)
    truth = rng.normal(size=(800, 3))
    labels = np.array([rng.choice(3, p=np.exp(row) / np.exp(row).sum()) for row in truth])
    assert abs(statistics.fit_temperature(truth * 2.5, labels) - 2.5) < 0.5


def test_platt_recovers_a_known_curve() -> None:
    rng = np.random.default_rng(6)
    scores = rng.random(4000)
    p = 1 / (1 + np.exp(-(1.5 * np.log(scores / (1 - scores)) - 1)))
    slope, intercept = statistics.fit_platt(scores, rng.random(4000) < p)
    assert abs(slope - 1.5) < 0.2
    assert abs(intercept + 1) < 0.2


def test_a_perfectly_calibrated_score_has_a_small_error() -> None:
    rng = np.random.default_rng(7)
    p = rng.random(20_000)
    assert statistics.calibration_error(p, (rng.random(20_000) < p).astype(float)) < 0.02
