"""`triage dicom`: talk to a peer as the product would."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from triage.cli.output import say, write_fields, write_rows
from triage.cli.root import FAILED, PARTLY
from triage.cli.session import opened
from triage.cli.shape import ExampleCommand, ExampleGroup, json_option
from triage.domain.errors import NotFound, Refused

if TYPE_CHECKING:
    from triage.config import Settings
    from triage.evidence.pacs import RemoteAE

COLUMNS = {"file": "FILE", "verdict": "VERDICT", "status": "STATUS", "reason": "REASON"}


@click.group(cls=ExampleGroup, example="triage dicom echo DEMO-PACS")
def dicom() -> None:
    """DICOM peers."""


@dicom.command(cls=ExampleCommand, example="triage dicom echo ORTHANC@127.0.0.1:4242")
@click.argument("peer")
@json_option
def echo(peer: str, as_json: bool) -> None:
    """Ask a peer C-ECHO. PEER is a destination of the settings, `self`, or AE@host:port."""
    from triage.evidence import pacs

    with opened() as session:
        remote = find_peer(session.settings, peer)
    milliseconds = pacs.echo(remote)
    row = {"peer": remote.name, "ae_title": remote.ae_title, "milliseconds": round(milliseconds, 1)}
    write_fields("Echo", row, as_json=as_json)


@dicom.command(cls=ExampleCommand, example="triage dicom send study/ --to self")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--to", "peer", required=True, help="A destination of the settings, `self`, or AE@host:port.")
@json_option
def send(paths: tuple[Path, ...], peer: str, as_json: bool) -> int:
    """Send files, and every file below the folders given, by C-STORE."""
    from triage.evidence import pacs

    with opened() as session:
        remote = find_peer(session.settings, peer)
    files = files_below(paths)
    report = pacs.send(remote, files)
    answers = {answer.index: answer for answer in report.answers}
    rows = [outcome(path, answers.get(index)) for index, path in enumerate(files)]
    write_rows("Sent", rows, COLUMNS, as_json=as_json, nothing="No file.")
    say(f"{report.stored} of {len(files)} stored" + (f"; {report.fault}" if report.fault else ""))
    if report.stored == len(files):
        return 0
    return PARTLY if report.stored else FAILED


def outcome(path: Path, answer: object) -> dict[str, object]:
    """Return what became of one file."""
    status = getattr(answer, "status", None)
    return {
        "file": str(path),
        "verdict": getattr(answer, "verdict", "not-tried"),
        "status": None if status is None else f"0x{status:04X}",
        "reason": getattr(answer, "reason", ""),
    }


def files_below(paths: tuple[Path, ...]) -> list[Path]:
    """Return the files named, and those below the folders named, in a stable order."""
    found: list[Path] = []
    for path in paths:
        found += sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    return found


def find_peer(settings: Settings, name: str) -> RemoteAE:
    """Return the peer that a person named."""
    from triage.evidence import pacs

    for destination in settings.results.destinations:
        if destination.name == name:
            return pacs.remote_ae(destination, settings)
    title, at, place = name.partition("@")
    host, colon, port = place.rpartition(":")
    if name == "self":
        title, host, port = settings.dicom.ae_title, settings.dicom.host, str(settings.dicom.port)
    elif not (at and colon and port.isdecimal()):
        known = ", ".join(d.name for d in settings.results.destinations) or "none configured"
        raise NotFound("peer", f"no destination is called {name!r} ({known}); write AE@host:port")
    if not 0 < int(port) < 65_536:
        raise Refused("port", f"{port} is not a port")
    return pacs.RemoteAE(name, title, host, int(port), settings.dicom.ae_title, settings.results.timeout_s)
