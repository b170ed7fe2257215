"""Sign in, sign out, unlock, one's own account. Every answer is a whole page that works without scripts."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from triage.accounts import signing_in
from triage.accounts.provider import Provider
from triage.accounts.signing_in import SlowDown
from triage.domain.errors import Refused, Unavailable
from triage.store import accounts, sessions
from triage.store.sessions import Opened, Session
from triage.web.entry import cookie
from triage.web.entry.doorkeeper import of_session, peer
from triage.web.entry.turned_away import TurnedAway, Why
from triage.web.look import COOKIE as LOOK_COOKIE
from triage.web.look import Look
from triage.web.reader import NOBODY, Reader
from triage.web.room import Room, frame, render, room

router = APIRouter()
Secret = Annotated[str, Form(max_length=1024)]
Place = Annotated[str, Form(max_length=300)]
# A place on this page and nothing else: whoever signs in is never sent to another host.
PLACE = re.compile(r"/(?![/\\])[A-Za-z0-9/_-]*(\?[A-Za-z0-9=&_%-]*)?")


def safe_place(place: str) -> str:
    """Return the place if it is one of ours, else the list."""
    return place if PLACE.fullmatch(place) else "/"


def here_of(request: Request) -> str:
    """Return where on the page a request is, to come back to."""
    if request.method not in ("GET", "HEAD") or request.url.path.startswith("/list"):
        return "/"
    query = f"?{request.url.query}" if request.url.query else ""
    return safe_place(f"{request.url.path}{query}")


def look_of(request: Request) -> Look:
    """Return how this browser shows the page."""
    return Look.read(request.cookies.get(LOOK_COOKIE))


def show_door(
    request: Request, away: TurnedAway, *, place: str = "", message: str = "", status: int = 401
) -> HTMLResponse:
    """Answer with what somebody has to do before they see the page."""
    here = room(request)
    content = {
        **frame(here, look_of(request)),
        "reader": away.reader,
        "why": away.why,
        "sentence": away.sentence,
        "mode": here.settings.web.accounts,
        "place": place or here_of(request),
        "message": message,
        "nobody_yet": away.why is Why.SIGN_IN and _nobody_yet(here),
        "shortest": here.settings.access.password_length,
    }
    answer = render(here, "door.html", content, status)
    if status == 401:
        answer.headers["www-authenticate"] = 'Session realm="spine-triage"'
    return answer


def _nobody_yet(here: Room) -> bool:
    return here.settings.web.accounts == "local" and not accounts.any_admin(here.engine)


def refusal(request: Request, why: Why, reader: Reader, place: str, refused: Refused) -> HTMLResponse:
    """Say again what has to be done, and why it did not work."""
    status = 429 if isinstance(refused, SlowDown) else 403
    answer = show_door(request, TurnedAway(why, reader), place=place, message=refused.sentence, status=status)
    if isinstance(refused, SlowDown):
        answer.headers["retry-after"] = "30"
    return answer


def onward(request: Request, opened: Opened, place: str) -> Response:
    """Go to the place with the new session in the browser."""
    answer = Response(status_code=303, headers={"location": safe_place(place)})
    cookie.give(request, answer, opened.identifier, room(request).settings.access.session_hours)
    return answer


@router.get("/sign-in")
@router.head("/sign-in")
def ask_who(request: Request) -> Response:
    """Show the sign-in page, or the list to somebody who is signed in already."""
    try:
        room(request).door.reader(request)
    except TurnedAway as away:
        return show_door(request, away, place="/")
    return Response(status_code=303, headers={"location": "/"})


@router.post("/sign-in")
def sign_in(request: Request, name: Secret = "", password: Secret = "", place: Place = "/") -> Response:
    """Sign somebody in with a local password."""
    here = room(request)
    if here.settings.web.accounts != "local":
        return refusal(
            request, Why.SIGN_IN, NOBODY, place, Refused("mode", "Passwords are not asked for here.")
        )
    sent = cookie.identifier(request)
    replacing = sessions.digest_of(sent) if sent else b""
    lasting = signing_in.lifetimes(here.settings.access)
    try:
        opened = signing_in.sign_in(here.engine, name, password, peer(request), lasting, replacing=replacing)
    except Refused as refused:
        return refusal(request, Why.SIGN_IN, NOBODY, place, refused)
    return onward(request, opened, place)


@router.post("/session/unlock")
def unlock(request: Request, password: Secret = "", place: Place = "/") -> Response:
    """Open a locked page again, at the place where it was."""
    here = room(request)
    held = here.door.session(request)
    if held is None:
        return show_door(request, TurnedAway(Why.SIGN_IN), place=safe_place(place))
    lasting = signing_in.lifetimes(here.settings.access)
    try:
        opened = signing_in.unlock(here.engine, held, password, peer(request), lasting)
    except Refused as refused:
        return refusal(request, Why.LOCKED, of_session(held), place, refused)
    return onward(request, opened, place)


@router.post("/session/seen")
def seen(request: Request) -> Response:
    """Take a sign of life: somebody moved on the page without asking for anything."""
    room(request).door.reader(request)
    return Response(status_code=204)


@router.post("/sign-out")
def sign_out(request: Request, token: Annotated[str, Form()] = "") -> Response:
    """End this browser's session."""
    here = room(request)
    held = here.door.session(request)
    answer: Response = Response(status_code=303, headers={"location": "/sign-in"})
    if held is not None:
        here.readers.check(of_session(held), token)
        sessions.end(here.engine, held.digest)
        elsewhere = end_address(request)
        if elsewhere:
            content = {**frame(here, look_of(request)), "place": elsewhere, "said": "Signed out"}
            # A page and no redirect: a form's answer may not lead to another site (CSP form-action).
            answer = render(here, "onward.html", content)
    cookie.take(request, answer)
    # The browser forgets what it kept of the page as well.
    answer.headers["clear-site-data"] = '"cache"'
    return answer


