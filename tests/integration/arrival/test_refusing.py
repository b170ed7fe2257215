"""What cannot be stored is refused by the status that tells the sender whether to try again."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from tests.integration.arrival.objects import (
    CR,
    MR,
    encoded,
    radiograph,
)
from tests.integration.arrival.raw import (
    RawPeer,
    associate_rq,
    p_data,
    raw_command,
    store_command,
    store_command_raw,
)
from tests.integration.arrival.receiving import Receiver
from triage.arrival import walk
from triage.arrival.status import STATUS, Cause

DEFLATED = "1.2.840.10008.1.2.1.99"


def test_a_deflate_bomb_is_refused_with_bounded_work(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "MOST_INFLATED", 32 << 20)
    image = radiograph()
    pack = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    head = (
        encoded(image).split(b"\xe0\x7f\x10\x00")[0]
        + b"\xe0\x7f\x10\x00OW\0\0"
        + (90 << 20).to_bytes(4, "little")
    )
    zeros = bytes(1 << 20)
    data = pack.compress(head) + b"".join(pack.compress(zeros) for _ in range(90)) + pack.flush()
    with RawPeer(receiver.port, timeout=60) as peer:
        peer.associate(associate_rq(contexts=[(CR, (DEFLATED,))]))
        assert peer.store(image.SOPInstanceUID, data) == STATUS[Cause.INFLATES_TOO_FAR].code
    assert receiver.stored() == {}


def broken(cause: Cause, image: Dataset) -> bytes:
    """Return the image's data set, spoilt so that it must be refused for that cause."""
    if cause is Cause.SOP_CLASS_DIFFERS:
        image.SOPClassUID = MR
    elif cause is Cause.SOP_INSTANCE_DIFFERS:
        image.SOPInstanceUID = "1.2.4"
    elif cause is Cause.MISSING_UID:
        del image.StudyInstanceUID
    elif cause is Cause.ILLEGAL_UID:
        image.SeriesInstanceUID = None
    data = encoded(image)
    unknown_item = b"\xe1\x7f\x10\0SQ\0\0\xff\xff\xff\xff\x08\0\x05\0\0\0\0\0"
    return {
        Cause.TRUNCATED: data[:-2],
        Cause.MALFORMED: data + unknown_item,
        Cause.NESTED_TOO_DEEP: encoded(image) + nested(400),
        Cause.FILE_META_INSIDE: b"\2\0\x10\0UI\2\x001\0" + data,
        Cause.AMBIGUOUS_UID: data + b"\x20\0\x0d\0UI\4\x001.2\0",
        Cause.ILLEGAL_UID: data.replace(b"\x20\0\x0e\0UI\0\0", b"\x20\0\x0e\0UI\6\0../../"),
        Cause.NO_DATA_SET: b"",
    }.get(cause, data)


def nested(depth: int) -> bytes:
    """Return sequences nested that deep, all of undefined length."""
    begin = b"\xe1\x7f\x10\0SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    end = b"\xfe\xff\x0d\xe0\0\0\0\0" + b"\xfe\xff\xdd\xe0\0\0\0\0"
    return begin * depth + end * depth


@pytest.mark.parametrize(
    "cause",
    [
        Cause.SOP_CLASS_DIFFERS,
        Cause.SOP_INSTANCE_DIFFERS,
        Cause.MISSING_UID,
        Cause.ILLEGAL_UID,
        Cause.AMBIGUOUS_UID,
        Cause.TRUNCATED,
        Cause.MALFORMED,
        Cause.NESTED_TOO_DEEP,
        Cause.FILE_META_INSIDE,
        Cause.NO_DATA_SET,
    ],
)
def test_a_data_set_that_cannot_be_stored_is_refused_by_its_status(receiver: Receiver, cause: Cause) -> None:
    image, good = radiograph(), radiograph()
    uid = str(image.SOPInstanceUID)
    with RawPeer(receiver.port) as peer:
        peer.associate()
        assert peer.store(uid, broken(cause, image)) == STATUS[cause].code
        assert peer.store(good.SOPInstanceUID, encoded(good)) == 0, "the association goes on"
    assert set(receiver.stored()) == {good.SOPInstanceUID}
    assert os.listdir(receiver.spool.root / "parts") == []


