"""From a commit in Postgres to a hundred open pages: milliseconds, and what the web process weighs.

The real web process, a real Postgres, one socket per reader. A change is one committed update of one row;
its latency is from the return of the commit to the arrival of the event's bytes at a reader's socket, all on
one clock. `spaced` changes come alone, `burst` changes come twenty at once (there the last one counts: until
every reader has been told of everything). Run: python -m tests.bench.feed [--readers 100] [--changes 60]
"""

from __future__ import annotations

import argparse
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import psutil
from sqlalchemy import Engine

from tests import services
from tests import worklist_cast as cast
from tests.web_site import free_port
from triage.store import worklist
from triage.store.engine import connect, transaction

SERVE = (
    "import signal, threading; from triage.config import load_settings; from triage.log import configure;"
    "from triage.web import serve; stop = threading.Event();"
    "signal.signal(signal.SIGTERM, lambda *_: stop.set());"
    "s = load_settings(); configure(s.log, 'web'); serve(s, stop)"
)
BURST = 20


@contextmanager
def web_process(url: str) -> Iterator[tuple[psutil.Process, int]]:
    """Run the web process of a fresh home; yield it and its port."""
    port = free_port()
    with tempfile.TemporaryDirectory() as home:
        environ = {
            **os.environ,
            "TRIAGE_HOME": home,
            "TRIAGE_DATABASE__URL": url,
            "TRIAGE_WEB__PORT": str(port),
            "TRIAGE_WEB__ACCOUNTS": "name",
            "TRIAGE_LOG__LEVEL": "warning",
        }
        program = subprocess.Popen([sys.executable, "-P", "-c", SERVE], env=environ, cwd=_root())
        try:
            _await(f"http://127.0.0.1:{port}/readyz")
            yield psutil.Process(program.pid), port
        finally:
            program.terminate()
            program.wait(timeout=20)


def _root() -> Path:
    return Path(__file__).parents[2]


def _await(address: str) -> None:
    for _ in range(600):
        try:
            if httpx.get(address, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise RuntimeError("the web process did not become ready")


class Readers:
    """Open feeds, read by one thread; each event's arrival is noted with the rows it names."""

    def __init__(self, port: int, count: int) -> None:
        self.arrivals: list[tuple[int, float, str]] = []
        self._selector = selectors.DefaultSelector()
        self._stop = threading.Event()
        for number in range(count):
            feed = socket.create_connection(("127.0.0.1", port))
            feed.sendall(f"GET /feed HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            self._selector.register(feed, selectors.EVENT_READ, number)
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        while not self._stop.is_set():
            for key, _ in self._selector.select(0.2):
                said = key.fileobj.recv(65536)  # type: ignore[union-attr]  # only sockets are registered
                now = time.monotonic()
                if b"event: change" in said:
                    self.arrivals.append((key.data, now, said.decode(errors="replace")))

    def close(self) -> None:
        """Leave."""
        self._stop.set()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]  # only sockets are registered
        self._selector.close()


def change(engine: Engine, study_id: int) -> float:
    """Commit one change; return when the commit returned."""
    with transaction(engine) as connection:
        worklist.touch(connection, study_id)
    return time.monotonic()


def spaced(engine: Engine, readers: Readers, count: int, study_id: int, changes: int) -> list[float]:
    """Return the latency of every change to every reader, changes half a second apart."""
    found: list[float] = []
    for _ in range(changes):
        readers.arrivals.clear()
        began = change(engine, study_id)
        _until(lambda: len(readers.arrivals) >= count, 5)
        found += [1000 * (at - began) for _, at, _ in readers.arrivals]
        if len(readers.arrivals) < count:
            print(f"  {count - len(readers.arrivals)} readers were not told within 5 s")
        time.sleep(0.5)
    return found


def burst(engine: Engine, readers: Readers, count: int, studies: list[int]) -> list[float]:
    """Return, for each reader, how long after the last commit it had been told of every row."""
    found: list[float] = []
    for _ in range(5):
        readers.arrivals.clear()
        for study_id in studies:
            began = change(engine, study_id)
        _until(lambda: len(_told(readers, studies)) >= count, 5)
        found += [1000 * max(0.0, at - began) for at in _told(readers, studies).values()]
        time.sleep(0.6)
    return found


def _told(readers: Readers, studies: list[int]) -> dict[int, float]:
    known: dict[int, set[int]] = {}
    whole: dict[int, float] = {}
    for number, at, said in list(readers.arrivals):
        seen = known.setdefault(number, set())
        seen |= {study_id for study_id in studies if f'"{study_id}:' in said}
        if len(seen) == len(studies):
            whole.setdefault(number, at)
    return whole


def _until(done: Callable[[], bool], seconds: float) -> None:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends and not done():
        time.sleep(0.002)


def report(name: str, found: list[float]) -> None:
    """Print the middle, the 95th and 99th percentile, and the worst."""
    found.sort()
    at = [found[min(len(found) - 1, len(found) * share // 1000)] for share in (500, 950, 990)]
    print(
        f"{name}: p50 {at[0]:.1f} ms, p95 {at[1]:.1f} ms, p99 {at[2]:.1f} ms, worst {found[-1]:.1f} ms"
        f" ({len(found)} deliveries)"
    )


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=100)
    parser.add_argument("--changes", type=int, default=60)
    arguments = parser.parse_args()
    with services.database() as url, web_process(url) as (process, port):
        engine = connect(url)
        studies = [cast.image_arrives(engine, f"b{n}") for n in range(BURST)]
        before = process.memory_info().rss
        readers = Readers(port, arguments.readers)
        time.sleep(2)
        print(f"load average at the start {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors")
        report("spaced", spaced(engine, readers, arguments.readers, studies[0], arguments.changes))
        report(f"burst of {BURST}", burst(engine, readers, arguments.readers, studies))
        after = process.memory_info().rss
        readers.close()
        engine.dispose()
    mebi = 1024**2
    print(
        f"web process: {before / mebi:.0f} MiB before, {after / mebi:.0f} MiB with {arguments.readers} readers,"
        f" {(after - before) / 1024 / arguments.readers:.0f} KiB each; load average {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
