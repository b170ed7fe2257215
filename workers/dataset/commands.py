"""`triage-models dataset`: build, show, check. Heavy imports wait for the command that needs them."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from workers.dataset.door import TROUBLE, Command, write_json

_JSON = click.option("--json", "as_json", is_flag=True, help="Write JSON instead of sentences.")
_FOLDER = click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))


@click.group(
    epilog="Example: triage-models dataset build --dicom images --labels labels.csv --out build/site"
)
def dataset() -> None:
    """Datasets: DICOM and a label CSV, split by patient, under digests."""


@dataset.command(
    cls=Command,
    epilog="Example: triage-models dataset build --dicom images --labels labels.csv --out build/site --seed 2",
)
@click.option(
    "--dicom", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Folder of DICOM files."
)
@click.option(
    "--spool", is_flag=True, help="Take the images that this installation has received (its settings apply)."
)
@click.option("--modality", multiple=True, help="With --spool: only this modality; may be repeated.")
@click.option(
    "--body-part", multiple=True, help="With --spool: only this Body Part Examined; may be repeated."
)
@click.option("--since", type=click.DateTime(), help="With --spool: arrived at or after, UTC.")
@click.option("--until", type=click.DateTime(), help="With --spool: arrived before, UTC.")
@click.option(
    "--as",
    "actor",
    metavar="NAME",
    help="With --spool: who asks, for the audit trail (default: your account here).",
)
@click.option(
    "--labels", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True, help="Label CSV."
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write to.")
@click.option("--seed", type=int, default=2, show_default=True, help="Fixes the split.")
@click.option(
    "--leave-out", is_flag=True, help="Leave out what does not fit instead of refusing; it is listed."
)
@_JSON
def build(dicom: Path | None, spool: bool, modality: tuple[str, ...], body_part: tuple[str, ...],
          since: datetime | None, until: datetime | None, actor: str | None, labels: Path, out: Path, seed: int,
          leave_out: bool, as_json: bool) -> None:  # fmt: skip
    """Read DICOM and a label CSV, split by patient, and write a manifest.

    \b
    Columns of the CSV:
      sop_instance_uid | study_instance_uid | patient_id   the key (the most specific counts)
      label        the class          truth_NAME  a reference measurement, e.g. truth_cobb
      level        e.g. L1            split       train, tune, calibrate, test, if you have split
      group_NAME   a subgroup, e.g. group_hardware
    """
    from workers.dataset.build import DatasetRefused
    from workers.dataset.build import build as make
    from workers.dataset.source import from_folder, from_spool

    if spool == (dicom is not None):
        raise click.UsageError("say --dicom FOLDER, or --spool")
    if dicom is not None:
        if modality or body_part or since or until:
            raise click.UsageError("a query is asked of the spool: say --spool")
        source = from_folder(dicom)
    else:
        from triage.store.images import ImageQuery

        query = ImageQuery(modality, body_part, _utc(since), _utc(until))
        source = from_spool(query, actor or getpass.getuser())
    try:
        built = make(source, labels, out, seed=seed, leave_out=leave_out, watch=_watch(quiet=as_json))
    except DatasetRefused as refused:
        for problem in refused.problems:
            click.echo(f"{problem.code}: {problem.sentence}: {', '.join(problem.about)}", err=True)
        raise
    _tell({"digest": built.digest, **built.manifest}, as_json)


@dataset.command(cls=Command, epilog="Example: triage-models dataset show build/site")
@_FOLDER
@_JSON
def show(folder: Path, as_json: bool) -> None:
    """Show counts, warnings and weights of a dataset."""
    from workers.dataset.load import Dataset

    found = Dataset(folder)
    _tell({"digest": found.digest, **found.manifest}, as_json)


@dataset.command(cls=Command, epilog="Example: triage-models dataset check build/site")
@_FOLDER
@_JSON
def check(folder: Path, as_json: bool) -> None:
    """Compare every file with its digest and look for leakage; exit 10 when something is wrong."""
    from workers.dataset.load import Dataset

    found = Dataset(folder)
    trouble = list(found.trouble())
    if as_json:
        write_json("DatasetCheck", {"digest": found.digest, "cases": len(found.cases), "trouble": trouble})
    for line in [] if as_json else trouble or [f"{len(found.cases)} case(s) as they were."]:
        click.echo(line)
    if trouble:
        raise SystemExit(TROUBLE)


def _utc(when: datetime | None) -> datetime | None:
    return None if when is None else when.replace(tzinfo=UTC)


def _watch(*, quiet: bool) -> Any:
    def watched(paths: Sequence[Path]) -> Iterable[Path]:
        return paths if quiet else _bar(paths)

    return watched


def _bar(paths: Sequence[Path]) -> Iterator[Path]:
    with click.progressbar(paths, label="reading", show_pos=True, file=sys.stderr) as bar:
        yield from bar


def _tell(manifest: dict[str, Any], as_json: bool) -> None:
    data = {name: value for name, value in manifest.items() if name != "cases"}
    if as_json:
        write_json("Dataset", data | {"cases": len(manifest["cases"])})
        return
    click.echo(
        f"{len(manifest['cases'])} case(s) of {data['patients']} patient(s), digest {data['digest'][:16]}"
    )
    for split, labels in data["counts"].items():
        told = ", ".join(
            f"{label or 'measures'} {n['images']} ({n['patients']} pat.)" for label, n in labels.items()
        )
        click.echo(f"  {split}: {told}")
    for line in data["warnings"]:
        click.echo(f"  note: {line}")
    click.echo(f"  class weights: {data['imbalance']['class_weights']}")
    click.echo(f"  focal loss: {data['imbalance']['focal']}")
    if data["left_out"]:
        click.echo(f"  left out: {len(data['left_out'])}, see manifest.json")
    if data["unusable_files"]:
        click.echo(f"  not usable: {data['unusable_files']}")
