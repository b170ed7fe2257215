"""The models' life as rows: who promoted what, what comes back, what runs in the shadow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from tests import worklist_cast
from tests.model_cast import facts
from triage.domain.errors import Conflict, NotFound, Refused
from triage.domain.finding import TriageOutcome
from triage.domain.model import Model
from triage.domain.outcome import OutcomeLabel, ReportedOutcome
from triage.store import audit, models, outcomes, shadows

NAME = "vertebra-fresh"


def imported(engine: Engine, *versions: str) -> list[Model]:
    return [
        models.register(engine, facts(version=version, letter=letter), "Dr A")[0]
        for version, letter in zip(versions, "abcdef", strict=False)
    ]


def live_version(engine: Engine) -> str | None:
    found = models.live(engine).get(NAME)
    return None if found is None else found.version


def test_an_import_is_recorded_once_and_a_version_never_gets_other_bytes(engine: Engine) -> None:
    first, new = models.register(engine, facts(), "Dr A")
    again, not_new = models.register(engine, facts(), "Dr B")
    assert (new, not_new) == (True, False) and first == again and first.imported_by == "Dr A"
    with pytest.raises(Conflict, match="another version"):
        models.register(engine, facts(letter="b"), "Dr A")
    assert [entry.action for entry in audit.entries(engine)] == ["model.import"]
    assert models.live(engine) == {}, "what was imported answers nothing"


def test_a_promotion_says_who_when_and_why_in_its_own_transaction(engine: Engine) -> None:
    imported(engine, "1.1.0")
    done = models.promote(engine, NAME, "1.1.0", "Dr A", "four weeks\nin the shadow")
    assert (done.now, done.before) == (models.live(engine)[NAME], None)
    (entry,) = audit.entries(engine, limit=1)
    assert (entry.actor, entry.action, entry.subject) == ("Dr A", "model.promote", f"model:{NAME}")
    assert entry.detail == {
        "from": "as shipped",
        "to": "1.1.0",
        "digest": "a" * 64,
        "reason": "four weeks in the shadow",
    }
    (placed,) = models.catalogue(engine)
    assert (placed.role, placed.actor, placed.reason) == ("live", "Dr A", "four weeks in the shadow")
    for statement in ("UPDATE model_promotion SET actor = 'x'", "DELETE FROM model_promotion"):
        with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
            connection.execute(text(statement))


def test_rollbacks_come_back_the_way_the_promotions_went(engine: Engine) -> None:
    imported(engine, "1.1.0", "1.2.0", "1.3.0")
    for version in ("1.1.0", "1.2.0"):
        models.promote(engine, NAME, version, "Dr A", "better")
    roles = {one.model.version: str(one.role) for one in models.catalogue(engine)}
    assert roles == {"1.1.0": "previous", "1.2.0": "live", "1.3.0": ""}
    back = models.rollback(engine, "Dr B", "flags doubled")
    assert (back.before and back.before.version, live_version(engine)) == ("1.2.0", "1.1.0")
    models.promote(engine, NAME, "1.3.0", "Dr A", "mended")
    assert models.rollback(engine, "Dr B", "no", NAME).sentence() == f"{NAME}: 1.3.0 -> 1.1.0"
    models.rollback(engine, "Dr B", "all of it")
    assert live_version(engine) is None
    for name in (None, NAME):
        with pytest.raises(Conflict, match="as shipped"):
            models.rollback(engine, "Dr B", "more", name)
    acts = [(one.act, one.now.version if one.now else "shipped") for one in models.history(engine)]
    assert acts[:3] == [("rollback", "shipped"), ("rollback", "1.1.0"), ("promote", "1.3.0")]
    assert len(acts) == 6


Act = Callable[[Engine], object]
REFUSED: dict[str, tuple[Act, type[Exception]]] = {
    "no reason": (lambda e: models.promote(e, NAME, "1.1.0", "a", " \n"), Refused),
    "not imported": (lambda e: models.promote(e, NAME, "9", "a", "why"), NotFound),
    "nothing serves it": (lambda e: models.promote(e, "chiari-dual", "1", "a", "why"), Refused),
    "nothing to roll back": (lambda e: models.rollback(e, "a", "why"), Conflict),
    "shadow without reason": (lambda e: shadows.begin(e, NAME, "1.1.0", "a", ""), Refused),
    "shadow of nothing": (lambda e: shadows.begin(e, NAME, "9", "a", "why"), NotFound),
    "end of no shadow": (lambda e: shadows.end(e, NAME, "1.1.0", "a", "why"), NotFound),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_leaves_no_row_and_no_audit(engine: Engine, name: str) -> None:
    imported(engine, "1.1.0")
    act, kind = REFUSED[name]
    with pytest.raises(kind):
        act(engine)
    assert (models.live(engine), models.history(engine), shadows.running(engine)) == ({}, [], [])
    assert [entry.action for entry in audit.entries(engine)] == ["model.import"]


def test_a_shadow_has_one_bundle_a_name_and_ends_when_it_is_promoted(engine: Engine) -> None:
    imported(engine, "1.1.0", "1.2.0")
    shadows.begin(engine, NAME, "1.1.0", "Dr A", "new training")
    shadows.begin(engine, NAME, "1.2.0", "Dr A", "newer training")
    (running,) = shadows.running(engine)
    assert (running.model.version, running.reason) == ("1.2.0", "newer training")
    with pytest.raises(Conflict, match="already"):
        shadows.begin(engine, NAME, "1.2.0", "Dr A", "again")
    models.promote(engine, NAME, "1.2.0", "Dr A", "good")
    assert shadows.running(engine) == []
    with pytest.raises(Conflict, match="its own shadow"):
        shadows.begin(engine, NAME, "1.2.0", "Dr A", "again")
    actions = [entry.action for entry in audit.entries(engine)]
    assert actions[:3] == ["model.promote", "model.shadow-on", "model.shadow-on"]


def answered_study(engine: Engine, name: str) -> int:
    study_id = worklist_cast.image_arrives(engine, name)
    worklist_cast.analysed(engine, study_id, worklist_cast.flagged())
    return study_id


def test_each_answered_study_is_asked_about_once_and_only_since_the_shadow_began(engine: Engine) -> None:
    answered_study(engine, "before")
    imported(engine, "1.1.0")
    shadows.begin(engine, NAME, "1.1.0", "Dr A", "new training")
    (placed,) = shadows.running(engine)
    candidate, since = shadows.candidate_of([placed]), placed.since
    assert candidate == f"{NAME}@1.1.0" and since is not None
    assert shadows.claim(engine, candidate, since, 60) is None
    answered_study(engine, "after")
    task = shadows.claim(engine, candidate, since, 60)
    assert task is not None and len(task.instances) == 1
    assert shadows.claim(engine, candidate, since, 60) is None, "it is in somebody's hand"
    shadows.answered(engine, task, worklist_cast_outcome(TriageOutcome.NOT_FLAGGED, 0.2))
    assert shadows.claim(engine, candidate, since, 60) is None
    assert shadows.claim(engine, f"{NAME}@1.2.0", since, 60) is not None, "another candidate is asked anew"


def worklist_cast_outcome(answer: TriageOutcome, probability: float) -> dict[str, object]:
    from tests.cast import outcome

    return outcome(answer, probability).to_json()


def test_a_failed_question_is_asked_twice_and_then_told(engine: Engine) -> None:
    imported(engine, "1.1.0")
    since = datetime.now(UTC) - timedelta(hours=1)
    answered_study(engine, "one")
    for attempt in (1, 2):
        task = shadows.claim(engine, "x", since, 60)
        assert task is not None and task.attempts == attempt
        shadows.failed(engine, task, "time-out")
    assert shadows.claim(engine, "x", since, 60) is None
    (pair,) = shadows.pairs(engine, since)
    assert (pair.live, pair.shadow, pair.trouble) == ("FLAGGED", "", "time-out")


def test_pairs_carry_both_answers_and_the_reports_label_and_nothing_else_changed(engine: Engine) -> None:
    since = datetime.now(UTC) - timedelta(hours=1)
    study_id = answered_study(engine, "one")
    before = worklist_state(engine)
    task = shadows.claim(engine, "x", since, 60)
    assert task is not None
    shadows.answered(engine, task, worklist_cast_outcome(TriageOutcome.NOT_FLAGGED, 0.2))
    assert worklist_state(engine) == before
    with engine.begin() as connection:
        query = text("SELECT accession_number FROM study WHERE id = :id")
        number = connection.execute(query, {"id": study_id}).scalar_one()
    outcomes.record(engine, [ReportedOutcome(1, number, OutcomeLabel.FRESH)], "Dr A")
    (pair,) = shadows.pairs(engine, since, "x")
    assert (pair.live, pair.shadow, pair.shadow_score) == ("FLAGGED", "NOT_FLAGGED", 0.2)
    assert pair.live_score is not None and pair.label is OutcomeLabel.FRESH
    assert shadows.pairs(engine, since, "y") == []


def worklist_state(engine: Engine) -> list[tuple[object, ...]]:
    """Return everything that a shadow must never touch."""
    tables = ("worklist_item", "finding", "evidence", "delivery", "analysis", "audit", "study")
    with engine.begin() as connection:
        return [
            tuple(row) for table in tables for row in connection.execute(text(f"SELECT * FROM {table}")).all()
        ]
