"""Who may open an association, and how many: decided before a byte of a data set is taken.

Peers are matched by AE title and, where one is configured, by address. Sockets that have not asked
for an association yet are bounded too: a newcomer pushes out the one that has been silent longest, so a
crowd of silent sockets cannot keep an honest sender, which speaks at once, from being heard.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from triage.arrival import status
from triage.arrival.negotiation import APPLICATION_CONTEXT, Request
from triage.arrival.policy import CallingPeer, ReceiverPolicy
from triage.arrival.status import Rejection
from triage.domain.errors import Refused, Unavailable
from triage.domain.identity import parse_ae_title


class Waiting(Protocol):
    """A connection that can be pushed out."""

    def evict(self) -> None:
        """Make the connection end soon; must not block."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A place taken by one association; hand it back to `leave`."""

    calling_ae: str


class Admission:
    """Counts of one process. Every method is safe to call from any thread and returns at once."""

    def __init__(self, policy: ReceiverPolicy, free_bytes: Callable[[], int]) -> None:
        self._policy = policy
        self._free_bytes = free_bytes
        self._lock = threading.Lock()
        self._open: Counter[str] = Counter()
        self._waiting: OrderedDict[Waiting, str] = OrderedDict()
        self._draining = False

    @property
    def associations(self) -> int:
        """Return how many associations are open."""
        return self._open.total()

    def drain(self) -> None:
        """From now on refuse every association as congested."""
        self._draining = True

    def arrive(self, connection: Waiting, address: str) -> None:
        """Note a connection that has not asked yet, pushing out another where there are too many."""
        with self._lock:
            self._waiting[connection] = address
            pushed = self._too_long(address)
            if pushed is not None:
                del self._waiting[pushed]
        if pushed is not None:
            pushed.evict()

    def _too_long(self, address: str) -> Waiting | None:
        if len(self._waiting) <= self._policy.sockets_waiting:
            return None
        # First those of whoever brings the crowd, so that one address cannot push out another's.
        same = [each for each, origin in self._waiting.items() if origin == address]
        crowd = len(same) > self._policy.sockets_waiting // 4
        return same[0] if crowd else next(iter(self._waiting))

    def asked(self, connection: Waiting) -> None:
        """Note that a connection asked for an association, or ended without."""
        with self._lock:
            self._waiting.pop(connection, None)

    def admit(self, request: Request, address: str) -> Admitted | Rejection:
        """Decide about a request (PS3.8 Table 9-21)."""
        if not request.protocol_version & 1:
            return status.UNKNOWN_PROTOCOL
        if request.application_context != APPLICATION_CONTEXT:
            return status.UNKNOWN_CONTEXT_NAME
        if request.called_ae != self._policy.ae_title:
            return status.UNKNOWN_CALLED_AE
        peer = self._peer(request.calling_ae, address)
        if peer is None:
            return status.UNKNOWN_CALLING_AE
        if self._draining or self._disk_is_low():
            return status.CONGESTED
        return self._enter(peer)

    def leave(self, place: Admitted) -> None:
        """Give a place back."""
        with self._lock:
            self._open[place.calling_ae] -= 1

    def _enter(self, peer: CallingPeer) -> Admitted | Rejection:
        most = self._policy.max_associations_per_peer if peer.most is None else peer.most
        with self._lock:
            if self._open.total() >= self._policy.max_associations or self._open[peer.ae_title] >= most:
                return status.TOO_MANY
            self._open[peer.ae_title] += 1
        return Admitted(peer.ae_title)

    def _peer(self, calling_ae: str, address: str) -> CallingPeer | None:
        try:
            title = parse_ae_title(calling_ae)
        except Refused:
            return None
        named = [peer for peer in self._policy.peers if peer.ae_title == title]
        if named:
            return next((peer for peer in named if peer.is_at(address)), None)
        return CallingPeer(title) if self._policy.accept_unknown_peers else None

    def _disk_is_low(self) -> bool:
        try:
            return self._free_bytes() < self._policy.low_water_bytes
        except Unavailable:
            return True
