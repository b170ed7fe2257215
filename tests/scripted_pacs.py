"""A PACS that does to each instance what its script says, attempt by attempt, over a real socket."""

from __future__ import annotations

import hashlib
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pynetdicom import AE, evt
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made at import time
from pynetdicom.transport import ThreadedAssociationServer

from tests.evidence_objects import OFFERED, RESULT_CLASSES
from tests.peers import HOST, free_port

# Beyond the statuses, which are hexadecimal numbers:
ABORT_AFTER_STORE, RESET_AFTER_STORE, SILENCE = "abort", "reset", "silence"


@dataclass(frozen=True, slots=True)
class Stored:
    """One C-STORE as the PACS saw it: the digest is of the encoded data set."""

    sop_instance_uid: str
    digest: str
    did: str


@dataclass
class ScriptedPacs:
    """`script[uid]` lists what to do at each attempt; afterwards, and for all others, 0000."""

    port: int = field(default_factory=free_port)
    script: dict[str, list[str]] = field(default_factory=dict)
    always: str = "0000"
    syntaxes: Sequence[str] = OFFERED
    classes: Sequence[str] = RESULT_CLASSES
    calling: Sequence[str] = ()
    log: list[Stored] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    associations: int = 0
    echoes: int = 0
    _server: ThreadedAssociationServer | None = None
    _woken: threading.Event = field(default_factory=threading.Event)

    def start(self, tls: Any = None) -> None:
        """Listen, again on the same port."""
        ae = AE(ae_title="PACS")
        ae.supported_contexts = [build_context(one, list(self.syntaxes)) for one in self.classes]
        ae.add_supported_context(Verification)
        ae.require_calling_aet = list(self.calling)
        self._woken.clear()
        self._server = ae.start_server(
            (HOST, self.port),
            block=False,
            ssl_context=tls,
            evt_handlers=[
                (evt.EVT_C_STORE, self._store),
                (evt.EVT_C_ECHO, self._echo),
                (evt.EVT_ACCEPTED, self._accepted),
            ],
        )

    def stop(self) -> None:
        """Go away: connections are refused."""
        self._woken.set()
        if self._server is not None:
            self._server.shutdown()
            self._server = None

    def order(self) -> list[str]:
        """Return the SOP Instance UIDs in the order in which they were stored first."""
        return list(self.kept)

    def _accepted(self, _: evt.Event) -> None:
        self.associations += 1

    def _echo(self, _: evt.Event) -> int:
        self.echoes += 1
        return 0

    def _store(self, event: evt.Event) -> int:
        request: Any = event.request
        transport: Any = event.assoc.dul.socket
        uid = str(request.AffectedSOPInstanceUID)
        steps = self.script.get(uid)
        did = steps.pop(0) if steps else self.always
        digest = hashlib.sha256(request.DataSet.getvalue()).hexdigest()
        self.log.append(Stored(uid, digest, did))
        if did in ("0000", "B000", ABORT_AFTER_STORE, RESET_AFTER_STORE, SILENCE):
            self.kept.setdefault(uid, digest)
        if did == SILENCE:
            self._woken.wait(60)
        if did == ABORT_AFTER_STORE:
            event.assoc.abort()
        if did == RESET_AFTER_STORE:
            _reset(transport.socket)
        return int(did, 16) if len(did) == 4 else 0


def _reset(connection: socket.socket) -> None:
    # Linger 0: close() sends RST, as a crashed or firewalled peer does.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@contextmanager
def scripted_pacs(**settings: Any) -> Iterator[ScriptedPacs]:
    """Yield a scripted PACS that listens."""
    pacs = ScriptedPacs(**settings)
    pacs.start()
    try:
        yield pacs
    finally:
        pacs.stop()


@contextmanager
def dripping_peer(seconds_per_byte: float = 0.2) -> Iterator[int]:
    """Yield the port of a peer that answers any association request one byte at a time, for ever."""
    with socket.create_server((HOST, 0)) as server:
        done = threading.Event()

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                # An A-ASSOCIATE-AC that promises 64 KiB: every byte resets an idle timer.
                head = b"\x02\x00\x00\x01\x00\x00\x00\x01\x00\x00"
                for position in range(1 << 16):
                    if done.is_set():
                        return
                    try:
                        connection.sendall(head[position : position + 1] or b" ")
                    except OSError:
                        return
                    time.sleep(seconds_per_byte)

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            done.set()
