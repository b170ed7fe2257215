"""Read a dataset back: its cases, its images, and whether everything is still what it was.

Promise: a file whose bytes changed since the dataset was built is refused, not read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage.domain.errors import NotFound, Refused
from workers.dataset.build import FILES, MANIFEST, SCHEMA
from workers.decode import Radiograph, decode


@dataclass(frozen=True, slots=True)
class Case:
    """One image, or one level of it. `patient` is the salted hash; `measures` are the reference values."""

    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    patient: str
    modality: str
    file_sha256: str
    pixel_sha256: str
    split: str
    label: str
    level: str
    measures: Mapping[str, float]
    groups: Mapping[str, str]

    @property
    def name(self) -> str:
        """Return what names the case in a table of predictions."""
        return f"{self.sop_instance_uid}#{self.level}" if self.level else self.sop_instance_uid


class Dataset:
    """A dataset on disk; images are decoded when asked for."""

    def __init__(self, folder: Path) -> None:
        raw = _read(folder / MANIFEST)
        self.digest = hashlib.sha256(raw).hexdigest()
        self.manifest: Mapping[str, Any] = json.loads(raw)
        if self.manifest.get("schema") != SCHEMA:
            raise Refused("dataset", f"{folder / MANIFEST} is no {SCHEMA}")
        where = json.loads(_read(folder / FILES))
        self._root, self._files = Path(where["root"]), where["files"]
        self.cases = tuple(Case(**record) for record in self.manifest["cases"])

    @property
    def classes(self) -> tuple[str, ...]:
        """Return the label names, sorted."""
        return tuple(self.manifest["classes"])

    def of_split(self, *splits: str) -> tuple[Case, ...]:
        """Return the cases of some splits; of all where none is named."""
        return tuple(case for case in self.cases if not splits or case.split in splits)

    def radiograph(self, case: Case) -> Radiograph:
        """Return the native pixels of a case; raises Refused when the file is not the one that was taken in."""
        path = self._root / self._files[case.sop_instance_uid]
        if hashlib.sha256(_read(path)).hexdigest() != case.file_sha256:
            raise Refused(
                "dataset", f"the file of {case.sop_instance_uid} has changed since the dataset was built"
            )
        return decode(path)

    def trouble(self) -> Iterator[str]:
        """Yield what is no longer as it was: changed or missing files, a patient in two splits."""
        splits: dict[str, set[str]] = {}
        for case in self.cases:
            splits.setdefault(case.patient, set()).add(case.split)
            try:
                if (
                    hashlib.sha256(_read(self._root / self._files[case.sop_instance_uid])).hexdigest()
                    != case.file_sha256
                ):
                    yield f"{case.sop_instance_uid}: the file has changed"
            except NotFound:
                yield f"{case.sop_instance_uid}: the file is gone"
        yield from (
            f"patient {who}: in {len(found)} splits" for who, found in splits.items() if len(found) > 1
        )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFound("dataset", f"{path.name} cannot be read: {error.strerror}") from error
