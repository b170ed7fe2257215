"""From filters to a condition on the rows of the worklist, and the words a filter may choose from.

The text matches the beginning of a family name ("SATO, HA" goes on into the given name), of a patient id
or of an accession number, and among the open rows any part of a name in any script.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Engine, FromClause, Function, and_, exists, func, or_, select, true

from triage.domain.priority import AiStatus
from triage.domain.reading import Filters, FlagFilter
from triage.domain.worklist import Tab, WorklistState
from triage.store.engine import transaction
from triage.store.tables import instance, study
from triage.store.worklist_tables import worklist_item

_ITEM = worklist_item.c
_WHOLE = frozenset({Tab.READ, Tab.ALL})


def matching(filters: Filters, tab: Tab) -> ColumnElement[bool]:
    """Return the condition; it needs worklist_item joined with study."""
    parts: list[ColumnElement[bool]] = [true()]
    if filters.text:
        parts.append(_text(filters.text, anywhere=tab not in _WHOLE))
    if filters.modality:
        parts.append(
            exists().where(
                instance.c.study_id == _ITEM.study_id,
                instance.c.current,
                ~instance.c.own_result,
                instance.c.modality == filters.modality,
            )
        )
    if filters.source:
        parts.append(study.c.calling_ae == filters.source)
    if filters.flag:
        parts.append(_flag(filters.flag))
    return and_(*parts)


def choices(engine: Engine) -> tuple[list[str], list[str]]:
    """Return the modalities and the calling AE titles among the open rows, for the filters' lists."""
    open_rows = _ITEM.state.in_([WorklistState.SCHEDULED, WorklistState.IN_PROGRESS])
    sources = select(study.c.calling_ae).distinct().join(worklist_item, _ITEM.study_id == study.c.id)
    modalities = (
        select(instance.c.modality)
        .distinct()
        .join(worklist_item, _ITEM.study_id == instance.c.study_id)
        .where(instance.c.current, ~instance.c.own_result, instance.c.modality != "")
    )
    with transaction(engine) as connection:
        return (
            sorted(connection.execute(modalities.where(open_rows)).scalars()),
            sorted(name for name in connection.execute(sources.where(open_rows)).scalars() if name),
        )


def _text(spoken: str, *, anywhere: bool) -> ColumnElement[bool]:
    word = spoken.lower()
    # As the list shows it: the components of a name are divided by spaces, the family name by a comma.
    stored = " ".join(word.replace(",", " ").replace("^", " ").split())
    if anywhere:
        return or_(*_beginnings(study, word, stored), _name(study).contains(stored, autoescape=True))
    # On its own, so that its indexes find the few before anything is joined or put in order.
    known = study.alias("known")
    return _ITEM.study_id.in_(select(known.c.id).where(or_(*_beginnings(known, word, stored))))


def _name(table: FromClause) -> Function[str]:
    # Spelt as its index is.
    return func.lower(func.replace(table.c.patient_name, "^", " "))


def _beginnings(table: FromClause, word: str, stored: str) -> list[ColumnElement[bool]]:
    return [
        _name(table).startswith(stored, autoescape=True),
        func.lower(table.c.patient_id).startswith(word, autoescape=True),
        func.lower(table.c.accession_number).startswith(word, autoescape=True),
    ]


def _flag(flag: FlagFilter) -> ColumnElement[bool]:
    return {
        FlagFilter.ANY: true(),
        FlagFilter.FLAGGED: _ITEM.outcome == "FLAGGED",
        FlagFilter.NOT_FLAGGED: _ITEM.outcome == "NOT_FLAGGED",
        FlagFilter.NOT_ANALYSED: or_(_ITEM.ai_status == AiStatus.NOT_ANALYSED, _ITEM.outcome == "ABSTAINED"),
        FlagFilter.WAITING: _ITEM.ai_status.in_([AiStatus.WAITING, AiStatus.RUNNING]),
    }[flag]
