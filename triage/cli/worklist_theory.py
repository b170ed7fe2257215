"""`triage worklist theory`: what the closed forms say of a list, and where there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import reduce
from typing import TYPE_CHECKING, Any

import click

from triage.cli.output import write_fields
from triage.cli.shape import ExampleCommand, json_option

if TYPE_CHECKING:
    from triage.proof.theory import Discipline, Setting, Waits

SHARE = click.FloatRange(0, 1)
MINUTES = click.FloatRange(0, min_open=True)
Decorator = Callable[[Any], Any]
SETTING: tuple[Decorator, ...] = (
    click.option(
        "--readers", type=click.IntRange(1, 100), required=True, help="How many read at the same time."
    ),
    click.option(
        "--traffic",
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        required=True,
        help="Share of the readers' time that is used.",
    ),
    click.option("--prevalence", type=SHARE, required=True, help="Share of the list that is diseased."),
    click.option("--sensitivity", type=SHARE, required=True, help="Share of the diseased that is flagged."),
    click.option("--fpf", type=SHARE, required=True, help="Share of the others that is flagged."),
    click.option(
        "--read-time-diseased", type=MINUTES, required=True, metavar="MIN", help="Mean, in minutes."
    ),
    click.option("--read-time-other", type=MINUTES, required=True, metavar="MIN", help="Mean, in minutes."),
    click.option(
        "--interrupting",
        type=click.FloatRange(0, 1, max_open=True),
        default=0.0,
        show_default=True,
        help="Share of all arrivals that is read before the list.",
    ),
    click.option(
        "--read-time-interrupting", type=MINUTES, metavar="MIN", help="Mean, in minutes (default: as other)."
    ),
    click.option(
        "--discipline",
        type=click.Choice(["np", "pr"]),
        default="np",
        show_default=True,
        help="np: a reading is finished; pr: it is interrupted and resumed.",
    ),
)


def setting_options(command: Any) -> Any:
    """Add the options that describe one list."""
    return reduce(lambda so_far, option: option(so_far), reversed(SETTING), command)


def setting_of(values: dict[str, Any]) -> tuple[Setting, Discipline]:
    """Return the list and the discipline that the options describe."""
    from triage.proof.theory import Discipline, Setting

    discipline = Discipline(values.pop("discipline"))
    values["read_time_interrupting"] = values["read_time_interrupting"] or values["read_time_other"]
    return Setting(**values), discipline


@click.command(
    cls=ExampleCommand,
    example="triage worklist theory --readers 3 --traffic 0.9 --prevalence 0.05 --sensitivity 0.8 --fpf 0.15 "
    "--read-time-diseased 5 --read-time-other 5 --json",
)
@setting_options
@click.option(
    "--auc",
    type=click.FloatRange(0.5, 1, min_open=True, max_open=True),
    help="Also: highest probability first, for a binormal score of this AUC.",
)
@click.option(
    "--apq-ratio",
    type=SHARE,
    help="Also: the unflagged gather priority this many times as fast as the flagged.",
)
@json_option
def theory(auc: float | None, apq_ratio: float | None, as_json: bool, **values: Any) -> None:
    """Say the exact mean waits of a list (minutes), FIFO and flagged first."""
    from triage.proof.theory import Discipline, waits

    setting, discipline = setting_of(values)
    shown: dict[str, Any] = {"discipline": discipline, "closed_form": True, "why_not": ""}
    from triage.domain.errors import Unprocessable

    try:
        shown |= fields(waits(setting, discipline))
    except Unprocessable as none:
        shown |= {"closed_form": False, "why_not": none.sentence}
    shown |= {"flag_rate": setting.flag_rate, "arrivals_per_minute": setting.arrivals}
    if discipline is Discipline.NON_PREEMPTIVE:
        shown |= limits(setting, auc, apq_ratio)
    elif auc is not None or apq_ratio is not None:
        raise click.UsageError("--auc and --apq-ratio are known for --discipline np alone.")
    write_fields("Theory", shown, as_json=as_json)


def fields(found: Waits) -> dict[str, float]:
    """Return the waits and savings as they are shown."""
    return {
        **asdict(found),
        "saving_diseased": found.saving_diseased,
        "saving_other": found.saving_other,
    }


def limits(setting: Setting, auc: float | None, ratio: float | None) -> dict[str, Any]:
    """Return what any order could reach, or why that is not known exactly."""
    from triage.domain.errors import Unprocessable
    from triage.proof import bounds

    try:
        known = bounds.bounds(setting)
    except Unprocessable as none:
        return {"phi": None, "phi_why_not": none.sentence}
    shown: dict[str, Any] = {
        "phi": known.phi,
        "oracle_diseased": known.oracle_diseased,
        "best_roc_slope": known.best_slope,
    }
    if auc is not None:
        diseased = bounds.probability_ranked(setting, auc)
        shown |= {
            "probability_ranked_diseased": diseased,
            "probability_ranked_phi": bounds.fraction(setting, diseased),
        }
    if ratio is not None:
        shown["apq_flagged"], shown["apq_unflagged"] = bounds.accumulating(setting, ratio)
    return shown
