"""Hostile bytes: bombs are bounded before memory is taken, and mutants end as a refusal or as a picture."""

from __future__ import annotations

import resource
import subprocess
import sys
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import uid

from tests.unit.workers import made
from triage.domain.errors import Unprocessable
from workers.decode import Limits, decode


def peak_bytes() -> int:
    """Return the most memory this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_a_deflate_bomb_is_stopped_at_the_limit(tmp_path: Path) -> None:
    head = BytesIO()
    made.dataset(made.radiograph(), uid.DeflatedExplicitVRLittleEndian).save_as(
        head, enforce_file_format=True
    )
    start = head.getvalue()[: 132 + 12 + int.from_bytes(head.getvalue()[140:144], "little")]
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = b"".join(packer.compress(b"\0" * 2**20) for _ in range(600)) + packer.flush()
    path = tmp_path / "bomb.dcm"
    path.write_bytes(start + bomb)
    before = peak_bytes()
    with pytest.raises(Unprocessable) as refused:
        decode(path, limits=Limits(max_inflated_bytes=2**24))
    assert refused.value.reason == "too-large"
    assert peak_bytes() - before < 200 * 2**20


def test_a_deflated_data_set_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    path = made.written(
        made.dataset(made.radiograph(), uid.DeflatedExplicitVRLittleEndian), tmp_path / "a.dcm"
    )
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(Unprocessable) as refused:
        decode(path)
    assert refused.value.reason == "truncated"


def test_an_rle_header_of_65535_squared_takes_no_memory(tmp_path: Path) -> None:
    ds = made.dataset(made.radiograph(), uid.RLELossless)
    ds.Rows = ds.Columns = 65535
    before = peak_bytes()
    with pytest.raises(Unprocessable) as refused:
        decode(made.written(ds, tmp_path / "image.dcm"))
    assert refused.value.reason == "too-large"
    assert peak_bytes() - before < 50 * 2**20


def nested(depth: int) -> bytes:
    """Return a private sequence of undefined length, nested `depth` times (Explicit VR LE)."""
    opening = b"\x09\x00\x10\x00SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    closing = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    return opening * depth + closing * depth


@pytest.mark.parametrize("depth", [150, 400, 20_000])
def test_nested_sequences_end_as_a_picture_or_as_a_refusal(depth: int, tmp_path: Path) -> None:
    path = made.written(made.dataset(made.radiograph()), tmp_path / "image.dcm")
    whole = path.read_bytes()
    place = whole.index(b"\x10\x00\x10\x00PN")
    path.write_bytes(whole[:place] + nested(depth) + whole[place:])
    assert answer(path) in ("decoded", "unreadable")


def answer(path: Path) -> str:
    """Return what decoding says; anything but Unprocessable is a failed test."""
    try:
        decode(path, limits=Limits(max_pixels=1_000_000))
    except Unprocessable as refused:
        return refused.reason
    return "decoded"


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """One small file per transfer syntax."""
    folder = tmp_path_factory.mktemp("originals")
    pixels = made.radiograph(40, 36)
    files = [
        made.written(made.dataset(pixels, syntax, BitsStored=12), folder / f"{number}.dcm")
        for number, syntax in enumerate(made.LOSSLESS)
    ]
    return [path.read_bytes() for path in files]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutants_of_every_syntax_are_decoded_or_refused(
    data: st.DataObject, originals: list[bytes], tmp_path: Path
) -> None:
    mutant = bytearray(data.draw(st.sampled_from(originals)))
    for _ in range(data.draw(st.integers(1, 6))):
        mutant[data.draw(st.integers(132, len(mutant) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "mutant.dcm"
    path.write_bytes(bytes(mutant[: data.draw(st.integers(132, len(mutant)))]))
    answer(path)


_SHORT_OF_MEMORY = """
import resource, sys
from pathlib import Path
from triage.domain.errors import Unprocessable
from workers.decode import decode
path = Path(sys.argv[1])
decode(path)
held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + (48 << 20), held + (48 << 20)))
try:
    decode(path)
except Unprocessable as why:
    print(why.reason)
"""


def test_a_film_for_which_memory_runs_out_after_its_decoder_is_refused_as_too_large(tmp_path: Path) -> None:
    pixels = np.zeros((4000, 4000), np.uint8)
    path = made.written(made.dataset(pixels, uid.RLELossless, RescaleSlope="2"), tmp_path / "image.dcm")
    ended = subprocess.run(
        [sys.executable, "-c", _SHORT_OF_MEMORY, str(path)], capture_output=True, text=True, check=False
    )
    assert ended.stdout.strip() == "too-large", ended.stderr
