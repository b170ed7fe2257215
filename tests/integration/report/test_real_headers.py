"""Reports over headers that none of us wrote: real radiographs, and every other real or broken header made to look
like a radiograph's.
"""

from __future__ import annotations

import dataclasses
import os
import warnings
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from tests import report_cast as cast
from tests import validators
from triage.domain.eligibility import RADIOGRAPH_CLASSES
from triage.domain.errors import Refused, Unprocessable
from triage.domain.identity import parse_uid
from workers.report import BuiltObject, Kind, build, greyscale, header, identity, source

DATA = Path(os.environ.get("TRIAGE_TEST_DATA", Path(__file__).parents[4] / "shared" / "data"))
FOLDERS = ("spine", "syntaxes", "malformed")
# Classes whose UID is as long as Computed Radiography's: one byte changed makes their headers a radiograph's.
_LOOKALIKES = (b"1.2.840.10008.5.1.4.1.1.2\0", b"1.2.840.10008.5.1.4.1.1.4\0", b"1.2.840.10008.5.1.4.1.1.7\0")
_RADIOGRAPH = b"1.2.840.10008.5.1.4.1.1.1\0"
_MOST_BYTES = 8 << 20

pytestmark = pytest.mark.skipif(
    not DATA.is_dir() and os.environ.get("CI") != "true",
    reason=f"NO REAL DATA at {DATA}: real headers are NOT tested",
)


def _files(*folders: str) -> list[Path]:
    return [file for folder in folders for file in sorted((DATA / folder).glob("*.dcm"))]


def _uids(file: Path) -> tuple[str, str, str] | None:
    """Return study, instance and class UID, or None for a file that the receiver would not have catalogued."""
    try:
        found = header.read_header(file)
        study, instance = (
            parse_uid(header.text(found, key)) for key in ("StudyInstanceUID", "SOPInstanceUID")
        )
    except (Refused, Unprocessable):
        return None
    return study, instance, header.text(found, "SOPClassUID")


def _report(file: Path, study: str, instance: str) -> tuple[BuiltObject, ...]:
    request = dataclasses.replace(cast.flagged_request(instance), study_instance_uid=study)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return build(request, {instance: file})


def test_every_real_radiograph_is_reported_with_four_valid_objects(tmp_path: Path) -> None:
    written: dict[Path, Path] = {}
    for file in _files("spine"):
        uids = _uids(file)
        if uids is None or uids[2] not in RADIOGRAPH_CLASSES:
            continue
        built = _report(file, *uids[:2])
        assert [one.kind for one in built] == list(Kind), file.name
        assert _patient(built[0]) == _name(file), file.name
        for one in built:
            path = tmp_path / f"{file.stem}-{one.kind}.dcm"
            path.write_bytes(one.payload)
            written[path] = file
    assert len(set(written.values())) >= 7
    found, own = validators.dciodvfy(written), validators.dciodvfy(set(written.values()))
    ours = {path.name: validators.beyond_source(errors, own[written[path]]) for path, errors in found.items()}
    assert {name: errors for name, errors in ours.items() if errors} == {}


def _name(file: Path) -> bytes | None:
    return header.raw(header.read_header(file), "PatientName")


def _patient(built: BuiltObject) -> bytes | None:
    return header.raw(cast.read(built), "PatientName")


def test_no_real_or_broken_header_crashes_a_report(tmp_path: Path) -> None:
    seen, refused = 0, 0
    for index, file in enumerate(_files(*FOLDERS)):
        posing = _posing(file, tmp_path)
        uids = _uids(posing)
        if uids is None:
            continue
        try:
            # The malformed ones differ in one element each: whole reports over a sample, what reads headers over all.
            if index % 8 == 0:
                assert all(cast.read(one).StudyInstanceUID == uids[0] for one in _report(posing, *uids[:2]))
            else:
                _read_everything(source.read(uids[1], posing))
            seen += 1
        except Unprocessable as said:
            assert said.reason in {
                "not-a-radiograph",
                "illegal-uid",
                "identity-too-long",
                "header-unreadable",
            }
            refused += 1
    assert seen > 150
    assert refused > 0


def _posing(file: Path, folder: Path) -> Path:
    content = file.read_bytes()[:_MOST_BYTES]
    for other in _LOOKALIKES:
        content = content.replace(other, _RADIOGRAPH)
    path = folder / "posing.dcm"
    path.write_bytes(content)
    return path


def _read_everything(image: source.Radiograph) -> None:
    assert identity.verbatim(image.header)
    identity.acquisition_equipment(image.header, Dataset())
    greyscale.pipeline(image)
    image.stand_in()
