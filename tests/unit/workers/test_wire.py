"""Frames: whole or nothing, bounded, in time."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.domain.analysis import InstanceForAnalysis
from workers.child import wire

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two ends of one connection."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@given(message=st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.booleans()), max_size=5))
def test_a_message_arrives_as_it_was_sent(message: dict[str, object]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        wire.send(ours, message)
        assert wire.receive(theirs) == message


def test_a_message_larger_than_the_sockets_buffer_arrives_whole(pair: Pair) -> None:
    message = {"text": "x" * 3_000_000}
    sender = threading.Thread(target=wire.send, args=(pair[0], message))
    sender.start()
    assert wire.receive(pair[1], time.monotonic() + 20) == message
    sender.join()


def test_a_message_that_nobody_reads_is_given_up_at_its_deadline(pair: Pair) -> None:
    began = time.monotonic()
    with pytest.raises(wire.Late):
        wire.send(pair[0], {"text": "x" * 30_000_000}, time.monotonic() + 0.3)
    assert time.monotonic() - began < 5


def test_a_frame_beyond_the_limit_is_not_taken(pair: Pair) -> None:
    pair[0].sendall(struct.pack(">I", wire.MAX_FRAME + 1))
    with pytest.raises(wire.Closed, match="limit"):
        wire.receive(pair[1])


@pytest.mark.parametrize("payload", [b"[1]", b"\xff", b"{", b'"a"'])
def test_a_frame_that_is_no_object_counts_as_closed(payload: bytes, pair: Pair) -> None:
    pair[0].sendall(struct.pack(">I", len(payload)) + payload)
    with pytest.raises(wire.Closed):
        wire.receive(pair[1])


def test_half_a_frame_counts_as_closed(pair: Pair) -> None:
    pair[0].sendall(struct.pack(">I", 100) + b"{")
    pair[0].close()
    with pytest.raises(wire.Closed):
        wire.receive(pair[1])


def test_half_a_frame_is_late_at_the_deadline_and_not_before_the_ticks(pair: Pair) -> None:
    pair[0].sendall(struct.pack(">I", 100) + b"{")
    ticks: list[int] = []
    with pytest.raises(wire.Late):
        wire.receive(pair[1], time.monotonic() + 0.35, lambda: ticks.append(1), 0.1)
    assert len(ticks) >= 2


def test_no_number_that_json_does_not_know_is_sent(pair: Pair) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        wire.send(pair[0], {"probability": float("nan")})


def test_a_request_survives_the_journey() -> None:
    instance = InstanceForAnalysis("1.2", "1.3", "1.4", "1.5", "kept/x", "d", "CR", "LL", "SPINE", 10, 20, 1)
    request = wire.StudyRequest(
        1, "1.2.3", 2, datetime(2026, 11, 21, tzinfo=UTC), (instance,), ("1.6", "1.7")
    )
    assert wire.StudyRequest.from_json(request.to_json()) == request
