"""The figures of /metrics that speak for the whole installation, read from its rows when they are asked for.

Promises bounded labels and no patient; with the database away the process's own figures are still told.
"""

from __future__ import annotations

import shutil
from collections import Counter
from importlib.metadata import version
from threading import Lock
from typing import TYPE_CHECKING

from triage import metrics
from triage.domain.errors import Unavailable
from triage.domain.policy import PolicyName
from triage.store import audit_counts, situation, worklist_guard, worklist_policy
from triage.store import engine as store_engine
from triage.store.situation import Figures, Situation
from triage.web import words

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from triage.web.room import Room


class AuditTail:
    """Counts the audit's new rows, from when this process first looked."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._upto: int | None = None

    def follow(self, engine: Engine) -> None:
        """Count what was done since the last look; the first look counts nothing."""
        with self._lock:
            if self._upto is None:
                self._upto = audit_counts.begin(engine)
            found = audit_counts.since(engine, self._upto)
            self._upto = found.upto
        for action, number in found.events.items():
            metrics.AUDIT_EVENTS.labels(action).inc(number)
        for override, number in found.overrides.items():
            metrics.OVERRIDES.labels(*override).inc(number)
        for opinion, number in found.opinions.items():
            metrics.FEEDBACK.labels(*opinion).inc(number)


def read(here: Room) -> None:
    """Bring every such figure up to now."""
    if here.settings.spool_root.exists():
        metrics.DISK_FREE.set(shutil.disk_usage(here.settings.spool_root).free)
    metrics.BUILD.labels(version("spine-triage")).set(1)
    metrics.DB_POOL.set(store_engine.in_use(here.engine))
    try:
        found = situation.figures(here.engine)
        stands = situation.situation(here.engine)
        guard = worklist_guard.share(here.engine)
        order = worklist_policy.current(here.engine, here.settings.order_policy()).policy
        here.tail.follow(here.engine)
    except Unavailable:
        return
    _of_rows(found)
    _of_models(found, stands)
    metrics.GUARD_SHARE.set(guard.share)
    metrics.ORDER_STOPPED.set(order.name == PolicyName.HUMAN)
    metrics.QUEUE_OLDEST.set(stands.oldest_analysis_s)


def _of_rows(found: Figures) -> None:
    for gauge, by_label in (
        (metrics.STUDIES, found.studies),
        (metrics.QUEUE_DEPTH, found.analyses),
        (metrics.SEND_BACKLOG, found.undelivered),
    ):
        gauge.clear()
        for label, count in by_label.items():
            gauge.labels(label).set(count)
    unread: Counter[str] = Counter()
    for place in found.unread:
        band = words.band_of(place.tier, place.reason_code, place.requested, sooner=place.sooner)
        unread[band.name] += place.number
    for band in words.BANDS:
        metrics.WORKLIST_UNREAD.labels(band.name).set(unread[band.name])


def _of_models(found: Figures, stands: Situation) -> None:
    metrics.MODEL.clear()
    for model in stands.models:
        metrics.MODEL.labels(model.name, model.version, model.digest[:12]).set(1)
    metrics.FLAG_RATIO.clear()
    for (name, window), share in found.flagged.items():
        metrics.FLAG_RATIO.labels(name, str(window)).set(share)
