"""Peers that stall, lie and break off: an honest sender is served within 2 s meanwhile, memory stays bounded.

The probes are those that a stock DICOM library fails: single bytes, drips, 4 GB length fields, silent TLS
clients, crowds of contexts and of sockets.
"""

from __future__ import annotations

import os
import random
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from tests.integration.arrival.objects import encoded, radiograph
from tests.integration.arrival.raw import (
    ABORT,
    ABORTED,
    RELEASE_RQ,
    RawPeer,
    associate_rq,
    p_data,
    store_command,
)
from tests.integration.arrival.receiving import Receiver, ReceiverProcess, serve_honest, wait_until

SERVED_S = 2.0
RSS_BYTES = 16 << 20


@contextmanager
def dripping(peers: list[RawPeer], data: bytes, every_s: float) -> Iterator[None]:
    """Send `data` byte by byte on every connection, in the background."""
    done = threading.Event()

    def drip() -> None:
        for byte in data:
            for peer in peers:
                try:
                    peer.send(bytes([byte]))
                except OSError:
                    continue
            if done.wait(every_s):
                return

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def idle_again(receiver: Receiver) -> None:
    """Wait until every association has ended and nothing half-written is left."""
    wait_until(lambda: receiver.acceptor.connections == 0, 10, "all connections end")
    assert os.listdir(receiver.spool.root / "parts") == []


@pytest.mark.parametrize("first", [b"", b"\1", b"\1\0\0\0"], ids=["silent", "one byte", "four bytes"])
def test_ten_sockets_that_stall_before_the_association_delay_nobody(receiver: Receiver, first: bytes) -> None:
    with ExitStack() as stack:
        peers = [stack.enter_context(RawPeer(receiver.port)) for _ in range(10)]
        for peer in peers:
            peer.send(first)
        assert serve_honest(receiver.port) <= SERVED_S
        assert all(peer.ended_within(3) for peer in peers), "the slots are freed by the deadline"
    idle_again(receiver)


def test_ten_sockets_that_drip_their_request_are_cut_at_the_deadline(receiver: Receiver) -> None:
    with ExitStack() as stack:
        peers = [stack.enter_context(RawPeer(receiver.port)) for _ in range(10)]
        with dripping(peers, associate_rq(), every_s=0.1):
            assert serve_honest(receiver.port) <= SERVED_S
            wait_until(lambda: receiver.acceptor.connections == 0, 4, "dripping requests are cut")


def test_a_pdu_that_drips_in_is_cut_although_it_always_makes_progress(receiver: Receiver) -> None:
    with ExitStack() as stack:
        peers = [stack.enter_context(RawPeer(receiver.port)) for _ in range(10)]
        for peer in peers:
            peer.associate()
        with dripping(peers, p_data(1, store_command("1.2.3"), command=True), every_s=0.15):
            assert serve_honest(receiver.port) <= SERVED_S
            wait_until(lambda: receiver.acceptor.connections == 0, 4, "dripping PDUs are cut")


def test_an_idle_association_ends_after_the_idle_time_and_not_before(receiver: Receiver) -> None:
    with RawPeer(receiver.port) as peer:
        peer.associate()
        began = time.monotonic()
        kind, body = peer.receive()
        waited = time.monotonic() - began
    assert kind == ABORTED
    assert body[2] == 0, "the service user aborts"
    assert 1.8 <= waited <= 3.5


def test_a_stall_inside_an_object_ends_sooner_than_an_idle_association(receiver: Receiver) -> None:
    with RawPeer(receiver.port) as peer:
        peer.associate()
        peer.send(p_data(1, store_command("1.2.3"), command=True) + p_data(1, b"12345678", last=False))
        began = time.monotonic()
        assert peer.receive()[0] == ABORTED
        assert time.monotonic() - began <= 1.8
    idle_again(receiver)


def test_an_association_ends_at_its_own_limit(spool_root: Path) -> None:
    with Receiver(spool_root, association_limit_s=1.0) as receiver, RawPeer(receiver.port) as peer:
        peer.associate()
        image = radiograph()
        began = time.monotonic()
        with pytest.raises((AssertionError, ConnectionError)):
            while time.monotonic() - began < 5:
                assert peer.store(image.SOPInstanceUID, encoded(image)) == 0
        assert 0.9 <= time.monotonic() - began <= 3


