"""How the list and its drawer are put together, from the rows of the database as they are now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from triage.domain.errors import Conflict, NotFound, Refused, TriageError
from triage.domain.reading import ALWAYS, ConfirmRate, Filters, Opinion, OtherStudy
from triage.domain.worklist import Tab, WorklistDetail, WorklistRow
from triage.store import opinions, patient_studies, previews, queries, reader_side, worklist
from triage.web.circumstances import condition, reception
from triage.web.look import COOKIE, Look
from triage.web.place import SILENT, Message, Where
from triage.web.room import Room, frame, render, room, wants_part
from triage.web.rows import Seen
from triage.web.snapshot import Snapshot, read

STATUS: dict[type[TriageError], int] = {Conflict: 409, NotFound: 404, Refused: 403}


@dataclass(frozen=True, slots=True)
class Drawer:
    """Everything the drawer shows of one study."""

    detail: WorklistDetail
    others: tuple[OtherStudy, ...]
    opinions: tuple[Opinion, ...]
    confirmed: ConfirmRate
    key_image: previews.Kept | None

    def opinion_of(self, reader: str) -> Opinion | None:
        """Return what this reader said."""
        return next((said for said in self.opinions if said.reader == reader), None)


def show(request: Request, where: Where, message: Message = SILENT, *, status: int = 200) -> HTMLResponse:
    """Answer with the whole page, or with the part that htmx puts in its place."""
    here = room(request)
    part = "part.html" if wants_part(request) else "page.html"
    return render(here, part, content(here, request, where, message), status)


def show_refusal(request: Request, where: Where, refused: TriageError) -> HTMLResponse:
    """Answer an act that was not done, in words."""
    text = refused.sentence[:1].upper() + refused.sentence[1:]
    if isinstance(refused, Conflict):
        text = f"Nothing changed: {text}."
    answer = show(request, where, Message(text, trouble=True), status=STATUS[type(refused)])
    answer.headers["hx-push-url"] = "false"
    return answer


def content(here: Room, request: Request, where: Where, message: Message) -> dict[str, Any]:
    """Return what the templates of the list need."""
    engine, reader = here.engine, here.reader(request)
    query = queries.find(engine, reader.name, where.q) if where.q and reader.name else None
    filters = query.filters if query else Filters()
    snapshot = _snapshot(here, where.tab, reader.name, filters)
    side = reader_side.of_reader(engine, reader.name) if reader.name else reader_side.NOBODYS
    shown: dict[str, Any] = {
        **frame(here, Look.read(request.cookies.get(COOKIE))),
        "reader": reader,
        "token": here.readers.token(reader),
        "views": side.views,
        "columns": side.columns,
        "skipped": side.skipped,
        "keymap": side.keymap,
        "always": ALWAYS,
        "skip_minutes": here.settings.web.skip_minutes,
        "where": where,
        "filters": filters,
        "choices": snapshot.choices,
        "tabs": snapshot.tabs if not filters.empty else {**snapshot.tabs, Tab.MINE: side.mine},
        "rows": snapshot.rows,
        "urgent": snapshot.urgent,
        "order": snapshot.order,
        "opened": _opened(here, where.study),
        "message": message,
        "stands": snapshot.stands,
        "behind": condition(snapshot.stands),
        "reception": reception(snapshot.stands),
        "now": snapshot.stands.now,
        "today": snapshot.stands.now.astimezone().date(),
        "assist": here.settings.product.mode == "assist",
        "due": here.settings.web.due_minutes,
        "viewers": here.settings.web.viewers,
        "site_labels": here.marks.labels,
    }
    shown["rows_markup"] = _rows_markup(here, shown, snapshot)
    return shown


def _snapshot(here: Room, tab: Tab, reader: str, filters: Filters) -> Snapshot:
    site = here.desk.policy
    if not filters.empty:
        return read(here.engine, tab, reader, filters, site)
    whose = reader if tab is Tab.MINE else ""
    return here.flights.get((tab, whose), lambda: read(here.engine, tab, whose, filters, site))


def _rows_markup(here: Room, shown: Mapping[str, Any], snapshot: Snapshot) -> Markup:
    """Return the rows as this reader sees them: as everybody does, but for those that are special to them."""
    where, reader = shown["where"], shown["reader"]
    usual = Seen(
        tab=where.tab,
        q=where.q,
        opened=False,
        columns=shown["columns"],
        private=shown["look"].private,
        mine=False,
        may_claim=reader.may("CLAIM"),
        may_reopen=reader.may("REOPEN"),
        skipped_until=None,
        today=shown["today"],
        minute=int(shown["now"].timestamp() // 60),
    )
    template = here.templates.get_template("row.html")
    skipped = shown["skipped"]

    def drawn(row: WorklistRow, seen: Seen) -> Markup:
        return here.rows.markup(row, seen, lambda: template.render(shown, row=row, seen=seen))

    def own(row: WorklistRow) -> Seen:
        mine = bool(reader.name) and row.claimed_by == reader.name
        until = skipped.get(row.study_id)
        if not mine and until is None and row.study_id != where.study:
            return usual
        return replace(usual, opened=row.study_id == where.study, mine=mine, skipped_until=until)

    everybodys = snapshot.markup(usual, lambda row: drawn(row, usual))
    return Markup("").join(
        rendered if (seen := own(row)) is usual else drawn(row, seen)
        for row, rendered in zip(snapshot.rows, everybodys, strict=True)
    )


def _opened(here: Room, study: int | None) -> Drawer | None:
    if study is None:
        return None
    engine = here.engine
    try:
        detail = worklist.detail(engine, study, here.desk.policy)
    except NotFound:
        return None
    return Drawer(
        detail,
        tuple(patient_studies.others(engine, study)),
        tuple(opinions.of_study(engine, study)),
        opinions.confirm_rate(engine),
        previews.known(engine, study),
    )
