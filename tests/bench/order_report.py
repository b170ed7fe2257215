"""Writes ops/reports/order.md and its two plots: every order on the five lists.

Run: python -m tests.bench.order_report [--days 200] [--seeds 3]; some ten minutes of one core.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from triage.proof.orders import Order
from triage.proof.scenarios import (
    BASE,
    DEFAULT,
    LIMIT,
    LOWERING,
    ORACLE,
    SCENARIOS,
    UNHEARD,
    Scenario,
    policies,
)
from triage.proof.simulate import benefit, run

REPORTS = Path(__file__).parents[2] / "ops" / "reports"
HEAD = (
    "| order | fracture W | fracture Ws mean/p95 | phi (se) | of the limit | missed Ws mean/p95/p99 | urgent other Ws mean/p95 "
    "| routine other Ws mean/p95/p99/max | most passed urgent/routine | by guard |"
)


@dataclass(frozen=True, slots=True)
class Figures:
    """One order on one list, the mean over seeds (minutes; `max` over seeds)."""

    fracture_wall: float
    fracture: tuple[float, float]
    phi: float
    phi_error: float
    missed: tuple[float, float, float]
    urgent: tuple[float, float]
    routine: tuple[float, float, float, float]
    passed: tuple[int, int]
    promoted: float


def measure(scenario: Scenario, days: int, seeds: int) -> dict[str, Figures]:
    """Return every order's figures on one list."""
    parts: dict[str, list[Figures]] = {}
    for seed in range(1, seeds + 1):
        load = scenario.load(days, seed)
        found = {name: _one(scenario, order, load) for name, order in policies().items()}
        base, oracle = found[BASE].fracture[0], found[ORACLE].fracture[0]
        for name, one in found.items():
            phi = benefit(base, one.fracture[0], oracle)
            parts.setdefault(name, []).append(Figures(**{**asdict(one), "phi": phi}))
    return {name: _mean(found) for name, found in parts.items()}


def _one(scenario: Scenario, order: Order, load: object) -> Figures:
    from triage.proof.caseload import Caseload

    assert isinstance(load, Caseload)
    done = run(load, order, scenario.rota)
    sick, urgent, waits = load.diseased, load.stream == 0, done.staffed
    missed, other, routine = waits[sick & ~load.flagged], waits[urgent & ~sick], waits[~urgent & ~sick]

    def tail(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], *shares: float) -> tuple[float, ...]:
        return (float(values.mean()), *(float(one) for one in np.percentile(values, shares)))

    return Figures(
        float(done.wall[sick].mean()),
        tail(waits[sick], 95),  # type: ignore[arg-type]  # as many as asked for
        0.0,
        0.0,
        tail(missed, 95, 99),  # type: ignore[arg-type]
        tail(other, 95),  # type: ignore[arg-type]
        tail(routine, 95, 99, 100),  # type: ignore[arg-type]
        (int(done.passed[urgent].max()), int(done.passed[~urgent].max())),
        done.promoted / len(load),
    )


def _mean(parts: list[Figures]) -> Figures:
    rows = [asdict(one) for one in parts]
    middle = {name: np.mean([row[name] for row in rows], axis=0) for name in rows[0]}
    worst = [max(row["routine"][3] for row in rows)]
    phis = [row["phi"] for row in rows]
    error = float(np.std(phis, ddof=1) / len(phis) ** 0.5) if len(phis) > 1 else float("nan")
    return Figures(
        float(middle["fracture_wall"]),
        tuple(middle["fracture"]),
        float(middle["phi"]),
        error,
        tuple(middle["missed"]),
        tuple(middle["urgent"]),
        (*middle["routine"][:3], *worst),
        tuple(np.max([row["passed"] for row in rows], axis=0)),
        float(middle["promoted"]),
    )


def table(found: dict[str, Figures]) -> list[str]:
    """Return one list's table."""
    limit = found[LIMIT].phi
    lines = [HEAD, "|" + "---|" * 10]
    for name, one in found.items():
        shown = f"**{name}**" if name in (DEFAULT, UNHEARD) else name
        lines.append(
            f"| {shown} | {one.fracture_wall:.1f} | {_slash(one.fracture)} | {one.phi:.2f} ({one.phi_error:.3f}) "
            f"| {one.phi / limit:.2f} | {_slash(one.missed)} | {_slash(one.urgent)} | {_slash(one.routine)} "
            f"| {one.passed[0]}/{one.passed[1]} | {one.promoted:.2%} |"
        )
    return lines