def test_a_peer_that_never_reads_answers_is_given_up(spool_root: Path) -> None:
    with (
        Receiver(spool_root, idle_timeout_s=30, pdu_timeout_s=1.0) as receiver,
        RawPeer(receiver.port) as peer,
    ):
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.associate()
        refused = p_data(1, store_command("1.2.3"), command=True) + p_data(1, b"12345678")
        peer.socket.settimeout(2)
        with pytest.raises(OSError):
            for _ in range(20_000):
                peer.send(refused * 20)
        wait_until(lambda: receiver.acceptor.connections == 0, 8, "the peer is given up")


LIES = {
    "4 GB request": struct.pack(">BxI", 1, 0xFFFFFFFF),
    "request of 129 KiB": struct.pack(">BxI", 1, 129 * 1024),
    "data before an association": struct.pack(">BxI", 4, 0xFFFFFFFF),
    "unknown type": struct.pack(">BxI", 99, 16),
    "long release": struct.pack(">BxI", 5, 0xFFFF),
    "request that is noise": struct.pack(">BxI", 1, 400) + bytes(range(200)) * 2,
}


@pytest.mark.parametrize("lie", sorted(LIES))
def test_a_lie_before_the_association_ends_the_connection_at_once(receiver: Receiver, lie: str) -> None:
    with RawPeer(receiver.port) as peer:
        peer.send(LIES[lie])
        assert peer.receive()[0] in (ABORTED, 0)
    assert serve_honest(receiver.port) <= SERVED_S


INSIDE = {
    "4 GB P-DATA": struct.pack(">BxI", 4, 0xFFFFFFFF),
    "P-DATA beyond the negotiated length": struct.pack(">BxI", 4, 131073),
    "PDV longer than its PDU": struct.pack(">BxIIBB", 4, 16, 1000, 1, 3) + bytes(10),
    "PDV length 0": struct.pack(">BxIIBB", 4, 6, 0, 1, 3),
    "PDV length 1": struct.pack(">BxIIB", 4, 5, 1, 1),
    "PDV header cut off": struct.pack(">BxI", 4, 3) + b"\0\0\0",
    "context that was refused": p_data(201, store_command("1.2.3"), command=True),
    "data without a command": p_data(1, b"12345678"),
    "command inside a data set": p_data(1, store_command("1.2.3"), command=True) * 2,
    "data on another context": p_data(1, store_command("1.2.3"), command=True) + p_data(3, b"12345678"),
    "command that is noise": p_data(1, bytes(range(100)), command=True),
    "command without end": p_data(1, bytes(16_000), command=True, last=False) * 2,
    "second request": associate_rq(),
    "acceptance": struct.pack(">BxI", 2, 4) + bytes(4),
    "release reply": struct.pack(">BxI", 6, 4) + bytes(4),
    "unknown type": struct.pack(">BxI", 0, 0),
}


@pytest.mark.parametrize("lie", sorted(INSIDE))
def test_a_lie_inside_an_association_is_answered_by_a_provider_abort(receiver: Receiver, lie: str) -> None:
    with RawPeer(receiver.port) as peer:
        peer.associate()
        peer.send(INSIDE[lie])
        kind, body = peer.receive()
        assert (kind, body[2]) == (ABORTED, 2)
    idle_again(receiver)


def test_a_crowd_of_contexts_is_refused_before_anything_is_built_of_them(receiver: Receiver) -> None:
    context = b"\x20\0\0\4\1\0\0\0"
    body = associate_rq()[6:74] + context * 10_000
    with RawPeer(receiver.port) as peer:
        began = time.monotonic()
        peer.send(struct.pack(">BxI", 1, len(body)) + body)
        assert peer.receive()[0] in (ABORTED, 0)
        assert time.monotonic() - began <= 1.0


def begin(peer: RawPeer) -> None:
    """Be in the middle of an object."""
    peer.associate()
    peer.send(p_data(1, store_command("1.2.3"), command=True) + p_data(1, bytes(10_000), last=False))
    time.sleep(0.1)


