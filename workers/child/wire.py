"""Frames between parent and child: four bytes of length, then one JSON object. No pickle, no shared memory.

Promise: a frame is whole or the connection counts as closed; at most MAX_FRAME bytes are ever taken.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from triage.domain.analysis import InstanceForAnalysis, Lease
from triage.domain.finding import EvidenceDraft, Outcome
from triage.domain.reading import KeyImage

MAX_FRAME = 64 * 1024**2
_LENGTH = struct.Struct(">I")
# The key of a frame that comes before the reply: the study's triage answer, while the child goes on.
NOTICE = "notice"
Message = dict[str, Any]


class Closed(Exception):
    """The other end is gone or speaks nonsense."""


class Late(Exception):
    """The deadline passed before the frame was whole."""


def send(channel: socket.socket, message: Mapping[str, Any], deadline: float | None = None) -> None:
    """Send one frame; raises Closed, or Late when the other end does not read in time."""
    payload = json.dumps(message, allow_nan=False).encode()
    channel.settimeout(None if deadline is None else max(0.001, deadline - time.monotonic()))
    try:
        channel.sendall(_LENGTH.pack(len(payload)) + payload)
    except TimeoutError as error:
        raise Late("not read in time") from error
    except OSError as error:
        raise Closed("the other end is gone") from error
    finally:
        channel.settimeout(None)


def receive(
    channel: socket.socket,
    deadline: float | None = None,
    tick: Callable[[], None] | None = None,
    every: float = 1.0,
) -> Message:
    """Return one frame; calls `tick` every `every` seconds while waiting; raises Closed or Late."""
    (length,) = _LENGTH.unpack(_exactly(channel, _LENGTH.size, deadline, tick, every))
    if length > MAX_FRAME:
        raise Closed("a frame beyond the limit")
    try:
        message = json.loads(_exactly(channel, length, deadline, tick, every))
    except ValueError as error:
        raise Closed("a frame that is not JSON") from error
    if not isinstance(message, dict):
        raise Closed("a frame that is no object")
    return message


def _exactly(
    channel: socket.socket, count: int, deadline: float | None, tick: Callable[[], None] | None, every: float
) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        _wait(channel, deadline, tick, every)
        try:
            part = channel.recv(min(count - len(parts), 1 << 20))
        except OSError as error:
            raise Closed("the other end is gone") from error
        if not part:
            raise Closed("the other end closed")
        parts += part
    return bytes(parts)


def _wait(
    channel: socket.socket, deadline: float | None, tick: Callable[[], None] | None, every: float
) -> None:
    while True:
        left = every if deadline is None else min(every, deadline - time.monotonic())
        if left <= 0:
            raise Late("no answer in time")
        if select.select([channel], [], [], left)[0]:
            return
        if tick is not None:
            tick()


@dataclass(frozen=True, slots=True)
class Configuration:
    """All the child is told: where files and bundles lie, what it may use, what the product may say.

    `models_root` holds the pinned bundles; `placed` maps a name to the (folder, digest) that is served in its stead.
    `bf16` names the bundles that may be served in half precision. `niceness` above 0 gives way to everybody else: a shadow.
    """

    spool_root: str
    models_root: str
    threads: int
    mode: str
    memory_bytes: int
    placed: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    niceness: int = 0
    bf16: tuple[str, ...] = ()

    def to_json(self) -> Message:
        """Return plain JSON types only."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class StudyRequest:
    """One analysis to run. `started_at` is the first attempt's start, so a re-run rebuilds the same bytes.

    `measure` is off once an attempt was interrupted: a measure must never cost a study its flag.
    """

    analysis_id: int
    study_instance_uid: str
    revision: int
    started_at: datetime
    instances: tuple[InstanceForAnalysis, ...]
    predecessor: tuple[str, str] | None = None
    measure: bool = True

    @classmethod
    def of(cls, lease: Lease) -> StudyRequest:
        """Return what the child must know of a lease; the fence stays with the parent."""
        earlier = (lease.predecessor_uid, lease.predecessor_series_uid)
        return cls(
            lease.analysis_id,
            lease.study_instance_uid,
            lease.revision,
            lease.started_at,
            lease.instances,
            (earlier[0], earlier[1]) if earlier[0] and earlier[1] else None,
            lease.attempt == 1,
        )

    def to_json(self) -> Message:
        """Return plain JSON types only."""
        return {**asdict(self), "started_at": self.started_at.isoformat()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> StudyRequest:
        """Rebuild from `to_json`."""
        return cls(
            analysis_id=int(data["analysis_id"]),
            study_instance_uid=data["study_instance_uid"],
            revision=int(data["revision"]),
            started_at=datetime.fromisoformat(data["started_at"]),
            instances=tuple(InstanceForAnalysis(**row) for row in data["instances"]),
            predecessor=None if data["predecessor"] is None else tuple(data["predecessor"]),
            measure=bool(data["measure"]),
        )


@dataclass(frozen=True, slots=True)
class StudyReply:
    """An outcome with its evidence, durable in the spool and not yet recorded, and the picture of its key image."""

    outcome: Outcome
    evidence: tuple[EvidenceDraft, ...]
    key_image: KeyImage | None = None

    def to_json(self) -> Message:
        """Return plain JSON types only."""
        return {
            "outcome": self.outcome.to_json(),
            "evidence": [draft.to_json() for draft in self.evidence],
            "key_image": None if self.key_image is None else self.key_image.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> StudyReply:
        """Rebuild from `to_json`; raises KeyError, TypeError or ValueError on anything else."""
        return cls(
            Outcome.from_json(data["outcome"]),
            tuple(EvidenceDraft.from_json(row) for row in data["evidence"]),
            None if data.get("key_image") is None else KeyImage.from_json(data["key_image"]),
        )
