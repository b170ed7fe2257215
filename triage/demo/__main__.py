"""The story as a process: `python -m triage.demo REQUEST`, started by the supervisor once the doors are open.

Sends the phantoms in a trickle and the person's folders as they are; with --once it waits until everything
is settled and delivered, prints the worklist, and its exit code ends the tree.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from triage.config import Settings, load_settings
from triage.demo.phantoms import rendered
from triage.demo.sender import files_below, send_files, send_held
from triage.demo.settled import Missing, missing
from triage.domain.errors import TriageError, Unavailable
from triage.embedded.places import with_addresses
from triage.evidence.judgement import STORED, Verdict
from triage.evidence.pacs import RemoteAE, StorageSCU
from triage.store.engine import connect

CALLING_AE = "DEMO-MODALITY"
TRICKLE_S = 2.0
POLL_S = 0.5
NEWS_S = 5.0
# Settled must hold this long: an image's row commits a moment after its file has left `incoming`.
SURE_S = 2.0
LIST = ("worklist", "list", "--tab", "unread", "--limit", "1000")
FAILED, PARTLY = 1, 6


def say(text: str) -> None:
    """Tell the person."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def ourselves(settings: Settings) -> RemoteAE:
    """Return our own receiver as a peer."""
    dicom = settings.dicom
    return RemoteAE("self", dicom.ae_title, dicom.host, dicom.port, CALLING_AE, settings.results.timeout_s)


class Tally:
    """What became of the files that were sent."""

    def __init__(self) -> None:
        self.stored = 0
        self.other: list[dict[str, Any]] = []

    def count(self, told: dict[str, Any]) -> None:
        """Take one file's verdict."""
        if told["verdict"] in STORED:
            self.stored += 1
        else:
            self.other.append(told)

    @property
    def lost(self) -> int:
        """Return how many files should have been stored and were not; a file that must be refused is listed only."""
        return sum(told["verdict"] != Verdict.REFUSED for told in self.other)

    def report(self, name: str) -> None:
        """Say the count, and list every file that was not stored with its status."""
        say(f"Sent        {self.stored} files of {name} stored, {len(self.other)} not")
        for told in self.other:
            status = "" if told["status"] is None else f" (0x{told['status']:04X})"
            say(f"            not stored: {told['file']}: {told['reason'] or told['verdict']}{status}")


def send_phantoms(settings: Settings, *, hurry: bool) -> int:
    """Send every phantom study in its own association; return how many were lost on the way."""
    say("Phantoms    rendering the demonstration's studies (kept for the next start)")
    tally = Tally()
    with StorageSCU() as scu:
        for folder in rendered(settings.home, say):
            for told in send_files(scu, ourselves(settings), files_below(folder)):
                tally.count(told)
            say(f"Phantoms    {folder.name} sent by C-STORE")
            time.sleep(0 if hurry else TRICKLE_S)
    tally.report("the phantom studies")
    return tally.lost


def send_folders(settings: Settings, held: list[int], names: list[str]) -> int:
    """Let the held sender send the person's folders; return how many were lost on the way."""
    tally = Tally()
    news = time.monotonic()
    for told in send_held(held[0], held[1], ourselves(settings)):
        tally.count(told)
        if time.monotonic() - news > NEWS_S:
            news = time.monotonic()
            say(f"Sending     {tally.stored} files stored so far")
    tally.report(", ".join(names))
    return tally.lost


def wait_until_settled(settings: Settings, deadline_s: float) -> Missing:
    """Return once nothing is awaited any more, or at the deadline."""
    engine = connect(settings.database.url.get_secret_value(), pool_size=1)
    deadline = time.monotonic() + deadline_s
    said = since = time.monotonic()
    while True:
        now = time.monotonic()
        found = missing(settings, engine)
        since = since if found.settled else now
        if (found.settled and now - since > SURE_S) or now > deadline:
            engine.dispose()
            return found
        if not found.settled and now - said > NEWS_S:
            said = now
            say(f"Waiting     {found.sentence()}")
        time.sleep(POLL_S)


def show_worklist(settings: Settings) -> None:
    """Print the worklist as a table, and where the state is."""
    say("")
    subprocess.run([sys.executable, "-P", "-m", "triage", *LIST], check=True)
    say(f"\nState       {settings.home}")


def tell(request: dict[str, Any]) -> int:
    """Tell the story; return its exit code."""
    settings = with_addresses(load_settings())
    lost = send_phantoms(settings, hurry=request["once"]) if request["demo"] else 0
    if request["held"]:
        lost += send_folders(settings, request["held"], request["folders"])
    if not request["once"]:
        program = Path(sys.executable).with_name("triage")
        say("Ready       Ctrl-C drains and stops everything. In a second terminal:")
        say(f"            TRIAGE_HOME={shlex.quote(str(settings.home))} {shlex.quote(str(program))} status")
        return 0
    found = wait_until_settled(settings, request["deadline_s"])
    show_worklist(settings)
    if not found.settled or found.refused:
        say(f"Not settled: {found.sentence()}. Look: `triage check`.")
        return FAILED
    say(
        f"Settled     every study, and every result delivered{f'; {lost} files lost on the way' if lost else ''}"
    )
    return PARTLY if lost else 0


def main() -> None:
    """Tell the story that the command line asks for."""
    warnings.filterwarnings("ignore", module=r"pydicom(\..*)?")  # they quote element values
    try:
        sys.exit(tell(json.loads(sys.argv[1])))
    except TriageError as error:
        say(f"triage: {error.sentence}")
        sys.exit(5 if isinstance(error, Unavailable) else FAILED)


if __name__ == "__main__":
    main()