def test_an_object_broken_off_in_any_way_leaves_nothing(receiver: Receiver) -> None:
    for end in (ABORT, RELEASE_RQ, p_data(1, bytes(100))[:50]):
        with RawPeer(receiver.port) as peer:
            begin(peer)
            peer.send(end)
            if end == RELEASE_RQ:
                assert peer.receive()[0] == 6, "a release is answered even inside an object"
    with RawPeer(receiver.port) as peer:
        begin(peer)
        peer.reset()
    idle_again(receiver)
    assert receiver.stored() == {}
    assert serve_honest(receiver.port) <= SERVED_S


def test_breaking_off_at_every_pdu_boundary_leaves_nothing_half_stored(receiver: Receiver) -> None:
    image = radiograph(side=16)
    data = encoded(image)
    script = [associate_rq(), p_data(1, store_command(image.SOPInstanceUID), command=True)]
    script += [p_data(1, data[at : at + 200], last=at + 200 >= len(data)) for at in range(0, len(data), 200)]
    whole = b"".join(script)
    edges = {sum(map(len, script[:n])) + off for n in range(len(script) + 1) for off in (-1, 0, 1)}
    for edge in sorted(edge for edge in edges if 0 < edge <= len(whole)):
        with RawPeer(receiver.port) as peer:
            peer.send(whole[:edge])
            if edge % 2:
                peer.reset()
    idle_again(receiver)
    assert set(receiver.stored().values()) <= {data}, "an object sent whole may be stored, never another"


def test_noise_in_every_state_never_stops_the_receiver(receiver: Receiver) -> None:
    dice = random.Random(20260101)
    kinds = [*range(9), 255]
    for _ in range(150):
        with RawPeer(receiver.port) as peer:
            try:
                if dice.random() < 0.7:
                    peer.associate()
                for _ in range(dice.randint(1, 4)):
                    body = dice.randbytes(dice.choice((0, 4, 6, 40, 300)))
                    length = dice.choice((len(body), len(body), 0, 70_000))
                    peer.send(struct.pack(">BxI", dice.choice(kinds), length) + body)
            except OSError:
                continue  # it was cut off already, as it should be
    assert serve_honest(receiver.port) <= SERVED_S
    idle_again(receiver)


def test_a_crowd_of_silent_sockets_cannot_keep_an_honest_sender_out(spool_root: Path) -> None:
    with (
        Receiver(spool_root, association_request_timeout_s=20.0, sockets_waiting=32) as receiver,
        ExitStack() as stack,
    ):
        for _ in range(200):
            stack.enter_context(RawPeer(receiver.port))
        assert serve_honest(receiver.port) <= SERVED_S
        wait_until(lambda: receiver.acceptor.connections <= 34, 5, "the oldest silent sockets are pushed out")


def test_memory_files_and_threads_stay_bounded_under_attack(receiver_process: ReceiverProcess) -> None:
    port = receiver_process.port
    for _ in range(3):
        serve_honest(port)
    daemon = psutil.Process(receiver_process.process.pid)
    before, files, threads = receiver_process.rss(), daemon.num_fds(), daemon.num_threads()
    highest = before
    with ExitStack() as stack:
        for _ in range(20):
            flood = stack.enter_context(RawPeer(port))
            try:
                flood.send(struct.pack(">BxI", 1, 0xFFFFFFFF))
                for _ in range(64):
                    flood.send(bytes(1 << 18))
            except OSError:
                pass  # cut off, as it should be
            highest = max(highest, receiver_process.rss())
        for _ in range(10):
            peer = stack.enter_context(RawPeer(port))
            peer.associate()
            peer.send(struct.pack(">BxI", 4, 131072))
        assert serve_honest(port) <= SERVED_S
        highest = max(highest, receiver_process.rss())
    assert highest - before <= RSS_BYTES, f"{(highest - before) >> 20} MiB more"
    wait_until(lambda: abs(daemon.num_fds() - files) <= 2, 60, "file handles return")
    wait_until(lambda: abs(daemon.num_threads() - threads) <= 2, 60, "threads return")
