"""The killable child that talks DICOM to a PACS: JSON lines in, JSON lines out, no state of its own.

Promise: one line per instance the moment the PACS answered it, so a kill loses only the one in flight.
pynetdicom can block inside a send to a frozen peer whatever its timeouts say (measured); the parent
(`pacs.py`) owns the wall clock and SIGKILL. Refuses to outlive its parent: end of input ends it.
"""

from __future__ import annotations

import json
import os
import queue
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from pydicom.uid import UID
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made at import time

from triage.evidence.judgement import SLOWEST_PEER_BYTES_PER_S, judge
from triage.evidence.part10 import BROKEN, EXPLICIT_LITTLE, IMPLICIT_LITTLE, PreparedFile

Emit = Callable[[Mapping[str, Any]], None]
REJECTED_PERMANENTLY = 1
MEDIUM = 0


def contexts_for(files: list[PreparedFile]) -> list[PresentationContext]:
    """Return one context per SOP class and transfer syntax, so that the peer answers each by itself.

    Explicit VR Little Endian is also offered as Implicit VR Little Endian: old archives take nothing else.
    """
    pairs: dict[tuple[str, str], None] = {}
    for file in files:
        pairs[(file.sop_class_uid, file.transfer_syntax_uid)] = None
        if file.transfer_syntax_uid == EXPLICIT_LITTLE:
            pairs[(file.sop_class_uid, IMPLICIT_LITTLE)] = None
    return [build_context(UID(sop_class), UID(syntax)) for sop_class, syntax in pairs]


def tls_arguments(peer: Mapping[str, Any]) -> tuple[ssl.SSLContext, str] | None:
    """Return pynetdicom's TLS arguments for a peer that has TLS settings (PS3.15 B.12: TLS 1.2 or newer)."""
    tls = peer.get("tls")
    if not tls:
        return None
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=tls.get("ca"))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(tls["certificate"], tls["key"])
    return context, str(peer["host"])


def _bound_the_socket(event: evt.Event, timeout_s: float) -> None:
    # pynetdicom clears its socket timeout after connecting: a frozen peer would hold send() for ever.
    transport = event.assoc.dul.socket
    raw = None if transport is None else transport.socket
    if raw is not None:
        raw.settimeout(timeout_s)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(timeout_s * 1000))
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def associate(peer: Mapping[str, Any], contexts: list[PresentationContext]) -> Association | str:
    """Return an established association, or the reason why there is none."""
    timeout_s = float(peer["timeout_s"])
    ae = AE(ae_title=peer["calling_ae_title"])
    ae.connection_timeout = ae.acse_timeout = ae.dimse_timeout = timeout_s
    # pynetdicom's idle timer counts from the last PDU received: it would abort a long object on its way out.
    ae.network_timeout = None
    try:
        tls = tls_arguments(peer)
    except (OSError, ssl.SSLError):
        return "tls-files"
    try:
        association = ae.associate(
            peer["host"],
            int(peer["port"]),
            contexts=contexts,
            ae_title=peer["ae_title"],
            max_pdu=131072,
            evt_handlers=[(evt.EVT_CONN_OPEN, _bound_the_socket, [timeout_s])],
            tls_args=tls,
        )
    except OSError:  # the host name has no address today; it is looked up again at every try
        return "unreachable"
    if not association.is_established:
        return why_not(association)
    _keep_answers_from_the_reactor(association)
    return association


def _keep_answers_from_the_reactor(association: Association) -> None:
    # pynetdicom 3.0.4 pauses its reactor thread before each send, but believes a flag that the thread may
    # be about to take back; on a busy machine the reactor then eats the response and the send times out
    # although the PACS stored and answered. No requests come in here, so the reactor needs no message at
    # all, and need not be paused: it stays awake to notice an abort.
    take = association.dimse.get_msg

    def get_msg(block: bool = False) -> Any:
        return take(block) if block else (None, None)

    association.dimse.get_msg = get_msg  # type: ignore[method-assign]  # see above


def why_not(association: Association) -> str:
    """Return the reason code of an association that was not established."""
    answer = association.acceptor.primitive
    if association.is_rejected and answer is not None:
        kind = "permanently" if answer.result == REJECTED_PERMANENTLY else "for-now"
        return f"rejected-{kind}"
    if association.rejected_contexts and not association.accepted_contexts:
        return "context-refused"
    return "unreachable"


def send(request: Mapping[str, Any], emit: Emit) -> str | None:
    """Send the files of one request; return the reason why the peer could not be used, or None."""
    files = []
    for index, path in enumerate(request["files"]):
        prepared = PreparedFile.read(index, path)
        if isinstance(prepared, str):
            emit(
                {
                    "event": "answer",
                    "index": index,
                    "verdict": "refused",
                    "reason": prepared,
                    "status": None,
                }
            )
        else:
            files.append(prepared)
    for group in _groups(files):
        fault = _send_group(request["peer"], group, emit)
        if fault:
            return fault
    return None


