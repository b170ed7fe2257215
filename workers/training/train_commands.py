"""`triage-models train`, `recipe` and `phantom set`. Heavy imports wait for the command that needs them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from workers.dataset.door import Command, write_json

# Held to course/subjects.py and to the plan by a test: importing them here would make --help wait.
TASKS = (
    "view",
    "fracture",
    "vertebra",
    "marrow",
    "mr-locator",
    "mr-vertebra",
    "pair",
    "alignment",
    "implant",
)
DIFFICULTIES = ("easy", "standard", "hard", "mixed")
SHIPPED = ("view-gate", "vertebra-locator", "vertebra-fresh")
PHANTOMS = "phantoms"
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_OUT = click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write to.")
_PATIENTS = click.option(
    "--patients", type=click.IntRange(20), default=400, show_default=True, help="Phantom patients to make."
)
DIFFICULTY = click.option(
    "--difficulty",
    type=click.Choice(DIFFICULTIES),
    default="standard",
    show_default=True,
    help="Of phantoms: hard has the most look-alikes and the mildest findings; mixed draws one for each patient.",
)
_JOBS = click.option("--processes", type=int, default=2, show_default=True, help="Rendering processes.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Write JSON instead of sentences.")


@click.command(
    cls=Command,
    epilog="Example: triage-models train fracture --backbone efficientnet-b0 --data build/site --recipe recipe.toml --out build/fracture",
)
@click.argument("task", type=click.Choice(TASKS), required=False)
@click.option(
    "--backbone",
    help="Architecture without its version, e.g. spinenet (default: the recipe's, or the task's).",
)
@click.option("--data", help="Folder of a dataset, or the word phantoms.")
@click.option(
    "--recipe",
    "recipe_file",
    type=_FILE,
    help="TOML of `triage-models recipe`; what it leaves out is the default.",
)
@click.option("--start", type=_FILE, help="Weights to begin from: .npz, .weights.h5 or a published .h5.")
@click.option(
    "--precision",
    type=click.Choice(["float32", "mixed_bfloat16", "mixed_float16"]),
    help="Overrides the recipe's.",
)
@click.option("--epochs", type=click.IntRange(1), help="Overrides the recipe's.")
@click.option(
    "--stop-after", type=click.IntRange(1), help="Stop after so many more epochs; the same command goes on."
)
@click.option(
    "--threads", type=click.IntRange(1), help="Threads of the network (default: OMP_NUM_THREADS, or one)."
)
@_PATIENTS
@DIFFICULTY
@_OUT
@click.option("--seed", type=int, help="Fixes phantoms and training (default: the recipe's, or 2).")
@click.option(
    "--scale",
    type=click.Choice(["full", "small", "tiny"]),
    default="full",
    show_default=True,
    help="Of the shipped networks: how many phantoms and steps.",
)
@_JOBS
@click.option(
    "--only", type=click.Choice(SHIPPED), multiple=True, help="Make only these shipped networks again."
)
@click.option(
    "--all", "everything", is_flag=True, help="Make all shipped networks again: render, train, package, pin."
)
@_JSON
def train(task: str | None, backbone: str | None, data: str | None, recipe_file: Path | None, start: Path | None,
          precision: str | None, epochs: int | None, stop_after: int | None, threads: int | None, patients: int,
          difficulty: str, out: Path, seed: int | None, scale: str, processes: int, only: tuple[str, ...],
          everything: bool, as_json: bool) -> None:  # fmt: skip
    """Train a network for a task on a dataset or on phantoms, or make the shipped networks again.

    \b
    Tasks: view, fracture, vertebra, marrow, mr-locator, mr-vertebra, pair, alignment, implant. Every epoch is kept:
      stop it when you like, the same command goes on. When it is done the folder holds curves.csv and .png, bundles/NAME, and predictions.csv
      for `triage-models evaluate --predictions`.
    """
    if (task is None) == (not everything and not only):
        raise click.UsageError("say a TASK with --data, or --all, or --only NAME")
    if task is None:
        _shipped(out, only, everything, scale, 2 if seed is None else seed, processes)
        return
    if data is None:
        raise click.UsageError("say --data FOLDER, or --data phantoms")
    from workers.training.course.material import unwatched
    from workers.training.course.recipe import read_recipe
    from workers.training.course.run import course

    say = _quiet if as_json else click.echo
    chosen = read_recipe(recipe_file, task, backbone=backbone, seed=seed, precision=precision, epochs=epochs)
    folder = Path(data)
    if data == PHANTOMS:
        folder = _phantoms(task, out / PHANTOMS, patients, chosen.seed, difficulty, processes, say)
    result = course(
        chosen, folder, out, start=start, stop_after=stop_after, threads=threads,
        watch=unwatched if as_json else _watched, echo=say,
    )  # fmt: skip
    _tell(result, out, as_json)


def _shipped(out: Path, only: Sequence[str], everything: bool, scale: str, seed: int, processes: int) -> None:
    from workers.training.run import ORDER, package_step, render_step, train_step

    render_step(out, seed=seed, scale=scale, processes=processes, echo=click.echo)
    train_step(out, ORDER if everything else only, seed=seed, scale=scale, echo=click.echo)
    if everything:
        package_step(out, ORDER, seed=seed, scale=scale, echo=click.echo)


def _phantoms(
    task: str, out: Path, patients: int, seed: int, difficulty: str, processes: int, say: Any
) -> Path:
    from workers.training.phantom_files import write_set

    return write_set(
        task, out, patients=patients, seed=seed, difficulty=difficulty, processes=processes, echo=say
    )


def _tell(result: Any, out: Path, as_json: bool) -> None:
    made = result.packaged
    record = {
        "epochs": result.epochs,
        "best_epoch": result.best_epoch,
        "finished": result.finished,
        "bundle": None if made is None else {"name": made.name, "digest": made.digest, "bytes": made.size},
        "metrics": None if made is None else dict(made.metrics),
    }
    if as_json:
        write_json("Training", record)
        return
    if made is None:
        click.echo(f"{result.epochs} epoch(s) so far; the same command goes on")
        return
    from workers.training.card import table

    for line in table(made.metrics, "test patients"):
        click.echo(line)
    click.echo(f"{out / 'bundles' / made.name}: {made.size / 1e6:.2f} MB, {made.digest}")


def _quiet(line: str) -> None:
    return None


def _watched(steps: Sequence[Any], what: str) -> Iterator[Any]:
    with click.progressbar(steps, label=what, show_pos=True) as bar:
        yield from bar


@click.command(cls=Command, epilog="Example: triage-models recipe fracture --backbone mobilenet")
@click.argument("task", type=click.Choice(TASKS))
@click.option("--backbone", help="Architecture without its version, e.g. spinenet (default: the task's).")
def recipe(task: str, backbone: str | None) -> None:
    """Write a task's recipe as TOML, with every default, to be edited and given to `train --recipe`."""
    from workers.training.course.recipe import read_recipe

    click.echo(read_recipe(None, task, backbone=backbone).to_toml(), nl=False)


