"""The worklist among a million studies: page, next, reorder, change of policy, against the bare index scan.

Every figure is beside the bare scan of fifty rows of the order's index in the same run, taken by turns, because
other work on the machine slows both. `SQL` figures are one statement on an open connection, planning and transfer
included; the others are the product's own functions, transaction and row objects included.
Run: python -m tests.bench.worklist [--studies 1000000] [--unread 20000] [--rounds 400]
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psutil
from sqlalchemy import Connection, Engine, Select, select, text

from tests.bench.million import cluster_with, opened_before
from tests.worklist_cast import flagged
from triage.domain.policy import OrderPolicy, PolicyName
from triage.domain.worklist import Tab
from triage.store import situation, studies, worklist, worklist_policy
from triage.store.engine import transaction
from triage.store.paging import page_end
from triage.store.worklist_guard import lines
from triage.store.worklist_sequence import places, sequence

PAGE = 50
SITE = OrderPolicy()
_SCAN = (
    "FROM worklist_item WHERE state IN ('SCHEDULED', 'IN PROGRESS') "
    f"ORDER BY tier, key, arrived_at, study_instance_uid LIMIT {PAGE}"
)
BARE, BARE_IDS = text(f"SELECT * {_SCAN}"), text(f"SELECT study_id {_SCAN}")
Act = Callable[[], object]


def taken(act: Act) -> float:
    """Return how many milliseconds it took."""
    began = time.perf_counter()
    act()
    return 1000 * (time.perf_counter() - began)


def by_turns(acts: dict[str, Act], rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds of every act, in rounds, so that all see the same load."""
    found: dict[str, list[float]] = {name: [] for name in acts}
    for act in acts.values():
        act()
    for _ in range(rounds):
        for name, act in acts.items():
            found[name].append(taken(act))
    return {name: sorted(times) for name, times in found.items()}


def at(times: list[float], share: float) -> float:
    """Return a percentile of sorted times."""
    return times[min(len(times) - 1, int(len(times) * share))]


def report(title: str, found: dict[str, list[float]], bare: str) -> None:
    """Print a table; ratios are to the bare scan's same percentile."""
    print(f"\n{title} (load average {os.getloadavg()[0]:.1f})")
    print(f"{'':34}{'p50 ms':>9}{'p99 ms':>9}{'p50 x':>8}{'p99 x':>8}{'rounds':>8}")
    p50, p99 = at(found[bare], 0.5), at(found[bare], 0.99)
    for name, times in found.items():
        middle, late = at(times, 0.5), at(times, 0.99)
        ratios = f"{middle / p50:>8.2f}{late / p99:>8.2f}"
        print(f"{name:34}{middle:>9.3f}{late:>9.3f}{ratios}{len(times):>8}")


def ordered(connection: Connection, policy: OrderPolicy) -> Select[Any]:
    """Return the order's own query of one page: which fifty rows, in what order."""
    rows = sequence(lines(connection, policy), PAGE)
    return select(rows.c.study_id).order_by(*places(rows))


def reading(engine: Engine, title: str, rounds: int) -> None:
    """Measure what only reads."""
    policy = worklist_policy.current(engine, SITE).policy
    with engine.connect() as connection:
        guard = lines(connection, policy)
        query = ordered(connection, policy)
        first = int(connection.execute(query).scalars().all()[0])
        middle = int(
            connection.execute(
                text(
                    "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY study_id) "
                    "FROM worklist_item WHERE state = 'SCHEDULED'"
                )
            ).scalar_one()
        )
        end = page_end(Tab.UNREAD, worklist.row(engine, middle))
        acts: dict[str, Act] = {
            "bare scan, SQL": lambda: connection.execute(BARE).all(),
            "bare scan of ids alone, SQL": lambda: connection.execute(BARE_IDS).all(),
            "order of a page, SQL": lambda: connection.execute(query).all(),
            "guard's lines, SQL": lambda: lines(connection, policy),
            "page(50)": lambda: worklist.page(engine, limit=PAGE),
            "page(50) behind the middle": lambda: worklist.page(engine, limit=PAGE, after=end),
            "counts": lambda: worklist.counts(engine, "Dr A"),
            "studies by state": lambda: studies.counts(engine),
            "figures of /metrics": lambda: situation.figures(engine),
            "detail of the first": lambda: worklist.detail(engine, first),
            "standing of the middle": lambda: worklist.standing(engine, middle),
        }
        found = by_turns(acts, rounds)
    report(f"{title}; guarded {guarded(engine, guard)}", found, "bare scan, SQL")
    explained(engine, policy)


