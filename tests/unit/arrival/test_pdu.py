"""PDUs and command sets: our bytes are pynetdicom's bytes, and no length can lead a read astray."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pynetdicom.dimse_messages import C_STORE_RSP
from pynetdicom.pdu import A_ABORT_RQ, A_ASSOCIATE_RJ, A_RELEASE_RP, P_DATA_TF

from tests.integration.arrival.raw import associate_rq, echo_command, p_data, raw_command, store_command
from triage.arrival import command, negotiation
from triage.arrival.pdu import (
    EVENT_OF_TYPE,
    MOST_REQUEST,
    RELEASE_REPLY,
    Violation,
    abort_pdu,
    data_pdu,
    parse_header,
    pdvs,
    reject_pdu,
)
from triage.arrival.status import STATUS, TOO_MANY, Cause, Rejection, Status


def test_short_pdus_read_back_with_pynetdicom() -> None:
    rejected = A_ASSOCIATE_RJ()
    rejected.decode(reject_pdu(TOO_MANY))
    assert (rejected.result, rejected.source, rejected.reason_diagnostic) == (2, 3, 2)
    aborted = A_ABORT_RQ()
    aborted.decode(abort_pdu(provider=True, reason=6))
    assert (aborted.source, aborted.reason_diagnostic) == (2, 6)
    assert A_RELEASE_RP().encode() == RELEASE_REPLY


def test_a_response_reads_back_with_pynetdicom() -> None:
    request = command.parse(store_command("1.2.3"))
    pdu = P_DATA_TF()
    pdu.decode(data_pdu(5, command.response(request, STATUS[Cause.TRUNCATED])))
    message = C_STORE_RSP()
    message.decode_msg(pdu.to_primitive())
    found: Any = message.message_to_primitive()
    assert (found.Status, found.AffectedSOPInstanceUID, found.MessageIDBeingRespondedTo) == (
        0xC001,
        "1.2.3",
        1,
    )
    assert found.ErrorComment == "Data set ends inside an element"


def test_requests_of_pynetdicom_are_understood() -> None:
    stored, echoed = command.parse(store_command("1.2.3", message_id=9)), command.parse(echo_command(7))
    assert (stored.field, stored.message_id, stored.has_data_set, stored.sop_instance) == (
        1,
        9,
        True,
        b"1.2.3",
    )
    assert (echoed.field, echoed.message_id, echoed.has_data_set) == (0x30, 7, False)


@given(st.binary(max_size=200))
def test_a_command_set_parses_or_is_a_violation(noise: bytes) -> None:
    try:
        command.parse(noise)
    except Violation:
        return


@given(st.binary(max_size=400))
def test_pdvs_never_reach_beyond_their_pdu(body: bytes) -> None:
    try:
        found = list(pdvs(memoryview(body)))
    except Violation:
        return
    assert sum(len(pdv.data) + 6 for pdv in found) == len(body)


@given(
    st.lists(st.tuples(st.integers(0, 255), st.booleans(), st.booleans(), st.binary(max_size=50)), max_size=6)
)
def test_pdvs_come_out_as_they_went_in(sent: Sequence[tuple[int, bool, bool, bytes]]) -> None:
    body = b"".join(
        p_data(number, data, command=is_command, last=is_last)[6:]
        for number, is_command, is_last, data in sent
    )
    found = [(pdv.context_id, pdv.is_command, pdv.is_last, bytes(pdv.data)) for pdv in pdvs(memoryview(body))]
    assert found == list(sent)


@given(st.integers(0, 255), st.integers(0, 2**32 - 1), st.sampled_from((0, 16384, 131072)))
def test_no_header_admits_more_than_its_limit(kind: int, length: int, most: int) -> None:
    header = memoryview(struct.pack(">BxI", kind, length))
    try:
        parse_header(header, most)
    except Violation:
        return
    assert kind in EVENT_OF_TYPE
    assert length <= max(most if kind == 4 else 0, MOST_REQUEST if kind in (1, 2) else 4)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_a_request_decodes_or_is_a_violation(noise: bytes) -> None:
    try:
        negotiation.decode(associate_rq()[:74] + noise)
    except Violation:
        return


@settings(deadline=None)
@given(st.data())
def test_a_request_with_one_byte_changed_decodes_or_is_a_violation(data: st.DataObject) -> None:
    request = bytearray(associate_rq())
    request[data.draw(st.integers(0, len(request) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = negotiation.decode(bytes(request))
        negotiation.accept_pdu(found, negotiation.negotiate(found), 16384)
    except Violation:
        return


def test_a_command_without_its_numbers_is_a_violation() -> None:
    for elements in ([], [(0x0100, b"\1\0")], [(0x0100, b"\1\0"), (0x0110, b"\1")]):
        with pytest.raises(Violation):
            command.parse(raw_command(*elements))


def test_an_overlong_uid_is_not_echoed() -> None:
    request = command.Command(1, 1, has_data_set=True, sop_class=b"1.2", sop_instance=b"1" * 65)
    assert b"1" * 65 not in command.response(request, Status(0))


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_has_its_own_status_with_a_fixed_comment(cause: Cause) -> None:
    status = STATUS[cause]
    assert len(status.comment) <= 64
    assert status.comment.isascii()
    assert sum(other.code == status.code for other in STATUS.values()) == 1
    assert bool(status.comment) == (status.code != 0)


def test_faults_of_ours_are_transient_and_faults_of_the_data_are_not() -> None:
    ours = {Cause.SPOOL_FULL, Cause.NO_FILES, Cause.SPOOL_BROKEN, Cause.OBJECT_TOO_LARGE, Cause.INTERNAL}
    assert {cause for cause, status in STATUS.items() if status.code >> 8 == 0xA7} == ours


def test_a_rejection_is_a_value() -> None:
    assert Rejection(1, 1, 3, "x") == Rejection(1, 1, 3, "x")