@click.command(
    "set", cls=Command, epilog="Example: triage-models phantom set fracture --patients 100 --out build/set"
)
@click.argument("task", type=click.Choice(TASKS))
@_PATIENTS
@DIFFICULTY
@_OUT
@click.option("--seed", type=int, default=2, show_default=True, help="Fixes the phantoms.")
@_JOBS
def phantom_set(task: str, patients: int, difficulty: str, out: Path, seed: int, processes: int) -> None:
    """Write a phantom dataset as a site's would be: DICOM, a label CSV with exact truth, and the dataset of both."""
    folder = _phantoms(task, out, patients, seed, difficulty, processes, click.echo)
    click.echo(str(folder))


@click.command(
    "series",
    cls=Command,
    epilog="Example: triage-models phantom series --patients 3 --slices 11 --out build/mr",
)
@click.option("--patients", type=click.IntRange(1), default=3, show_default=True, help="How many.")
@click.option(
    "--slices", type=click.IntRange(1, 25), default=11, show_default=True, help="Sagittal slices each."
)
@DIFFICULTY
@_OUT
@click.option("--seed", type=int, default=2, show_default=True, help="Fixes the phantoms.")
def phantom_series(patients: int, slices: int, difficulty: str, out: Path, seed: int) -> None:
    """Write sagittal T1 MR series as DICOM, one folder per patient."""
    from workers.training.phantom_files import write_series

    write_series(out, patients=patients, slices=slices, seed=seed, difficulty=difficulty, echo=click.echo)
