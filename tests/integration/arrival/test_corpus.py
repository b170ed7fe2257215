"""Real and hostile files, sent as they are: each is stored unchanged or refused by its status, and the receiver serves on.

The files lie beside the checkout or where TRIAGE_TEST_DATA says; they are never part of the repository.
"""

from __future__ import annotations

import hashlib
import os
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.filereader import read_preamble
from pydicom.uid import UID
from sqlalchemy import Engine

from tests.integration.arrival.objects import CR, EXPLICIT_LE
from tests.integration.arrival.raw import RawPeer, associate_rq, p_data, store_command_raw
from tests.integration.arrival.receiving import ReceiverProcess, serve_honest
from triage.arrival.negotiation import storage_classes, transfer_syntaxes
from triage.arrival.register import Register
from triage.arrival.status import STATUS
from triage.arrival.sweeper import Sweeper
from triage.domain.priority import OrderPolicy
from triage.spool import digest_of

DATA = Path(os.environ.get("TRIAGE_TEST_DATA") or Path(__file__).parents[3].parent / "shared" / "data")
FOLDERS = ("malformed", "syntaxes", "spine")
RSS_BYTES = 64 << 20
KNOWN = {status.code for status in STATUS.values()}
# Published without a Study, Series or SOP Instance UID, or (X035) with one of 67 characters: no row could hold them.
WITHOUT_IDENTITY = {"X029", "X035", "X036", "X051", "X081"}

if not DATA.is_dir():
    if os.environ.get("CI") == "true":
        pytest.fail(f"{DATA} is absent: set TRIAGE_TEST_DATA", pytrace=False)
    pytest.skip(f"{DATA} is absent: the real and hostile files are not tested", allow_module_level=True)


def files(*folders: str) -> list[Path]:
    """Return the DICOM files of the corpus."""
    return [path for folder in folders for path in sorted((DATA / folder).rglob("*.dcm"))]


def meta_elements(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Yield element, value and end of each file meta element that can be read, however broken the file."""
    at = 132
    while at + 8 <= len(data) and data[at : at + 2] == b"\2\0":
        element, vr, length = struct.unpack_from("<H2sH", data, at + 2)
        at += 8
        if vr in (b"OB", b"UN"):
            length = struct.unpack_from("<I", data, at)[0]
            at += 4
        yield element, data[at : at + length], min(at + length, len(data))
        at += length


def identity(path: Path) -> tuple[bytes, bytes]:
    """Return SOP class and instance of the data set, where pydicom finds them; senders name an object by these."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            head = dcmread(
                path, force=True, stop_before_pixels=True, specific_tags=["SOPClassUID", "SOPInstanceUID"]
            )
            return str(head.get("SOPClassUID", "")).encode(), str(head.get("SOPInstanceUID", "")).encode()
        # pydicom raises nearly anything on such files: then the file meta has to do.
        except Exception:  # noqa: BLE001
            return b"", b""


def split(path: Path) -> tuple[bytes, bytes, str, bytes]:
    """Return SOP class, SOP instance, syntax and data set, as a sender that trusts the file would send them."""
    data = path.read_bytes()
    with path.open("rb") as stream:
        whole = read_preamble(stream, force=True) is not None
    found = {element: (value, end) for element, value, end in meta_elements(data)} if whole else {}
    start = max((end for _, end in found.values()), default=132 if whole else 0)
    values = {element: value.rstrip(b"\0 ") for element, (value, _) in found.items()}
    syntax = values.get(0x0010, b"").decode("ascii", "replace")
    inside = identity(path)
    sop_class = inside[0] or values.get(0x0002, b"")
    if sop_class.decode("ascii", "replace") not in storage_classes():
        sop_class = CR.encode()
    instance = inside[1] or values.get(0x0003) or b"1.2.3"
    return sop_class, instance, syntax if syntax in transfer_syntaxes() else EXPLICIT_LE, data[start:]


def send(port: int, path: Path) -> tuple[int, bytes]:
    """Send one file on an association of its own; return its status and data set."""
    sop_class, instance, syntax, data = split(path)
    with RawPeer(port, timeout=30) as peer:
        peer.associate(associate_rq(contexts=[(sop_class.decode(), (str(UID(syntax)),))]))
        peer.send(p_data(1, store_command_raw(instance, sop_class), command=True))
        for at in range(0, len(data) or 1, 100_000):
            peer.send(p_data(1, data[at : at + 100_000], last=at + 100_000 >= len(data)))
        status = peer.status()
        assert peer.release() == 6, "the association goes on to its release"
    return status, data


def test_every_file_is_stored_unchanged_or_refused_and_ends_in_the_catalogue_or_aside(
    receiver_process: ReceiverProcess, engine: Engine
) -> None:
    serve_honest(receiver_process.port)
    before = highest = receiver_process.rss()
    outcome: dict[Path, int] = {}
    expected = set()
    for path in files(*FOLDERS):
        status, data = send(receiver_process.port, path)
        assert status in KNOWN, f"{path.name}: {status:#06x}"
        assert status >> 8 != 0xA7, f"{path.name}: a fault of the data is no fault of ours"
        outcome[path] = status
        if status == 0:
            expected.add(hashlib.sha256(data).hexdigest())
        highest = max(highest, receiver_process.rss())
    spool = receiver_process.spool
    assert expected <= {digest_of(path) for path in spool.incoming()}
    assert highest - before <= RSS_BYTES, f"{(highest - before) >> 20} MiB more"
    assert serve_honest(receiver_process.port) <= 2
    check_outcomes(outcome)
    Sweeper(spool, Register(engine, spool, OrderPolicy())).tick()
    assert list(spool.incoming()) == []
    assert os.listdir(spool.root / "refused") == [], "what was let in can be catalogued"


def check_outcomes(outcome: dict[Path, int]) -> None:
    """Real files that have an identity are stored; the crafted ones are refused for what they are."""
    refused = {
        path.name[:4] for path, status in outcome.items() if status and path.parent.name != "malformed"
    }
    assert refused == WITHOUT_IDENTITY
    by_id = {path.name[:4]: status for path, status in outcome.items() if path.parent.name == "malformed"}
    assert by_id["M009"] == 0xC001, "truncated pixel data"
    assert by_id["M041"] == 0xC003, "a hundred thousand nested sequences"
    assert by_id["F186"] == 0xC007, "no Study Instance UID"
    assert by_id["F125"] == by_id["F127"] == 0x0117, "UIDs that are none"
    assert by_id["F001"] == by_id["F072"] == 0
    assert sum(status == 0 for status in by_id.values()) >= 100
