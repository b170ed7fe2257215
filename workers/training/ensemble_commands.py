"""`triage-models ensemble search`: choose among all subsets of cached validation probabilities and freeze the choice."""

from __future__ import annotations

import csv
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import click

from workers.dataset.door import Command, write_json

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group(epilog="Example: triage-models ensemble search --probabilities val.npz --labels val.csv --json")
def ensemble() -> None:
    """Ensembles: every subset tried on validation patients, the best frozen."""


@ensemble.command(
    cls=Command,
    epilog="Example: triage-models ensemble search --probabilities val.npz --labels val.csv --out choice.json",
)
@click.option(
    "--probabilities", type=_FILE, required=True, help=".npz: one array [cases] in 0..1 per member."
)
@click.option(
    "--labels", type=_FILE, required=True, help="CSV with columns label (0 or 1) and, if any, patient."
)
@click.option(
    "--top", type=click.IntRange(1), default=10, show_default=True, help="How many subsets to list."
)
@click.option(
    "--rounds", type=click.IntRange(0), default=50, show_default=True, help="Resamples of patients for the optimism."
)  # fmt: skip
@click.option("--seed", type=int, default=2, show_default=True, help="Fixes the resamples.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the frozen choice here.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON instead of sentences.")
def search(
    probabilities: Path, labels: Path, top: int, rounds: int, seed: int, out: Path | None, as_json: bool
) -> None:
    """Try every subset of the members; the largest area wins, of equals the one with the fewest members.

    A subset answers with the mean of its members' probabilities. Use validation patients, never those of the
    final test: the choice looks better on its own patients than it is, by about `optimism`.
    """
    from workers.training import subsets

    names, values = _probabilities(probabilities)
    positive, patients = _labels(labels)
    begun = time.perf_counter()
    found = subsets.search(names, values, positive)
    seconds = time.perf_counter() - begun
    gap = subsets.optimism(names, values, positive, patients, rounds=rounds, seed=seed) if rounds else None
    report = _report(found, top) | {
        "patients": len(set(patients.tolist())),
        "optimism": None if gap is None or gap != gap else round(gap, 6),
        "search_seconds": round(seconds, 3),
        "inputs": {"probabilities": _digest(probabilities), "labels": _digest(labels)},
    }
    if out is not None:
        out.write_text(json.dumps(report, indent=1, sort_keys=True) + "\n")
    _tell(report, as_json)


@ensemble.command(
    cls=Command,
    epilog="Example: triage-models ensemble freeze marrow --runs build/runs --data build/site --out build/ensemble",
)
@click.argument("task")
@click.option(
    "--runs", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True,
    help="Folder of trainings as TASK/NETWORK on one dataset.",
)  # fmt: skip
@click.option(
    "--data", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True, help="That dataset."
)  # fmt: skip
@click.option(
    "--member", multiple=True, help="Take this network (default: the best subset of all that are there)."
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write to.")
def freeze(task: str, runs: Path, data: Path, member: tuple[str, ...], out: Path) -> None:
    """Put trained members together into one bundle that is served as one network.

    Without --member the best subset by AUC on the split `calibrate` is taken.
    """
    from workers.training.card import table
    from workers.training.fit import one_thread

    one_thread()
    from workers.training import freeze as freezing
    from workers.training.side_by_side import choice, runs_of

    if not member:
        found = choice(runs_of(runs / task, 100), 100)
        if found is None:
            raise click.UsageError(f"{runs / task} holds fewer than two of the published nine: say --member")
        member = found.search.chosen.members
        click.echo(f"chosen of {len(found.search.ranked)} subsets: {' + '.join(member)}")
    made = freezing.freeze(runs / task, task, member, data, out, echo=click.echo)
    for line in table(made.metrics, "test patients"):
        click.echo(line)
    click.echo(f"{out / 'bundles' / made.name}: {made.size / 1e6:.2f} MB, {made.digest}")


def _report(found: Any, top: int) -> dict[str, Any]:
    def row(subset: Any) -> dict[str, Any]:
        return {
            "members": list(subset.members),
            "auc": round(subset.area, 6),
            "ci95": [round(subset.low, 6), round(subset.high, 6)],
        }

    return {
        "chosen": row(found.chosen),
        "subsets": len(found.ranked),
        "sharing_the_best_auc": found.equals,
        "rule": "largest AUC; of equals the fewest members, then the order of the members; interval by DeLong, case by case",
        "cases": found.cases,
        "positives": found.positives,
        "best": [row(subset) for subset in found.ranked[:top]],
        "single": [row(subset) for subset in found.ranked if len(subset.members) == 1],
    }


def _probabilities(path: Path) -> tuple[list[str], Any]:
    import numpy as np

    from workers.training.subsets import SearchRefused

    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: np.asarray(archive[name], np.float64) for name in archive.files}
        return list(arrays), np.stack(list(arrays.values()))
    except (ValueError, OSError, AttributeError) as error:
        raise SearchRefused("ensemble", f"{path} is no .npz of equally long arrays: {error}") from error


def _labels(path: Path) -> tuple[Any, Any]:
    import numpy as np

    from workers.training.subsets import SearchRefused

    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    labels = [(row.get("label") or "").strip() for row in rows]
    if not rows or not set(labels) <= {"0", "1"}:
        raise SearchRefused("ensemble", f"{path} needs a column `label` of 0 and 1")
    patients = [row.get("patient") or str(index) for index, row in enumerate(rows)]
    return np.array(labels) == "1", np.array(patients)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _tell(report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        write_json("EnsembleSearch", report)
        return
    chosen = report["chosen"]
    click.echo(
        f"{report['subsets']} subsets of {len(report['single'])} members in {report['search_seconds']} s"
    )
    for row in report["best"]:
        low, high = row["ci95"]
        click.echo(f"  {row['auc']:.4f} [{low:.4f}, {high:.4f}]  {' + '.join(row['members'])}")
    click.echo(f"chosen: {' + '.join(chosen['members'])} ({report['rule']})")
    if report["optimism"] is not None:
        click.echo(f"optimism of choosing on these patients: {report['optimism']:+.4f} AUC")