def end_address(request: Request) -> str:
    """Return where a browser goes when it is signed out here: to end the provider's session; empty without one."""
    provider: Provider | None = getattr(request.app.state, "provider", None)
    if provider is None:
        return ""
    try:
        return provider.end_address()
    except Unavailable:
        return ""


def own_session(request: Request, token: str) -> Session:
    """Return the session that acts on its own account; raises TurnedAway or Refused."""
    here = room(request)
    held = here.door.session(request)
    if held is None:
        raise TurnedAway(Why.SIGN_IN)
    if held.locked:
        raise TurnedAway(Why.LOCKED, of_session(held))
    here.readers.check(of_session(held), token)
    return held


@router.post("/account/password")
def change_password(
    request: Request,
    token: Annotated[str, Form()] = "",
    old: Secret = "",
    new: Secret = "",
    place: Place = "/",
) -> Response:
    """Set a password of one's own; every other session of the account ends."""
    here = room(request)
    held = own_session(request, token)
    try:
        opened = signing_in.change_password(here.engine, held, old, new, peer(request), here.settings.access)
    except Refused as refused:
        return refusal(request, Why.PASSWORD, of_session(held), place, refused)
    return onward(request, opened, place)


@router.post("/account/end-sessions")
def end_sessions(request: Request, token: Annotated[str, Form()] = "") -> Response:
    """End every session of one's own account, this one too."""
    held = own_session(request, token)
    sessions.end_all(room(request).engine, held.account.name, held.account.name)
    answer = Response(status_code=303, headers={"location": "/sign-in"})
    cookie.take(request, answer)
    return answer


@router.get("/account")
def own_account(request: Request) -> HTMLResponse:
    """Show one's own account: role, sessions, and the form for another password."""
    here = room(request)
    reader = here.door.reader(request)
    held = here.door.session(request)
    if held is None:
        return show_door(request, TurnedAway(Why.SIGN_IN), place="/account")
    content = {
        **frame(here, look_of(request)),
        "reader": reader,
        "token": here.readers.token(reader),
        "account": held.account,
        "sessions": sessions.of_account(here.engine, held.account.id),
        "shortest": here.settings.access.password_length,
    }
    return render(here, "account.html", content)
