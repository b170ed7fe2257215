"""A peer that speaks PDUs by hand, so that it can also lie, stall and break off."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterable, Sequence
from types import TracebackType

from pynetdicom.dimse_messages import C_ECHO_RQ, C_STORE_RQ, DIMSEMessage
from pynetdicom.dimse_primitives import C_ECHO, C_STORE
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import build_context

from tests.integration.arrival.objects import CR, EXPLICIT_LE

VERIFICATION = "1.2.840.10008.1.1"
RELEASE_RQ = b"\x05\0\0\0\0\x04\0\0\0\0"
ABORT = b"\x07\0\0\0\0\x04\0\0\0\0"
ACCEPTED, REJECTED, DATA, RELEASED, ABORTED = 2, 3, 4, 6, 7
USUAL = ((CR, (EXPLICIT_LE,)), (VERIFICATION, (EXPLICIT_LE,)))


def associate_rq(
    calling: str = "MODALITY", called: str = "TRIAGE", contexts: Iterable[tuple[str, Sequence[str]]] = USUAL
) -> bytes:
    """Return an encoded A-ASSOCIATE-RQ; context ids are 1, 3, 5 ..."""
    request = A_ASSOCIATE()
    request.application_context_name = "1.2.840.10008.3.1.1.1"
    request.calling_ae_title, request.called_ae_title = calling, called
    proposed = []
    for number, (abstract, syntaxes) in enumerate(contexts):
        context = build_context(abstract, list(syntaxes))
        context.context_id = 2 * number + 1
        proposed.append(context)
    request.presentation_context_definition_list = proposed
    length, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    length.maximum_length_received = 16384
    implementation.implementation_class_uid = "1.2.3.4"
    request.user_information = [length, implementation]
    pdu = A_ASSOCIATE_RQ()
    pdu.from_primitive(request)
    return pdu.encode()


def p_data(context_id: int, fragment: bytes, *, command: bool = False, last: bool = True) -> bytes:
    """Return one P-DATA-TF with one PDV."""
    control = command | last << 1
    return struct.pack(">BxIIBB", DATA, len(fragment) + 6, len(fragment) + 2, context_id, control) + fragment


def store_command(sop_instance: str, sop_class: str = CR, message_id: int = 1) -> bytes:
    """Return the encoded command set of a C-STORE-RQ, made by pynetdicom."""
    request = C_STORE()
    request.MessageID, request.Priority = message_id, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = sop_class, sop_instance
    message = C_STORE_RQ()
    message.primitive_to_message(request)
    message.command_set.CommandDataSetType = 1
    return _encoded(message)


def echo_command(message_id: int = 1) -> bytes:
    """Return the encoded command set of a C-ECHO-RQ."""
    request = C_ECHO()
    request.MessageID, request.AffectedSOPClassUID = message_id, VERIFICATION
    message = C_ECHO_RQ()
    message.primitive_to_message(request)
    return _encoded(message)


def raw_command(*elements: tuple[int, bytes]) -> bytes:
    """Return a command set from (element, value) pairs, whatever they say."""
    body = b"".join(struct.pack("<HHI", 0, element, len(value)) + value for element, value in elements)
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body


def store_command_raw(sop_instance: bytes, sop_class: bytes = CR.encode()) -> bytes:
    """Return a C-STORE-RQ whose UIDs may hold anything."""
    return raw_command(
        (0x0002, sop_class + b"\0" * (len(sop_class) % 2)),
        (0x0100, b"\1\0"),
        (0x0110, b"\1\0"),
        (0x0700, b"\0\0"),
        (0x0800, b"\1\0"),
        (0x1000, sop_instance + b"\0" * (len(sop_instance) % 2)),
    )


def _encoded(message: DIMSEMessage) -> bytes:
    pieces = message.encode_msg(1, 0)
    return b"".join(value[1:] for piece in pieces for _, value in piece.presentation_data_value_list)


class RawPeer:
    """One connection to a receiver."""

    def __init__(self, port: int, timeout: float = 10.0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> RawPeer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def reset(self) -> None:
        """Break off with a TCP reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def receive(self) -> tuple[int, bytes]:
        """Return type and body of the next PDU; (0, b"") when the receiver closed."""
        header = self._exactly(6)
        if len(header) < 6:
            return 0, b""
        kind, length = struct.unpack(">BxI", header)
        return kind, self._exactly(length)

    def _exactly(self, length: int) -> bytes:
        found = b""
        while len(found) < length:
            try:
                piece = self.socket.recv(length - len(found))
            except ConnectionResetError:
                return found
            if not piece:
                return found
            found += piece
        return found

    def associate(self, request: bytes | None = None) -> A_ASSOCIATE_AC:
        """Open an association and return what was accepted."""
        self.send(request or associate_rq())
        kind, body = self.receive()
        assert kind == ACCEPTED, f"answered with PDU type {kind}"
        answer = A_ASSOCIATE_AC()
        answer.decode(struct.pack(">BxI", kind, len(body)) + body)
        return answer

    def status(self) -> int:
        """Return the status of the next DIMSE response."""
        found = self.response()[0x0900]
        assert isinstance(found, int)
        return found

    def response(self) -> dict[int, int | bytes]:
        """Return the next response's command set: numbers for US values, bytes for others."""
        kind, body = self.receive()
        assert kind == DATA, f"answered with PDU type {kind}"
        command, at, values = body[6:], 0, {}
        while at < len(command):
            _, element, length = struct.unpack_from("<HHI", command, at)
            value = command[at + 8 : at + 8 + length]
            values[element] = struct.unpack("<H", value)[0] if length == 2 and element < 0x0902 else value
            at += 8 + length
        return values

    def store(self, sop_instance: str, data: bytes, *, pdv: int = 16000, context_id: int = 1) -> int:
        """Send one object whole and return its status."""
        self.send(p_data(context_id, store_command(sop_instance), command=True))
        for start in range(0, len(data) or 1, pdv):
            self.send(p_data(context_id, data[start : start + pdv], last=start + pdv >= len(data)))
        return self.status()

    def release(self) -> int:
        """Release in good order; return the type of the answer."""
        self.send(RELEASE_RQ)
        return self.receive()[0]

    def ended_within(self, seconds: float) -> bool:
        """Return whether the receiver ends this connection in time."""
        deadline = time.monotonic() + seconds
        self.socket.settimeout(seconds)
        try:
            while time.monotonic() < deadline:
                if not self.socket.recv(65536):
                    return True
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False
        return False
