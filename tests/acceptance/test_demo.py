"""ops/demo as a newcomer runs it: from an empty environment, once with a person's files, then again until Ctrl-C."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.acceptance.product import wait_for

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("TRIAGE_TEST_DATA", ROOT.parent / "shared" / "data"))
DEMO_SECONDS = 900
SECOND_START_SECONDS = 45

pytestmark = pytest.mark.timeout(DEMO_SECONDS + 120)


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="tdm-", dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def demo(home: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(ROOT / "ops" / "demo"), *words],
        env={"TRIAGE_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def living(home: Path) -> list[str]:
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            ours = process.environ().get("TRIAGE_HOME") == str(home) or any(
                str(home) in word for word in words
            )
            if ours and process.status() != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
                found.append(" ".join(words)[:200])
        except (psutil.AccessDenied, psutil.NoSuchProcess):
            continue
    return found


def test_the_demonstration_settles_every_study_delivers_every_result_and_leaves_no_process(
    home: Path,
) -> None:
    folders = [word for name in ("spine",) if (DATA / name).is_dir() for word in ("--send", str(DATA / name))]
    process = demo(home, "--once", *folders)
    said, _ = process.communicate(timeout=DEMO_SECONDS)
    assert process.returncode == 0, said[-6000:]
    assert "Settled     every study, and every result delivered" in said
    assert f"State       {home}" in said
    assert re.search(r"Worklist {4}http://127\.0\.0\.1:\d+/", said)
    assert "Look sooner: possible recent vertebral fracture" in said
    assert re.search(r"^1 +\d+ .*Ordered STAT", said, re.MULTILINE), "in the order to be read"
    assert re.search(r"PHANTOM0014 +MR +Look sooner: possible recent vertebral fracture", said), (
        "the MR study"
    )
    assert "Not analysed" in said or "not analysed" in said
    results = list((home / "demo-pacs").rglob("*.dcm"))
    assert len(results) > 10
    assert any(b"POSSIBLE_ATYPICAL_CURVE" in path.read_bytes() for path in results)
    assert any(b"body 1 from below" in path.read_bytes() for path in results), "the MR study's segments"
    assert not living(home)


def test_a_second_start_takes_seconds_and_ctrl_c_leaves_no_process(home: Path) -> None:
    began = time.monotonic()
    process = demo(home)
    try:
        wait_for(lambda: page_answers(home), SECOND_START_SECONDS, "the page did not come up", pause=0.2)
        assert time.monotonic() - began < SECOND_START_SECONDS
        os.killpg(process.pid, signal.SIGINT)
        said, _ = process.communicate(timeout=90)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    assert process.returncode == 130, said[-3000:]
    assert "stopped; nothing is left running" in said
    assert not living(home)


def page_answers(home: Path) -> bool:
    match = re.search(r"\[web\][^\[]*?port = (\d+)", (home / "triage.toml").read_text(), re.DOTALL)
    assert match
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{match[1]}/livez", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
