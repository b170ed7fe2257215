"""The walk: agrees with pydicom on sound data sets, notices every cut, and never runs out of bounds."""

from __future__ import annotations

import random
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from tests.integration.arrival.objects import EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, encoded, radiograph
from triage.arrival import source, walk
from triage.arrival.header import read_header
from triage.arrival.source import Undecodable
from triage.arrival.status import Cause
from triage.domain.errors import Unprocessable
from triage.domain.study import InstanceHeader

STUDY = 0x0020000D
WANTED = frozenset({STUDY, 0x00100010})
DEFLATED = "1.2.840.10008.1.2.1.99"


def walked(data: bytes, syntax: str = EXPLICIT_LE) -> dict[int, list[walk.RawValue]]:
    """Walk bytes in memory."""
    return walk.walk(lambda at, length: data[at : at + length], len(data), syntax, WANTED)


def tree(depth: int, *, undefined: bool) -> Dataset:
    """Return a radiograph with nested sequences and private elements."""
    image = radiograph(side=8)
    inner = Dataset()
    inner.StudyInstanceUID = "9.9.9"
    for _ in range(depth):
        outer = Dataset()
        outer.RequestAttributesSequence = [inner, Dataset()]
        outer["RequestAttributesSequence"].is_undefined_length = undefined
        inner = outer
    image.RequestAttributesSequence = [inner]
    image["RequestAttributesSequence"].is_undefined_length = undefined
    image.add_new(0x00091001, "UN", b"private!")
    image.add_new(0x7FE1_0010, "LO", "vendor")
    return image


@pytest.mark.parametrize("syntax", [IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE])
@pytest.mark.parametrize("undefined", [True, False])
@pytest.mark.parametrize("depth", [0, 1, 20])
def test_top_level_values_are_found_whatever_lies_before_them(
    syntax: str, undefined: bool, depth: int
) -> None:
    image = tree(depth, undefined=undefined)
    if syntax == EXPLICIT_BE:
        image["PixelData"].VR = "OB"
    found = walked(encoded(image, syntax), syntax)
    assert [value.data.rstrip(b"\0").decode() for value in found[STUDY]] == [image.StudyInstanceUID]


@pytest.mark.parametrize("syntax", [IMPLICIT_LE, EXPLICIT_LE])
def test_a_data_set_cut_anywhere_inside_an_element_is_noticed(syntax: str) -> None:
    data = encoded(tree(2, undefined=True), syntax)
    sound = 0
    for end in range(1, len(data)):
        try:
            walked(data[:end], syntax)
            sound += 1
        except Undecodable as refusal:
            assert refusal.cause is Cause.TRUNCATED
    elements = len(list(tree(2, undefined=True)))
    assert sound <= 3 * elements, "only a cut between two elements of the top level can go unnoticed"


def test_the_other_vr_form_than_declared_is_recognised() -> None:
    image = radiograph()
    assert STUDY in walked(encoded(image, EXPLICIT_LE), IMPLICIT_LE)
    assert STUDY in walked(encoded(image, IMPLICIT_LE), EXPLICIT_LE)


def test_an_unknown_sequence_of_undefined_length_is_implicit_inside() -> None:
    inner = struct.pack("<HHI", 0x0008, 0x0100, 4) + b"CODE"
    item = b"\xfe\xff\0\xe0\xff\xff\xff\xff" + inner + b"\xfe\xff\x0d\xe0\0\0\0\0"
    sequence = b"\x09\0\x10\x10UN\0\0\xff\xff\xff\xff" + item + b"\xfe\xff\xdd\xe0\0\0\0\0"
    assert STUDY in walked(sequence + encoded(radiograph()))


def test_encapsulated_pixel_data_may_lack_its_last_delimiter() -> None:
    image = radiograph()
    del image.PixelData
    pixels = b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\0\0\0\0\xfe\xff\0\xe0\4\0\0\0\1\2\3\4"
    assert STUDY in walked(encoded(image) + pixels)
    with pytest.raises(Undecodable):
        walked(encoded(image) + pixels[:-2])


