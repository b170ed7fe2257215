"""The table of reference queues (24 settings, minutes), where it is at hand; a test without it is skipped loudly."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from triage.proof.theory import Discipline, Setting, Waits

FOLDER = Path(os.environ.get("TRIAGE_TEST_DATA") or Path(__file__).parents[1].parent / "shared" / "data")
TABLE = FOLDER / "triage" / "qucad_golden.csv"
# The table is written with four decimals.
HALF_A_DIGIT = 0.5001e-4
SAVINGS = {"saving_diseased": "ref_saving_{d}_dis", "saving_other": "ref_saving_{d}_non"}
WAITS = {
    "fifo_diseased": "ref_W_fifo_{d}_dis",
    "fifo_other": "ref_W_fifo_{d}_non",
    "diseased": "ref_W_{d}_dis",
    "other": "ref_W_{d}_non",
    "flagged": "ref_W_{d}_pos",
    "unflagged": "ref_W_{d}_neg",
}


@dataclass(frozen=True, slots=True)
class Golden:
    """One setting with its reference waits by discipline and field."""

    name: str
    setting: Setting
    closed_form: bool
    phi: float | None
    reference: dict[tuple[Discipline, str], float]

    def differences(self, discipline: Discipline, found: Waits) -> dict[str, tuple[float, float]]:
        """Return (found, reference) for each field of one discipline."""
        fields = [name for where, name in self.reference if where is discipline]
        return {name: (getattr(found, name), self.reference[discipline, name]) for name in fields}


def golden_rows() -> list[Golden]:
    """Return every row, or none where the table is not at hand."""
    if not TABLE.exists():
        return []
    with TABLE.open(newline="") as lines:
        return [_golden(row) for row in csv.DictReader(lines)]


def demand_rows() -> list[Golden]:
    """Return every row; without the table the test is skipped and says so."""
    found = golden_rows()
    if not found:
        pytest.skip(f"no {TABLE}: set TRIAGE_TEST_DATA")
    return found


def _golden(row: dict[str, str]) -> Golden:
    names = ("traffic_rho", "prevalence", "sensitivity", "fpf", "s_diseased_min", "s_nondiseased_min")
    figures = [float(row[name]) for name in (*names, "frac_interrupting", "s_interrupting_min")]
    columns = {**WAITS, **SAVINGS}
    return Golden(
        name=row["id"],
        setting=Setting(int(row["n_radiologists"]), *figures),
        closed_form=row["cf_available"] == "1",
        phi=float(row["cf_oracle_fraction_np"]) if row["cf_oracle_fraction_np"] else None,
        reference={
            (discipline, name): float(row[column.format(d=discipline)])
            for discipline in Discipline
            for name, column in columns.items()
        },
    )
