"""A hostile or careless header costs an object at most, and says so; it never crashes the report."""

from __future__ import annotations

import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from tests import report_cast as cast
from triage.domain.errors import Unprocessable
from workers.report import build, header, wire


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage_to_a_header_is_survived_or_refused(sources: cast.Sources, data: st.DataObject) -> None:
    uid = sources.add("one")
    content = bytearray(sources.files[uid].read_bytes()[:1500])
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(132, len(content) - 1))] = data.draw(st.integers(0, 255))
    sources.files[uid].write_bytes(bytes(content[: data.draw(st.integers(200, len(content)))]))
    try:
        built = build(cast.flagged_request(uid), sources.files)
    except Unprocessable as refused:
        assert refused.reason
        return
    assert all(cast.read(one).SOPInstanceUID == one.sop_instance_uid for one in built)


def test_a_file_that_holds_another_image_is_refused(sources: cast.Sources) -> None:
    one, two = sources.add("one"), sources.add("two")
    with pytest.raises(Unprocessable) as refused:
        build(cast.flagged_request(one), {one: sources.files[two]})
    assert refused.value.reason == "source-mismatch"


def test_an_object_that_is_neither_radiograph_nor_mr_is_refused_by_name(sources: cast.Sources) -> None:
    uid = sources.add("one", edit=lambda ds: setattr(ds, "SOPClassUID", "1.2.840.10008.5.1.4.1.1.2"))
    with pytest.raises(Unprocessable) as refused:
        build(cast.flagged_request(uid), sources.files)
    assert refused.value.reason == "not-a-radiograph"


def test_a_uid_that_could_be_a_path_is_refused(sources: cast.Sources) -> None:
    uid = sources.add("one", edit=lambda ds: setattr(ds, "SeriesInstanceUID", "../../etc/passwd"))
    with pytest.raises(Unprocessable) as refused:
        build(cast.flagged_request(uid), sources.files)
    assert refused.value.reason == "illegal-uid"


def _deflate(path: Path, tail: bytes) -> None:
    whole = path.read_bytes()
    explicit, deflated = b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99"
    start = 132 + 12 + int.from_bytes(whole[140:144], "little")
    head = whole[:start].replace(explicit, deflated)
    head = head.replace(b"UI\x14\x00" + deflated, b"UI\x16\x00" + deflated)
    head = head[:140] + (int.from_bytes(whole[140:144], "little") + 2).to_bytes(4, "little") + head[144:]
    squeeze = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    body = squeeze.compress(whole[start:])
    for _ in range(64):
        body += squeeze.compress(tail)
    path.write_bytes(head + body + squeeze.flush())


def test_a_deflated_source_is_read_without_inflating_all_of_it(sources: cast.Sources) -> None:
    uid = sources.add("one", patient=cast.PATIENTS[1])
    _deflate(sources.files[uid], bytes(4 << 20))
    tracemalloc.start()
    found = header.read_header(sources.files[uid])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 160 << 20  # of 256 MiB that are packed in it
    assert header.raw(found, "PatientName") == cast.PATIENTS[1].name
    assert len(build(cast.flagged_request(uid), sources.files)) == 4


def test_pixels_and_private_groups_are_never_read(sources: cast.Sources) -> None:
    def private(ds: Dataset) -> None:
        ds.private_block(0x0009, "MAKER", create=True).add_new(1, "OB", bytes(1 << 20))

    found = header.read_header(sources.files[sources.add("one", edit=private)])
    assert "PixelData" not in found
    assert all(element.group % 2 == 0 for element in found.keys())  # noqa: SIM118 - iterating parses the values


@given(st.text())
def test_plain_text_is_printable_ascii(text: str) -> None:
    assert all(" " <= letter <= "~" for letter in wire.plain(text))


def test_text_of_our_own_outside_ascii_is_never_written() -> None:
    ds = Dataset()
    ds.SeriesDescription = "Wirbelsäule"
    with pytest.raises(UnicodeEncodeError):
        wire.dataset_bytes(ds)


@given(st.binary(max_size=64), st.sampled_from(["LO", "UI", "UT", "OB"]))
def test_an_encoded_element_has_even_length_and_its_own_bytes(value: bytes, vr: str) -> None:
    encoded = wire.element_bytes(0x00100020, vr, value)
    assert len(encoded) % 2 == 0
    assert value in encoded


def test_a_value_longer_than_its_length_field_does_not_fit() -> None:
    assert not wire.fits("LO", bytes(0xFFFF))
    assert wire.fits("UT", bytes(0x1FFFF))
