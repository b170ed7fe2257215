"""The outbox as a process of its own: killed at work, told to stop, watched for patient data."""

from __future__ import annotations

import functools
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests import services
from tests.integration.evidence.owing import owe
from tests.peers import HOST, wait_for
from tests.scripted_pacs import ScriptedPacs, scripted_pacs
from triage.spool import Spool
from triage.store import engine as store_engine
from triage.store import evidence as store
from triage.store import presence

PROGRAM = """
import signal, threading
from triage import log
from triage.config import load_settings
from triage.evidence.service import serve
settings, stop = load_settings(), threading.Event()
log.configure(settings.log, "outbox")
signal.signal(signal.SIGTERM, lambda *_: stop.set())
serve(settings, stop)
"""


class OutboxProcess:
    """`serve` in a process, with a home of its own."""

    def __init__(self, home: Path, url: str, port: int) -> None:
        self._environment = {"PATH": "/usr/bin:/bin", "TRIAGE_HOME": str(home), "TRIAGE_DATABASE__URL": url}
        home.mkdir(exist_ok=True)
        (home / "triage.toml").write_text(
            "[results]\ntimeout_s = 10.0\nbackoff_first_s = 0.2\n"
            f'[[results.destinations]]\nname = "pacs"\nae_title = "PACS"\nhost = "{HOST}"\nport = {port}\n'
        )
        self.log = home / "log"
        self.start()

    def start(self) -> None:
        """Start it (again)."""
        with self.log.open("ab") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM], env=self._environment, stderr=stream, stdout=stream
            )

    def kill(self) -> None:
        """SIGKILL, as the out-of-memory killer does."""
        self.process.kill()
        self.process.wait()


@contextmanager
def outbox_process(home: Path, url: str, port: int) -> Iterator[OutboxProcess]:
    outbox = OutboxProcess(home, url, port)
    try:
        yield outbox
    finally:
        outbox.kill()


@pytest.fixture
def owed(tmp_path: Path) -> Iterator[tuple[str, Engine, Spool]]:
    """A database and a spool under a home of its own."""
    with services.database() as url:
        engine = store_engine.connect(url)
        yield url, engine, Spool(tmp_path / "home" / "spool")
        engine.dispose()


def holds(pacs: ScriptedPacs, count: int) -> bool:
    return len(pacs.kept) >= count


def all_sent(engine: Engine) -> bool:
    return {row.state for row in store.list_deliveries(engine)} == {"sent"}


def test_an_outbox_killed_again_and_again_delivers_each_result_once_per_uid(
    owed: tuple[str, Engine, Spool], tmp_path: Path
) -> None:
    url, engine, spool = owed
    with scripted_pacs() as pacs:
        uids = [uid for study in "abcdefghij" for uid in owe(engine, spool, study, ("SR-A", "SEG"))]
        # The tenth, and then the thirteenth object hang: the kill lands in the middle of a send.
        pacs.script = {uids[9]: ["silence"], uids[12]: ["silence"]}
        with outbox_process(tmp_path / "home", url, pacs.port) as outbox:
            for stored in (10, 13):
                wait_for(functools.partial(holds, pacs, stored), f"{stored} objects", 60)
                outbox.kill()
                outbox.start()
            wait_for(lambda: all_sent(engine), "everything is sent", 60)
    assert sorted(pacs.kept) == sorted(uids)
    assert all(stored.digest == pacs.kept[stored.sop_instance_uid] for stored in pacs.log)
    assert len(pacs.log) <= len(uids) + 4
    assert b"SENTINEL" not in outbox.log.read_bytes()


def test_a_killed_outbox_leaves_no_sender_behind(owed: tuple[str, Engine, Spool], tmp_path: Path) -> None:
    import psutil

    url, engine, spool = owed
    with scripted_pacs() as pacs:
        (uid,) = owe(engine, spool, "a")
        pacs.script = {uid: ["silence"]}
        with outbox_process(tmp_path / "home", url, pacs.port) as outbox:
            wait_for(lambda: pacs.log, "the send is under way", 60)
            children = psutil.Process(outbox.process.pid).children(recursive=True)
            assert children
            outbox.kill()
            assert psutil.wait_procs(children, timeout=5)[1] == []


def test_an_outbox_told_to_stop_finishes_in_order_and_leaves_the_presence_list(
    owed: tuple[str, Engine, Spool], tmp_path: Path
) -> None:
    url, engine, spool = owed
    with scripted_pacs() as pacs, outbox_process(tmp_path / "home", url, pacs.port) as outbox:
        owe(engine, spool, "a")
        wait_for(lambda: all_sent(engine), "everything is sent", 60)
        seen = wait_for(lambda: presence.everyone(engine), "its heartbeat", 20)
        assert seen[0].kind == "outbox" and seen[0].detail["peers"]["pacs"]["breaker"] == "closed"
        outbox.process.send_signal(signal.SIGTERM)
        assert outbox.process.wait(15) == 0
    assert presence.everyone(engine) == []


def test_the_outbox_outlives_a_database_that_goes_and_comes_back(tmp_path: Path) -> None:
    cluster = services.Postgres()
    try:
        cluster.admin("CREATE DATABASE outbox")
        url = cluster.url("outbox")
        engine = store_engine.connect(url)
        from triage.store import schema

        schema.upgrade(engine)
        spool = Spool(tmp_path / "home" / "spool")
        with scripted_pacs() as pacs, outbox_process(tmp_path / "home", url, pacs.port) as outbox:
            first = owe(engine, spool, "a")
            wait_for(lambda: all_sent(engine), "the first is sent", 60)
            cluster.stop()
            time.sleep(2)
            assert outbox.process.poll() is None
            cluster.start()
            second = wait_for(lambda: _owe_when_back(engine, spool), "the database is back", 30)
            wait_for(lambda: all_sent(engine), "the second is sent", 30)
            assert pacs.order() == first + second
        engine.dispose()
    finally:
        cluster.remove()


def _owe_when_back(engine: Engine, spool: Spool) -> list[str] | None:
    return owe(engine, spool, "b") if store_engine.answers(engine) else None
