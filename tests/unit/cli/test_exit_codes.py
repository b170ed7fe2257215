"""Exit codes say what to do, and a mistake is one line that says how to mend it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from triage.cli.root import AWAY, BAD_SETTING, EXIT_CODES, FAILED, exit_code
from triage.domain.errors import Conflict, NotFound, Refused, TriageError, Unavailable, Unprocessable


def triage(*words: str, home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "TRIAGE_HOME": str(home), **variables}
    command = [sys.executable, "-P", "-m", "triage", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)


def test_every_class_of_error_has_its_own_meaning() -> None:
    domain = {error for error in TriageError.__subclasses__() if error.__module__ == TriageError.__module__}
    assert set(EXIT_CODES) == domain


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused("x", "no"), 1),
        (Unprocessable("x", "no"), 1),
        (NotFound("x", "no"), 3),
        (Conflict("x", "no"), 4),
        (Unavailable("x", "no"), 5),
    ],
)
def test_an_error_becomes_its_exit_code(error: TriageError, code: int) -> None:
    assert exit_code(error) == code


def test_an_error_nobody_classified_is_a_plain_failure() -> None:
    assert exit_code(TriageError("x", "no")) == FAILED


def test_a_misspelt_setting_is_refused_with_the_right_one(tmp_path: Path) -> None:
    done = triage("config", "show", home=tmp_path, TRIAGE_DICOM__PROT="104")
    assert done.returncode == BAD_SETTING
    assert done.stderr == "triage: dicom.prot: there is no such setting. Did you mean port?\n"
    assert done.stdout == ""


def test_a_database_that_is_away_is_said_in_two_lines_and_without_a_traceback(tmp_path: Path) -> None:
    done = triage("worklist", "list", home=tmp_path)
    assert done.returncode == AWAY
    assert "triage up" in done.stderr
    assert len(done.stderr.splitlines()) == 2


def test_wrong_usage_is_told_from_failure(tmp_path: Path) -> None:
    assert triage("worklist", "lits", home=tmp_path).returncode == 2
    assert triage("requeue", home=tmp_path).returncode == 2


def test_settings_are_shown_with_their_origin_and_without_their_secrets(tmp_path: Path) -> None:
    (tmp_path / "triage.toml").write_text("[web]\nport = 8081\n")
    secret = "postgresql+psycopg2://someone:sentinel-word@db/triage"
    done = triage(
        "config", "show", "--json", home=tmp_path, TRIAGE_DATABASE__URL=secret, TRIAGE_DICOM__PORT="104"
    )
    shown = {row["key"]: row for row in json.loads(done.stdout)["items"]}
    assert (shown["web.port"]["value"], shown["web.port"]["origin"]) == (8081, str(tmp_path / "triage.toml"))
    assert shown["dicom.port"]["origin"] == "TRIAGE_DICOM__PORT"
    assert shown["dicom.ae_title"]["origin"] == "default"
    assert "sentinel-word" not in done.stdout


def test_a_model_whose_byte_changed_is_found_without_tensorflow(tmp_path: Path) -> None:
    import hashlib

    bundle = tmp_path / "models" / "view-gate"
    bundle.mkdir(parents=True)
    (bundle / "weights.npz").write_bytes(b"weights")
    files = {"weights.npz": hashlib.sha256(b"weights").hexdigest()}
    about = {
        "name": "view-gate",
        "version": "1",
        "files": files,
        "provenance": {"data_origin": "synthetic-phantom"},
    }
    (bundle / "bundle.json").write_text(json.dumps(about))
    digest = hashlib.sha256((bundle / "bundle.json").read_bytes()).hexdigest()
    (tmp_path / "models" / "pins.json").write_text(json.dumps({"view-gate": digest}))
    root = {"TRIAGE_MODELS__ROOT": str(tmp_path / "models")}
    assert triage("model", "verify", home=tmp_path, **root).returncode == 0
    (bundle / "weights.npz").write_bytes(b"Weights")
    changed = triage("model", "verify", "--json", home=tmp_path, **root)
    assert changed.returncode == 10
    assert json.loads(changed.stdout)["items"][0]["state"] == "weights.npz was changed or is missing"
    shutil.rmtree(bundle)
    gone = triage("model", "verify", "--json", home=tmp_path, **root)
    assert gone.returncode == 10
    assert json.loads(gone.stdout)["items"][0]["state"] == "pinned, but missing"
