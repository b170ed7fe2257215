"""The table of predictions that everything here works on, read from CSV or npz.

CSV columns: case, patient, label, p_CLASS for each class (one alone means binary: its class against the rest), and
optionally declined (why the network gave no answer; its probabilities stay blank), split, group_NAME, and pairs
truth_NAME / measured_NAME for measures such as angles. npz: arrays of the same names; nothing is unpickled.

Promise: a declined case stays in the table. A table is its rows and where they came from, with a digest.
Refuses, with its line: a case twice, a probability outside 0..1, rows that do not sum to 1, an unknown label.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.domain.errors import NotFound, Refused

P, GROUP, TRUTH, MEASURED = "p_", "group_", "truth_", "measured_"
OTHER = "other"
# Tables that people made hold two digits per class.
_ROUNDING = 0.02
Words = NDArray[np.str_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Predictions:
    """n cases. probabilities [n, classes], NaN where declined; labels index into classes, -1 where unknown."""

    cases: Words
    patients: Words
    classes: tuple[str, ...]
    labels: NDArray[np.intp]
    probabilities: Floats
    declined: Words
    splits: Words
    groups: Mapping[str, Words] = field(default_factory=dict)
    measures: Mapping[str, tuple[Floats, Floats]] = field(default_factory=dict)
    digest: str = ""

    def __len__(self) -> int:
        return len(self.cases)

    @property
    def answered(self) -> NDArray[np.bool_]:
        """Return which cases have probabilities and a label."""
        known: NDArray[np.bool_] = (self.labels >= 0) & np.isfinite(self.probabilities).all(axis=1)
        return known if self.classes else np.zeros(len(self), bool)

    def take(self, rows: NDArray[Any]) -> Predictions:
        """Return the same table with some of its rows (a mask or numbers)."""
        return Predictions(
            self.cases[rows],
            self.patients[rows],
            self.classes,
            self.labels[rows],
            self.probabilities[rows],
            self.declined[rows],
            self.splits[rows],
            {name: values[rows] for name, values in self.groups.items()},
            {name: (truth[rows], found[rows]) for name, (truth, found) in self.measures.items()},
            self.digest,
        )

    def with_probabilities(self, probabilities: Floats) -> Predictions:
        """Return the same cases with other probabilities."""
        rest = (self.declined, self.splits, self.groups, self.measures, self.digest)
        return Predictions(self.cases, self.patients, self.classes, self.labels, probabilities, *rest)

    def index_of(self, name: str) -> int:
        """Return the place of a class; raises NotFound."""
        if name not in self.classes:
            raise NotFound("class", f"no class {name!r}; there are {', '.join(self.classes)}")
        return self.classes.index(name)


def read_predictions(path: Path) -> Predictions:
    """Return a checked table; raises NotFound or Refused."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise NotFound("predictions", f"{path} cannot be read: {error.strerror}") from error
    columns = _from_npz(raw) if path.suffix == ".npz" else _from_csv(raw)
    return from_columns(columns, hashlib.sha256(raw).hexdigest())


def _from_csv(raw: bytes) -> dict[str, Words]:
    try:
        reader = csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline=""))
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise Refused("predictions", f"the table is no UTF-8 CSV ({type(error).__name__})") from error
    names = list(reader.fieldnames or ())
    return {name.strip(): np.array([(row[name] or "").strip() for row in rows], np.str_) for name in names}


def _from_npz(raw: bytes) -> dict[str, Words]:
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as archive:
            return {name: archive[name].astype(np.str_) for name in archive.files}
    except (ValueError, OSError, KeyError) as error:
        raise Refused("predictions", f"the npz cannot be read ({type(error).__name__})") from error