def guarded(engine: Engine, guard: dict[str, datetime]) -> int:
    """Return how many rows stand before the guard's lines."""
    query = text(
        "SELECT count(*) FROM worklist_item WHERE state IN ('SCHEDULED', 'IN PROGRESS') AND tier = 2 "
        "AND requested_priority = :name AND waits_since < :line"
    )
    with engine.connect() as connection:
        return sum(
            connection.execute(query, {"name": name, "line": line}).scalar_one()
            for name, line in guard.items()
        )


def explained(engine: Engine, policy: OrderPolicy, rounds: int = 60) -> None:
    """Print what the server itself spends on the order's query and on the bare scan: planning and execution."""
    with engine.connect() as connection:
        query = ordered(connection, policy)
        compiled = query.compile(engine, compile_kwargs={"literal_binds": True})
        for name, spoken in (("bare scan", str(BARE)), ("order of a page", str(compiled))):
            plans = []
            for _ in range(rounds):
                answer = connection.exec_driver_sql(
                    f"EXPLAIN (ANALYZE, FORMAT JSON) {spoken}".replace("%", "%%")
                )
                plans.append(answer.scalar_one()[0])
            planning = sorted(plan["Planning Time"] for plan in plans)
            running = sorted(plan["Execution Time"] for plan in plans)
            print(
                f"  server, {name}: planning p50 {at(planning, 0.5):.3f} ms, "
                f"execution p50 {at(running, 0.5):.3f} p99 {at(running, 0.99):.3f} ms"
            )


def acting(engine: Engine, title: str, rounds: int) -> None:
    """Measure what writes: next, a result that reorders, each beside the bare scan."""
    waiting = text(
        "SELECT study_id FROM worklist_item WHERE state = 'SCHEDULED' AND ai_status = 'waiting' LIMIT :n"
    )
    with engine.connect() as reads:
        ids = iter(reads.execute(waiting, {"n": rounds + 1}).scalars().all())

        def answered() -> None:
            with transaction(engine) as connection:
                worklist.apply_result(connection, next(ids), flagged(), SITE)

        acts: dict[str, Act] = {
            "bare scan, SQL": lambda: reads.execute(BARE).all(),
            "next_row (claim, audit, opening)": lambda: worklist.next_row(engine, "Dr A"),
            "result to reordered row": answered,
        }
        report(title, by_turns(acts, rounds), "bare scan, SQL")


def changed(engine: Engine, policy: OrderPolicy, why: str) -> None:
    """Change the policy and print how long it took."""
    took = taken(lambda: print(_told(worklist_policy.change(engine, SITE, policy, "bench", why))))
    print(f"  {why}: {took / 1000:.2f} s")


def _told(change: object) -> str:
    return "  " + ", ".join(f"{name} {getattr(change, name)}" for name in ("waiting", "rekeyed", "moved"))


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=1_000_000)
    parser.add_argument("--unread", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=400)
    parser.add_argument("--shared-buffers", default="1GB")
    asked = parser.parse_args()
    print(
        f"{os.cpu_count()} processors, load average {os.getloadavg()[0]:.1f}, {datetime.now(UTC):%H:%M} UTC"
    )
    began = time.monotonic()
    with cluster_with(asked.studies, asked.unread, asked.shared_buffers) as engine:
        print(f"{asked.studies} studies, {asked.unread} unread, made in {time.monotonic() - began:.0f} s")
        changed(engine, replace(SITE, guard={}), "usual order without a guard")
        reading(engine, "No guard", asked.rounds)
        acting(engine, "No guard, acts", asked.rounds // 2)
        changed(engine, replace(SITE, name=PolicyName.FLAG), "to `flag`")
        changed(engine, SITE, "back to the usual order, with its guard")
        ends = asked.unread * 12 / 60
        opened_before(engine, 300, 0.97 * ends, 1.0)
        reading(engine, "Guard, the oldest", asked.rounds)
        acting(engine, "Guard, acts", asked.rounds // 2)
        opened_before(engine, 300, 0.5 * ends, 1.0)
        reading(engine, "Guard, half of the list", asked.rounds)
    memory = psutil.Process().memory_info().rss / 2**20
    print(f"\nthis process: {memory:.0f} MiB resident at the end; load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
