"""`triage worklist simulate`: a list read event by event under any order, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from triage.cli.output import say, write_json, write_table
from triage.cli.shape import ExampleCommand, json_option
from triage.cli.worklist_theory import MINUTES, SHARE, Decorator, setting_of, setting_options
from triage.domain.policy import GUARDED

if TYPE_CHECKING:
    from triage.proof.caseload import Algorithm, Caseload, Habits
    from triage.proof.orders import Order, Terms
    from triage.proof.rota import Rota
    from triage.proof.simulate import Summary
    from triage.proof.theory import Setting

POLICIES = ("fifo", "human", "flag", "flag-within-class", "probability", "c-rank", "apq", "edf", "seniority")
SCENARIOS = ("S90", "A400", "B240", "C120", "D400n")
NOT_NEGATIVE = click.FloatRange(0)
COLUMNS = {
    "kind": "KIND",
    "studies": "STUDIES",
    "mean": "MEAN",
    "interval": "95 %",
    "staffed": "STAFFED",
    "p50": "P50",
    "p95": "P95",
    "p99": "P99",
    "worst": "MAX",
    "most_passed": "PASSED",
}
ORDER: tuple[Decorator, ...] = (
    click.option(
        "--policy",
        type=click.Choice([*POLICIES, "oracle"]),
        default="seniority",
        show_default=True,
        help="The order; oracle knows the truth.",
    ),
    click.option("--seniority-minutes", type=MINUTES, help="B (default: 2880; in a replay the site's)."),
    click.option("--harm-urgent", type=SHARE, help="h of the urgent (default: .20; in a replay the site's)."),
    click.option(
        "--guard",
        type=(click.IntRange(0), click.IntRange(0)),
        metavar="URGENT ROUTINE",
        help="K: how many younger studies of its own or a less pressing class may pass one (0 = no limit; default: "
        "none; in a replay the site's).",
    ),
    click.option("--head-start", type=NOT_NEGATIVE, default=0.0, help="apq: minutes added to every wait."),
)
ALGORITHM: tuple[Decorator, ...] = (
    click.option("--auc", type=SHARE, help="AUC of the score (default: the flag alone)."),
    click.option("--ai-minutes", type=NOT_NEGATIVE, default=0.0, help="Minutes to a result: fixed part."),
    click.option(
        "--ai-random-minutes", type=NOT_NEGATIVE, default=0.0, help="Minutes to a result: exponential part."
    ),
    click.option("--ai-failures", type=SHARE, default=0.0, help="Share that never has a result."),
)
HABITS: tuple[Decorator, ...] = (
    click.option(
        "--times",
        type=click.Choice(["exponential", "lognormal"]),
        default="exponential",
        show_default=True,
        help="How reading times spread.",
    ),
    click.option("--variation", type=MINUTES, default=0.7, show_default=True, help="lognormal: sd / mean."),
    click.option(
        "--times-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Reading times seen at the site: one number of minutes a line; their spread is used.",
    ),
    click.option("--strays", type=SHARE, default=0.0, help="Share of picks that take the oldest instead."),
    click.option(
        "--false-flag-tax", type=NOT_NEGATIVE, default=0.0, help="Extra reading time of a false flag (.12)."
    ),
)


def with_options(options: tuple[Decorator, ...]) -> Decorator:
    """Return what adds these options to a command."""
    return lambda command: reduce(lambda so_far, option: option(so_far), reversed(options), command)


@click.command(
    cls=ExampleCommand,
    example="triage worklist simulate --readers 3 --traffic 0.9 --prevalence 0.05 --sensitivity 0.8 --fpf 0.15 "
    "--read-time-diseased 5 --read-time-other 5 --policy flag --arrivals 100000 --json",
)
@setting_options
@click.option(
    "--rota",
    metavar="SHIFTS",
    help="Shifts of every day instead of --readers, such as 8-16x3,16-22x1; traffic is of their time.",
)
@click.option("--urgent", type=SHARE, default=0.0, help="Share of the list that is ordered urgent.")
@with_options(ORDER)
@with_options(ALGORITHM)
@with_options(HABITS)
@click.option(
    "--arrivals",
    type=click.IntRange(1000, 5_000_000),
    default=1_000_000,
    show_default=True,
    help="About how many studies.",
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Same seed, same list.")
@click.option("--phi", is_flag=True, help="Also the share of the oracle's benefit over the human class.")
@json_option
def simulate(
    arrivals: int, seed: int, rota: str | None, urgent: float, phi: bool, as_json: bool, **values: Any
) -> None:
    """Simulate a list: every wait in minutes, with batch-means intervals."""
    from triage.proof.rota import shifts_of
    from triage.proof.simulate import run, setting_load, summaries

    order, algorithm, habits = order_of(values), _algorithm(values), _habits(values)
    setting, discipline = setting_of(values)
    flag = algorithm(setting)
    shifts = shifts_of(rota) if rota else None
    load, duty = setting_load(
        setting, arrivals, seed, habits=habits, algorithm=flag, urgent=urgent, rota=shifts
    )
    done = run(load, order, duty, discipline)
    extra = {"phi": _phi(load, order, duty) if phi else None, "promoted_share": done.promoted / len(load)}
    _write(summaries(done), {"policy": order.name, "seed": seed, **extra}, as_json)


@click.command(cls=ExampleCommand, example="triage worklist scenario B240 --policy flag --days 30 --json")
@click.argument("name", metavar="SCENARIO", type=click.Choice(SCENARIOS))
@with_options(ORDER)
@click.option("--days", type=click.IntRange(7, 5000), default=600, show_default=True, help="How many days.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Same seed, same list.")
@json_option
def scenario(name: str, days: int, seed: int, as_json: bool, **values: Any) -> None:
    """Simulate one of the five lists of the report: rota, two classes, results that come late or never."""
    from triage.proof.scenarios import SCENARIOS as known
    from triage.proof.simulate import run, summaries

    asked = next(one for one in known if one.name == name)
    order, load = order_of(values), asked.load(days, seed)
    done = run(load, order, asked.rota)
    extra = {"phi": _phi(load, order, asked.rota), "promoted_share": done.promoted / len(load)}
    _write(summaries(done), {"policy": order.name, "seed": seed, **extra}, as_json)


def order_of(
    values: dict[str, Any], terms: Terms | None = None, site_guard: Mapping[str, int] | None = None
) -> Order:
    """Take the order's options out of `values` and return the order; `terms` and K are the site's, if it has any."""
    from triage.proof.orders import Order, named, usual

    asked = values.pop("guard")
    name, found = named(values.pop("policy")), terms or usual()
    minutes, harm = values.pop("seniority_minutes"), values.pop("harm_urgent")
    if minutes is not None:
        found = replace(found, seniority_minutes=minutes)
    if harm is not None:
        found = found.with_harm("HIGH", harm)
    own = dict(site_guard or {}) if name in GUARDED else {}
    guard = own if asked is None else dict(zip(("HIGH", "ROUTINE"), asked, strict=True))
    limits = {word: limit for word, limit in guard.items() if limit and word != "STAT"}
    return Order(name, found, limits, head_start=values.pop("head_start"))


def _algorithm(values: dict[str, Any]) -> Any:
    from triage.proof.caseload import Algorithm

    auc, fixed = values.pop("auc"), values.pop("ai_minutes")
    random, failures = values.pop("ai_random_minutes"), values.pop("ai_failures")

    def of(setting: Setting) -> Algorithm:
        return Algorithm(setting.sensitivity, setting.fpf, auc, fixed, random, failures)

    return of


def _habits(values: dict[str, Any]) -> Habits:
    from triage.proof.caseload import Habits, times_of

    times, variation, file = values.pop("times"), values.pop("variation"), values.pop("times_file")
    strays, tax = values.pop("strays"), values.pop("false_flag_tax")
    if file is not None:
        return Habits("empirical", variation, times_of(file.read_text()), strays, tax)
    return Habits(times, variation, (), strays, tax)


def _phi(load: Caseload, order: Order, rota: Rota) -> float:
    from triage.proof.orders import Order
    from triage.proof.simulate import benefit, run

    waits = [
        run(load, one, rota).staffed[load.diseased].mean() for one in (Order("human"), order, Order("oracle"))
    ]
    return benefit(*(float(wait) for wait in waits))


def _write(found: list[Summary], about: dict[str, Any], as_json: bool) -> None:
    rows = [asdict(one) for one in found]
    if as_json:
        write_json("Simulation", [{**about, "kinds": rows}])
        return
    shown = [
        {
            **row,
            "mean": f"{row['wall']['mean']:.2f}",
            "interval": f"{row['wall']['low']:.2f} to {row['wall']['high']:.2f}",
            "staffed": f"{row['staffed']['mean']:.2f}",
            **{name: f"{row[name]:.1f}" for name in ("p50", "p95", "p99", "worst")},
        }
        for row in rows
    ]
    write_table(shown, COLUMNS, "Nothing.")
    for name, value in about.items():
        if value is not None:
            say(f"{name.replace('_', ' ')}: {value:.4g}" if isinstance(value, float) else f"{name}: {value}")