@pytest.mark.parametrize(
    "uid", [b"../../etc/passwd", b"1.2.3;rm -rf", b"1.2\n3", b"1..2", b"\xff\xfe", b"1." * 40 + b"1"]
)
def test_a_hostile_sop_instance_uid_is_answered_0117_and_names_no_file(
    receiver: Receiver, uid: bytes
) -> None:
    with RawPeer(receiver.port) as peer:
        peer.associate()
        peer.send(p_data(1, store_command_raw(uid), command=True) + p_data(1, encoded(radiograph())))
        answer = peer.response()
        assert answer[0x0900] == 0x0117
        assert bytes(answer[0x0902]).decode().strip() == STATUS[Cause.ILLEGAL_UID].comment
    assert sorted(os.listdir(receiver.spool.root)) == ["evidence", "incoming", "kept", "parts", "refused"]
    assert not list(receiver.spool.incoming())


def test_a_class_that_was_not_negotiated_for_its_context_is_answered_0122(receiver: Receiver) -> None:
    image = radiograph(SOPClassUID=MR)
    with RawPeer(receiver.port) as peer:
        peer.associate()
        peer.send(
            p_data(1, store_command(image.SOPInstanceUID, MR), command=True) + p_data(1, encoded(image))
        )
        assert peer.status() == 0x0122


def test_a_store_without_a_data_set_and_one_without_uids_are_refused(receiver: Receiver) -> None:
    no_data = raw_command(
        (0x0002, CR.encode() + b"\0"), (0x0100, b"\1\0"), (0x0110, b"\1\0"), (0x0800, b"\1\1")
    )
    no_uids = raw_command((0x0100, b"\1\0"), (0x0110, b"\1\0"), (0x0800, b"\1\0"))
    with RawPeer(receiver.port) as peer:
        peer.associate()
        peer.send(p_data(1, no_data, command=True))
        assert peer.status() == STATUS[Cause.NO_DATA_SET].code
        peer.send(p_data(1, no_uids, command=True) + p_data(1, encoded(radiograph())))
        assert peer.status() == STATUS[Cause.MISTYPED_ARGUMENT].code


def test_an_operation_we_do_not_offer_is_answered_0211_and_a_cancel_is_ignored(receiver: Receiver) -> None:
    find = raw_command(
        (0x0002, CR.encode() + b"\0"), (0x0100, b"\x20\0"), (0x0110, b"\7\0"), (0x0800, b"\1\0")
    )
    cancel = raw_command((0x0100, b"\xff\x0f"), (0x0120, b"\7\0"), (0x0800, b"\1\1"))
    with RawPeer(receiver.port) as peer:
        peer.associate()
        peer.send(p_data(1, find, command=True) + p_data(1, b"anything"))
        answer = peer.response()
        assert (answer[0x0100], answer[0x0900]) == (0x8020, 0x0211)
        peer.send(p_data(1, cancel, command=True))
        image = radiograph()
        assert peer.store(image.SOPInstanceUID, encoded(image)) == 0


def test_an_object_beyond_the_byte_budget_is_answered_a7xx(spool_root: Path) -> None:
    with Receiver(spool_root, max_object_bytes=100_000) as receiver, RawPeer(receiver.port) as peer:
        peer.associate()
        image = radiograph(side=512)
        assert peer.store(image.SOPInstanceUID, encoded(image)) == STATUS[Cause.OBJECT_TOO_LARGE].code
        small = radiograph()
        assert peer.store(small.SOPInstanceUID, encoded(small)) == 0


def test_a_fault_of_the_program_is_answered_a7xx_never_cxxx(
    spool_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: object) -> None:
        raise ZeroDivisionError

    with Receiver(spool_root) as receiver, RawPeer(receiver.port) as peer:
        peer.associate()
        for owner, name in (("triage.arrival.reception.walk", ""), ("triage.spool.part.Part.write", "")):
            with monkeypatch.context() as broken:
                broken.setattr(owner + name, fault)
                image = radiograph()
                assert peer.store(image.SOPInstanceUID, encoded(image)) == STATUS[Cause.INTERNAL].code
        image = radiograph()
        assert peer.store(image.SOPInstanceUID, encoded(image)) == 0
    assert os.listdir(spool_root / "parts") == []
