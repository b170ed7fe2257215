"""Redo what a death interrupted: leases of lost workers are taken back, spent ones quarantined.

Promise: within the lease plus one tick of a worker's death its analysis is due again, on the
database's clock alone, so no skewed host clock can start a second run early.
"""

from __future__ import annotations

from sqlalchemy import Engine

from triage import log, metrics
from triage.domain.priority import OrderPolicy
from triage.store import expiry

logger = log.get(__name__)


def recover(engine: Engine, max_attempts: int, policy: OrderPolicy) -> int:
    """Take back expired leases; return how many analyses are due again."""
    freed, quarantined = expiry.take_back_expired(engine, max_attempts, policy)
    for analysis_id in freed:
        logger.warning("recover", analysis=analysis_id)
    for analysis_id in quarantined:
        metrics.ANALYSES.labels("quarantined").inc()
        logger.error("quarantine", analysis=analysis_id, reason="worker-lost")
    return len(freed)
