"""Files that none of us wrote, where they are at hand (TRIAGE_TEST_DATA); a test without them is skipped loudly."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[3]
FOLDER = Path(os.environ.get("TRIAGE_TEST_DATA", CHECKOUT.parent / "shared" / "data"))


def files(kind: str) -> list[Path]:
    """Return the catalogued files of one folder, or skip."""
    catalogue = FOLDER / kind / "CATALOG.csv"
    if not catalogue.is_file():
        pytest.skip(f"no real files below {FOLDER}: set TRIAGE_TEST_DATA")
    with catalogue.open(newline="") as stream:
        return [FOLDER / kind / row["file"] for row in csv.DictReader(stream)]
