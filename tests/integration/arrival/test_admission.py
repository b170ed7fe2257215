"""Who may call, and how many at once; the answers compared with pynetdicom's own AE as the oracle."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID
from pynetdicom import AE, evt
from pynetdicom.presentation import AllStoragePresentationContexts, StoragePresentationContexts

from tests.integration.arrival.objects import CR, EXPLICIT_LE, IMPLICIT_LE, MR, encoded, radiograph
from tests.integration.arrival.raw import (
    ACCEPTED,
    DATA,
    REJECTED,
    RELEASE_RQ,
    VERIFICATION,
    RawPeer,
    associate_rq,
    echo_command,
    p_data,
    raw_command,
    store_command,
)
from tests.integration.arrival.receiving import Receiver, ReceiverProcess, free_port, serve_honest, wait_until
from triage.arrival.policy import CallingPeer


def rejection(port: int, request: bytes) -> tuple[int, int, int] | None:
    """Return result, source and reason of the rejection, None when accepted."""
    with RawPeer(port) as peer:
        peer.send(request)
        kind, body = peer.receive()
        return (body[1], body[2], body[3]) if kind == REJECTED else None


def test_unknown_titles_are_rejected_by_their_reason(receiver: Receiver) -> None:
    assert rejection(receiver.port, associate_rq()) is None
    assert rejection(receiver.port, associate_rq(calling="STRANGER")) == (1, 1, 3)
    assert rejection(receiver.port, associate_rq(called="OTHER")) == (1, 1, 7)


def test_an_unknown_protocol_version_and_application_context_are_rejected(receiver: Receiver) -> None:
    request = associate_rq()
    assert rejection(receiver.port, request[:6] + b"\0\2" + request[8:]) == (1, 2, 2)
    assert rejection(receiver.port, request.replace(b"1.2.840.10008.3.1.1.1", b"1.2.840.10008.3.1.1.9")) == (
        1,
        1,
        2,
    )


def test_a_peer_is_known_by_title_and_address(spool_root: Path) -> None:
    elsewhere = CallingPeer("MODALITY", ip_network("10.0.0.0/8"))
    with Receiver(spool_root, peers=(elsewhere,)) as receiver:
        assert rejection(receiver.port, associate_rq()) == (1, 1, 3)
    with Receiver(
        spool_root, peers=(elsewhere, CallingPeer("MODALITY", ip_network("127.0.0.0/8")))
    ) as receiver:
        assert rejection(receiver.port, associate_rq()) is None


def test_unknown_peers_enter_only_where_the_site_allows_it(spool_root: Path) -> None:
    with Receiver(spool_root, peers=(), accept_unknown_peers=True) as receiver:
        assert rejection(receiver.port, associate_rq(calling="STRANGER")) is None


def test_associations_beyond_the_limits_are_rejected_as_transient_and_places_return(spool_root: Path) -> None:
    peers = (CallingPeer("MODALITY", most=2), CallingPeer("HONEST"))
    with Receiver(spool_root, peers=peers, max_associations=4, max_associations_per_peer=3) as receiver:
        with ExitStack() as stack:
            for calling, most in (("MODALITY", 2), ("HONEST", 2)):
                for _ in range(most):
                    stack.enter_context(RawPeer(receiver.port)).associate(associate_rq(calling=calling))
                assert rejection(receiver.port, associate_rq(calling=calling)) == (2, 3, 2)
        wait_until(lambda: receiver.acceptor.connections == 0, 5, "places return")
        assert rejection(receiver.port, associate_rq()) is None


def test_low_disk_rejects_new_associations_before_the_disk_is_full(spool_root: Path) -> None:
    with Receiver(spool_root, low_water_bytes=1 << 60) as receiver:
        assert rejection(receiver.port, associate_rq()) == (2, 3, 1)


def test_fifty_senders_at_once_are_served_and_the_rest_told_to_come_back(spool_root: Path) -> None:
    with Receiver(
        spool_root, max_associations=10, max_associations_per_peer=10, idle_timeout_s=20.0
    ) as receiver:
        outcomes: list[bool] = []

        def send() -> None:
            for _ in range(200):
                try:
                    serve_honest(receiver.port)
                    outcomes.append(True)
                    return
                except AssertionError:  # rejected as too many: come back, as a modality does
                    threading.Event().wait(0.05)

        threads = [threading.Thread(target=send) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(outcomes) == 50
        assert len(receiver.stored()) == 50


class Oracle:
    """pynetdicom's AE as an SCP, with handlers that answer success."""

    def __init__(self) -> None:
        entity = AE("TRIAGE")
        for context in AllStoragePresentationContexts:
            entity.add_supported_context(UID(str(context.abstract_syntax)), [IMPLICIT_LE, EXPLICIT_LE])
        entity.add_supported_context(VERIFICATION, [IMPLICIT_LE, EXPLICIT_LE])
        entity.require_called_aet = True
        entity.require_calling_aet = ["MODALITY"]
        self.port = free_port()
        handlers: list[Any] = [(evt.EVT_C_STORE, lambda _: 0x0000)]
        self._server = entity.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)

    def close(self) -> None:
        """Stop it."""
        assert self._server is not None
        self._server.shutdown()


