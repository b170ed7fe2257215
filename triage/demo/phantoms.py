"""The phantom studies: rendered once by the models' own command, kept under the home, sent in a trickle."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from triage.domain.errors import Unavailable

RENDER = ("-P", "-m", "workers.training.cli", "phantom", "demo", "--out")


def rendered(home: Path, say: Callable[[str], None]) -> list[Path]:
    """Return one folder per phantom study, rendering them when that was not done before."""
    folder = home / "demo" / "phantoms"
    if not folder.is_dir():
        _render(folder, say)
    return sorted(path for path in folder.iterdir() if path.is_dir())


def _render(folder: Path, say: Callable[[str], None]) -> None:
    fresh = folder.with_name("phantoms.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    process = subprocess.Popen(
        [sys.executable, *RENDER, str(fresh)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    last = ""
    for line in process.stdout:
        last = line.rstrip()
        say(f"            {last}")
    if process.wait() != 0:
        raise Unavailable("phantoms", f"the phantoms could not be rendered: {last}")
    fresh.rename(folder)