def _groups(files: list[PreparedFile], most: int = 128) -> list[list[PreparedFile]]:
    # PS3.8 9.3.2.2: presentation context IDs are odd numbers of one byte, so 128 to an association.
    groups: list[list[PreparedFile]] = []
    for file in files:
        if not groups or len(contexts_for([*groups[-1], file])) > most:
            groups.append([])
        groups[-1].append(file)
    return groups


def _send_group(peer: Mapping[str, Any], files: list[PreparedFile], emit: Emit) -> str | None:
    remaining = files
    while remaining:
        association = associate(peer, contexts_for(remaining))
        if association == "context-refused":
            for file in remaining:
                _answer(emit, file, "refused", "context-refused")
            return None
        if isinstance(association, str):
            return association
        emit({"event": "associated"})
        tried, fault = _send_until_broken(association, remaining, float(peer["timeout_s"]), emit)
        if fault:
            return fault
        # A PACS that aborts on one object shall still get the others: they go on a new association.
        remaining = remaining[tried:]
    return None


def _send_until_broken(
    association: Association, files: list[PreparedFile], timeout_s: float, emit: Emit
) -> tuple[int, str | None]:
    for count, file in enumerate(files, start=1):
        context = file.context(association.accepted_contexts)
        if context is None:
            _answer(emit, file, "refused", "context-refused")
            continue
        emit({"event": "trying", "index": file.index})
        began = time.monotonic()
        association.dimse_timeout = timeout_s + file.size / SLOWEST_PEER_BYTES_PER_S
        try:
            status = _store(association, file, context, message_id=count)
        except (OSError, *BROKEN):
            _answer(emit, file, "refused", "unreadable-file")
            continue
        if status is not None:
            _answer(emit, file, *judge(status), status)
            continue
        if time.monotonic() - began >= association.dimse_timeout * 0.9:
            _answer(emit, file, "later", "no-answer")
            association.abort()
            return count, "no-answer"
        _answer(emit, file, "later", "aborted" if _ended(association) else "no-status")
        if association.is_established:
            association.abort()
        return count, None
    association.release()
    return len(files), None


def _ended(association: Association, within_s: float = 0.5) -> bool:
    # pynetdicom hands back an empty answer a moment before it notices the A-ABORT or RST itself.
    deadline = time.monotonic() + within_s
    while association.is_established and time.monotonic() < deadline:
        time.sleep(0.01)
    return not association.is_established


def _store(
    association: Association, file: PreparedFile, context: PresentationContext, message_id: int
) -> int | None:
    # Association.send_c_store would state the UIDs of the File Meta group and re-encode data sets.
    request = C_STORE()
    request.MessageID, request.Priority = message_id % 65536, MEDIUM
    request.AffectedSOPClassUID = file.sop_class_uid
    request.AffectedSOPInstanceUID = file.sop_instance_uid
    request.DataSet = file.data_set(str(context.transfer_syntax[0]))
    if not association.is_established:
        return None
    association.dimse.send_msg(request, context.context_id or 0)
    _, answer = association.dimse.get_msg(block=True)
    if not isinstance(answer, C_STORE) or answer.MessageIDBeingRespondedTo != request.MessageID:
        return None
    return None if answer.Status is None else int(answer.Status)


def _answer(emit: Emit, file: PreparedFile, verdict: str, reason: str, status: int | None = None) -> None:
    emit(
        {
            "event": "answer",
            "index": file.index,
            "verdict": verdict,
            "reason": reason,
            "status": status,
        }
    )


def echo(request: Mapping[str, Any], emit: Emit) -> str | None:
    """Ask one C-ECHO; return the reason why it failed, or None."""
    association = associate(request["peer"], [build_context(Verification)])
    if isinstance(association, str):
        return association
    emit({"event": "associated"})
    began = time.monotonic()
    answer = association.send_c_echo()
    emit({"event": "echoed", "milliseconds": (time.monotonic() - began) * 1000})
    status = int(answer.Status) if "Status" in answer else None
    if association.is_established:
        association.release()
    if status is None:
        return "no-answer"
    return None if status == 0 else f"status-{status:04X}"


def serve(request: Mapping[str, Any], emit: Emit) -> None:
    """Answer one request of the parent; always ends with an `end` line."""
    verb = {"send": send, "echo": echo}[request["verb"]]
    emit({"event": "end", "fault": verb(request, emit)})


def _read_requests(requests: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        requests.put(line)
    # The parent is gone or has no more to ask; an association in flight would outlive it otherwise.
    os._exit(0)


def main() -> None:
    """Serve the parent until it closes our input."""
    lines = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # a stray print of a library cannot break the protocol
    requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read_requests, args=(requests,), daemon=True).start()

    def emit(event: Mapping[str, Any]) -> None:
        lines.write(json.dumps(event) + "\n")

    while True:
        serve(json.loads(requests.get()), emit)


if __name__ == "__main__":
    main()
