"""Sign-in by a provider: to it, back from it, and out of both. The page of ours in between makes the last step
a step from our own page, because a browser sends no Strict cookie with a step that another site began."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from triage import metrics
from triage.accounts import signing_in
from triage.accounts.provider import BACK, Provider
from triage.domain.errors import Conflict, NotFound, Refused
from triage.store import accounts, sessions
from triage.web.entry import cookie
from triage.web.entry.doorkeeper import peer
from triage.web.entry.pages import look_of, refusal, safe_place
from triage.web.entry.turned_away import Why
from triage.web.reader import NOBODY
from triage.web.room import frame, render, room

router = APIRouter()
COOKIE = "triage_provider"
MINUTES = 10
Word = Annotated[str, Query(max_length=4096)]


def provider_of(request: Request) -> Provider:
    """Return the site's provider, with what is known of it so far."""
    found: Provider = request.app.state.provider
    return found


@router.get("/sign-in/provider")
def go_there(request: Request, place: Annotated[str, Query(max_length=300)] = "/") -> Response:
    """Send the browser to the provider."""
    here = room(request)
    address, browser = provider_of(request).begin(here.engine, safe_place(place))
    answer = Response(status_code=303, headers={"location": address})
    # Lax: the provider sends the browser back from its own site.
    answer.set_cookie(
        COOKIE,
        browser,
        max_age=MINUTES * 60,
        path=BACK,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return answer


@router.get(BACK)
def come_back(request: Request, state: Word = "", code: Word = "") -> Response:
    """Take the provider's answer and open a session."""
    here, provider = room(request), provider_of(request)
    sent = cookie.identifier(request)
    try:
        person, place = provider.finish(here.engine, request.cookies.get(COOKIE, ""), state, code)
        assert here.settings.access.oidc is not None
        issuer = here.settings.access.oidc.issuer
        who = accounts.vouched(here.engine, "oidc", issuer, person.subject, person.name, person.role)
        opened = sessions.open_session(
            here.engine, who, signing_in.lifetimes(here.settings.access), peer(request), "oidc"
        )
    except (Refused, Conflict, NotFound) as no:
        metrics.LOGINS.labels("oidc", "refused").inc()
        sessions.refused(here.engine, None, peer(request), "oidc")
        return refusal(request, Why.SIGN_IN, NOBODY, "/", Refused(no.reason, no.sentence))
    metrics.LOGINS.labels("oidc", "ok").inc()
    if sent:
        sessions.end(here.engine, sessions.digest_of(sent))
    answer = render(
        here, "onward.html", {**frame(here, look_of(request)), "place": place, "said": "Signed in"}
    )
    cookie.give(request, answer, opened.identifier, here.settings.access.session_hours)
    answer.delete_cookie(COOKIE, path=BACK)
    return answer
