"""The stop rule at work: the last seven days are judged, and an order that harms is stopped without a person.

Promises: only days under the order in force count, so a person who resumed after a stop gets seven days before
it is judged anew; a second round changes nothing; what was found is said in figures, never of a patient. Judges
only orders in which a machine's answer moves a study. Lives above `proof` (which replays) and `dispatch` (whose
process does it every hour), which know nothing of each other.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from triage import log, metrics
from triage.config import Settings
from triage.dispatch import closer
from triage.domain.errors import Unprocessable
from triage.domain.policy import GUARDED, OrderPolicy, PolicyChange
from triage.domain.stop_rule import DAYS, HarmFigures, StopDecision, decide
from triage.store import ledger, worklist_policy

logger = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Watched:
    """What a round found and did. `figures` None = nothing was judged; `change` None = nothing was changed."""

    policy: OrderPolicy
    decision: StopDecision
    figures: HarmFigures | None
    change: PolicyChange | None = None


def watch(engine: Engine, site: OrderPolicy, now: datetime, *, dry_run: bool = False) -> Watched:
    """Judge the seven days before `now` and stop the order if the rule says so; `site` is what the settings say."""
    version = worklist_policy.current(engine, site)
    policy = version.policy
    if policy.name not in GUARDED:
        idle = f"the order is {policy.describe()}: no answer of a machine moves a study"
        return Watched(policy, StopDecision(False, idle), None)
    since = now - timedelta(days=DAYS)
    begun = worklist_policy.machine_since(engine, site)
    figures = _figures(engine, policy, max(since, begun) if begun else since, now)
    if figures is None:
        return Watched(policy, StopDecision(False, "too little to judge: no study was opened"), None)
    decision = decide(figures)
    change = None if dry_run else worklist_policy.stop_on(engine, site, decision, version.number)
    return Watched(policy, decision, figures, change)


def _figures(engine: Engine, policy: OrderPolicy, since: datetime, now: datetime) -> HarmFigures | None:
    # NumPy comes with the replay: only the process that judges pays for it, and not before it does.
    from triage.proof.harm import harm
    from triage.proof.replay import SiteClock, days_of

    rows = ledger.waited(engine, since, now)
    try:
        return harm(days_of(rows, since, now, SiteClock.of(policy.rota, since)))
    except Unprocessable:
        return None


def round_of(engine: Engine, site: OrderPolicy) -> Watched:
    """Do one round now, and log it and count it."""
    done = watch(engine, site, datetime.now(UTC))
    metrics.ORDER_JUDGED.labels("stop" if done.decision.stop else "go-on").inc()
    told = {
        "policy": done.policy.describe(),
        "studies": done.figures.studies if done.figures else 0,
        "found": done.decision.reason,
    }
    if done.change is not None:
        logger.error("order stopped", waiting=done.change.waiting, moved=done.change.moved, **told)
    else:
        logger.info("order judged", **told)
    return done


def beside_the_closer(settings: Settings, stop: threading.Event) -> None:
    """Run the closer's process, with a round of the stop rule every hour."""
    site = settings.order_policy()
    closer.serve(settings, stop, hourly=lambda engine: round_of(engine, site))
