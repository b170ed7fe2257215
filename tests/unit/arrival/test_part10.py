"""Our file meta: readable by pydicom, hostile to nothing, and honest about torn files."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread

from tests.integration.arrival.objects import CR, EXPLICIT_LE, encoded, radiograph
from triage.arrival.part10 import FileMeta, preface, read_meta
from triage.domain.errors import Unprocessable

META = FileMeta(CR, "1.2.3", EXPLICIT_LE, "MODALITY", "TRIAGE")


@settings(deadline=None, max_examples=40)
@given(st.text("0123456789", min_size=1, max_size=64), st.text("ABC ", min_size=1, max_size=16))
def test_pydicom_reads_what_we_write(uid: str, title: str) -> None:
    written = preface(FileMeta(CR, uid, EXPLICIT_LE, title, "TRIAGE")) + encoded(radiograph())
    read = dcmread(BytesIO(written))
    assert read.file_meta.MediaStorageSOPInstanceUID == uid
    assert read.file_meta[0x00020016].value == title.strip()
    assert read.preamble == bytes(128)
    assert len(read.pixel_array) == 64


def test_the_data_set_starts_where_the_meta_says(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(preface(META) + b"data set")
    meta, offset = read_meta(path)
    assert meta == META
    assert path.read_bytes()[offset:] == b"data set"


@pytest.mark.parametrize("length", [0, 1, 131, 140, 150, 200])
def test_a_file_that_ends_inside_its_meta_is_torn(tmp_path: Path, length: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(preface(META)[:length])
    with pytest.raises(Unprocessable):
        read_meta(path)
