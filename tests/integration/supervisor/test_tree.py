"""The supervisor's promises, with real processes: order, restarts, draining, and nothing left behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.supervisor.trees import Supervised, patient, pids, script
from triage.embedded.service import alive, wait_until
from triage.supervisor.program import Program

HERE = __name__


def three(folder: Path) -> list[Program]:
    return [
        patient("database", folder, stop_rank=4, ready=lambda: bool(pids(folder, "database"))),
        patient(
            "writer", folder, after=("database",), stop_rank=1, ready=lambda: bool(pids(folder, "writer"))
        ),
        patient("wire", folder, after=("writer",), stop_rank=0, ready=lambda: bool(pids(folder, "wire"))),
    ]


def stubborn(folder: Path) -> list[Program]:
    ignores = f"import signal, time; signal.signal(15, signal.SIG_IGN); open({str(folder / 'up')!r}, 'w'); time.sleep(99)"
    return [script("stubborn", folder, ignores, grace_seconds=0.5)]


def refusing(folder: Path) -> list[Program]:
    return [patient("other", folder), script("refusing", folder, "import sys; print('bad key'); sys.exit(9)")]


def story(folder: Path) -> list[Program]:
    code = "import sys, time; print('the whole tale'); time.sleep(0.5); sys.exit(6)"
    return [
        patient("other", folder, ready=lambda: bool(pids(folder, "other"))),
        script(
            "story",
            folder,
            code,
            after=("other",),
            runs_once=True,
            ends_the_tree=True,
            speaks_to_the_person=True,
        ),
    ]


def never_ready(folder: Path) -> list[Program]:
    return [script("late", folder, "import sys; sys.exit(1)", ready=lambda: False, ready_seconds=1.0)]


def leaver(folder: Path) -> list[Program]:
    code = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)'])\n"
        f"open({str(folder / 'grandchild.pid')!r}, 'w').write(str(child.pid))\n"
    )
    return [script("leaver", folder, code, runs_once=True), patient("other", folder)]


Start = Callable[[str], Supervised]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Supervised] = []

    def begin(function: str) -> Supervised:
        started.append(Supervised(tmp_path, HERE, function))
        return started[-1]

    yield begin
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()


def test_programs_start_in_order_and_stop_from_the_wire_inwards(start: Start, tmp_path: Path) -> None:
    tree = start("three")
    assert wait_until(lambda: bool(pids(tmp_path, "wire")), 20)
    code, said = tree.stop(signal.SIGINT)
    assert code == 130
    assert (tmp_path / "order").read_text().split() == ["wire", "writer", "database"]
    assert "wire         | wire speaks" in said
    assert (tmp_path / "wire.log").read_text() == "wire speaks\n"
    assert not any(alive(pid) for name in ("wire", "writer", "database") for pid in pids(tmp_path, name))


def test_what_dies_is_started_again_alone(start: Start, tmp_path: Path) -> None:
    tree = start("three")
    assert wait_until(lambda: bool(pids(tmp_path, "wire")), 20)
    os.kill(pids(tmp_path, "writer")[0], signal.SIGKILL)
    assert wait_until(lambda: len(pids(tmp_path, "writer")) == 2, 20)
    assert len(pids(tmp_path, "wire")) == len(pids(tmp_path, "database")) == 1
    code, said = tree.stop()
    assert code == 0
    assert "writer ended (signal SIGKILL); starting it again in 0.1 s" in said or "in 0.0 s" in said


def test_a_killed_supervisor_leaves_no_process(start: Start, tmp_path: Path) -> None:
    tree = start("three")
    assert wait_until(lambda: bool(pids(tmp_path, "wire")), 20)
    tree.process.kill()
    tree.process.communicate()
    every = [pid for name in ("wire", "writer", "database") for pid in pids(tmp_path, name)]
    assert wait_until(lambda: not any(alive(pid) for pid in every), 10)


def test_a_program_that_does_not_stop_in_time_is_killed(start: Start, tmp_path: Path) -> None:
    tree = start("stubborn")
    assert wait_until((tmp_path / "up").exists, 20)
    code, said = tree.stop()
    assert code == 0
    assert "stubborn did not stop in time; killed" in said


def test_a_wrong_setting_ends_the_tree_at_once_with_its_exit_code(start: Start) -> None:
    tree = start("refusing")
    said, _ = tree.process.communicate(timeout=30)
    assert tree.process.returncode == 9
    assert "bad key" in said


def test_the_end_of_the_story_is_the_end_of_the_tree(start: Start, tmp_path: Path) -> None:
    tree = start("story")
    said, _ = tree.process.communicate(timeout=30)
    assert tree.process.returncode == 6
    assert "the whole tale" in said.splitlines()
    assert (tmp_path / "order").read_text() == "other\n"


def test_a_program_that_never_gets_ready_is_given_up_with_its_log_named(start: Start, tmp_path: Path) -> None:
    tree = start("never_ready")
    said, _ = tree.process.communicate(timeout=30)
    assert tree.process.returncode == 1
    assert f"late did not get ready within 1 s; see {tmp_path / 'late.log'}" in said


def test_what_a_program_left_in_its_session_ends_with_it(start: Start, tmp_path: Path) -> None:
    tree = start("leaver")
    assert wait_until(lambda: bool(pids(tmp_path, "grandchild")), 20)
    assert wait_until(lambda: not alive(pids(tmp_path, "grandchild")[0]), 10)
    assert tree.stop()[0] == 0