def from_columns(columns: Mapping[str, Words], digest: str = "") -> Predictions:
    """Return a checked table from columns of text."""
    for name in ("case", "patient"):
        if name not in columns:
            raise Refused("predictions", f"the table needs a column `{name}`")
    cases = columns["case"]
    count = len(cases)
    if not count:
        raise Refused("predictions", "the table has no rows")
    _demand_unique(cases)
    blank = np.full(count, "", np.str_)
    classes, probabilities = _probabilities(columns, count)
    declined = columns.get("declined", blank)
    table = Predictions(
        cases,
        columns["patient"],
        classes,
        _labels(columns.get("label", blank), classes),
        probabilities,
        np.where((declined == "") & np.isnan(probabilities).any(axis=1), "no-answer", declined)
        if classes
        else declined,
        columns.get("split", blank),
        {name.removeprefix(GROUP): values for name, values in columns.items() if name.startswith(GROUP)},
        _measures(columns),
        digest,
    )
    if not classes and not table.measures:
        raise Refused(
            "predictions", "the table has neither probabilities (p_CLASS) nor measures (truth_/measured_)"
        )
    return table


def _demand_unique(cases: Words) -> None:
    seen: dict[str, int] = {}
    for line, case in enumerate(cases, start=2):
        if seen.setdefault(str(case), line) != line:
            raise Refused("predictions", f"lines {seen[str(case)]} and {line} are the same case")


def _numbers(values: Words, name: str) -> Floats:
    numbers = np.full(len(values), np.nan)
    for index, text in enumerate(values):
        if text in ("", "nan"):
            continue
        try:
            numbers[index] = float(text)
        except ValueError:
            raise Refused("predictions", f"line {index + 2}: {name} is no number") from None
    return numbers


def _probabilities(columns: Mapping[str, Words], count: int) -> tuple[tuple[str, ...], Floats]:
    names = [name for name in columns if name.startswith(P)]
    if not names:
        return (), np.zeros((count, 0))
    values = np.stack([_numbers(columns[name], name) for name in names], axis=1)
    outside = ((values < -1e-9) | (values > 1 + 1e-9)).any(axis=1)
    if outside.any():
        raise Refused("predictions", f"line {int(np.argmax(outside)) + 2}: a probability lies outside 0..1")
    if len(names) == 1:
        return (OTHER, names[0].removeprefix(P)), np.concatenate([1 - values, values], axis=1)
    sums = values.sum(axis=1)
    off = np.isfinite(sums) & (np.abs(sums - 1) > _ROUNDING)
    if off.any():
        raise Refused("predictions", f"line {int(np.argmax(off)) + 2}: the probabilities do not sum to 1")
    return tuple(name.removeprefix(P) for name in names), values / sums[:, None]


def _labels(values: Words, classes: Sequence[str]) -> NDArray[np.intp]:
    places = {name: index for index, name in enumerate(classes)}
    found = np.full(len(values), -1, np.intp)
    for index, text in enumerate(values):
        place = places.get(str(text))
        if place is None and text and classes:
            if OTHER not in places:
                raise Refused("predictions", f"line {index + 2}: no column p_ for the label {str(text)!r}")
            place = places[OTHER]
        found[index] = -1 if place is None else place
    return found


def _measures(columns: Mapping[str, Words]) -> dict[str, tuple[Floats, Floats]]:
    names = [name.removeprefix(TRUTH) for name in columns if name.startswith(TRUTH)]
    return {
        name: (
            _numbers(columns[TRUTH + name], TRUTH + name),
            _numbers(columns[MEASURED + name], MEASURED + name),
        )
        for name in names
        if MEASURED + name in columns
    }


def write_predictions(table: Predictions, path: Path) -> str:
    """Write the table as CSV and return its SHA-256; reading it gives the same table."""
    header = ["case", "patient", "label", *(P + name for name in table.classes), "declined", "split"]
    header += [GROUP + name for name in table.groups]
    header += [prefix + name for name in table.measures for prefix in (TRUTH, MEASURED)]
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    for row in range(len(table)):
        place = int(table.labels[row])
        cells = [table.cases[row], table.patients[row], table.classes[place] if place >= 0 else ""]
        cells += [_cell(value) for value in table.probabilities[row]]
        cells += [table.declined[row], table.splits[row], *(values[row] for values in table.groups.values())]
        cells += [_cell(side[row]) for pair in table.measures.values() for side in pair]
        writer.writerow(cells)
    data = stream.getvalue().encode()
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def _cell(value: float) -> str:
    return f"{value:.9g}" if np.isfinite(value) else ""
