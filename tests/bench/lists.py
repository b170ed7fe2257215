"""A hundred open pages ask for the list after each change: processor time and milliseconds of the web process.

The real web process and a real Postgres; each reader has a cookie of their own, and half of them a study open. After
each committed change everybody asks at once, as their pages do. Run:
python -m tests.bench.lists [--readers 100] [--rows 100] [--changes 10]
"""

from __future__ import annotations

import argparse
import os
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2 as httpx

from tests import services
from tests import worklist_cast as cast
from tests.bench.feed import change, web_process
from triage.store.engine import connect

HTMX = {"hx-request": "true", "hx-trigger": "refresh"}


def sit_down(address: str, number: int) -> httpx.Client:
    """Return one reader's browser."""
    client = httpx.Client(base_url=address, timeout=60)
    client.post("/reader", data={"name": f"Dr {number}"}, headers={"origin": address})
    return client


def asked() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=100)
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--changes", type=int, default=10)
    parser.add_argument("--open", type=float, default=0.5, help="share of readers with a study open")
    return parser.parse_args()


def main() -> None:
    """Run what the command line asks for."""
    arguments = asked()
    with services.database() as url, web_process(url) as (process, port):
        engine = connect(url)
        ids = [
            cast.image_arrives(engine, f"l{n}", waited_minutes=arguments.rows - n)
            for n in range(arguments.rows)
        ]
        readers = [sit_down(f"http://127.0.0.1:{port}", number) for number in range(arguments.readers)]
        opened = int(arguments.readers * arguments.open)

        def ask(number: int) -> float:
            study = f"&study={ids[number % len(ids)]}" if number < opened else ""
            began = time.monotonic()
            answer = readers[number].get(f"/list?tab=unread{study}", headers=HTMX)
            assert answer.status_code == 200 and answer.text.count("<tr id=") == arguments.rows
            return 1000 * (time.monotonic() - began)

        with ThreadPoolExecutor(arguments.readers) as people:
            list(people.map(ask, range(arguments.readers)))  # connections and caches
            print(f"load average at the start {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors")
            spent, took, whole = 0.0, list[float](), list[float]()
            for number in range(arguments.changes):
                change(engine, ids[number % len(ids)])
                before, began = process.cpu_times(), time.monotonic()
                took += people.map(ask, range(arguments.readers))
                whole.append(time.monotonic() - began)
                after = process.cpu_times()
                spent += after.user + after.system - before.user - before.system
        lists = arguments.readers * arguments.changes
        took.sort()
        whole.sort()
        print(
            f"{arguments.readers} readers, {arguments.rows} rows: {1000 * spent / lists:.1f} ms of the web process's"
            f" processor time a list, {spent / arguments.changes:.2f} s a change; a list p50 {took[lists // 2]:.0f} ms,"
            f" p95 {took[lists * 95 // 100]:.0f} ms; all have it after {whole[len(whole) // 2]:.2f} s"
        )
        engine.dispose()


if __name__ == "__main__":
    main()