def test_zeros_after_the_last_element_are_padding() -> None:
    assert STUDY in walked(encoded(radiograph()) + bytes(5))
    assert STUDY in walked(encoded(radiograph()) + bytes(500))


def test_a_hundred_thousand_nested_sequences_cost_neither_stack_nor_time() -> None:
    level = b"\x40\0\x75\x02SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff"
    with pytest.raises(Undecodable) as refusal:
        walked(level * 100_000)
    assert refusal.value.cause is Cause.NESTED_TOO_DEEP


def test_a_million_elements_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "MOST_ELEMENTS", 1000)
    with pytest.raises(Undecodable) as refusal:
        walked(b"\x08\0\5\0CS\0\0" * 1001)
    assert refusal.value.cause is Cause.TOO_MANY_ELEMENTS


def test_a_tag_repeated_for_ever_fills_no_memory() -> None:
    repeated = b"".join(b"\x10\0\x10\0PN\2\0" + struct.pack("<H", 0x4141 + n % 26) for n in range(5000))
    assert len(walked(repeated)[0x00100010]) == 2


def test_a_value_longer_than_the_limit_is_cut_and_passed_over() -> None:
    image = radiograph(PatientName="A" * 50_000)
    (value,) = walked(encoded(image))[0x00100010]
    assert (len(value.data), value.whole) == (walk.MOST_VALUE, False)


def deflated(data: bytes) -> bytes:
    """Return raw deflate of `data`."""
    pack = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    return pack.compress(data) + pack.flush()


def test_a_deflated_data_set_is_walked_to_its_end() -> None:
    data = deflated(encoded(radiograph(side=400)))
    assert STUDY in walked(data, DEFLATED)
    assert STUDY in walked(data + b"\0", DEFLATED)
    for spoilt in (data[:-5], data[: len(data) // 2], b"", b"\xff" * 100):
        if spoilt:
            with pytest.raises(Undecodable):
                walked(spoilt, DEFLATED)


def test_inflating_stops_at_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "MOST_INFLATED", 1 << 20)
    bomb = deflated(
        encoded(radiograph()) + b"\xe1\x7f\x10\0OB\0\0" + struct.pack("<I", 1 << 30) + bytes(8 << 20)
    )
    with pytest.raises(Undecodable) as refusal:
        walked(bomb, DEFLATED)
    assert refusal.value.cause is Cause.INFLATES_TOO_FAR


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=600), st.sampled_from((IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE, DEFLATED)))
def test_noise_is_walked_or_undecodable(noise: bytes, syntax: str) -> None:
    try:
        walked(noise, syntax)
    except Undecodable:
        return


def header_of(data: bytes) -> InstanceHeader:
    """Return the header of bytes in memory."""
    return read_header(lambda at, length: data[at : at + length], len(data), EXPLICIT_LE)


def test_three_thousand_mutants_give_a_header_or_a_reason() -> None:
    dice = random.Random(7)
    base = encoded(tree(3, undefined=True))
    for _ in range(3_000):
        data = bytearray(base)
        for _ in range(dice.randint(1, 4)):
            data[dice.randrange(min(len(data), 900))] = dice.randrange(256)
        try:
            header = header_of(bytes(data))
        except Unprocessable as refusal:
            assert refusal.reason in {cause.value for cause in Cause}
            continue
        for text in (header.patient_name, header.study_description, header.modality, header.manufacturer):
            assert "\0" not in text
            text.encode("utf-8")


def test_a_window_is_all_the_memory_a_file_costs() -> None:
    asked: list[int] = []
    data = encoded(radiograph(side=1000))

    def read(at: int, length: int) -> bytes:
        asked.append(length)
        return data[at : at + length]

    walk.walk(read, len(data), EXPLICIT_LE, WANTED)
    assert max(asked) <= source.WINDOW
    assert sum(asked) <= 2 * source.WINDOW


def test_uids_of_a_fresh_study_are_read_back() -> None:
    image = radiograph(StudyInstanceUID=generate_uid())
    header = header_of(encoded(image))
    assert header.study_instance_uid == image.StudyInstanceUID
    assert (header.patient_name, header.rows, header.series_number) == ("SENTINEL^PATIENT", 64, 1)
