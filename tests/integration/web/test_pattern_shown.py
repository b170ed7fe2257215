"""The drawer says what two views together show, in words; the score in assist mode alone."""

from __future__ import annotations

from sqlalchemy import Engine

from tests import worklist_cast as cast
from tests.integration.web.test_page import Open
from triage.domain.finding import TriageOutcome


def test_the_drawer_tells_the_pattern_and_its_score_in_assist_mode_only(
    engine: Engine, sit_down: Open
) -> None:
    study_id = cast.image_arrives(engine, "curved")
    cast.analysed(engine, study_id, cast.not_flagged(), cast.pattern())
    plain = sit_down().get(f"/?study={study_id}").text
    assert "<dt>Curve pattern</dt><dd>Possible atypical pattern of the curve.</dd>" in plain
    assert "0.87" not in plain
    assisted = sit_down(product={"mode": "assist"}).get(f"/?study={study_id}").text
    assert "Model score 0.87, threshold 0.50." in assisted


def test_the_drawer_says_why_there_is_no_pattern(engine: Engine, sit_down: Open) -> None:
    study_id = cast.image_arrives(engine, "alone")
    cast.analysed(engine, study_id, cast.not_flagged(), cast.pattern(TriageOutcome.ABSTAINED))
    said = sit_down().get(f"/?study={study_id}").text
    assert "not analysed: The study holds no frontal image of the whole spine." in said
