"""What the list says of itself: that the analysis is behind, and never only that nothing is on it."""

from __future__ import annotations

from triage.health import LATE_ANALYSIS_SECONDS
from triage.store.situation import Situation
from triage.web.clocks import clock_or_day


def condition(situation: Situation) -> str:
    """Return the sentence of the banner when the analysis cannot keep up; empty when it can."""
    order = "Studies without an answer stand in ordinary order."
    waiting = f"{situation.analyses_waiting} waiting"
    if not situation.workers:
        return f"Analysis is not running{f', {waiting}' if situation.analyses_waiting else ''}. {order}"
    if situation.analyses_waiting and situation.oldest_analysis_s > LATE_ANALYSIS_SECONDS:
        return f"Analysis is behind: {waiting}, oldest {int(situation.oldest_analysis_s // 60)} min. {order}"
    return ""


def reception(situation: Situation) -> str:
    """Return what an empty list must say: when the last study came, and whether one that comes would be seen."""
    came = situation.last_arrival
    last = (
        f"The last study arrived {clock_or_day(came, situation.now)}."
        if came
        else "No study has arrived yet."
    )
    since = situation.receiving_since
    if since is None:
        return f"{last} Nothing registers arrivals at the moment: what is sent now appears later."
    return f"{last} Reception has been running since {clock_or_day(since, situation.now)}."
