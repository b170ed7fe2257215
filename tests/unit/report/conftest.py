"""A folder of sources, and reading back what was built."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.report_cast import Sources


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    """An empty folder for source files."""
    return Sources(tmp_path)
