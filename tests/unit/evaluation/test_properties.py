"""Figures against slow definitions, scikit-learn, and laws that must hold for any data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics

from triage.domain.errors import Refused
from triage.proof import theory
from workers.evaluation import agreement, compare, figures, load, prevalence
from workers.evaluation.resample import PatientBootstrap, share
from workers.evaluation.statistics import auc, by_patient
from workers.evaluation.table import Predictions, from_columns

seeds = st.integers(0, 2**32 - 1)
shares = st.floats(0.02, 0.98)


def sample(seed: int, n: int = 60, classes: int = 3) -> Predictions:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(classes), n).round(2)
    labels = np.r_[np.arange(classes), rng.integers(0, classes, n - classes)]
    columns: dict[str, Any] = {
        "case": np.arange(n).astype(str),
        "patient": rng.integers(0, n // 2, n).astype(str),
        "label": np.array([f"c{label}" for label in labels]),
    }
    columns |= {f"p_c{k}": probabilities[:, k].astype(str) for k in range(classes)}
    return from_columns(columns)


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_the_figures_are_those_of_scikit_learn(seed: int) -> None:
    table = sample(seed)
    said, truth = table.probabilities.argmax(axis=1), table.labels
    boot = PatientBootstrap(table.patients, rounds=20, seed=1)
    found, rows = figures.overall(table, boot), figures.per_class(table, boot)
    assert found["confusion"] == metrics.confusion_matrix(truth, said, labels=[0, 1, 2]).tolist()
    macro = {"average": "macro", "labels": [0, 1, 2], "zero_division": 0}
    for name, score in (("recall", metrics.recall_score), ("precision", metrics.precision_score), ("f1", metrics.f1_score)):  # fmt: skip
        assert found[f"macro_{name}"]["value"] == pytest.approx(score(truth, said, **macro), abs=1e-6)
    for index, row in enumerate(rows.values()):
        assert row["auc"]["delong"]["value"] == pytest.approx(
            metrics.roc_auc_score(truth == index, table.probabilities[:, index]), abs=1e-6
        )


@given(seeds)
@settings(max_examples=15, deadline=None)
def test_all_rounds_at_once_give_what_one_round_after_another_gives(seed: int) -> None:
    table = sample(seed)
    boot = PatientBootstrap(table.patients, rounds=30, seed=seed)
    score, positive = table.probabilities[:, 0], table.labels == 0
    areas, sums = boot.aucs(score, positive), boot.sums(np.stack([positive, np.ones(len(table))], axis=1))
    for draw, area, total in zip(boot._draws, areas, sums, strict=True):
        drawn = np.repeat(np.arange(len(table)), draw[boot._inverse])
        assert total == pytest.approx([positive[drawn].sum(), len(drawn)])
        slow = auc(score[drawn], positive[drawn])
        assert area == pytest.approx(slow, nan_ok=True)


def test_the_interval_is_that_of_the_loop_over_patients() -> None:
    table = sample(5, 400)
    score, positive = table.probabilities[:, 0], table.labels == 0
    fast = PatientBootstrap(table.patients, rounds=2000, seed=3)
    new = fast.around(auc(score, positive), fast.aucs(score, positive))
    old = by_patient(lambda rows: auc(score[rows], positive[rows]), table.patients, rounds=1500, seed=4)
    assert (new.low, new.high) == pytest.approx((old.low, old.high), abs=0.01)


def test_many_cases_of_one_patient_do_not_narrow_an_interval() -> None:
    hits = np.random.default_rng(0).random(40) < 0.8
    one = share(PatientBootstrap(np.arange(40), seed=1), hits, np.ones(40, bool))
    ten = share(
        PatientBootstrap(np.repeat(np.arange(40), 10), seed=1), np.repeat(hits, 10), np.ones(400, bool)
    )
    assert ten.high - ten.low > 0.8 * (one.high - one.low)


def test_all_right_is_not_certainty() -> None:
    found = share(PatientBootstrap(np.repeat(np.arange(20), 3), seed=1), np.ones(60, bool), np.ones(60, bool))
    assert found.low == pytest.approx(0.8316, abs=1e-3)  # Clopper-Pearson, 20 of 20 patients
    assert found.high == 1


def test_a_perfect_area_of_few_patients_is_not_certainty() -> None:
    truth = np.arange(30) < 10
    found = figures.area(truth.astype(float), truth, PatientBootstrap(np.arange(30), rounds=200))
    for key in ("delong", "by_patient"):
        assert found[key]["value"] == 1
        assert found[key]["low"] == pytest.approx(0.6915, abs=1e-3)  # Clopper-Pearson, 10 of 10


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_delongs_paired_test_is_its_slow_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    positive = np.r_[np.ones(12, bool), np.zeros(17, bool)]
    scores = np.round(rng.normal(size=(2, 29)) + positive * rng.random((2, 1)), 1)
    found = compare.delong_paired(scores[0], scores[1], positive)
    hits, misses = [], []
    for score in scores:
        wins = _kernel(score[positive][:, None] - score[~positive][None])
        hits.append(wins.mean(axis=1))
        misses.append(wins.mean(axis=0))
    covariance = np.cov(hits) / 12 + np.cov(misses) / 17
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    assert found.difference.value == pytest.approx(hits[0].mean() - hits[1].mean())
    if variance > 1e-12:
        assert found.z == pytest.approx((hits[0].mean() - hits[1].mean()) / np.sqrt(variance))
    back = compare.delong_paired(scores[1], scores[0], positive)
    assert (back.z, back.p) == pytest.approx((-found.z, found.p))
    assert compare.delong_paired(scores[0], np.exp(scores[0]), positive).p == 1


def _kernel(difference: NDArray[np.float64]) -> NDArray[np.float64]:
    won: NDArray[np.float64] = (difference > 0) + 0.5 * (difference == 0)
    return won


def test_the_paired_test_keeps_its_level_when_two_scores_are_equally_good() -> None:
    rng = np.random.default_rng(8)
    positive = np.r_[np.ones(60, bool), np.zeros(60, bool)]
    ps = []
    for _ in range(800):
        first, second = rng.normal(size=(2, 120)) + positive
        ps.append(compare.delong_paired(first, second, positive).p)
    assert 0.03 < np.mean(np.array(ps) < 0.05) < 0.075


@given(seeds, st.floats(-20, 20), st.floats(0.1, 10))
@settings(max_examples=40, deadline=None)
def test_agreement_ignores_a_common_shift_and_scale_and_feels_a_bias(
    seed: int, shift: float, scale: float
) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.normal(30, 10, 25)
    pair = np.stack([truth, truth + rng.normal(0, 3, 25)], axis=1)
    icc = agreement.icc_2_1(pair)
    assert icc.low <= icc.value <= icc.high <= 1
    assert agreement.icc_2_1(pair * scale + shift).value == pytest.approx(icc.value, abs=1e-6)
    assert agreement.icc_2_1(pair + np.array([0, 15])).value < icc.value
    assert agreement.icc_2_1(np.stack([truth, truth], axis=1)).value == pytest.approx(1)
    assert agreement.smape(truth, truth) == 0


def test_a_measure_comes_with_the_share_that_could_be_measured() -> None:
    truth = np.array([10.0, 20, 30, 40, np.nan])
    measured = np.array([12.0, 19, np.nan, 46, 3])
    found = agreement.agreement(truth, measured, np.array(list("abcde")), rounds=200, seed=0)
    assert (found["cases_with_reference"], found["analysed"]) == (4, 3)
    assert found["share_analysable"]["value"] == 0.75
    assert found["mean_absolute_difference"]["value"] == 3
    assert found["smape_percent"] == pytest.approx(100 * 9 / 147, abs=1e-5)
    assert found["within_5"]["value"] == pytest.approx(2 / 3, abs=1e-6)


@given(st.integers(1, 12), st.floats(0.05, 0.97), st.floats(1, 20), st.floats(0.01, 0.5), shares, shares)
@settings(max_examples=60, deadline=None)
def test_the_forecast_is_the_proofs_closed_form(
    readers: int, rho: float, minutes: float, pi: float, sensitivity: float, fpf: float
) -> None:
    site = load.Site(readers, 60 * readers * rho / minutes, 10, minutes, pi)
    found = load.forecast(site, sensitivity, fpf)
    setting = theory.Setting(readers, site.rho, pi, sensitivity, fpf, minutes, minutes)
    exact = theory.waits(setting, theory.Discipline.NON_PREEMPTIVE)
    assert found.fifo_wait == pytest.approx(exact.fifo_diseased, rel=1e-6)
    assert found.diseased_wait == pytest.approx(exact.diseased, rel=1e-6)
    assert found.minutes_lost_per_other == pytest.approx(-exact.saving_other, rel=1e-4, abs=1e-7)


@given(seeds, st.floats(0.01, 0.6), st.floats(0.0, 0.95))
@settings(max_examples=60, deadline=None)
def test_the_best_point_maximises_the_share_of_the_benefit_at_any_prevalence(
    seed: int, pi: float, rho: float
) -> None:
    rng = np.random.default_rng(seed)
    fpf = np.sort(rng.random(30))
    se = np.maximum(fpf, np.sort(rng.random(30)) ** 0.3)
    best = load.best_point(se, fpf, rho)
    gains = [load.phi(s, f, rho, pi) for s, f in zip(se, fpf, strict=True)]
    assert gains[best] == pytest.approx(max(gains))


def test_an_overloaded_list_has_no_forecast() -> None:
    with pytest.raises(Refused, match=r"in use would be 1\.00"):
        load.forecast(load.Site(1, 10, 8, 6, 0.05), 0.9, 0.1)


@given(seeds, shares, shares)
@settings(max_examples=40, deadline=None)
def test_a_shift_of_prevalence_is_bayes_and_can_be_undone(seed: int, trained: float, used: float) -> None:
    p = np.random.default_rng(seed).uniform(0.01, 0.99, 20)
    moved = prevalence.shifted(p, trained, used)
    odds = p / (1 - p) * (used / (1 - used)) / (trained / (1 - trained))
    assert moved == pytest.approx(odds / (1 + odds), rel=1e-4)
    assert (np.argsort(moved) == np.argsort(p)).all()
    assert prevalence.shifted(moved, used, trained) == pytest.approx(p, abs=1e-3)
    both = prevalence.shifted_classes(
        np.stack([1 - p, p], axis=1), np.array([1 - trained, trained]), np.array([1 - used, used])
    )
    assert both[:, 1] == pytest.approx(odds / (1 + odds), rel=1e-6)
