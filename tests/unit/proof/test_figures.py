"""Sensitivity, AUC and calibration with their intervals, against definitions and known samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.domain.errors import Refused
from triage.domain.outcome import OutcomeLabel, Scored
from triage.proof.figures import delong, figures, recalibration
from triage.proof.intervals import batch_means, over_days, wilson
from triage.proof.outcome_file import read

FRESH, OLD, NONE, UNKNOWN = OutcomeLabel


def rows(label: OutcomeLabel, answer: str, chance: float | None, count: int) -> list[Scored]:
    return [Scored("CR_1", label, answer, chance)] * count


SITE = (
    rows(FRESH, "FLAGGED", 0.8, 40)
    + rows(FRESH, "NOT_FLAGGED", 0.1, 10)
    + rows(OLD, "FLAGGED", 0.7, 15)
    + rows(NONE, "NOT_FLAGGED", 0.05, 135)
    + rows(FRESH, "ABSTAINED", None, 3)
    + rows(NONE, "", None, 2)
    + rows(UNKNOWN, "FLAGGED", 0.9, 7)
)


def test_shares_are_of_the_answered_and_the_rest_is_counted() -> None:
    found = figures(SITE)
    assert (found.sensitivity.value, found.specificity.value) == (0.8, 0.9)
    assert (found.ppv.hits, found.ppv.of, found.npv.hits, found.npv.of) == (40, 55, 135, 145)
    assert (found.scored, found.unknown_label, found.without_answer, found.fresh_without_answer) == (
        200,
        7,
        5,
        3,
    )
    assert found.prevalence.value == 0.25


def test_an_old_fracture_that_was_flagged_is_a_false_flag() -> None:
    assert figures(rows(OLD, "FLAGGED", 0.7, 5)).specificity.value == 0.0


def test_without_studies_nothing_is_claimed() -> None:
    found = figures([])
    assert (found.sensitivity.value, found.auc, found.slope, found.calibration_error) == (
        None,
        None,
        None,
        None,
    )
    assert (found.sensitivity.low, found.sensitivity.high) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(0, 10, 0.0, 0.2775), (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (1, 29, 0.0061, 0.1718)],
)
def test_shares_have_wilson_s_interval(hits: int, of: int, low: float, high: float) -> None:
    """Newcombe 1998, table I, method 3."""
    assert wilson(hits, of) == pytest.approx((low, high), abs=6e-5)


@given(st.integers(0, 2**32))
def test_the_auc_and_its_error_are_those_of_the_definition(seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.integers(0, 6, 40) / 6  # with ties
    truth = random.random(40) < 0.4
    found = delong(scores, truth)
    if truth.sum() < 2 or (~truth).sum() < 2:
        assert found is None
        return
    assert found is not None
    wins = (np.sign(scores[truth][:, None] - scores[~truth][None, :]) + 1) / 2
    spread = wins.mean(axis=1).var(ddof=1) / len(wins) + wins.mean(axis=0).var(ddof=1) / wins.shape[1]
    assert found.value == pytest.approx(wins.mean())
    assert found.low == pytest.approx(max(0.0, wins.mean() - 1.959964 * spread**0.5))


def test_calibrated_probabilities_have_intercept_nought_and_slope_one() -> None:
    random = np.random.default_rng(3)
    chance = random.beta(1, 6, 40_000)
    truth = random.random(40_000) < chance
    assert recalibration(chance, truth) == pytest.approx((0.0, 1.0), abs=0.06)


def test_over_confident_probabilities_have_a_slope_below_one() -> None:
    random = np.random.default_rng(4)
    chance = random.beta(1, 6, 40_000)
    truth = random.random(40_000) < chance
    odds = (chance / (1 - chance)) ** 2 * 6
    intercept, slope = recalibration(odds / (1 + odds), truth)
    assert slope == pytest.approx(0.5, abs=0.04)
    assert intercept is not None and intercept < 0


def test_separated_data_give_no_slope_instead_of_an_endless_one() -> None:
    chance, truth = np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, False, True, True])
    assert recalibration(chance, truth)[1] is None


def test_expected_and_observed_fractures_are_compared_by_tenths() -> None:
    found = figures(SITE)
    assert len(found.deciles) == 10
    assert sum(tenth.observed for tenth in found.deciles) == 50
    assert sum(tenth.expected for tenth in found.deciles) == pytest.approx(32 + 1 + 10.5 + 6.75)


def test_batch_means_cover_the_mean_of_dependent_waits() -> None:
    random = np.random.default_rng(1)
    inside = 0
    for _ in range(200):
        noise = random.normal(0, 1, 20_000)
        waits = np.convolve(noise, np.ones(50) / 50, "same") + 5
        found = batch_means(waits, np.ones(len(waits), dtype=bool))
        inside += found.low <= 5 <= found.high
    assert inside >= 180


def test_days_are_drawn_whole() -> None:
    low, high = over_days(list(range(100)), lambda days: float(np.mean([1.0 * (day % 2) for day in days])))
    assert 0.38 < low < 0.5 < high < 0.62


CODES = {"S22.0": FRESH, "M80.9": OLD}


def test_each_bad_line_is_named_by_its_number_and_the_rest_counts() -> None:
    text = "accession,label,code,reported_at\nA1,fresh,,2026-11-20T10:00+01:00\nA2,broken,,\n,none,,\nA3,,S22.0,\nA4,,Z99,\nA5,none,,soon\nA6\nA7,,,\nA8,NONE,,\n"
    found, problems = read(text, CODES)
    assert {one.accession_number: one.label for one in found} == {"A1": FRESH, "A3": FRESH, "A8": NONE}
    assert [problem.line for problem in problems] == [3, 4, 6, 7, 8, 9]
    assert not [problem for problem in problems if "A" in problem.sentence or "broken" in problem.sentence]
    assert found[0].reported_at is not None and found[0].reported_at.tzinfo is not None


def test_the_last_line_of_a_study_counts() -> None:
    found, _ = read("accession,label\nA1,none\nA1,fresh\n", {})
    assert [(one.line, one.label) for one in found] == [(3, FRESH)]


@pytest.mark.parametrize("head", ["", "accession", "label", "accession,label,patient_name"])
def test_a_file_with_other_columns_is_refused_whole(head: str) -> None:
    with pytest.raises(Refused):
        read(f"{head}\nA1,fresh,x\n", {})


@given(st.text(max_size=80))
def test_no_file_breaks_the_reader(text: str) -> None:
    read(f"accession,label\n{text}", {})
