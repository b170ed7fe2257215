"""`triage-models evaluate | calibrate | threshold`. Heavy imports wait for the command that needs them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from workers.dataset.door import Command, write_json

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
_JSON = click.option("--json", "as_json", is_flag=True, help="Write JSON instead of sentences.")
_PREDICTIONS = click.option("--predictions", type=_FILE, help="Table of predictions, CSV or npz.")
_TABLE = click.option("--predictions", type=_FILE, required=True, help="Table of predictions, CSV or npz.")
_POSITIVE = click.option(
    "--positive",
    metavar="CLASS",
    help="The class that is flagged (default: the bundle's, or a lone p_ column).",
)
_ROUNDS = click.option(
    "--rounds", type=click.IntRange(100, 20_000), default=2000, show_default=True, help="Bootstrap rounds."
)
_SEED = click.option("--seed", type=int, default=0, show_default=True, help="Fixes the bootstrap.")
_OUT = click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write to.")
_SPLIT = click.option(
    "--split", help="Judge this split (default: test where the table has one, else everything)."
)


@click.command(
    cls=Command,
    epilog="Example: triage-models evaluate vertebra-fresh --data build/site --out build/report",
)
@click.argument("bundle", required=False)
@click.option("--data", type=_FOLDER, help="Dataset to run the bundle on.")
@_PREDICTIONS
@click.option("--root", type=_FOLDER, help="Folder of bundles (default: the shipped ones).")
@_POSITIVE
@click.option(
    "--threshold", type=float, multiple=True, help="Judge this threshold (default: the bundle's points)."
)
@click.option("--compare", type=_FILE, help="Predictions of another model on the same cases.")
@click.option("--readers", type=_FILE, help="CSV of human calls: case, reader, call, optionally score.")
@click.option("--study", type=_FILE, help="TOML with [checklist] answers that only people know.")
@click.option(
    "--robustness",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    show_default=True,
    help="Also judge N test cases under noise, blur, contrast, rotation, cropping, JPEG, and FGSM for whole-image networks.",
)
@_SPLIT
@_ROUNDS
@_SEED
@_OUT
@_JSON
def evaluate(bundle: str | None, data: Path | None, predictions: Path | None, root: Path | None, positive: str | None,
             threshold: tuple[float, ...], compare: Path | None, readers: Path | None, study: Path | None,
             robustness: int, split: str | None, rounds: int, seed: int, out: Path, as_json: bool) -> None:  # fmt: skip
    """Judge a bundle on a dataset, or a table of predictions: report.html and report.json.

    \b
    Columns of the table: case, patient, label, p_CLASS for each class, and optionally
      declined (why there is no answer), split, group_NAME, truth_NAME with measured_NAME
    """
    from workers.evaluation.run import Wanted, run

    if (predictions is None) == (bundle is None or data is None):
        raise click.UsageError("say BUNDLE and --data, or --predictions")
    wanted = Wanted(
        positive, dict(zip((f"{t:g}" for t in threshold), threshold, strict=True)), compare, readers, study, split,
        rounds, seed, robustness,
    )  # fmt: skip
    if predictions is not None and robustness:
        raise click.UsageError("--robustness needs a bundle and --data: a table cannot be spoilt")
    if predictions is not None:
        record = run(out, wanted, predictions=predictions)
    else:
        record = run(out, wanted, bundle=str(bundle), root=root, data=data, watch=_watch(quiet=as_json))
    if as_json:
        write_json("Evaluation", record)
        return
    from workers.evaluation.summary import lines

    for line in lines(record):
        click.echo(line)
    click.echo(f"{out / 'report.html'}")


@click.command(
    cls=Command,
    epilog="Example: triage-models calibrate --predictions build/report/predictions.csv --method isotonic --out build/calibrated",
)
@_TABLE
@click.option(
    "--method", type=click.Choice(["temperature", "isotonic"]), default="temperature", show_default=True,
    help="Temperature keeps which class is likeliest; isotonic needs about 1000 cases.",
)  # fmt: skip
@_ROUNDS
@_SEED
@_OUT
@_JSON
def calibrate(predictions: Path, method: str, rounds: int, seed: int, out: Path, as_json: bool) -> None:
    """Fit a calibration: calibration.json, calibrated.csv, reliability.svg, ECE before and after on unseen cases."""
    from workers.evaluation.run import calibrate_table

    found = calibrate_table(predictions, method, out, rounds=rounds, seed=seed)
    if as_json:
        write_json("Calibration", found)
        return
    from workers.evaluation.page_parts import interval

    click.echo(f"{method} fitted on {found['fitted_on']} case(s); measured {found['measured']}")
    for stage in ("before", "after"):
        one = found[stage]
        click.echo(
            f"  {stage:6} ECE {interval(one['ece'])}  Brier {one['brier']:.4f}  log-loss {one['log_loss']:.4f}"
        )
    if not found["enough_cases"]:
        click.echo(f"  note: {method} wants more cases than these; expect it to follow chance")
    click.echo(f"{out / 'calibration.json'}")


@click.command(
    cls=Command,
    epilog="Example: triage-models threshold --predictions build/report/predictions.csv --readers 2 --per-hour 20 --prevalence 0.05",
)
@_TABLE
@_POSITIVE
@click.option(
    "--target-sensitivity", type=click.FloatRange(0.5, 0.999), help="Choose by sensitivity, proven."
)
@click.option(
    "--load", "rho", type=click.FloatRange(0, 0.99), help="Choose by the share of the readers' time in use."
)
@click.option("--readers", type=click.IntRange(1, 500), default=1, show_default=True, help="Readers on duty.")
@click.option(
    "--per-hour", type=click.FloatRange(0.01), help="Studies per hour on duty: gives the workload forecast."
)
@click.option(
    "--hours", type=click.FloatRange(0.1, 24), default=8.0, show_default=True, help="Hours on duty a day."
)
@click.option(
    "--read-minutes",
    type=click.FloatRange(0.1),
    default=5.0,
    show_default=True,
    help="Mean minutes to read a study.",
)
@click.option(
    "--prevalence", type=click.FloatRange(0.0001, 0.9999), help="At the site (default: as in the table)."
)
@_JSON
def threshold(predictions: Path, positive: str | None, target_sensitivity: float | None, rho: float | None,
              readers: int, per_hour: float | None, hours: float, read_minutes: float, prevalence: float | None,
              as_json: bool) -> None:  # fmt: skip
    """Choose a threshold by target sensitivity, by load, or from a workload forecast.

    With --per-hour the load is the site's own, and each choice tells flags per day, PPV, and mean minutes saved per
    diseased and lost per other study, by the closed forms of a queue with one reading time.
    """
    from workers.evaluation.run import Duty, choose
    from workers.evaluation.summary import choice_lines

    duty = Duty(readers, per_hour, hours, read_minutes, prevalence, rho, target_sensitivity)
    found = choose(predictions, positive, duty)
    if as_json:
        write_json("Threshold", found)
        return
    for line in choice_lines(found):
        click.echo(line)


def _watch(*, quiet: bool) -> Any:
    def watched(cases: Sequence[Any]) -> Iterator[Any]:
        if quiet:
            yield from cases
            return
        with click.progressbar(cases, label="judging", show_pos=True) as bar:
            yield from bar

    return watched


@click.command(
    cls=Command, epilog="Example: triage-models attention vertebra-fresh film.dcm --out build/attention"
)
@click.argument("bundle")
@click.argument("films", type=_FILE, nargs=-1, required=True, metavar="FILM...")
@click.option("--label", metavar="CLASS", help="Which class (default: the flagged one, else the likeliest).")
@click.option("--root", type=_FOLDER, help="Folder of bundles (default: the shipped ones).")
@_OUT
@_JSON
def attention(
    bundle: str, films: tuple[Path, ...], label: str | None, root: Path | None, out: Path, as_json: bool
) -> None:
    """Draw where a classifier looked on a film (two for a pair: coronal, then sagittal): Grad-CAM.

    An attention map, low resolution, not a lesion outline; no explanation either. Writes attention.png.
    """
    from workers.evaluation.attention import run
    from workers.models.bundle import BUNDLES

    shown = run(bundle, root or BUNDLES, films, label, out)
    if as_json:
        write_json("AttentionMap", shown)
        return
    click.echo(
        f"{shown['picture']}: {shown['class']} {shown['probability']:.3f}, {shown['where']}. {shown['label']}."
    )


COMMANDS = (evaluate, calibrate, threshold, attention)
