"""Children that behave badly on purpose, run in place of the real one: `python children.py DEED CHANNEL`.

They speak the real wire protocol, so what is tested is the parent. A study's UID says what happens to it.
"""

from __future__ import annotations

import ctypes
import os
import socket
import sys
import time
from dataclasses import asdict, replace

from tests.cast import outcome
from triage.domain.finding import ModelIdentity, Outcome, TriageOutcome
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
# Says its flag, measures for a while, then answers; or dies while it measures.
MEASURING_UID = "2.25.333"
MEASURING_CRASH_UID = "2.25.222"
MEASURING_SECONDS = 2.0


def crash() -> None:
    """Die as a decoder with a wild pointer does."""
    ctypes.string_at(0)


def outcome_of(configured: wire.Message) -> Outcome:
    """Return a flag by the bundles that the child was told to serve."""
    placed = configured["placed"]
    told = [ModelIdentity(name, "placed", digest, "untrained") for name, (_, digest) in placed.items()]
    flag = outcome(TriageOutcome.FLAGGED, 0.9)
    return replace(flag, models=(*told, *flag.models))


def judged(study: str, configured: wire.Message) -> wire.Message:
    """Answer as a shadow does: it would not have flagged."""
    if study == CRASH_UID:
        crash()
    if study == UNREADABLE_UID:
        return {"unprocessable": {"reason": "truncated", "sentence": "the compressed image is cut short"}}
    said = replace(outcome_of(configured), triage=outcome(TriageOutcome.NOT_FLAGGED, 0.2).triage)
    return {"judged": said.to_json()}


def measure(channel: socket.socket, study: str, request: wire.Message) -> None:
    """Tell the flag first, as the real child does before it measures."""
    if study not in (MEASURING_UID, MEASURING_CRASH_UID) or not request.get("measure"):
        return
    wire.send(channel, {wire.NOTICE: asdict(outcome(TriageOutcome.FLAGGED, 0.9).triage)})
    time.sleep(MEASURING_SECONDS)
    if study == MEASURING_CRASH_UID:
        crash()


def answer(study: str, configured: wire.Message) -> wire.Message:
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
    reply = wire.StudyReply(outcome_of(configured), (), key)
    return {"reply": reply.to_json()}


def start(deed: str, channel: socket.socket) -> wire.Message:
    """Begin as the real child does, or not at all; return what it was configured with."""
    configured: wire.Message = wire.receive(channel)["configure"]
    if deed == "rejected":
        wire.send(channel, {"rejected": "weights.npz: SHA-256 differs"})
        sys.exit(0)
    if deed == "stillborn":
        sys.exit(3)
    if deed == "never-warm":
        time.sleep(3600)
    wire.send(channel, {"ready": {"pid": os.getpid()}})
    return configured


def main() -> None:
    """Serve one channel."""
    deed, channel = sys.argv[1], socket.socket(fileno=int(sys.argv[2]))
    configured = start(deed, channel)
    while True:
        message = wire.receive(channel)
        if deed == "babble":
            channel.sendall(b"\x00\x00\x00\x04nope")
        elif deed == "huge":
            channel.sendall(b"\xff\xff\xff\xff")
        elif "judge" in message:
            wire.send(channel, judged(message["judge"]["study_instance_uid"], configured))
        else:
            study = message["analyse"]["study_instance_uid"]
            measure(channel, study, message["analyse"])
            wire.send(channel, answer(study, configured))


if __name__ == "__main__":
    main()
