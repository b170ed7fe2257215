"""Children that behave badly on purpose, run in place of the real one: `python children.py DEED CHANNEL`.

They speak the real wire protocol, so what is tested is the parent. A study's UID says what happens to it.
"""

from __future__ import annotations

import ctypes
import os
import socket
import sys
import time

from tests.cast import outcome
from triage.domain.finding import TriageOutcome
from triage.domain.reading import KeyImage
from workers.child import wire

POISON = "poison"
HANG = "hang"
CRASH_UID = "2.25.666"
HANG_UID = "2.25.777"
BUG_UID = "2.25.888"
UNREADABLE_UID = "2.25.999"
BROKEN_UID = "2.25.555"
SLOW_UID = "2.25.444"


def crash() -> None:
    """Die as a decoder with a wild pointer does."""
    ctypes.string_at(0)


def answer(study: str) -> wire.Message:
    """Do to a study what its UID says."""
    if study == CRASH_UID:
        crash()
    if study == HANG_UID:
        time.sleep(3600)
    if study == SLOW_UID:
        time.sleep(4)
    if study == BUG_UID:
        return {"failed": {"error": "ZeroDivisionError", "where": "study.py:1"}}
    if study == UNREADABLE_UID:
        return {"unprocessable": {"reason": "truncated", "sentence": "the compressed image is cut short"}}
    if study == BROKEN_UID:
        return {"reply": {"outcome": {"views": "nonsense"}}}
    key = KeyImage("2.25.1", "image/jpeg", 2, 3, b"small")
    reply = wire.StudyReply(outcome(TriageOutcome.FLAGGED, 0.9), (), key)
    return {"reply": reply.to_json()}


def start(deed: str, channel: socket.socket) -> None:
    """Begin as the real child does, or not at all."""
    wire.receive(channel)
    if deed == "rejected":
        wire.send(channel, {"rejected": "weights.npz: SHA-256 differs"})
        sys.exit(0)
    if deed == "stillborn":
        sys.exit(3)
    if deed == "never-warm":
        time.sleep(3600)
    wire.send(channel, {"ready": {"pid": os.getpid()}})


def main() -> None:
    """Serve one channel."""
    deed, channel = sys.argv[1], socket.socket(fileno=int(sys.argv[2]))
    start(deed, channel)
    while True:
        message = wire.receive(channel)
        if deed == "babble":
            channel.sendall(b"\x00\x00\x00\x04nope")
        elif deed == "huge":
            channel.sendall(b"\xff\xff\xff\xff")
        else:
            wire.send(channel, answer(message["analyse"]["study_instance_uid"]))


if __name__ == "__main__":
    main()
