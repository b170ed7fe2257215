"""The simulator's speed, and every reference queue: |z| < 4 and 3 % against the table.

CPU seconds of one core for a million studies, drawing them included. Run: python -m tests.bench.simulate
[--golden [--arrivals 6000000] [--rows P01,P02]]; the table lies where TRIAGE_TEST_DATA says.
"""

from __future__ import annotations

import argparse
import math
import os
import time

from tests.golden_queues import Golden, golden_rows
from triage.proof.intervals import Estimate, batch_means
from triage.proof.orders import Name, Order
from triage.proof.scenarios import DEFAULT, SCENARIOS, policies
from triage.proof.simulate import kinds, run, setting_load
from triage.proof.theory import Discipline, Setting

MOST_AT_ONCE = 2_000_000
MOST_Z, MOST_RELATIVE = 4.0, 0.03


def speed() -> None:
    """Print the seconds for a million studies, each discipline and the default policy with rota, delays and guard."""
    setting = Setting(3, 0.9, 0.05, 0.8, 0.15, 5, 5)
    for discipline in Discipline:
        began = time.process_time()
        load, rota = setting_load(setting, 1_000_000, 1)
        run(load, Order("flag"), rota, discipline)
        print(f"{discipline} 3 readers, flag: {len(load)} studies in {time.process_time() - began:.1f} CPU s")
    for scenario in SCENARIOS:
        for name in (DEFAULT, "APQ c*w"):
            began = time.process_time()
            load = scenario.load(1_000_000 / scenario.per_day, 1)
            run(load, policies()[name], scenario.rota)
            spent = time.process_time() - began
            print(f"{scenario.name} {name}: {len(load)} studies in {spent:.1f} CPU s", flush=True)
    print(f"load average {os.getloadavg()[0]:.1f}")


def estimates(row: Golden, discipline: Discipline, arrivals: int) -> dict[str, Estimate]:
    """Return the simulated waits of one row by the table's fields, pooled over several runs."""
    parts: dict[str, list[Estimate]] = {}
    runs = math.ceil(arrivals / MOST_AT_ONCE)
    orders: dict[str, Name] = {"fifo_": "fifo", "": "flag"}
    for seed in range(1, runs + 1):
        load, rota = setting_load(row.setting, arrivals // runs, seed)
        chosen = dict(kinds(load))
        for prefix, order in orders.items():
            waits = run(load, Order(order), rota, discipline).wall
            for kind in ("diseased", "other", "flagged", "unflagged"):
                parts.setdefault(prefix + kind, []).append(batch_means(waits, chosen[kind]))
    return {name: pooled(found) for name, found in parts.items()}


def pooled(parts: list[Estimate]) -> Estimate:
    """Return the mean of independent estimates with its error."""
    mean = sum(one.mean for one in parts) / len(parts)
    error = math.sqrt(sum(one.error**2 for one in parts)) / len(parts)
    return Estimate(mean, error, mean - 2 * error, mean + 2 * error)


def compare(row: Golden, discipline: Discipline, arrivals: int) -> list[tuple[str, float, float]]:
    """Return (field, z, relative difference) of every wait of one row."""
    found = estimates(row, discipline, arrivals)
    references = {
        name: row.reference[discipline, name] for name in found if (discipline, name) in row.reference
    }
    return [
        (name, (found[name].mean - known) / found[name].error, found[name].mean / known - 1)
        for name, known in references.items()
    ]


def golden(arrivals: int, names: list[str]) -> int:
    """Compare the rows; return how many waits are outside the bounds."""
    outside = seen = 0
    for row in golden_rows():
        if names and row.name not in names:
            continue
        for discipline in Discipline:
            compared = compare(row, discipline, arrivals)
            seen += len(compared)
            bad = [one for one in compared if abs(one[1]) >= MOST_Z or abs(one[2]) >= MOST_RELATIVE]
            outside += len(bad)
            z = max(abs(one[1]) for one in compared)
            relative = max(abs(one[2]) for one in compared)
            print(
                f"{row.name} {discipline}: max |z| {z:.2f}, max relative {relative:.2%} {bad or ''}",
                flush=True,
            )
    print(
        f"{seen} waits, {arrivals} arrivals each, {outside} outside |z| < {MOST_Z:g} and {MOST_RELATIVE:.0%}"
    )
    return outside


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--golden", action="store_true")
    parser.add_argument("--arrivals", type=int, default=6_000_000)
    parser.add_argument("--rows", default="")
    asked = parser.parse_args()
    if asked.golden:
        raise SystemExit(1 if golden(asked.arrivals, [n for n in asked.rows.split(",") if n]) else 0)
    speed()


if __name__ == "__main__":
    main()
