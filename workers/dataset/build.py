"""Build a dataset: scan, match, split, write the manifest; or refuse, with everything that is wrong.

Below the output folder:
  manifest.json   cases by UID with digests, split, label, groups; counts, weights, warnings, seed. Pseudonymous.
  files.json      where the images are (mode 0600: folder and file names often hold names)
  salt            the key of the patients' hashes (mode 0600: with it, anybody who has a list of identifiers could
                  find each of them by trying). Kept beside the manifest, never in it, and used again when the dataset
                  is built again, so that a patient keeps the hash; share the manifest, keep the salt.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage.domain.errors import Refused
from workers.dataset import balance
from workers.dataset.labels import LabelTable, read_labels
from workers.dataset.match import LEAK, Labelled, Problem, match
from workers.dataset.scan import NO_DICOM, NO_IMAGE, ImageFile, Unusable, scan
from workers.dataset.source import Source
from workers.dataset.split import SHARES, split_patients

SCHEMA = "spine-triage-dataset/1"
MANIFEST, FILES, SALT = "manifest.json", "files.json", "salt"
_HASH_DIGITS = 16
Watch = Callable[[Sequence[Path]], Iterable[Path]]


class DatasetRefused(Refused):
    """The dataset is not sound; `problems` says why, one by one."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        counted = Counter(problem.code for problem in problems)
        listed = ", ".join(f"{code} {number}" for code, number in sorted(counted.items()))
        super().__init__("dataset", f"the dataset is refused: {listed}")
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Built:
    """What was written."""

    manifest: Mapping[str, Any]
    digest: str


def build(
    source: Source,
    labels: Path,
    out: Path,
    *,
    seed: int,
    leave_out: bool,
    watch: Watch = lambda paths: paths,
    salt: bytes | None = None,
) -> Built:
    """Write a dataset; raises DatasetRefused unless everything fits, or `leave_out` leaves out what does not.

    A patient in two splits is refused in any case: leaving out images would hide a split that was made wrongly.
    `salt` is for patients that do not exist; real ones have a random one.
    """
    table = read_labels(labels)
    scanned = list(scan(watch(source.paths)))
    images = [one for one in scanned if isinstance(one, ImageFile)]
    unusable = [one for one in scanned if isinstance(one, Unusable)]
    found = match(images, table)
    leaks = [problem for problem in found.problems if problem.code == LEAK]
    if leaks or (found.problems and not leave_out) or not found.cases:
        nothing = [] if found.cases else [Problem("no-cases", "no image has a usable label", ())]
        raise DatasetRefused([*found.problems, *nothing])
    out.mkdir(parents=True, exist_ok=True)
    manifest = _manifest(found.cases, found.problems, unusable, table, _salt(out, salt), seed)
    data = json.dumps(manifest, indent=1, sort_keys=True).encode()
    _private(out / FILES, json.dumps(_where(source.root, found.cases), indent=1, sort_keys=True).encode())
    (out / MANIFEST).write_bytes(data)
    return Built(manifest, hashlib.sha256(data).hexdigest())


def _where(folder: Path, cases: Sequence[Labelled]) -> dict[str, Any]:
    root = folder.resolve()
    return {
        "root": str(root),
        "files": {c.image.sop_instance_uid: str(c.image.path.resolve().relative_to(root)) for c in cases},
    }


def _salt(out: Path, chosen: bytes | None) -> bytes:
    path = out / SALT
    if chosen is not None or not path.exists():
        _private(path, chosen or secrets.token_hex(32).encode())
    return path.read_bytes()


def _private(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as stream:
        os.fchmod(handle, 0o600)
        stream.write(data)


def _manifest(
    cases: Sequence[Labelled],
    problems: Sequence[Problem],
    unusable: Sequence[Unusable],
    table: LabelTable,
    salt: bytes,
    seed: int,
) -> dict[str, Any]:
    splits = _splits(cases, seed)
    records = [_record(case, splits[case.image.patient], salt) for case in cases]
    records.sort(key=lambda record: (record["sop_instance_uid"], record["level"]))
    rows = [(record["split"], record["label"], record["patient"]) for record in records]
    totals = Counter(label for _, label, _ in rows)
    counted = balance.counts(rows)
    return {
        "schema": SCHEMA,
        "seed": seed,
        "shares": dict(SHARES),
        "split_given_by_site": any(case.row.split for case in cases),
        "labels_by": table.key_column,
        "ignored_columns": len(table.ignored),
        "classes": sorted(totals),
        "counts": counted,
        "patients": len({record["patient"] for record in records}),
        "warnings": balance.warnings(totals, counted),
        "imbalance": balance.weights([label for split, label, _ in rows if split == "train"]),
        "left_out": [
            {"code": problem.code, "sentence": problem.sentence, "about": list(problem.about)} for problem in problems
        ],
        "unusable_files": dict(Counter(one.reason for one in unusable if one.reason not in (NO_DICOM, NO_IMAGE))),
        "cases": records,
    }  # fmt: skip


def _splits(cases: Sequence[Labelled], seed: int) -> dict[str, str]:
    """Return each patient's split: the site's where it gave one, ours for the rest."""
    given = {case.image.patient: case.row.split for case in cases if case.row.split}
    labels: dict[str, list[str]] = {}
    for case in cases:
        if case.image.patient not in given:
            labels.setdefault(case.image.patient, []).append(case.row.label)
    return given | split_patients(labels, seed)


def _record(case: Labelled, split: str, salt: bytes) -> dict[str, Any]:
    image, row = case.image, case.row
    hashed = hmac.new(salt, image.patient.encode(), hashlib.sha256).hexdigest()[:_HASH_DIGITS]
    return {
        "sop_instance_uid": image.sop_instance_uid,
        "series_instance_uid": image.series_instance_uid,
        "study_instance_uid": image.study_instance_uid,
        "patient": hashed,
        "modality": image.modality,
        "file_sha256": image.file_sha256,
        "pixel_sha256": image.pixel_sha256,
        "split": split,
        "label": row.label,
        "level": row.level,
        "measures": dict(row.measures),
        "groups": {**image.groups, **row.groups},
    }
