"""The label CSV: one row per patient, study or image, with a label, measures, groups, or a given split.

Columns (UTF-8, comma; header required):
  sop_instance_uid | study_instance_uid | patient_id   the key; the most specific one present counts
  label             the class, any word; may be absent where there are measures
  truth_NAME        a reference measurement, e.g. truth_cobb in degrees; blank where unknown
  level             optional, e.g. L1: several rows per image, one per vertebra
  split             optional: train, tune, calibrate or test, where the site has already split
  group_NAME        optional subgroup, e.g. group_hardware; carried into every report
Anything else is ignored and said so: a spreadsheet may hold names.
Refuses: no key, no label, the same key twice, a number that is none, a split that is none.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from triage.domain.errors import NotFound, Refused

KEYS = ("sop_instance_uid", "study_instance_uid", "patient_id")
SPLITS = ("train", "tune", "calibrate", "test")
TRUTH, GROUP = "truth_", "group_"
_PLAIN = ("label", "level", "split")


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One row. `line` is its place in the file, the only thing about it that is ever shown."""

    line: int
    key: str
    label: str
    level: str
    split: str
    measures: Mapping[str, float]
    groups: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LabelTable:
    """All rows under one kind of key; `ignored` are the columns that were not understood."""

    key_column: str
    rows: tuple[LabelRow, ...]
    ignored: tuple[str, ...]


def read_labels(path: Path) -> LabelTable:
    """Return the table; raises Refused with the line that is wrong."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            columns = tuple(name.strip() for name in reader.fieldnames or ())
            reader.fieldnames = list(columns)
            key = _key_of(columns)
            rows = tuple(_row(line, values, key, columns) for line, values in enumerate(reader, start=2))
    except OSError as error:
        raise NotFound("labels", f"the label file cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise Refused("labels", f"the label file is no UTF-8 CSV ({type(error).__name__})") from error
    _demand_unique(rows)
    known = (key, *_PLAIN)
    ignored = tuple(c for c in columns if c not in known and not c.startswith((TRUTH, GROUP)))
    return LabelTable(key, rows, ignored)


def _key_of(columns: Sequence[str]) -> str:
    found = [name for name in KEYS if name in columns]
    if not found:
        raise Refused("labels", f"the label file needs one of the columns {', '.join(KEYS)}")
    if "label" not in columns and not any(name.startswith(TRUTH) for name in columns):
        raise Refused("labels", f"the label file needs a column `label`, or measures named {TRUTH}...")
    return found[0]


def _row(line: int, values: Mapping[str, str | None], key: str, columns: Sequence[str]) -> LabelRow:
    def text(name: str) -> str:
        return (values.get(name) or "").strip()

    measures = {
        name.removeprefix(TRUTH): _number(text(name), line, name)
        for name in columns
        if name.startswith(TRUTH) and text(name)
    }
    groups = {n.removeprefix(GROUP): text(n) for n in columns if n.startswith(GROUP) and text(n)}
    row = LabelRow(line, text(key), text("label"), text("level"), text("split"), measures, groups)
    if not row.key:
        raise Refused("labels", f"line {line} of the label file has no {key}")
    if not row.label and not row.measures:
        raise Refused("labels", f"line {line} of the label file has neither a label nor a measure")
    if row.split and row.split not in SPLITS:
        raise Refused("labels", f"line {line} of the label file: the split is one of {', '.join(SPLITS)}")
    return row


def _number(text: str, line: int, column: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise Refused("labels", f"line {line} of the label file: {column} is no number")
    return number


def _demand_unique(rows: Sequence[LabelRow]) -> None:
    seen: dict[tuple[str, str], int] = {}
    for row in rows:
        first = seen.setdefault((row.key, row.level), row.line)
        if first != row.line:
            raise Refused("labels", f"lines {first} and {row.line} of the label file speak of the same thing")
    if not rows:
        raise Refused("labels", "the label file has no rows")
