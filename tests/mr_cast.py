"""A phantom's MR study in a spool, and what an analysis is told of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pydicom
from pydicom.dataset import Dataset

from triage.domain.analysis import InstanceForAnalysis
from triage.spool import Spool
from workers.training.demo_mr import write_series
from workers.training.phantom_dicom import Identity
from workers.training.phantom_files import identity_of
from workers.training.phantom_sets import members

SEED = 1


def identity() -> Identity:
    """Somebody made up."""
    return identity_of(members("marrow", 4, 1, "easy")[0])


@cache
def fresh_series() -> tuple[Path, ...]:
    """The files of the demonstration's series: one body of it is freshly fractured."""
    return tuple(write_series(Path(mkdtemp(prefix="mr-cast-")), identity(), SEED))


def edited(edit: Callable[[Dataset], None]) -> list[Dataset]:
    """The same series with another header."""
    found: list[Dataset] = []
    for path in fresh_series():
        data = pydicom.dcmread(path)
        edit(data)
        found.append(data)
    return found


def spooled(spool: Spool, objects: Sequence[Dataset], folder: Path) -> list[InstanceForAnalysis]:
    """Put objects into the spool; returns them as an analysis names them."""
    return [_spooled(spool, data, folder / f"{number}.dcm") for number, data in enumerate(objects)]


def _spooled(spool: Spool, data: Dataset, path: Path) -> InstanceForAnalysis:
    data.save_as(path, enforce_file_format=True)
    content = path.read_bytes()
    part = spool.new_part()
    part.write(content)
    return InstanceForAnalysis(
        sop_instance_uid=str(data.SOPInstanceUID),
        sop_class_uid=str(data.SOPClassUID),
        transfer_syntax_uid=str(data.file_meta.TransferSyntaxUID),
        series_instance_uid=str(data.SeriesInstanceUID),
        spool_name=spool.keep(part.commit()),
        digest=hashlib.sha256(content).hexdigest(),
        modality="MR",
        view_position="",
        body_part="",
        rows=int(data.Rows),
        columns=int(data.Columns),
        frames=1,
    )