Script = Callable[[RawPeer], list[object]]


def _after(*sent: bytes) -> Script:
    """Return a script that associates, sends, and notes type (and status) of each answer until the end."""

    def run(peer: RawPeer) -> list[object]:
        peer.associate()
        answers: list[object] = []
        for data in sent[:-1]:
            # One request at a time: asynchronous operations are not negotiated (PS3.7 D.3.3.3).
            peer.send(data)
            answers.append(peer.status() if data != CANCEL else None)
        peer.send(sent[-1])
        return answers + _answers(peer)

    return run


def _answers(peer: RawPeer) -> list[object]:
    kinds: list[object] = []
    while not kinds or kinds[-1] == DATA:
        kinds.append(peer.receive()[0])
    return kinds


def _request(**changes: object) -> Script:
    def run(peer: RawPeer) -> list[object]:
        peer.send(associate_rq(**changes))  # type: ignore[arg-type]  # each case names its own arguments
        kind, body = peer.receive()
        if kind != ACCEPTED:
            return [kind, body[1:4]]
        peer.send(RELEASE_RQ)
        return [kind, *_answers(peer)]

    return run


CANCEL = p_data(1, raw_command((0x0100, b"\xff\x0f"), (0x0120, b"\7\0"), (0x0800, b"\1\1")), command=True)
IMAGE = radiograph()
STORE = p_data(1, store_command(IMAGE.SOPInstanceUID), command=True)
WHOLE = STORE + p_data(1, encoded(IMAGE))
TRAFFIC: dict[str, Script] = {
    "release at once": _after(RELEASE_RQ),
    "echo, release": _after(p_data(3, echo_command(), command=True), RELEASE_RQ),
    "store, release": _after(WHOLE, RELEASE_RQ),
    "store twice, release": _after(WHOLE, WHOLE, RELEASE_RQ),
    "second request": _after(associate_rq()),
    "acceptance to an acceptor": _after(b"\2\0\0\0\0\4\0\0\0\0"),
    "release reply unasked": _after(b"\6\0\0\0\0\4\0\0\0\0"),
    "unknown PDU": _after(b"\x63\0\0\0\0\4\0\0\0\0"),
    "cancel, release": _after(CANCEL, RELEASE_RQ),
    "usual request": _request(),
    "unknown calling": _request(calling="STRANGER"),
    "unknown called": _request(called="OTHER"),
    "no usable context": _request(contexts=[("1.2.3", (EXPLICIT_LE,))]),
}


@pytest.fixture(scope="module")
def oracle_port() -> object:
    """The port of a pynetdicom SCP."""
    oracle = Oracle()
    yield oracle.port
    oracle.close()


@pytest.mark.parametrize("case", sorted(TRAFFIC))
def test_the_same_traffic_gets_the_same_answers_as_from_pynetdicom(
    receiver: Receiver, oracle_port: int, case: str
) -> None:
    answers = []
    for port in (receiver.port, oracle_port):
        with RawPeer(port) as peer:
            answers.append(TRAFFIC[case](peer))
    assert answers[0] == answers[1]


def test_pynetdicom_as_scu_stores_through_every_storage_context(receiver: Receiver) -> None:
    modality = AE("MODALITY")
    modality.requested_contexts = StoragePresentationContexts[:127]
    modality.add_requested_context(VERIFICATION)
    association = modality.associate("127.0.0.1", receiver.port, ae_title="TRIAGE")
    assert association.is_established
    assert len(association.accepted_contexts) == len(modality.requested_contexts) > 100
    assert association.send_c_echo().Status == 0
    image = radiograph()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = association.accepted_contexts[0].transfer_syntax[0]
    assert association.send_c_store(image).Status == 0
    association.release()
    assert association.is_released
    assert list(receiver.stored()) == [image.SOPInstanceUID]


def test_several_receivers_share_one_port(tmp_path: Path) -> None:
    first = ReceiverProcess(tmp_path / "one")
    try:
        second = ReceiverProcess(tmp_path / "two", port=first.port)
        try:
            for _ in range(40):
                serve_honest(first.port)
            counts = [len(list(each.spool.incoming())) for each in (first, second)]
            assert sum(counts) == 40
            assert min(counts) >= 5, "the kernel spreads connections over both"
            assert second.close() == 0
        finally:
            second.process.kill()
        assert serve_honest(first.port) < 5
    finally:
        assert first.close() == 0


def test_two_classes_of_one_study_may_share_an_association(receiver: Receiver) -> None:
    one, other = radiograph(), radiograph(SOPClassUID=MR)
    with RawPeer(receiver.port) as peer:
        peer.associate(associate_rq(contexts=[(CR, (EXPLICIT_LE,)), (MR, (IMPLICIT_LE,))]))
        assert peer.store(one.SOPInstanceUID, encoded(one)) == 0
        peer.send(p_data(3, store_command(other.SOPInstanceUID, MR), command=True))
        peer.send(p_data(3, encoded(other, IMPLICIT_LE)))
        assert peer.status() == 0
    assert len(receiver.stored()) == 2
