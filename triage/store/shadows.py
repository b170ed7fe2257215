"""Shadow runs: which bundles run beside the live ones, what they were asked, what they answered.

Promises: a shadow answer is kept here and nowhere else; nothing in this file touches the worklist, the findings,
the evidence or a delivery. A study is asked once per candidate, after its live answer was recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Engine, and_, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from triage.domain.analysis import InstanceForAnalysis
from triage.domain.errors import Conflict, NotFound
from triage.domain.model import Model, Placed, parse_reason
from triage.domain.outcome import OutcomeLabel
from triage.domain.shadow import ShadowPair
from triage.store import audit
from triage.store.engine import transaction
from triage.store.intervals import seconds
from triage.store.leases import instances_of
from triage.store.model_tables import model_shadow, shadow_answer
from triage.store.models import alone, demanded, live_in, shadowed
from triage.store.outcome_tables import outcome
from triage.store.tables import analysis, study

MOST_ATTEMPTS = 2
# Older files may have left the spool, and a shadow is judged on what is read today.
OLDEST = timedelta(days=1)
_A = shadow_answer.c


@dataclass(frozen=True, slots=True)
class ShadowTask:
    """One study for the candidate: what a worker must know, and nothing that it could write elsewhere."""

    answer_id: int
    attempts: int
    analysis_id: int
    study_instance_uid: str
    revision: int
    started_at: datetime
    instances: tuple[InstanceForAnalysis, ...]


def begin(engine: Engine, name: str, version: str, actor: str, reason: str) -> Model:
    """Let a registered bundle run in the shadow; raises Refused, NotFound or Conflict."""
    words = parse_reason(reason)
    with transaction(engine) as connection:
        alone(connection)
        wanted = demanded(connection, name, version)
        if live_in(connection, name) == wanted:
            raise Conflict("model", f"{wanted.reference} answers already: it cannot be its own shadow")
        values = {"name": name, "model_id": wanted.id, "actor": actor, "reason": words, "since": func.now()}
        other = model_shadow.c.model_id != wanted.id
        new = upsert(model_shadow).values(values)
        changed = new.on_conflict_do_update(index_elements=["name"], set_=values, where=other).returning(
            model_shadow.c.name
        )
        if connection.execute(changed).scalar_one_or_none() is None:
            raise Conflict("model", f"{wanted.reference} runs in the shadow already")
        audit.record(
            connection, actor, "model.shadow-on", f"model:{wanted.reference}", detail={"reason": words}
        )
    return wanted


def end(engine: Engine, name: str, version: str, actor: str, reason: str) -> Model:
    """End a shadow run; its answers stay. Raises NotFound when it does not run."""
    words = parse_reason(reason)
    with transaction(engine) as connection:
        alone(connection)
        running = [
            one.model
            for one in shadowed(connection)
            if (one.model.name, one.model.version) == (name, version)
        ]
        if not running:
            raise NotFound("model", f"{name}@{version} does not run in the shadow")
        connection.execute(delete(model_shadow).where(model_shadow.c.name == name))
        audit.record(
            connection, actor, "model.shadow-off", f"model:{name}@{version}", detail={"reason": words}
        )
    return running[0]


def running(engine: Engine) -> list[Placed]:
    """Return what runs in the shadow, by name."""
    with transaction(engine) as connection:
        return shadowed(connection)


def candidate_of(placed: list[Placed]) -> str:
    """Return what the shadow bundles are called together."""
    return " ".join(sorted(one.model.reference for one in placed))


def claim(engine: Engine, candidate: str, since: datetime, hold_seconds: float) -> ShadowTask | None:
    """Take the oldest study that was answered since then and that the candidate was not asked about, or None."""
    with transaction(engine) as connection:
        found = connection.execute(_unasked(candidate, since)).mappings().one_or_none()
        if found is None:
            return None
        asked = upsert(shadow_answer).values(
            analysis_id=found["id"], candidate=candidate, claimed_until=func.now() + seconds(hold_seconds)
        )
        asked = asked.on_conflict_do_update(
            index_elements=["analysis_id", "candidate"],
            set_={"attempts": _A.attempts + 1, "claimed_until": asked.excluded.claimed_until},
        )
        number, attempts = connection.execute(asked.returning(_A.id, _A.attempts)).one()
        return ShadowTask(
            number,
            attempts,
            found["id"],
            found["study_instance_uid"],
            found["revision"],
            found["first_started_at"],
            instances_of(connection, found["study_id"], found["revision"]),
        )


def _unasked(candidate: str, since: datetime) -> Any:
    settled = or_(_A.finished_at.is_not(None), _A.claimed_until > func.now(), _A.attempts >= MOST_ATTEMPTS)
    known = select(_A.id).where(_A.analysis_id == analysis.c.id, _A.candidate == candidate, settled)
    columns = [analysis.c[name] for name in ("id", "study_id", "revision", "first_started_at")]
    return (
        select(*columns, study.c.study_instance_uid)
        .join(study, study.c.id == analysis.c.study_id)
        .where(
            analysis.c.state == "succeeded",
            analysis.c.finished_at >= func.greatest(since, func.now() - OLDEST),
            ~known.exists(),
        )
        .order_by(analysis.c.finished_at, analysis.c.id)
        .limit(1)
        .with_for_update(of=analysis, skip_locked=True, key_share=True)
    )


def answered(engine: Engine, task: ShadowTask, answer: Mapping[str, Any]) -> None:
    """Keep what the candidate said; `answer` is an Outcome's JSON."""
    _settle(engine, task, outcome=dict(answer))


def failed(engine: Engine, task: ShadowTask, trouble: str) -> None:
    """Keep why the candidate said nothing; a first failure is tried once more."""
    again = task.attempts < MOST_ATTEMPTS
    _settle(engine, task, trouble=trouble, finished_at=None if again else func.now())


def _settle(engine: Engine, task: ShadowTask, **values: Any) -> None:
    said = {"finished_at": func.now(), "claimed_until": None, **values}
    with transaction(engine) as connection:
        connection.execute(update(shadow_answer).where(_A.id == task.answer_id).values(said))


def pairs(engine: Engine, since: datetime, candidate: str = "") -> list[ShadowPair]:
    """Return live and shadow answers side by side, as they were given since then, with the report's label."""
    said = _A.outcome["triage"]
    told = analysis.c.outcome["triage"]
    query = (
        select(
            _A.candidate,
            _A.finished_at.label("at"),
            told["outcome"].astext.label("live"),
            told["probability"].astext.label("live_score"),
            said["outcome"].astext.label("shadow"),
            said["probability"].astext.label("shadow_score"),
            outcome.c.label,
            _A.trouble,
        )
        .join(analysis, analysis.c.id == _A.analysis_id)
        .outerjoin(outcome, outcome.c.study_id == analysis.c.study_id)
        .where(and_(_A.finished_at >= since, _of(candidate)))
        .order_by(_A.id)
    )
    with transaction(engine) as connection:
        return [_pair(row) for row in connection.execute(query).mappings()]


def _of(candidate: str) -> ColumnElement[bool]:
    return _A.candidate == candidate if candidate else _A.id.is_not(None)


def _pair(row: Any) -> ShadowPair:
    label = None if row["label"] is None else OutcomeLabel(row["label"])
    return ShadowPair(
        row["candidate"],
        row["at"],
        row["live"] or "",
        _number(row["live_score"]),
        row["shadow"] or "",
        _number(row["shadow_score"]),
        label,
        row["trouble"] if row["shadow"] is None else "",
    )


def _number(value: str | None) -> float | None:
    return None if value is None else float(value)
