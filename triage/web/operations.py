"""The operations page: what needs a person now, then queue, processes, peers, failures, models and figures.

Promises that no patient is named on it: studies go by row ids that link to the list. Asking again for analyses
and deliveries is previewed, confirmed and audited, by the same verbs as the command line's.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, Response

from triage import health
from triage.domain.errors import Refused
from triage.domain.priority import RequestedPriority
from triage.store import (
    evidence,
    models,
    operations,
    presence,
    requeue,
    situation,
    worklist_guard,
    worklist_policy,
)
from triage.web.look import COOKIE, Look
from triage.web.place import Token
from triage.web.room import frame, render, room

router = APIRouter()
AT_ONCE = 200
WINDOWS = {"24 hours": 24, "7 days": 7 * 24}
PRINTABLE = r"^[^\x00-\x1f]*$"
Code = Annotated[str, Query(max_length=200, pattern=PRINTABLE)]
CodeField = Annotated[str, Form(max_length=200, pattern=PRINTABLE)]
Because = Annotated[str, Form(max_length=200, pattern=PRINTABLE)]
Ids = Annotated[list[int] | None, Form(max_length=AT_ONCE)]


def _shown(request: Request) -> dict[str, Any]:
    here = room(request)
    reader = here.reader(request)
    return {
        **frame(here, Look.read(request.cookies.get(COOKIE))),
        "reader": reader,
        "token": here.readers.token(reader),
    }


@router.get("/operations")
@router.head("/operations")
def overview(request: Request) -> HTMLResponse:
    """Show how the installation stands."""
    here = room(request)
    engine, now = here.engine, datetime.now(UTC)
    day = now - timedelta(days=1)
    answers = health.ask(here.settings, engine)
    content = {
        **_shown(request),
        "now": now,
        "alarms": sorted(
            (one for one in answers if one.verdict is not health.Verdict.OK),
            key=lambda one: one.verdict is not health.Verdict.FAIL,
        ),
        "fine": [one for one in answers if one.verdict is health.Verdict.OK],
        "queue": operations.queue(engine),
        "processes": presence.everyone(engine),
        "senders": (heard := operations.senders(engine, day)),
        "silent": sorted(
            {peer.ae_title for peer in here.settings.dicom.peers} - {one.calling_ae for one in heard}
        ),
        "backlog": evidence.backlog(engine),
        "last_words": operations.last_words(engine),
        "destinations": here.settings.results.destinations,
        "failures": operations.failures(engine),
        "stands": situation.situation(engine),
        "placed": [one for one in models.catalogue(engine) if one.role],
        "windows": {name: _window(request, now, hours) for name, hours in WINDOWS.items()},
        "policy": worklist_policy.current(engine, here.settings.order_policy()),
        "guard": worklist_guard.share(engine),
        # The last answer alone: the page itself never waits for a replay.
        "worth": here.worths.last,
        "hours": operations.flags_by_hour(engine, now, 24),
        "priorities": [one.value for one in RequestedPriority],
    }
    return render(here, "operations.html", content)


def _window(request: Request, now: datetime, hours: int) -> dict[str, Any]:
    engine, since = room(request).engine, now - timedelta(hours=hours)
    return {
        "hours": hours,
        "received": operations.received(engine, since),
        "answers": operations.answers(engine, since),
        "not_analysed": operations.not_analysed(engine, since),
        "waits": operations.waits(engine, since),
    }


@router.get("/operations/worth")
def what_it_saved(request: Request) -> HTMLResponse:
    """Show what the order saved and cost this week, or why nobody can say."""
    here = room(request)
    return render(
        here,
        "operations_worth.html",
        {**_shown(request), "worth": here.worths.this_week(here.engine, datetime.now(UTC))},
    )


@router.get("/operations/requeue")
def preview_requeue(request: Request, reason: Code = "") -> HTMLResponse:
    """Show which studies would be analysed again; nothing changes."""
    found = operations.failed_studies(room(request).engine, reason, AT_ONCE)
    return _form(request, "requeue", reason, [one.study_id for one in found])


@router.post("/operations/requeue")
def ask_again(
    request: Request, token: Token = "", reason: CodeField = "", because: Because = "", item: Ids = None
) -> Response:
    """Ask for the analyses that were previewed and still stand failed."""
    here = room(request)
    here.readers.check(here.reader(request), token)
    items = _demanded(item)
    still = operations.failed_studies(here.engine, reason, AT_ONCE)
    chosen = [one for one in still if one.study_id in set(items)]
    name = here.reader(request).name
    done = requeue.requeue(here.engine, chosen, name, because, here.settings.order_policy())
    results = {one.study_id: str(result) for one, result in done}
    told = [(study_id, results.get(study_id, "no longer failed")) for study_id in items]
    return render(here, "operations_done.html", {**_shown(request), "what": "requeue", "told": told})


@router.get("/operations/retry")
def preview_retry(request: Request, peer: Code = "") -> HTMLResponse:
    """Show which refused deliveries would be tried again; nothing changes."""
    return _form(request, "retry", peer, [one.id for one in _refused(request, peer)])


@router.post("/operations/retry")
def send_again(
    request: Request, token: Token = "", reason: CodeField = "", because: Because = "", item: Ids = None
) -> Response:
    """Send again what was previewed and still stands refused by the peer that `reason` names."""
    here = room(request)
    here.readers.check(here.reader(request), token)
    items = _demanded(item)
    still = {one.id for one in _refused(request, reason)} & set(items)
    changed = evidence.retry(here.engine, sorted(still), here.reader(request).name, because)
    told = [(one, "due now" if one in changed else "no longer refused") for one in items]
    return render(here, "operations_done.html", {**_shown(request), "what": "retry", "told": told})


def _refused(request: Request, peer: str) -> tuple[evidence.DeliveryRow, ...]:
    wanted = evidence.DeliveryFilter(state=evidence.DeliveryState.REFUSED, peer=peer, limit=AT_ONCE)
    return evidence.list_deliveries(room(request).engine, wanted)


def _demanded(item: list[int] | None) -> list[int]:
    if not item:
        raise Refused("nothing-chosen", "The form names nothing. Open the preview again.")
    return item


def _form(request: Request, what: str, reason: str, items: list[int]) -> HTMLResponse:
    content = {**_shown(request), "what": what, "reason": reason, "items": items, "most": AT_ONCE}
    return render(room(request), "operations_form.html", content)
