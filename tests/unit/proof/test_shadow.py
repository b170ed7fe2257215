"""The shadow report's arithmetic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from triage.domain.outcome import OutcomeLabel
from triage.domain.shadow import ShadowPair
from triage.proof.shadow import mcnemar, reports

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
F, N, A = "FLAGGED", "NOT_FLAGGED", "ABSTAINED"


def pair(live: str, shadow: str, label: OutcomeLabel | None = None, **more: object) -> ShadowPair:
    scores = {F: 0.8, N: 0.2, A: None, "": None}
    values = {
        "at": NOW - timedelta(days=2),
        "live_score": scores[live],
        "shadow_score": scores[shadow],
        **more,
    }
    return ShadowPair("fresh@2", live=live, shadow=shadow, label=label, trouble="", **values)  # type: ignore[arg-type]  # a row of the test's own


def test_flags_are_counted_by_who_raised_them() -> None:
    rows = [pair(F, F)] * 3 + [pair(F, N)] + [pair(N, F)] * 2 + [pair(N, N)] * 4 + [pair(A, N), pair(N, "")]
    (found,) = reports(rows, NOW - timedelta(days=7), NOW)
    assert (found.both, found.only_live, found.only_shadow, found.neither) == (3, 1, 2, 5)
    assert (found.studies, found.silent, found.live_abstained, found.shadow_abstained) == (11, 1, 1, 0)
    assert found.days == pytest.approx(2.0), "two days were observed, whatever was asked for"
    assert ("flagged per day", "2.00", "2.50") in list(found.lines())
    assert found.agreement.hits == 7


def test_an_abstention_is_no_agreement_with_not_flagged() -> None:
    (found,) = reports([pair(A, N)], NOW, NOW)
    assert found.agreement.hits == 0


def test_scores_are_compared_where_both_gave_one() -> None:
    rows = [
        pair(F, F, live_score=0.5, shadow_score=0.7),
        pair(N, N, live_score=0.1, shadow_score=0.2),
        pair(A, F),
    ]
    (found,) = reports(rows, NOW, NOW)
    assert found.scores is not None
    assert found.scores.studies == 2
    assert found.scores.mean_difference == pytest.approx(0.15)
    assert found.scores.correlation is None, "two points lie on a line, whatever they are"


def test_truth_counts_only_where_a_report_told_it() -> None:
    fresh, old = OutcomeLabel.FRESH, OutcomeLabel.OLD
    rows = [pair(F, F, fresh), pair(F, N, fresh), pair(A, F, fresh), pair(F, N, old), pair(N, N, old)]
    rows += [pair(F, N, OutcomeLabel.UNKNOWN), pair(F, F)]
    (found,) = reports(rows, NOW, NOW)
    assert found.known is not None
    known = found.known
    assert (known.fresh, known.other) == (3, 2)
    assert (known.live_sensitivity.hits, known.shadow_sensitivity.hits) == (2, 2)
    assert (known.live_specificity.hits, known.shadow_specificity.hits) == (1, 2)
    (silent,) = reports([pair(F, N)], NOW, NOW)
    assert silent.known is None and any("nothing is known" in line for line in silent.sentences())


def test_the_exact_mcnemar_test_agrees_with_a_published_example() -> None:
    # Agresti, Categorical Data Analysis, 10.1: with 8 against 2 discordant, 2 * P(Bin(10, 1/2) <= 2) = .1094.
    assert mcnemar(8, 2) == pytest.approx(0.109375)
    assert mcnemar(2, 8) == mcnemar(8, 2)
    assert mcnemar(5, 5) == 1.0
    assert mcnemar(0, 0) is None
    assert mcnemar(3000, 2000) == pytest.approx(0.0, abs=1e-12)


def test_candidates_are_told_apart() -> None:
    other = ShadowPair("fresh@3", NOW, F, 0.9, F, 0.9, None, "")
    assert [one.candidate for one in reports([other, pair(F, F)], NOW, NOW)] == ["fresh@2", "fresh@3"]
