"""State machines are tables: every (state, event) has an entry."""

from __future__ import annotations

import itertools

import pytest

from triage.domain import analysis, study
from triage.domain.errors import Conflict


def test_every_study_state_knows_every_event() -> None:
    assert set(study.TRANSITIONS) == set(itertools.product(study.StudyState, study.StudyEvent))


def test_every_analysis_state_knows_every_event() -> None:
    assert set(analysis.TRANSITIONS) == set(itertools.product(analysis.AnalysisState, analysis.AnalysisEvent))


def test_an_image_is_welcome_in_every_state() -> None:
    for state in study.StudyState:
        assert study.after(state, study.StudyEvent.ARRIVE) is study.StudyState.RECEIVING


def test_a_study_cannot_be_closed_twice() -> None:
    with pytest.raises(Conflict):
        study.after(study.StudyState.CLOSED, study.StudyEvent.CLOSE)


def test_a_superseded_analysis_never_comes_back() -> None:
    for event in analysis.AnalysisEvent:
        following = analysis.TRANSITIONS[(analysis.AnalysisState.SUPERSEDED, event)]
        assert following in (None, analysis.AnalysisState.SUPERSEDED)
