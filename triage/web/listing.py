"""How the list and its drawer are put together, from the rows of the database as they are now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from triage.domain.errors import Conflict, NotFound, Refused, TriageError
from triage.domain.reading import ALWAYS, USUAL_COLUMNS, ConfirmRate, Filters, Opinion, OtherStudy
from triage.domain.worklist import WorklistDetail, WorklistRow
from triage.store import (
    matching,
    opinions,
    patient_studies,
    previews,
    queries,
    saved_views,
    situation,
    skips,
    worklist,
)
from triage.web.look import COOKIE, Look
from triage.web.place import SILENT, Message, Where
from triage.web.reader import Reader
from triage.web.room import Room, frame, render, room, wants_part
from triage.web.rows import Seen

PAGE_ROWS = 200
STATUS: dict[type[TriageError], int] = {Conflict: 409, NotFound: 404, Refused: 403}


@dataclass(frozen=True, slots=True)
class Drawer:
    """Everything the drawer shows of one study. `key_image` is the SOP Instance UID and size of its preview."""

    detail: WorklistDetail
    others: tuple[OtherStudy, ...]
    opinions: tuple[Opinion, ...]
    confirmed: ConfirmRate
    key_image: tuple[str, int, int] | None

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
    stands = situation.situation(engine)
    shown: dict[str, Any] = {
        **frame(here, Look.read(request.cookies.get(COOKIE))),
        **_of_reader(here, reader),
        "where": where,
        "filters": filters,
        "choices": matching.choices(engine),
        "tabs": worklist.counts(engine, reader.name, filters),
        "rows": worklist.page(
            engine, where.tab, limit=PAGE_ROWS, reader=reader.name, filters=filters, site=here.desk.policy
        ),
        "order": here.desk.order(),
        "opened": _opened(here, where.study),
        "message": message,
        "stands": stands,
        "now": stands.now,
        "today": stands.now.astimezone().date(),
        "assist": here.settings.product.mode == "assist",
        "due": here.settings.web.due_minutes,
        "viewers": here.settings.web.viewers,
    }
    shown["row_markup"] = lambda row: _row_markup(here, shown, row)
    return shown


def _row_markup(here: Room, shown: Mapping[str, Any], row: WorklistRow) -> Markup:
    where, reader, now = shown["where"], shown["reader"], shown["now"]
    seen = Seen(
        tab=where.tab,
        q=where.q,
        opened=row.study_id == where.study,
        columns=shown["columns"],
        private=shown["look"].private,
        mine=row.claimed_by == reader.name,
        may_claim=reader.may("CLAIM"),
        may_reopen=reader.may("REOPEN"),
        skipped_until=shown["skipped"].get(row.study_id),
        today=shown["today"],
        minute=int(now.timestamp() // 60),
    )
    template = here.templates.get_template("row.html")
    return here.rows.markup(row, seen, lambda: template.render(shown, row=row))


def _of_reader(here: Room, reader: Reader) -> Mapping[str, Any]:
    known = bool(reader.name)
    return {
        "reader": reader,
        "token": here.readers.token(reader),
        "views": saved_views.views(here.engine, reader.name),
        "columns": saved_views.chosen_columns(here.engine, reader.name) if known else USUAL_COLUMNS,
        "skipped": skips.of_reader(here.engine, reader.name) if known else {},
        "always": ALWAYS,
        "skip_minutes": here.settings.web.skip_minutes,
    }


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
