"""Links that do something: opening a study in a viewer, showing a saved view. Only from our own pages.

A session's Strict cookie does not come along when another site leads here, but a proxy's sign-in may: then
another site's link would act in the reader's name. A step that somebody typed or kept as a bookmark is their own.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import Request

from triage.domain.errors import Refused

OWN = frozenset({"same-origin", "none"})


def demand_own_step(request: Request) -> None:
    """Raise Refused for a step that another site began (Fetch Metadata; in older browsers the Referer tells)."""
    site = request.headers.get("sec-fetch-site")
    if site in OWN or (site is None and _referred_by_us(request)):
        return
    raise Refused("cross-site", "Another site led here: nothing was done. Use the list itself.")


def _referred_by_us(request: Request) -> bool:
    try:
        return urlsplit(request.headers.get("referer", "")).netloc == request.headers.get("host", "")
    except ValueError:
        return False
