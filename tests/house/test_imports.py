"""The import contracts hold, and would notice if they did not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.house.source import ROOT


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run([program, "--no-cache"], cwd=folder, capture_output=True, text=True, timeout=120)


def test_every_import_points_in_the_one_direction() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]


def test_triage_starts_without_tensorflow_and_without_the_workers() -> None:
    code = (
        "import sys, importlib, pkgutil, triage\n"
        "for found in pkgutil.walk_packages(triage.__path__, 'triage.'):\n"
        "    if not found.name.endswith('__main__'): importlib.import_module(found.name)\n"
        "print(sorted({m.partition('.')[0] for m in sys.modules} & {'tensorflow','keras','highdicom','workers'}))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == "[]"
