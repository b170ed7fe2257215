"""One C-STORE from its command to its status: fragments stream into the spool, the header is checked, the file made durable.

Promise: Cause.STORED is returned only after the file is durable. Nothing of a refused object stays.
Refuses by cause: see `status.STATUS`.
"""

from __future__ import annotations

from dataclasses import dataclass

from triage.arrival.command import Command
from triage.arrival.negotiation import AcceptedContext
from triage.arrival.part10 import FileMeta, preface
from triage.arrival.source import Undecodable
from triage.arrival.status import Cause, cause_of
from triage.arrival.walk import RawValue, walk
from triage.domain.errors import Refused, TriageError, Unavailable
from triage.domain.identity import parse_uid
from triage.spool import Part, Spool

SOP_CLASS, SOP_INSTANCE, STUDY, SERIES = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E
_IDENTITY = frozenset((SOP_CLASS, SOP_INSTANCE, STUDY, SERIES))
# How much of a refused object is still read to answer it properly; beyond that the association is aborted.
PATIENCE_BYTES = 64 * 1024 * 1024


class TooMuch(Exception):
    """The peer goes on sending an object that was refused long ago."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who sends to whom."""

    calling_ae: str
    receiving_ae: str


class Reception:
    """A C-STORE in flight."""

    def __init__(
        self, spool: Spool, command: Command, context: AcceptedContext, origin: Origin, most_bytes: int
    ) -> None:
        self._command = command
        self._context = context
        self._most_bytes = most_bytes
        self._received = 0
        self._part: Part | None = None
        self._failed: Cause | None = _command_trouble(command, context)
        if self._failed is None:
            self._open(spool, origin)

    def _open(self, spool: Spool, origin: Origin) -> None:
        meta = FileMeta(
            self._command.sop_class.decode("ascii"),
            self._command.sop_instance.decode("ascii"),
            self._context.transfer_syntax,
            origin.calling_ae,
            origin.receiving_ae,
        )
        try:
            self._part = spool.new_part(preface(meta))
        except Unavailable as trouble:
            self._fail(cause_of(trouble))

    def write(self, fragment: memoryview) -> bool:
        """Take the next fragment and return True; after a failure it is counted and dropped. Raises TooMuch."""
        self._received += len(fragment)
        if self._received > self._most_bytes:
            self._fail(Cause.OBJECT_TOO_LARGE)
            if self._received > self._most_bytes + PATIENCE_BYTES:
                raise TooMuch
        if self._part is not None:
            try:
                self._part.write(fragment)
            except Unavailable as trouble:
                self._fail(cause_of(trouble))
        return True

    def finish(self) -> Cause:
        """Check the header and make the file durable; return how the C-STORE ends."""
        part = self._part
        if part is None:
            return self._failed or Cause.INTERNAL
        try:
            self._check(part)
            part.commit()
        except Undecodable as refusal:
            self._fail(refusal.cause)
            return refusal.cause
        except TriageError as trouble:
            cause = cause_of(trouble)
            self._fail(cause)
            return cause
        self._part = None
        return Cause.STORED

    def discard(self) -> None:
        """Forget the object; safe to call at any time."""
        if self._part is not None:
            self._part.discard()
            self._part = None

    def _fail(self, cause: Cause) -> None:
        self._failed = self._failed or cause
        self.discard()

    def _check(self, part: Part) -> None:
        if not part.size:
            raise Undecodable(Cause.NO_DATA_SET)
        found = walk(part.read, part.size, self._context.transfer_syntax, _IDENTITY)
        if _single(found, SOP_CLASS) != self._command.sop_class:
            raise Undecodable(Cause.SOP_CLASS_DIFFERS)
        if _single(found, SOP_INSTANCE) != self._command.sop_instance:
            raise Undecodable(Cause.SOP_INSTANCE_DIFFERS)
        for tag in (STUDY, SERIES):
            _legal(_single(found, tag))


def _single(found: dict[int, list[RawValue]], tag: int) -> bytes:
    """Return the one value of a UID; raises Undecodable when it is missing or contradicts itself."""
    values = {value.data.rstrip(b"\0 ") for value in found.get(tag, ())}
    if len(values) > 1:
        raise Undecodable(Cause.AMBIGUOUS_UID)
    value = values.pop() if values else b""
    if not value:
        raise Undecodable(Cause.MISSING_UID)
    return value


def _legal(value: bytes) -> None:
    try:
        parse_uid(value.decode("ascii"))
    except (UnicodeDecodeError, Refused) as illegal:
        raise Undecodable(Cause.ILLEGAL_UID) from illegal


def _command_trouble(command: Command, context: AcceptedContext) -> Cause | None:
    if not command.sop_class or not command.sop_instance:
        return Cause.MISTYPED_ARGUMENT
    try:
        _legal(command.sop_class)
        _legal(command.sop_instance)
    except Undecodable as illegal:
        return illegal.cause
    if command.sop_class != context.abstract_syntax.encode("ascii"):
        return Cause.WRONG_CONTEXT
    return None
