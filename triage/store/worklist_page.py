"""What the page, the drawer and the command line read of the worklist. Nothing is changed here.

The order of the rows is `worklist_sequence`'s, which `next` shares. Patient data leaves the
database here for the reader's eyes; callers keep it out of logs and addresses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    ScalarSelect,
    Select,
    and_,
    desc,
    func,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from triage.domain.errors import NotFound
from triage.domain.finding import Outcome
from triage.domain.priority import AiStatus, OrderPolicy, RequestedPriority, Tier, guarded_reason
from triage.domain.reading import Filters
from triage.domain.worklist import HistoryEntry, Place, Tab, WorklistDetail, WorklistRow, WorklistState
from triage.store import bounded
from triage.store.engine import transaction
from triage.store.marks import label_list, note_count, notes_within
from triage.store.matching import matching
from triage.store.paging import PageEnd, behind, demand_of, following
from triage.store.tables import analysis, audit, delivery, evidence, instance, study
from triage.store.worklist_guard import is_guarded, lines
from triage.store.worklist_place import place_of
from triage.store.worklist_policy import newest
from triage.store.worklist_sequence import OPEN, ORDER, places, sequence
from triage.store.worklist_tables import worklist_item

_ITEM = worklist_item.c
USUAL = OrderPolicy()
# Rows are numbered as they arrive; there is an index for each of these two orders.
_LATEST: dict[Tab, tuple[ColumnElement[Any], ...]] = {
    Tab.READ: (desc(_ITEM.completed_at), desc(_ITEM.study_id)),
    Tab.ALL: (desc(_ITEM.study_id),),
}
_OPEN_STATES = (WorklistState.SCHEDULED, WorklistState.IN_PROGRESS)
_STUDY = (
    "patient_name",
    "patient_id",
    "patient_sex",
    "patient_birth_date",
    "accession_number",
    "study_date",
    "study_time",
    "study_description",
    "conflict",
    "calling_ae",
)
_FIELDS = tuple(field.name for field in fields(WorklistRow) if field.name != "guarded")
HISTORY_LINES = 20
UNFILTERED = Filters()


def page(
    engine: Engine,
    tab: Tab = Tab.UNREAD,
    *,
    limit: int = 200,
    reader: str = "",
    filters: Filters = UNFILTERED,
    after: PageEnd | None = None,
    site: OrderPolicy = USUAL,
) -> list[WorklistRow]:
    """Return the rows of one tab behind where a page ended, in the order they are to be read (what was read, and
    all: the latest first). `site` is what the settings say; raises Unprocessable for another tab's end."""
    demand_of(tab, after)
    with transaction(engine) as connection:
        guard = lines(connection, newest(connection, site).policy)
        if tab in _LATEST:
            rest = true() if after is None else following(after)
            query = _ROWS.where(_tab(tab, reader), matching(filters, tab), rest)
            query = query.order_by(*_LATEST[tab]).limit(limit)
        else:
            anchor = behind(connection, after) if after is not None else None
            narrowed = [] if filters.empty else [matching(filters, tab)]
            conditions = (_tab(tab, reader), *narrowed)
            rows = sequence(guard, limit, *conditions, with_study=bool(narrowed), anchor=anchor)
            query = _ROWS.join(rows, rows.c.study_id == _ITEM.study_id).order_by(*places(rows))
        return [_row(found, guard) for found in connection.execute(query)]


def row(engine: Engine, study_id: int, site: OrderPolicy = USUAL) -> WorklistRow:
    """Return one row; raises NotFound."""
    with transaction(engine) as connection:
        return read_row(connection, study_id, site)


def find(engine: Engine, name: str, site: OrderPolicy = USUAL) -> list[WorklistRow]:
    """Return the rows whose Study Instance UID or accession number is `name`, or whose row id it is."""
    known = [study.c.study_instance_uid == name, study.c.accession_number == name]
    if name.isascii() and name.isdigit() and len(name) < 18:
        known.append(study.c.id == int(name))
    # By the study's own indexes, one after the other: the worklist holds every study that ever was.
    ids = union_all(*(select(study.c.id).where(one) for one in known)).subquery()
    with transaction(engine) as connection:
        guard = lines(connection, newest(connection, site).policy)
        query = _ROWS.where(_ITEM.study_id.in_(select(ids.c.id))).order_by(*ORDER)
        return [_row(found, guard) for found in connection.execute(query)]


def counts(engine: Engine, reader: str = "", filters: Filters = UNFILTERED) -> dict[Tab, int]:
    """Return how many rows each tab holds, as far as they match (see `bounded`)."""
    columns = [_counted(tab, reader, filters).label(tab.name) for tab in Tab]
    with transaction(engine) as connection:
        found = connection.execute(select(*columns)).mappings().one()
    return {tab: int(found[tab.name]) for tab in Tab}


