"""Hop 1 and 2: what is answered 0x0000 lies durable and unchanged in the spool."""

from __future__ import annotations

import hashlib
import zlib

import pytest
from pydicom import dcmread
from pydicom.uid import generate_uid

from tests.integration.arrival.objects import (
    CR,
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    JPEG_2000,
    SR,
    encoded,
    radiograph,
)
from tests.integration.arrival.raw import (
    USUAL,
    RawPeer,
    associate_rq,
    echo_command,
    p_data,
    store_command,
)
from tests.integration.arrival.receiving import Receiver
from triage.spool import Spool, digest_of

DEFLATED = "1.2.840.10008.1.2.1.99"


def test_an_instance_is_kept_byte_for_byte_under_its_digest(receiver: Receiver) -> None:
    image = radiograph()
    data = encoded(image)
    with RawPeer(receiver.port) as peer:
        peer.associate()
        assert peer.store(image.SOPInstanceUID, data) == 0x0000
    (path,) = receiver.spool.incoming()
    assert digest_of(path) == hashlib.sha256(data).hexdigest()
    assert path.read_bytes().endswith(data)


def test_the_stored_file_is_part_10_with_our_own_preamble_and_meta(receiver: Receiver) -> None:
    image = radiograph()
    with RawPeer(receiver.port) as peer:
        peer.associate(associate_rq(calling="HONEST"))
        peer.store(image.SOPInstanceUID, encoded(image))
    (path,) = receiver.spool.incoming()
    read = dcmread(path)
    assert read.preamble == bytes(128)
    assert read.file_meta.TransferSyntaxUID == EXPLICIT_LE
    assert read.file_meta.MediaStorageSOPInstanceUID == read.SOPInstanceUID == image.SOPInstanceUID
    assert read.file_meta[0x00020017].value == "HONEST"
    assert read.file_meta[0x00020018].value == "TRIAGE"
    assert (read.pixel_array == 2047).all()


@pytest.mark.parametrize("syntax", [IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE])
def test_every_uncompressed_syntax_is_kept_as_sent(receiver: Receiver, syntax: str) -> None:
    image = radiograph()
    if syntax == EXPLICIT_BE:
        image["PixelData"].VR = "OB"
    data = encoded(image, syntax)
    with RawPeer(receiver.port) as peer:
        peer.associate(associate_rq(contexts=[(CR, (syntax,))]))
        assert peer.store(image.SOPInstanceUID, data) == 0
    assert receiver.stored() == {image.SOPInstanceUID: data}


def test_a_deflated_data_set_is_kept_deflated(receiver: Receiver) -> None:
    image = radiograph()
    pack = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    data = pack.compress(encoded(image)) + pack.flush()
    data += b"\0" * (len(data) % 2)
    with RawPeer(receiver.port) as peer:
        peer.associate(associate_rq(contexts=[(CR, (DEFLATED,))]))
        assert peer.store(image.SOPInstanceUID, data) == 0
    assert receiver.stored() == {image.SOPInstanceUID: data}


def test_an_object_may_come_in_any_fragments(receiver: Receiver) -> None:
    image = radiograph(side=16)
    data = encoded(image)
    with RawPeer(receiver.port) as peer:
        peer.associate()
        command = store_command(image.SOPInstanceUID)
        for at in range(len(command)):
            peer.send(p_data(1, command[at : at + 1], command=True, last=at == len(command) - 1))
        for at in range(0, len(data), 7):
            peer.send(p_data(1, data[at : at + 7], last=False))
        peer.send(p_data(1, b"", last=True))
        assert peer.status() == 0
    assert receiver.stored() == {image.SOPInstanceUID: data}


def test_several_fragments_may_share_one_pdu(receiver: Receiver) -> None:
    image = radiograph(side=16)
    data = encoded(image)
    pieces = (
        p_data(1, store_command(image.SOPInstanceUID), command=True)[6:],
        p_data(1, data[:100], last=False)[6:],
        p_data(1, data[100:])[6:],
    )
    body = b"".join(pieces)
    with RawPeer(receiver.port) as peer:
        peer.associate()
        peer.send(b"\4\0" + len(body).to_bytes(4, "big") + body)
        assert peer.status() == 0
    assert receiver.stored() == {image.SOPInstanceUID: data}


def test_the_same_instance_again_is_success_again(receiver: Receiver) -> None:
    image = radiograph()
    data = encoded(image)
    with RawPeer(receiver.port) as peer:
        peer.associate()
        assert [peer.store(image.SOPInstanceUID, data) for _ in range(3)] == [0, 0, 0]


def test_the_same_uid_with_other_bytes_is_kept_beside_the_first(receiver: Receiver) -> None:
    image = radiograph()
    with RawPeer(receiver.port) as peer:
        peer.associate()
        assert peer.store(image.SOPInstanceUID, encoded(image)) == 0
        image.PatientComments = "another content"
        assert peer.store(image.SOPInstanceUID, encoded(image)) == 0
    first, second = receiver.spool.incoming()
    assert digest_of(first) != digest_of(second)
    assert digest_of(second) == hashlib.sha256(encoded(image)).hexdigest(), (
        "arrival order is kept in the names"
    )


def test_verification_is_answered(receiver: Receiver) -> None:
    with RawPeer(receiver.port) as peer:
        peer.associate()
        peer.send(p_data(3, echo_command(message_id=77), command=True))
        answer = peer.response()
    assert (answer[0x0100], answer[0x0120], answer[0x0900]) == (0x8030, 77, 0)


def test_a_context_takes_the_senders_first_syntax_and_unknown_ones_are_refused_by_kind(
    receiver: Receiver,
) -> None:
    contexts = [
        (CR, (JPEG_2000, EXPLICIT_LE)),
        (SR, ("1.2.3.4", IMPLICIT_LE)),
        (CR, ("1.2.3.4",)),
        ("1.2.840.10008.5.1.4.1.2.1.1", (IMPLICIT_LE,)),
    ]
    with RawPeer(receiver.port) as peer:
        answer = peer.associate(associate_rq(contexts=contexts))
    results = [(item.result, str(item.transfer_syntax)) for item in answer.presentation_context]
    assert [code for code, _ in results] == [0, 0, 4, 3]
    assert [syntax for _, syntax in results[:2]] == [JPEG_2000, IMPLICIT_LE]


def test_128_contexts_are_negotiated(receiver: Receiver) -> None:
    with RawPeer(receiver.port) as peer:
        answer = peer.associate(associate_rq(contexts=[USUAL[0]] * 128))
    assert [item.result for item in answer.presentation_context] == [0] * 128


def test_many_instances_on_one_association_are_all_kept(receiver: Receiver) -> None:
    study, series = generate_uid(), generate_uid()
    images = [radiograph(StudyInstanceUID=study, SeriesInstanceUID=series) for _ in range(30)]
    with RawPeer(receiver.port) as peer:
        peer.associate()
        for image in images:
            assert peer.store(image.SOPInstanceUID, encoded(image)) == 0
        assert peer.release() == 6
    assert set(receiver.stored()) == {str(image.SOPInstanceUID) for image in images}
    assert Spool(receiver.spool.root).sweep_parts(0, lambda *_: True) == (0, 0)
