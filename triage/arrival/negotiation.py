"""Association negotiation on pynetdicom's codec: the one module of this step that imports it.

Every storage SOP class is taken in every transfer syntax as proposed, because bytes are stored as sent
and decoding is somebody else's step. Of several syntaxes in one context the sender's first that we
know is taken: its own preference, so nothing is re-encoded on our account. Verification beside it.
Refuses requests that do not decode or that carry more items than any real sender proposes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache

from pydicom._uid_dict import UID_dictionary
from pydicom.uid import UID
from pynetdicom._globals import ALL_TRANSFER_SYNTAXES
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
)
from pynetdicom.pdu_primitives import ImplementationVersionNameNotification as VersionName
from pynetdicom.presentation import AllStoragePresentationContexts, PresentationContext

from triage.arrival.part10 import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION
from triage.arrival.pdu import Violation

APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
VERIFICATION = "1.2.840.10008.1.1"
MOST_ITEMS = 4096
MOST_CONTEXTS = 128
_ACCEPTED, _ABSTRACT_SYNTAX_REFUSED, _TRANSFER_SYNTAXES_REFUSED = 0, 3, 4
_CONTEXT_ITEM = 0x20
# Stored print and hardcopy images, retired, outside the storage root.
_RETIRED_PRINT = frozenset(f"1.2.840.10008.5.1.1.{number}" for number in (27, 29, 30))
# Storage classes that vendors defined for themselves and that reach archives every day.
_PRIVATE_STORAGE = frozenset(
    (
        "1.2.840.113619.4.26",  # GE 3D model
        "1.2.840.113619.4.30",  # GE eNTEGRA
        "1.2.840.113619.5.2.2",  # GE collage
        "1.3.12.2.1107.5.9.1",  # Siemens CSA non-image
        "1.3.46.670589.5.0.1",  # Philips volume
        "1.3.46.670589.5.0.10",  # Philips MR synthetic image
        "1.3.46.670589.11.0.0.12.1",  # Philips private MR spectrum
        "1.3.46.670589.11.0.0.12.2",  # Philips private MR series data
    )
)


@dataclass(frozen=True, slots=True)
class AcceptedContext:
    """What one presentation context id stands for."""

    abstract_syntax: str
    transfer_syntax: str


@dataclass(frozen=True, slots=True)
class Request:
    """An A-ASSOCIATE-RQ, decoded."""

    calling_ae: str
    called_ae: str
    protocol_version: int
    application_context: str
    contexts: tuple[tuple[int, str, tuple[str, ...]], ...]
    primitive: A_ASSOCIATE


@cache
def storage_classes() -> frozenset[str]:
    """Return the SOP classes taken: current, retired and DICOS storage below 1.2.840.10008.5.1.4.1.1, and known private ones."""
    listed = {str(context.abstract_syntax) for context in AllStoragePresentationContexts}
    stem = "1.2.840.10008.5.1.4.1.1."
    # Protocol and inventory objects (200.x, 201.x) belong to no study, so no catalogue row could hold them.
    without_study = (stem + "200.", stem + "201.")
    for uid, (name, kind, *_) in UID_dictionary.items():
        if (
            uid.startswith(stem)
            and kind == "SOP Class"
            and "Storage" in name
            and not uid.startswith(without_study)
        ):
            listed.add(uid)
    return frozenset(listed) | _PRIVATE_STORAGE | _RETIRED_PRINT


@cache
def transfer_syntaxes() -> frozenset[str]:
    """Return the encodings we can store: all that are a data set, retired JPEG processes included."""
    retired = {
        uid
        for uid, (_, kind, *_) in UID_dictionary.items()
        if kind == "Transfer Syntax" and uid.startswith(("1.2.840.10008.1.2.4.", "1.2.840.10008.1.2.1"))
    }
    return frozenset(map(str, ALL_TRANSFER_SYNTAXES)) | retired | {"1.2.840.113619.5.2"}


def decode(pdu: bytes) -> Request:
    """Return the request in an A-ASSOCIATE-RQ; raises Violation when it is none."""
    _bound(pdu)
    request = A_ASSOCIATE_RQ()
    try:
        request.decode(pdu)
        primitive = request.to_primitive()
        contexts = tuple(
            (
                int(context.context_id or 0),
                str(context.abstract_syntax),
                tuple(map(str, context.transfer_syntax)),
            )
            for context in primitive.presentation_context_definition_list
        )
        name = str(primitive.application_context_name or "")
        calling, called = str(primitive.calling_ae_title or ""), str(primitive.called_ae_title or "")
    # pynetdicom's decoder raises whatever its field setters raise; any of them means "does not decode".
    except (ValueError, TypeError, AttributeError, LookupError, AssertionError, struct.error) as broken:
        raise Violation("A-ASSOCIATE-RQ does not decode") from broken
    return Request(calling.strip(), called.strip(), request.protocol_version, name, contexts, primitive)


def _bound(pdu: bytes) -> None:
    """Count items before anything is built of them; raises Violation beyond what PS3.8 allows."""
    contexts = items = 0
    for kind, start, stop in _items(pdu, 74, len(pdu)):
        contexts += kind == _CONTEXT_ITEM
        items += 1
        if kind == _CONTEXT_ITEM:
            items += sum(1 for _ in _items(pdu, start + 4, stop))
        if contexts > MOST_CONTEXTS or items > MOST_ITEMS:
            raise Violation("A-ASSOCIATE-RQ proposes too much")


def _items(pdu: bytes, at: int, end: int) -> list[tuple[int, int, int]]:
    found: list[tuple[int, int, int]] = []
    while at + 4 <= end and len(found) <= MOST_ITEMS:
        kind, length = struct.unpack_from(">BxH", pdu, at)
        found.append((kind, at + 4, min(at + 4 + length, end)))
        at += 4 + length
    return found


def negotiate(request: Request) -> dict[int, AcceptedContext]:
    """Return the contexts taken, by id."""
    known = transfer_syntaxes()
    taken: dict[int, AcceptedContext] = {}
    for number, abstract, syntaxes in request.contexts:
        chosen = next((syntax for syntax in syntaxes if syntax in known), None)
        if chosen is not None and (abstract == VERIFICATION or abstract in storage_classes()):
            taken[number] = AcceptedContext(abstract, chosen)
    return taken


def accept_pdu(request: Request, taken: dict[int, AcceptedContext], max_pdu: int) -> bytes:
    """Return the A-ASSOCIATE-AC for a request and the contexts taken of it."""
    answer = A_ASSOCIATE()
    answer.application_context_name = UID(APPLICATION_CONTEXT)
    answer.calling_ae_title = request.primitive.calling_ae_title
    answer.called_ae_title = request.primitive.called_ae_title
    answer.result, answer.result_source = 0, 1
    answer.presentation_context_definition_results_list = [
        _result(number, abstract, syntaxes, taken.get(number))
        for number, abstract, syntaxes in request.contexts
    ]
    length = MaximumLengthNotification()
    length.maximum_length_received = max_pdu
    implementation = ImplementationClassUIDNotification()
    implementation.implementation_class_uid = UID(IMPLEMENTATION_CLASS_UID)
    version = VersionName()
    version.implementation_version_name = IMPLEMENTATION_VERSION
    answer.user_information = [length, implementation, version]
    pdu = A_ASSOCIATE_AC()
    pdu.from_primitive(answer)
    return pdu.encode()


def _result(
    number: int, abstract: str, syntaxes: tuple[str, ...], taken: AcceptedContext | None
) -> PresentationContext:
    result = PresentationContext()
    result.context_id = number
    result.abstract_syntax = UID(abstract)
    if taken is not None:
        result.transfer_syntax = [UID(taken.transfer_syntax)]
        result.result = _ACCEPTED
        return result
    result.transfer_syntax = [UID(syntaxes[0])] if syntaxes else []
    known_class = abstract == VERIFICATION or abstract in storage_classes()
    result.result = _TRANSFER_SYNTAXES_REFUSED if known_class else _ABSTRACT_SYNTAX_REFUSED
    return result
