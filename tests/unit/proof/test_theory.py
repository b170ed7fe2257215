"""The closed forms against published constants and the table of reference queues."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests.golden_queues import HALF_A_DIGIT, demand_rows
from triage.cli.worklist_theory import theory as command
from triage.domain.errors import Unprocessable
from triage.proof import bounds
from triage.proof.theory import Discipline, Setting, erlang_c, has_closed_form, waits

NP, PR = Discipline.NON_PREEMPTIVE, Discipline.PREEMPTIVE
# readers, traffic, minutes, prevalence (sensitivity .8, FPF .15), then: W0, FIFO, flagged, unflagged, diseased,
# other, oracle, phi, probability ranked (binormal, AUC .86) with its phi, accumulating priority r = .2.
CONSTANTS = [
    (3, 0.9, 5, 0.05, 1.36177, 13.61768, 1.62940, 16.29397, 4.56231, 14.09428, 1.42594, 0.74275, 2.49316, 0.91246, 4.38977, 15.67774),
    (3, 0.8, 5, 0.05, 1.07865, 5.39326, 1.26306, 6.31529, 2.27350, 5.55746, 1.12360, 0.73068, 1.67796, 0.87016, 2.19834, 6.10650),
    (1, 0.8, 6, 0.05, 4.80000, 24.00000, 5.62061, 28.10304, 10.11710, 24.73068, 5.00000, 0.73068, 7.46694, 0.87016, 9.78261, 27.17391),
    (2, 0.9, 6, 0.10, 2.55789, 25.57895, 3.17160, 31.71599, 8.88048, 27.43433, 2.81087, 0.73342, 4.92785, 0.90702, 8.47386, 30.26378),
]  # fmt: skip
# Settings of the reference table with their waits (FIFO, diseased, other, flagged, unflagged), so that the forms
# are held without it: unequal reading times, interrupting studies, several readers; non-preemptive, preemptive.
OWN = [
    (Setting(1, 0.8, 0.1, 0.9, 0.1, 12, 8), NP, (34.2857, 11.5862, 38.0690, 8.2759, 41.3793)),
    (Setting(1, 0.8, 0.1, 0.9, 0.1, 12, 8), PR, (34.2857, 6.3228, 38.9462, 2.1517, 43.0446)),
    (Setting(1, 0.85, 0.05, 0.8, 0.15, 8, 5, 0.1, 4), NP, (31.2059, 12.3317, 32.7953, 6.0352, 37.5177)),
    (Setting(1, 0.85, 0.05, 0.8, 0.15, 8, 5, 0.1, 4), PR, (31.7852, 9.7577, 33.4229, 2.0694, 38.9749)),
    (Setting(3, 0.85, 0.05, 0.8, 0.15, 5, 5, 0.25, 5), NP, (10.3051, 4.2608, 10.6233, 2.3031, 12.0915)),
    (Setting(3, 0.85, 0.05, 0.8, 0.15, 5, 5, 0.25, 5), PR, (10.8000, 3.0239, 11.2093, 0.5054, 13.0982)),
    (Setting(4, 0.9, 0.05, 0.8, 0.15, 5, 5), NP, (9.8469, 3.2990, 10.1915, 1.1782, 11.7821)),
]
settings = st.builds(
    Setting,
    st.integers(1, 8),
    st.floats(0.05, 0.97),
    st.floats(0.01, 0.5),
    st.floats(0.55, 0.99),
    st.floats(0.01, 0.5),
    st.just(5.0),
    st.just(5.0),
)


@pytest.mark.parametrize("constants", CONSTANTS)
def test_the_closed_forms_give_the_published_constants(constants: tuple[float, ...]) -> None:
    readers, traffic, minutes, prevalence, *expected = constants
    setting = Setting(int(readers), traffic, prevalence, 0.8, 0.15, minutes, minutes)
    found, known = waits(setting, NP), bounds.bounds(setting)
    ranked = bounds.probability_ranked(setting, 0.86)
    figures = (known.first, known.fifo, found.flagged, found.unflagged, found.diseased, found.other)
    reach = (known.oracle_diseased, known.phi, ranked, bounds.fraction(setting, ranked))
    assert (*figures, *reach, *bounds.accumulating(setting, 0.2)) == pytest.approx(
        expected, rel=1e-5, abs=5e-6
    )


@pytest.mark.parametrize(("setting", "discipline", "expected"), OWN)
def test_the_closed_forms_hold_with_unequal_times_and_interruptions(
    setting: Setting, discipline: Discipline, expected: tuple[float, ...]
) -> None:
    found = waits(setting, discipline)
    figures = (found.fifo_diseased, found.diseased, found.other, found.flagged, found.unflagged)
    assert figures == pytest.approx(expected, rel=1e-4, abs=HALF_A_DIGIT)


def test_every_reference_queue_with_a_closed_form_is_met_within_one_in_ten_thousand() -> None:
    rows = [row for row in demand_rows() if row.closed_form]
    assert len(rows) == 21
    for row in rows:
        for discipline in Discipline:
            for name, (found, reference) in row.differences(
                discipline, waits(row.setting, discipline)
            ).items():
                assert found == pytest.approx(reference, rel=1e-4, abs=HALF_A_DIGIT), (row.name, name)
        if row.phi is not None:
            assert bounds.bounds(row.setting).phi == pytest.approx(row.phi, abs=6e-6)


def test_where_the_reference_has_no_closed_form_none_is_claimed() -> None:
    without = [row for row in demand_rows() if not row.closed_form]
    assert len(without) == 3
    for row in without:
        assert not has_closed_form(row.setting)
        with pytest.raises(Unprocessable, match="No closed form"):
            waits(row.setting, NP)


@given(settings)
def test_reordering_creates_no_reading_time(setting: Setting) -> None:
    """Conservation: with one reading time the mean over all studies is FIFO's, in any order."""
    for discipline in Discipline:
        found = waits(setting, discipline)
        share = setting.prevalence
        assert share * found.diseased + (1 - share) * found.other == pytest.approx(found.fifo_other, rel=1e-9)


@given(settings)
def test_the_share_of_the_oracle_is_the_saving_over_the_most_that_could_be_saved(setting: Setting) -> None:
    assert bounds.bounds(setting).phi == pytest.approx(
        bounds.fraction(setting, waits(setting, NP).diseased), rel=1e-6, abs=1e-9
    )


def test_one_reader_is_busy_as_often_as_there_is_work() -> None:
    assert erlang_c(1, 0.7) == pytest.approx(0.7)


def theory(*words: str) -> dict[str, object]:
    common = ["--prevalence", "0.1", "--sensitivity", "0.9", "--fpf", "0.1", "--json"]
    done = CliRunner().invoke(command, [*common, *words])
    assert done.exit_code == 0, done.output
    (shown,) = json.loads(done.stdout)["items"]
    assert isinstance(shown, dict)
    return shown


def test_the_command_says_the_waits_and_the_savings() -> None:
    shown = theory(
        *["--readers", "2", "--traffic", "0.8", "--read-time-diseased", "10", "--read-time-other", "10"]
    )
    assert shown["closed_form"] is True
    assert shown["saving_diseased"] == pytest.approx(11.9626, rel=1e-4)
    assert shown["phi"] == pytest.approx(0.85981, abs=1e-5)


def test_the_command_says_plainly_that_there_is_no_closed_form() -> None:
    shown = theory(
        *["--readers", "2", "--traffic", "0.8", "--read-time-diseased", "9", "--read-time-other", "6"]
    )
    assert shown["closed_form"] is False
    assert "No closed form" in str(shown["why_not"])
    assert "diseased" not in shown
    assert shown["phi"] is None
