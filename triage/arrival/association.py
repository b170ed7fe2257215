"""One connection from its first byte to its last, in its own thread, driven by the state table.

Promise: it ends. Every wait has a deadline: the association request, each whole PDU, the idle time
between PDUs, the peer's close, and the association as a whole. What was not answered was not kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from triage.arrival import pdu
from triage.arrival.admission import Admission, Admitted
from triage.arrival.messages import Messages
from triage.arrival.negotiation import Request, accept_pdu, decode, negotiate
from triage.arrival.policy import ReceiverPolicy
from triage.arrival.reception import Origin, TooMuch
from triage.arrival.state import TABLE, Action, Event, State
from triage.arrival.status import Rejection
from triage.arrival.wire import HEADER, Closed, Late, Wire
from triage.log import get
from triage.metrics import ASSOCIATIONS, ASSOCIATIONS_OPEN
from triage.spool import Spool

LOG = get(__name__)
_INVALID_PARAMETER = 6
_SCRATCH = 16 * 1024
_MOST_DISCARDED = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """What all associations of a process share."""

    policy: ReceiverPolicy
    spool: Spool
    admission: Admission


class Association:
    """A connection and its state (PS3.8 9.2)."""

    def __init__(self, wire: Wire, address: str, shared: Shared) -> None:
        self._wire = wire
        self._address = address
        self._policy = shared.policy
        self._shared = shared
        self._opened = time.monotonic()
        self._buffer = memoryview(bytearray(HEADER))
        self._body = memoryview(b"")
        self._request: Request | None = None
        self._rejection: Rejection | None = None
        self._place: Admitted | None = None
        self._messages: Messages | None = None
        self._draining = False
        self._close_by = 0.0
        self._acts: dict[Action, Callable[[], Event | None]] = {
            Action.AE6: self._decide,
            Action.AE7: self._accept,
            Action.AE8: self._reject,
            Action.DT2: self._take_data,
            Action.AR2: lambda: Event.EVT14,
            Action.AR4: lambda: self._send_last(pdu.RELEASE_REPLY),
            Action.AA1: lambda: self._send_last(pdu.abort_pdu(provider=False)),
            Action.AA8: lambda: self._send_last(pdu.abort_pdu(provider=True, reason=_INVALID_PARAMETER)),
        }

    def run(self) -> None:
        """Serve the connection to its end."""
        state = State.STA2
        try:
            self._shared.admission.arrive(self, self._address)
            while state is not State.STA1:
                event: Event | None = self._next_event(state)
                while event is not None:
                    action, state = TABLE[state, event]
                    event = self._act(action)
        finally:
            self._end()

    def evict(self) -> None:
        """Give up a connection that has been silent too long (see Admission)."""
        self._wire.half_close()

    def drain(self) -> None:
        """Finish the object in progress, then abort; an idle association ends at once."""
        self._draining = True
        if self._messages is None or not self._messages.busy:
            self._wire.half_close()

    def cut(self) -> None:
        """End now: the time to drain is over."""
        self._wire.half_close()

    def _act(self, action: Action) -> Event | None:
        # Actions without an entry only note a change of state or close the transport, which `run` does.
        perform = self._acts.get(action)
        try:
            return perform() if perform is not None else None
        except Closed:
            return Event.EVT17
        except Late:
            # The peer does not read what we send: nothing more can be said to it.
            return Event.EVT17

    def _next_event(self, state: State) -> Event:
        try:
            if state is State.STA2:
                self._wire.start(self._opened + self._policy.association_request_timeout_s)
            if state is State.STA13:
                return self._await_close()
            return self._read_pdu(state)
        except Closed:
            return Event.EVT15 if self._draining and state is State.STA6 else Event.EVT17
        except Late:
            return Event.EVT18 if state in (State.STA2, State.STA13) else Event.EVT15
        except pdu.Violation as violation:
            LOG.warning("protocol-violation", address=self._address, problem=str(violation))
            return Event.EVT19

    def _read_pdu(self, state: State) -> Event:
        if state is State.STA6:
            self._await_header()
        else:
            self._wire.read(self._buffer[:HEADER], self._opened + self._policy.association_request_timeout_s)
        established = state is State.STA6
        kind, length = pdu.parse_header(self._buffer[:HEADER], self._policy.max_pdu if established else 0)
        # Idle associations keep a small buffer; the first large PDU brings the one for all that follow.
        self._grow(HEADER + (length if length <= _SCRATCH or not established else self._policy.max_pdu))
        self._body = self._buffer[HEADER : HEADER + length]
        limit = self._policy.pdu_timeout_s if established else self._policy.association_request_timeout_s
        begun = time.monotonic() if established else self._opened
        if length:
            self._wire.read(self._body, begun + limit)
        event = pdu.EVENT_OF_TYPE[kind]
        if event is Event.EVT6 and not established:
            self._request = decode(bytes(self._buffer[: HEADER + length]))
        return event

    def _await_header(self) -> None:
        now = time.monotonic()
        busy = self._messages is not None and self._messages.busy
        idle = self._policy.pdu_timeout_s if busy else self._policy.idle_timeout_s
        ends = self._opened + self._policy.association_limit_s
        if now >= ends or (self._draining and not busy):
            raise Late
        self._wire.read(self._buffer[:HEADER], min(now + idle, ends), self._policy.pdu_timeout_s)

    def _grow(self, size: int) -> None:
        if len(self._buffer) >= size:
            return
        larger = memoryview(bytearray(size))
        larger[:HEADER] = self._buffer[:HEADER]
        self._buffer = larger

    def _decide(self) -> Event | None:
        self._shared.admission.asked(self)
        if self._request is None:
            return Event.EVT8
        verdict = self._shared.admission.admit(self._request, self._address)
        if isinstance(verdict, Rejection):
            self._rejection = verdict
            return Event.EVT8
        self._place = verdict
        ASSOCIATIONS_OPEN.inc()
        return Event.EVT7

    def _accept(self) -> Event | None:
        if self._request is None or self._place is None:
            return Event.EVT15
        contexts = negotiate(self._request)
        origin = Origin(self._place.calling_ae, self._policy.ae_title)
        self._messages = Messages(
            self._shared.spool, contexts, origin, self._policy.max_object_bytes, self._wire.send
        )
        self._wire.send(accept_pdu(self._request, contexts, self._policy.max_pdu))
        ASSOCIATIONS.labels("accepted").inc()
        if self._draining:
            self._wire.half_close()
        return None

    def _reject(self) -> Event | None:
        if self._rejection is None:
            return self._send_last(pdu.abort_pdu(provider=True))
        ASSOCIATIONS.labels(self._rejection.label).inc()
        LOG.warning("association-rejected", address=self._address, reason=self._rejection.label)
        return self._send_last(pdu.reject_pdu(self._rejection))

    def _take_data(self) -> Event | None:
        if self._messages is None:
            return Event.EVT19
        try:
            for pdv in pdu.pdvs(self._body):
                self._messages.take(pdv)
        except pdu.Violation as violation:
            LOG.warning("protocol-violation", address=self._address, problem=str(violation))
            return Event.EVT19
        except TooMuch:
            return Event.EVT15
        return None

    def _send_last(self, data: bytes) -> Event | None:
        self._drop_object()
        self._release_place()
        self._close_by = time.monotonic() + self._policy.close_timeout_s
        self._wire.send(data)
        return None

    def _await_close(self) -> Event:
        """Read away what the peer still says: closing with unread bytes would destroy our last PDU (RST)."""
        self._grow(_SCRATCH)
        left = _MOST_DISCARDED
        while left > 0:
            left -= self._wire.discard(self._buffer, self._close_by)
            if time.monotonic() >= self._close_by:
                return Event.EVT18
        return Event.EVT18

    def _drop_object(self) -> None:
        if self._messages is not None:
            self._messages.abandon()

    def _release_place(self) -> None:
        place, self._place = self._place, None
        if place is not None:
            self._shared.admission.leave(place)
            ASSOCIATIONS_OPEN.dec()
            if self._messages is not None:
                LOG.info(
                    "association-ended",
                    calling_ae=place.calling_ae,
                    stored=self._messages.stored,
                    refused=self._messages.refused,
                )

    def _end(self) -> None:
        self._shared.admission.asked(self)
        self._drop_object()
        self._release_place()
        self._wire.close()
