"""A worker against real services, with a child that a test chooses; and studies that wait for it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import Engine, text

from tests.cast import arrived
from tests.integration.workers import children
from triage.config import DispatchSettings, Settings, UrlSettings
from triage.domain.closing import ClosingReason
from triage.domain.priority import OrderPolicy
from triage.store import catalogue, studies
from workers.__main__ import Worker, worker_of
from workers.child.warm import Orders
from workers.child.wire import Configuration

POLICY = OrderPolicy()
ROOT = Path(__file__).parents[3]


def orders(deed: str = "good", spool: str = "", models: str = "", warm_seconds: float = 60.0) -> Orders:
    """Return orders for a child of the tests."""
    return Orders(
        Configuration(spool, models, 1, "assist", 2**32),
        {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        (sys.executable, str(Path(children.__file__)), deed),
        warm_seconds,
    )


def settings_for(engine: Engine, redis_url: str, home: Path, **dispatch: float) -> Settings:
    """Return settings for these services; leases are short so that tests are."""
    lease = {"lease_seconds": 5.0, "study_timeout_seconds": 3.0, "ring_seconds": 1.0, **dispatch}
    return Settings(
        home=home,
        database=UrlSettings(url=SecretStr(engine.url.render_as_string(hide_password=False))),
        redis=UrlSettings(url=SecretStr(redis_url)),
        dispatch=DispatchSettings.model_validate(lease),
    )


def waiting_study(engine: Engine, name: str, study_uid: str = "") -> int:
    """Register and close one study; return its analysis's id. `study_uid` overrules the one its name gives."""
    changes = {"study_instance_uid": study_uid} if study_uid else {}
    catalogue.register(engine, [arrived(name, **changes)], POLICY)
    for seen in studies.receiving(engine):
        studies.close(engine, seen, ClosingReason.QUIET_PERIOD, POLICY)
    with engine.begin() as connection:
        return int(connection.execute(text("SELECT max(id) FROM analysis")).scalar_one())


def state_of(engine: Engine, analysis_id: int) -> tuple[str, str, int, bool]:
    """Return (state, reason, attempts, quarantined)."""
    query = text("SELECT state, reason, attempts, quarantined FROM analysis WHERE id = :id")
    with engine.begin() as connection:
        row = connection.execute(query, {"id": analysis_id}).one()
    return str(row[0]), str(row[1]), int(row[2]), bool(row[3])


def due_now(engine: Engine) -> None:
    """Skip the pause before the next attempt."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE analysis SET due_at = now() WHERE state = 'queued'"))


@contextmanager
def worker(settings: Settings, run: Orders) -> Iterator[Worker]:
    """Yield a worker that is not serving; its child ends with the test."""
    made = worker_of(settings, run)
    try:
        yield made
    finally:
        made.child.kill()
        made.doorbell.close()
        made.engine.dispose()


@contextmanager
def serving(settings: Settings, run: Orders) -> Iterator[Worker]:
    """Yield a worker whose loop runs in a thread."""
    with worker(settings, run) as made:
        thread = threading.Thread(target=made.serve)
        thread.start()
        try:
            yield made
        finally:
            made.life.stopping = True
            thread.join(60)
            assert not thread.is_alive()
