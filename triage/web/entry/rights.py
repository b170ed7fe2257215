"""Which right each route asks for. A form that is not in the table asks for an administrator: nothing is open by oversight."""

from __future__ import annotations

from fastapi import Request

from triage.domain.account import Right

ACTS = {
    "claim": Right.CLAIM,
    "release": Right.RELEASE,
    "complete": Right.COMPLETE,
    "reopen": Right.REOPEN,
    "pin": Right.PIN,
    "unpin": Right.UNPIN,
    "cancel": Right.CANCEL,
    "skip": Right.SKIP,
    "unskip": Right.SKIP,
    "end-claim": Right.END_CLAIM,
    "lower": Right.LOWER,
    "raise": Right.LOWER,
}
FORMS = {
    "/next": Right.NEXT,
    "/studies/{study_id}/opinion": Right.OPINE,
    "/studies/{study_id}/notes": Right.NOTE,
    "/studies/{study_id}/notes/{number}/withdraw": Right.NOTE,
    "/studies/{study_id}/notes/{number}/restore": Right.NOTE,
    "/studies/{study_id}/labels": Right.LABEL,
    "/studies/{study_id}/lower": Right.LOWER,
    "/look": Right.ARRANGE,
    "/columns": Right.ARRANGE,
    "/keys": Right.ARRANGE,
    "/search": Right.ARRANGE,
    "/views": Right.ARRANGE,
    "/views/{view_id}/forget": Right.ARRANGE,
    "/policy": Right.STOP_POLICY,
    "/policy/stop": Right.STOP_POLICY,
    "/policy/resume": Right.STOP_POLICY,
    "/operations/requeue": Right.REQUEUE,
    "/operations/retry": Right.REQUEUE,
}
LOOKS = {"/operations": Right.OPERATIONS}
ACT_ROUTE = "/studies/{study_id}/{act}"
STRICTEST = Right.USERS


def right_for(request: Request) -> Right:
    """Return the right that this request asks for."""
    path = getattr(request.scope.get("route"), "path", "")
    if request.method in ("GET", "HEAD"):
        return next(
            (right for head, right in LOOKS.items() if path == head or path.startswith(f"{head}/")),
            Right.LOOK,
        )
    if path == ACT_ROUTE:
        # An unknown verb is refused by the route itself, in words.
        return ACTS.get(str(request.path_params.get("act")), Right.LOOK)
    return FORMS.get(path, STRICTEST)
