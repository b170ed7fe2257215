"""Sends a person's own files by C-STORE, with that person's rights.

Started before the product leaves root, it holds still until it is told where to send: the product's own
account need not be able to read the folders. Speaks JSON lines; ends when the supervisor's end closes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage.evidence.pacs import Answer, RemoteAE, StorageSCU

FILES_PER_REQUEST = 500


@dataclass(frozen=True)
class Held:
    """A sender that waits for its address: the ends of its pipes."""

    folders: tuple[Path, ...]
    order: int
    news: int

    @classmethod
    def start(cls, folders: tuple[Path, ...]) -> Held:
        """Start a sender with this process's rights."""
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "triage.demo.sender", *map(str, folders)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
            start_new_session=True,
        )
        assert process.stdin is not None and process.stdout is not None
        order, news = os.dup(process.stdin.fileno()), os.dup(process.stdout.fileno())
        process.stdin.close()
        process.stdout.close()
        return cls(folders, order, news)


def send_held(order: int, news: int, remote: RemoteAE) -> Iterator[dict[str, Any]]:
    """Tell a held sender where to send; yield what became of each file."""
    address = {name: getattr(remote, name) for name in ("ae_title", "host", "port", "calling_ae_title")}
    os.write(order, json.dumps(address).encode() + b"\n")
    with os.fdopen(news, "r", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def files_below(folder: Path) -> list[Path]:
    """Return every file below a folder, or the file itself, in a stable order."""
    return sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else [folder]


def send_files(scu: StorageSCU, remote: RemoteAE, files: list[Path]) -> Iterator[dict[str, Any]]:
    """Send files; yield each with its verdict, reason and status."""
    for start in range(0, len(files), FILES_PER_REQUEST):
        part = files[start : start + FILES_PER_REQUEST]
        report = scu.send(remote, part)
        answers = {answer.index: answer for answer in report.answers}
        for index, path in enumerate(part):
            yield _told(path, answers.get(index), report.fault)


def _told(path: Path, answer: Answer | None, fault: str | None) -> dict[str, Any]:
    return {
        "file": str(path),
        "verdict": str(answer.verdict) if answer else "not-tried",
        "reason": answer.reason if answer else (fault or ""),
        "status": answer.status if answer else None,
    }


def main() -> None:
    """Wait for the address, send everything below the folders of the command line, end."""
    line = sys.stdin.readline()
    if not line:
        return
    address = json.loads(line)
    # pydicom's warnings quote element values, which are patient data.
    warnings.filterwarnings("ignore", module=r"pydicom(\..*)?")
    threading.Thread(target=_end_with_the_product, daemon=True).start()
    remote = RemoteAE(name="self", timeout_s=30.0, **address)
    with StorageSCU() as scu:
        for folder in sys.argv[1:]:
            for told in send_files(scu, remote, files_below(Path(folder))):
                sys.stdout.write(json.dumps(told) + "\n")
                sys.stdout.flush()


def _end_with_the_product() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
