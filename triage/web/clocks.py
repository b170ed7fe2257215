"""The site's wall clock, as the page shows moments."""

from __future__ import annotations

from datetime import datetime


def clock(moment: datetime | None) -> str:
    """Return the hour and the minute."""
    return f"{moment.astimezone():%H:%M}" if moment else ""


def clock_or_day(moment: datetime, now: datetime) -> str:
    """Return the hour and the minute, with the day before them unless that is today."""
    local = moment.astimezone()
    return clock(moment) if local.date() == now.astimezone().date() else f"{local:%Y-%m-%d %H:%M}"
