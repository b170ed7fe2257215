"""`triage-models`: render phantoms, train, evaluate and verify the bundles.

Every heavy import waits for the command that needs it, so --help answers at once.
"""

from __future__ import annotations

from pathlib import Path

import click

from workers.dataset.commands import dataset
from workers.dataset.door import Command
from workers.evaluation.commands import COMMANDS
from workers.training.ensemble_commands import ensemble
from workers.training.train_commands import DIFFICULTY, TASKS, phantom_series, phantom_set, recipe, train

_NAMES = ("view-gate", "vertebra-locator", "vertebra-fresh")
_OUT = click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write to.")
_SEED = click.option("--seed", type=int, default=2, show_default=True, help="Fixes phantoms and training.")
_SCALE = click.option(
    "--scale",
    type=click.Choice(["full", "small", "tiny"]),
    default="full",
    show_default=True,
    help="How many phantoms and steps: full for the shipped bundles, tiny to see that it runs.",
)
_JOBS = click.option("--processes", type=int, default=2, show_default=True, help="Rendering processes.")
_ONLY = click.option("--only", type=click.Choice(_NAMES), multiple=True, help="Only these networks.")


def _echo(line: str) -> None:
    click.echo(line)


@click.group(epilog="Example: triage-models train fracture --data phantoms --out build/fracture")
def main() -> None:
    """Datasets, phantoms, training, evaluation and bundles. Nothing made here is for clinical use."""


for _command in (dataset, ensemble, train, recipe, *COMMANDS):
    main.add_command(_command)


@main.group(epilog="Example: triage-models phantom demo --out build/demo")
def phantom() -> None:
    """Synthetic radiographs."""


phantom.add_command(phantom_set)
phantom.add_command(phantom_series)


@phantom.command("render", epilog="Example: triage-models phantom render --out build/models --scale small")
@_OUT
@_SEED
@_SCALE
@_JOBS
def phantom_render(out: Path, seed: int, scale: str, processes: int) -> None:
    """Render the training cache."""
    from workers.training.run import render_step

    render_step(out, seed=seed, scale=scale, processes=processes, echo=_echo)


@phantom.command("demo", epilog="Example: triage-models phantom demo --out build/demo")
@_OUT
@click.option("--seed", type=int, default=7, show_default=True, help="Fixes the studies.")
@_JOBS
def phantom_demo(out: Path, seed: int, processes: int) -> None:
    """Write the demonstration studies as DICOM, one folder per study."""
    from workers.training.demo import write_demo

    write_demo(out, seed=seed, processes=processes, echo=_echo)


@phantom.command("sheet", epilog="Example: triage-models phantom sheet --task fracture --out build/sheet.png")
@_OUT
@_SEED
@click.option(
    "--task", type=click.Choice(TASKS), help="Of a task's phantom set (default: the ten categories)."
)
@DIFFICULTY
def phantom_sheet(out: Path, seed: int, task: str | None, difficulty: str) -> None:
    """Draw a contact sheet of phantoms."""
    from workers.training.sheet import write_sheet, write_task_sheet

    if task is None:
        write_sheet(out, seed=seed)
    else:
        write_task_sheet(out, task, seed=seed, difficulty=difficulty)


@main.command(epilog="Example: triage-models package --out build/models")
@_OUT
@_SEED
@_SCALE
@_ONLY
def package(out: Path, seed: int, scale: str, only: tuple[str, ...]) -> None:
    """Calibrate, evaluate and write the bundles of networks already trained below the folder."""
    from workers.training.run import ORDER, package_step

    package_step(out, only or ORDER, seed=seed, scale=scale, echo=_echo)


@main.command(epilog="Example: triage-models figures --out build/models --report ops/reports")
@_OUT
@click.option("--report", type=click.Path(path_type=Path), help="Write phantom-models.md and its plots here.")
@click.option(
    "--outside", type=click.Path(path_type=Path, exists=True), multiple=True, help="Folder of other images."
)
def figures(out: Path, report: Path | None, outside: tuple[Path, ...]) -> None:
    """Print the bundles' figures; with --outside also what they answer on other people's images."""
    from workers.training.report import print_figures, write_report

    if report is not None:
        write_report(out, report, outside, echo=_echo)
    else:
        print_figures(out / "bundles", outside, echo=_echo)


@main.command(
    "side-by-side",
    cls=Command,
    epilog="Example: triage-models side-by-side --runs build/runs --report ops/reports",
)
@click.option(
    "--runs",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="Folder of trainings as TASK/NETWORK, each the --out of `train` on the same dataset.",
)
@click.option("--report", type=click.Path(path_type=Path), required=True, help="Folder to write to.")
@click.option(
    "--rounds", type=click.IntRange(100, 20_000), default=2000, show_default=True, help="Bootstrap rounds."
)
def side_by_side(runs: Path, report: Path, rounds: int) -> None:
    """Write a page of published networks beside small ones: figures, paired tests, the best ensemble of the nine."""
    from workers.training.side_by_side_page import write_page

    write_page(runs, report, rounds=rounds, echo=_echo)


@main.command(
    "pair-page",
    cls=Command,
    epilog="Example: triage-models pair-page build/pair-pattern build/coronal --data build/pair-pattern/phantoms/dataset --report ops/reports",
)
@click.argument(
    "runs", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, file_okay=False)
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="The dataset that all were trained on.",
)
@click.option("--report", type=click.Path(path_type=Path), required=True, help="Folder to write to.")
def pair_page(runs: tuple[Path, ...], data: Path, report: Path) -> None:
    """Write the page of the shipped network of pairs: RUNS are the --out of trainings, the shipped form first."""
    from workers.training.pair_page import write_page

    write_page(runs, data, report, echo=_echo)


@main.command(epilog="Example: triage-models card view-gate")
@click.argument("name", type=click.Choice((*_NAMES, "pair-pattern")))
@click.option(
    "--root",
    type=click.Path(path_type=Path, exists=True),
    help="Folder of bundles; default: the shipped ones.",
)
def card(name: str, root: Path | None) -> None:
    """Print a bundle's model card."""
    from workers.models.bundle import BUNDLES, load_pinned

    bundle = load_pinned(name, root or BUNDLES)
    click.echo((bundle.path / "card.md").read_text())


@main.command(epilog="Example: triage-models verify")
@click.option(
    "--root",
    type=click.Path(path_type=Path, exists=True),
    help="Folder of bundles; default: the shipped ones.",
)
@click.option("--golden/--no-golden", default=True, help="Also run the golden vectors (imports Keras).")
def verify(root: Path | None, golden: bool) -> None:
    """Check every digest and reproduce the golden vectors; exit 1 when anything differs."""
    from workers.training.verify import verify_all

    raise SystemExit(verify_all(root, golden=golden, echo=_echo))


if __name__ == "__main__":
    main()
