"""The acceptor: one listening socket, one thread per connection, none of which can hold up another.

Promise: `serve` returns only when every connection has ended; after the stop event it refuses newcomers
as congested, lets objects in progress finish for `drain_s` seconds, then cuts. Several processes may
share the port (SO_REUSEPORT).
"""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Callable

from triage.arrival.admission import Admission
from triage.arrival.association import Association, Shared
from triage.arrival.policy import ReceiverPolicy
from triage.arrival.wire import PlainWire, TlsWire, Wire, prepare
from triage.domain.errors import ConfigError
from triage.log import get
from triage.spool import Spool

LOG = get(__name__)
_TICK_S = 0.2
_BACKLOG = 256
_SLICES = 4
_TRANSIENT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


def listen(policy: ReceiverPolicy) -> socket.socket:
    """Return a socket that listens where the policy says; raises ConfigError when it cannot."""
    try:
        found = socket.getaddrinfo(policy.host, policy.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as trouble:
        where = f"{policy.host}:{policy.port} cannot be listened on ({trouble.strerror})"
        raise ConfigError("dicom.port", where, "Free the port or choose another.") from trouble
    listener.settimeout(_TICK_S)
    return listener


class Acceptor:
    """Accepts connections until told to stop."""

    def __init__(self, policy: ReceiverPolicy, spool: Spool, listener: socket.socket) -> None:
        self._policy = policy
        self._listener = listener
        self._admission = Admission(policy, spool.free_bytes)
        self._shared = Shared(policy, spool, self._admission)
        self._lock = threading.Lock()
        self._running: set[Association] = set()
        self._slice_s = (
            min(policy.pdu_timeout_s, policy.idle_timeout_s, policy.association_request_timeout_s) / _SLICES
        )

    def serve(self, stop: threading.Event) -> None:
        """Accept until `stop` is set, then drain."""
        while not stop.is_set():
            self._accept_one()
        self._drain()

    def _drain(self) -> None:
        self._admission.drain()
        deadline = time.monotonic() + self._policy.drain_s
        self._each(Association.drain)
        while self.connections and time.monotonic() < deadline:
            self._accept_one()
        self._listener.close()
        self._each(Association.cut)
        while self.connections and time.monotonic() < deadline + 2 * self._policy.close_timeout_s:
            time.sleep(_TICK_S / 4)
        LOG.info("drained", left=self.connections)

    def _each(self, tell: Callable[[Association], None]) -> None:
        with self._lock:
            running = list(self._running)
        for association in running:
            tell(association)

    @property
    def connections(self) -> int:
        """Return how many connections are open."""
        with self._lock:
            return len(self._running)

    def _accept_one(self) -> None:
        try:
            connection, address = self._listener.accept()
        except TimeoutError:
            return
        except OSError as trouble:
            if trouble.errno in _TRANSIENT:
                # Connections in progress must end before another can begin; a busy loop would delay that.
                LOG.error("accept-failed", problem=errno.errorcode.get(trouble.errno or 0, "?"))
                time.sleep(_TICK_S)
            return
        self._start(connection, str(address[0]))

    def _start(self, connection: socket.socket, address: str) -> None:
        try:
            prepare(connection, self._policy.pdu_timeout_s)
            association = Association(self._wire(connection), address, self._shared)
            with self._lock:
                self._running.add(association)
            threading.Thread(target=self._run, args=(association,), name="association", daemon=True).start()
        except (OSError, RuntimeError) as trouble:  # the peer is gone already, or no thread can be had
            LOG.error("connection-dropped", address=address, problem=type(trouble).__name__)
            connection.close()

    def _wire(self, connection: socket.socket) -> Wire:
        if self._policy.tls is None:
            return PlainWire(connection, self._slice_s)
        return TlsWire(connection, self._policy.tls, self._slice_s)

    def _run(self, association: Association) -> None:
        try:
            association.run()
        # A service loop: one connection's fault must not silence the log nor leak its place.
        except Exception:
            LOG.exception("association-failed")
        finally:
            with self._lock:
                self._running.discard(association)


def serve(policy: ReceiverPolicy, spool: Spool, stop: threading.Event) -> None:
    """Listen and serve until `stop` is set and every association has ended."""
    Acceptor(policy, spool, listen(policy)).serve(stop)
