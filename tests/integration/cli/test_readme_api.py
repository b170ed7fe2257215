"""What the README says of the API is done as it stands there, by a shell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from sqlalchemy import Engine

from tests import worklist_cast as cast
from tests.command_line import Triage
from tests.house.source import ROOT
from tests.peers import foreign_program
from tests.web_site import serving

ADDRESS = "127.0.0.1:8080"


def lines_of(readme: str) -> str:
    """Return the README's lines for a program that uses the API."""
    return readme.partition("A program sends a token:")[2].split("```")[1]


def test_the_lines_of_the_readme_read_the_list(engine: Engine, triage: Triage, tmp_path: Path) -> None:
    foreign_program("curl", "curl")
    study_id = cast.image_arrives(engine, "one")
    command = tmp_path / "bin" / "triage"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m triage "$@"\n')
    command.chmod(0o755)
    lines = lines_of((ROOT / "README.md").read_text())
    assert ADDRESS in lines
    url = engine.url.render_as_string(hide_password=False)
    with serving(tmp_path / "web", url, web={"accounts": "local"}) as served:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", lines.replace(f"http://{ADDRESS}", served.address)],
            env={**triage.environment, "PATH": f"{command.parent}:{os.environ['PATH']}"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    assert [row["study_id"] for row in json.loads(done.stdout)["items"]] == [study_id]