def _slash(values: tuple[float, ...]) -> str:
    return "/".join(f"{value:.1f}" if value < 20 else f"{value:.0f}" for value in values)


def goals(all_found: dict[str, dict[str, Figures]]) -> list[str]:
    """Return the two goals, list by list, for the default and its two alternatives."""
    lines = [
        "| list | order | phi / limit (goal .90) | routine p99 (goal +21 %) | missed mean | urgent other mean |"
    ]
    lines.append("|" + "---|" * 6)
    for name, found in all_found.items():
        base, limit = found[BASE], found[LIMIT].phi
        for order in (DEFAULT, UNHEARD, LOWERING):
            one = found[order]
            share, tail = one.phi / limit, one.routine[2] / base.routine[2] - 1
            lines.append(
                f"| {name} | {order} | {share:.2f} {'met' if share >= 0.9 else 'MISSED'} "
                f"| {tail:+.0%} {'met' if tail <= 0.21 else 'MISSED'} | {one.missed[0] / base.missed[0] - 1:+.0%} "
                f"| {one.urgent[0] / base.urgent[0] - 1:+.0%} |"
            )
    return lines


def plots(all_found: dict[str, dict[str, Figures]]) -> None:
    """Draw the share of the oracle's benefit, and what it costs the routine tail."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = [name for name in policies() if name not in (BASE, "FIFO", ORACLE)]
    marks = dict(zip(all_found, "osD^v", strict=True))
    figure, axes = pyplot.subplots(figsize=(8, 4.6), dpi=90)
    for scenario, found in all_found.items():
        axes.plot([found[name].phi for name in names], names, marks[scenario], label=scenario, alpha=0.8)
    axes.set_xlabel("phi: share of the oracle's benefit for fresh fractures (staffed clock)")
    axes.grid(alpha=0.3)
    axes.invert_yaxis()
    axes.legend(loc="lower left")
    figure.tight_layout()
    figure.savefig(REPORTS / "order-benefit.png")
    figure, axes = pyplot.subplots(figsize=(8, 4.6), dpi=90)
    shown = ["strict flag", "flag within class", "EDF 10/30/60/480", LIMIT, DEFAULT, UNHEARD, LOWERING]
    for number, name in enumerate(shown):
        price = [100 * (found[name].routine[2] / found[BASE].routine[2] - 1) for found in all_found.values()]
        gain = [found[name].phi for found in all_found.values()]
        axes.plot(price, gain, "osD^vPX"[number], color=f"C{number}", label=name, alpha=0.8)
    axes.axvline(21, color="grey", linestyle="--", linewidth=1)
    axes.set_xscale("symlog", linthresh=25)
    axes.set_xticks([0, 5, 10, 15, 21, 50, 100, 200], ["0", "5", "10", "15", "21", "50", "100", "200"])
    axes.set_xlabel("routine p99 against human class + FIFO (%, staffed clock; dashed: goal)")
    axes.set_ylabel("phi")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", fontsize=8)
    figure.tight_layout()
    figure.savefig(REPORTS / "order-price.png")


def write(all_found: dict[str, dict[str, Figures]], days: int, seeds: int) -> None:
    """Write the report around the words in order.template.md."""
    tables = []
    for scenario in SCENARIOS:
        if scenario.name in all_found:
            tables += [
                f"### {scenario.name}: {scenario.about} ({scenario.traffic:.0%} of the readers' time)",
                "",
            ]
            tables += [*table(all_found[scenario.name]), ""]
    words = (REPORTS / "order.template.md").read_text()
    filled = words.replace("{goals}", "\n".join(goals(all_found))).replace(
        "{tables}", "\n".join(tables).rstrip()
    )
    (REPORTS / "order.md").write_text(filled.replace("{days}", str(days)).replace("{seeds}", str(seeds)))
    plots(all_found)


def main() -> None:
    """Measure, write, draw; `--kept FILE` keeps the figures, so that words can change without measuring."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--kept", type=Path)
    asked = parser.parse_args()
    if asked.kept and asked.kept.exists():
        kept = json.loads(asked.kept.read_text())
        found = {name: {order: Figures(**one) for order, one in rows.items()} for name, rows in kept.items()}
    else:
        found = {one.name: measure(one, asked.days, asked.seeds) for one in SCENARIOS}
    if asked.kept and not asked.kept.exists():
        plain = {name: {order: asdict(one) for order, one in rows.items()} for name, rows in found.items()}
        asked.kept.write_text(json.dumps(plain, default=float))
    write(found, asked.days, asked.seeds)


if __name__ == "__main__":
    main()