def _counted(tab: Tab, reader: str, filters: Filters) -> ScalarSelect[int]:
    # No page may cost a walk over every study that was ever read.
    some = select(_ITEM.study_id).where(_tab(tab, reader))
    if not filters.empty:
        some = some.join(study, study.c.id == _ITEM.study_id).where(matching(filters, tab))
    return bounded.up_to(some)


def standing(engine: Engine, study_id: int, site: OrderPolicy = USUAL) -> Place:
    """Return why a study is where it is, with the figures; raises NotFound."""
    with transaction(engine) as connection:
        return place_of(connection, read_row(connection, study_id, site), site)


def detail(engine: Engine, study_id: int, site: OrderPolicy = USUAL) -> WorklistDetail:
    """Return what the drawer shows: the place, the newest answer, and what was done so far."""
    newest = (
        select(analysis.c.outcome)
        .where(analysis.c.study_id == study_id, analysis.c.state == "succeeded")
        .order_by(desc(analysis.c.revision), desc(analysis.c.generation))
        .limit(1)
    )
    past = (
        select(audit.c.at, audit.c.actor, audit.c.action)
        .where(audit.c.study_id == study_id)
        .order_by(desc(audit.c.id))
        .limit(HISTORY_LINES)
    )
    with transaction(engine) as connection:
        place = place_of(connection, read_row(connection, study_id, site), site)
        answer = connection.execute(newest).scalar_one_or_none()
        history = tuple(HistoryEntry(**line) for line in connection.execute(past).mappings())
        notes = notes_within(connection, study_id)
    return WorklistDetail(place, Outcome.from_json(answer) if answer else None, history, notes)


def read_row(connection: Connection, study_id: int, site: OrderPolicy = USUAL) -> WorklistRow:
    """Return one row inside the caller's transaction; raises NotFound."""
    found = connection.execute(_ROWS.where(_ITEM.study_id == study_id)).one_or_none()
    if found is None:
        raise NotFound("worklist", f"study {study_id} is not on the worklist")
    return _row(found, lines(connection, newest(connection, site).policy))


def _tab(tab: Tab, reader: str) -> ColumnElement[bool]:
    tabs: dict[Tab, ColumnElement[bool]] = {
        Tab.UNREAD: OPEN,
        Tab.MINE: and_(_ITEM.state == WorklistState.IN_PROGRESS, _ITEM.claimed_by == reader),
        Tab.READ: _ITEM.state == WorklistState.COMPLETED,
        # Spelt as its index is.
        Tab.NOT_ANALYSED: and_(
            OPEN, or_(_ITEM.ai_status == AiStatus.NOT_ANALYSED, _ITEM.outcome == "ABSTAINED")
        ),
        Tab.ALL: _ITEM.state != "",
    }
    return tabs[tab]


def _rows() -> Select[Any]:
    images = (
        select(
            func.count().label("images"),
            func.array_agg(func.distinct(instance.c.modality), type_=ARRAY(Text)).label("modalities"),
        )
        .where(instance.c.study_id == _ITEM.study_id, instance.c.current, ~instance.c.own_result)
        .lateral("images")
    )
    results = (
        select(
            *(
                func.count().filter(delivery.c.state.in_(states)).label(f"results_{word}")
                for word, states in (
                    ("pending", ["pending"]),
                    ("sent", ["sent", "committed"]),
                    ("refused", ["refused"]),
                )
            )
        )
        .select_from(evidence.join(delivery, delivery.c.evidence_id == evidence.c.id))
        .where(evidence.c.study_id == _ITEM.study_id)
        .lateral("results")
    )
    known: dict[str, ColumnElement[Any]] = {
        **{column.name: column for column in _ITEM},
        **{name: study.c[name] for name in _STUDY},
        "study_state": study.c.state,
        "held": _ITEM.touched_by_person,
        "notes": note_count(),
        "labels": label_list(),
        **{str(column.name): column for part in (images, results) for column in part.c},
    }
    return (
        # In the order of the row's fields: a page of rows is built in a millisecond, not twenty.
        select(*(known[name].label(name) for name in _FIELDS))
        .join(study, study.c.id == _ITEM.study_id)
        .join(images, true())
        .join(results, true())
    )


_ROWS = _rows()


def _row(found: Row[Any], guard: Mapping[str, datetime]) -> WorklistRow:
    values = dict(zip(_FIELDS, found, strict=True))
    values |= {
        "state": WorklistState(values["state"]),
        "tier": Tier(values["tier"]),
        "ai_status": AiStatus(values["ai_status"]),
        "requested_priority": RequestedPriority(values["requested_priority"]),
        "modalities": tuple(sorted(name for name in values["modalities"] or () if name)),
        "labels": tuple(sorted(values["labels"] or ())),
        "guarded": values["state"] in _OPEN_STATES and is_guarded(values, guard),
    }
    if values["guarded"]:
        values["reason_code"], values["reason"] = guarded_reason(values["reason_code"], values["reason"])
    return WorklistRow(**values)
