"""What a C-STORE answer means for one of our results, judged by range and never by a list of names.

Archives disagree about codes (PS3.2 prints 0112 where PS3.7 has 0122), so whatever is neither success,
nor warning, nor one of the passing failures of PS3.7 Annex C and PS3.4 Table B.2-1 waits for a person.
"""

from __future__ import annotations

from enum import StrEnum

SUCCESS = 0x0000
DUPLICATE_SOP_INSTANCE = 0x0111
PROCESSING_FAILURE = 0x0110
RESOURCE_LIMITATION = 0x0213
OUT_OF_RESOURCES = range(0xA700, 0xA800)
WARNINGS = range(0xB000, 0xC000)
# A peer slower than this is no better than a frozen one: deadlines and the wall clock allow for no less.
SLOWEST_PEER_BYTES_PER_S = 64 * 1024


class Verdict(StrEnum):
    """What to do next with one instance."""

    SENT = "sent"
    SENT_WITH_WARNING = "sent-with-warning"
    LATER = "later"
    REFUSED = "refused"


STORED = frozenset({Verdict.SENT, Verdict.SENT_WITH_WARNING})


def judge(status: int | None) -> tuple[Verdict, str]:
    """Return the verdict and its reason code for a DIMSE status; None = the peer never said one.

    No status is ambiguous (the PACS may have stored it): the same bytes go again under the same UID.
    """
    if status is None:
        return Verdict.LATER, "no-status"
    if status == SUCCESS:
        return Verdict.SENT, "stored"
    if status == DUPLICATE_SOP_INSTANCE:
        # Our UIDs are derived from the analysis and its bytes never change: an earlier try did arrive.
        return Verdict.SENT_WITH_WARNING, "already-held"
    if status in WARNINGS:
        return Verdict.SENT_WITH_WARNING, f"warning-{status:04X}"
    if status in OUT_OF_RESOURCES:
        return Verdict.LATER, "out-of-resources"
    if status == PROCESSING_FAILURE:
        return Verdict.LATER, "processing-failure"
    if status == RESOURCE_LIMITATION:
        return Verdict.LATER, "resource-limitation"
    return Verdict.REFUSED, f"status-{status:04X}"
