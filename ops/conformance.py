"""Writes the DICOM conformance statement (PS3.2) from the code's own tables, so that it cannot lie.

`python ops/conformance.py` rewrites ops/conformance-statement.md; a test compares them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pydicom.uid import UID

from triage.arrival import negotiation, status
from triage.arrival.part10 import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION
from triage.config import DicomSettings, ResultsSettings
from triage.evidence.judgement import Verdict, judge

HERE = Path(__file__).parent
RESULTS = (
    ("1.2.840.10008.5.1.4.1.1.88.34", "image report and localised report"),
    ("1.2.840.10008.5.1.4.1.1.66.4", "flagged vertebral bodies; only in `assist` mode"),
    ("1.2.840.10008.5.1.4.1.1.11.1", "flagged vertebral bodies; only in `assist` mode"),
)
NEXT = {
    Verdict.SENT: "delivered",
    Verdict.SENT_WITH_WARNING: "delivered; the warning is kept with the delivery",
    Verdict.LATER: "the same bytes again under the same UID, with back-off, without end",
    Verdict.REFUSED: "parked; shown by `triage evidence list`, sent again by `triage evidence retry`",
}


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def answers() -> str:
    """Return every status this receiver answers a C-STORE with."""
    rows = [(f"{one.code:04X}", cause, one.comment) for cause, one in status.STATUS.items()]
    return table(("Status", "Cause", "Error Comment (0000,0902)"), rows)


def rejections() -> str:
    """Return every rejection of an association."""
    found = [one for one in vars(status).values() if isinstance(one, status.Rejection)]
    return table(
        ("Result", "Source", "Reason", "Why"), [(r.result, r.source, r.reason, r.label) for r in found]
    )


def reactions() -> str:
    """Return what each range of statuses makes the sender do, found by asking for each of the 65536."""
    ranges: list[tuple[int, int, Verdict]] = []
    for code in range(0x10000):
        verdict = judge(code)[0]
        if ranges and ranges[-1][2] is verdict:
            ranges[-1] = (ranges[-1][0], code, verdict)
        else:
            ranges.append((code, code, verdict))
    rows: list[tuple[str, str]] = []
    for first, last, verdict in ranges:
        rows.append((f"{first:04X}" if first == last else f"{first:04X}-{last:04X}", NEXT[verdict]))
    return table(("Status", "What follows"), [*rows, ("none, A-ABORT, time-out", NEXT[judge(None)[0]])])


def named(uids: Iterable[str]) -> str:
    """Return UIDs with their names, in the order of the UID's numbers."""
    return table(("UID", "Name"), [(uid, UID(uid).name) for uid in sorted(uids, key=_numbers)])


def _numbers(uid: str) -> list[int]:
    return [int(part) for part in uid.split(".")]


def statement() -> str:
    """Return the whole conformance statement."""
    text = (HERE / "conformance.template.md").read_text()
    dicom, results = DicomSettings(), ResultsSettings()
    values = {
        "implementation_class_uid": IMPLEMENTATION_CLASS_UID,
        "implementation_version": IMPLEMENTATION_VERSION,
        "ae_title": dicom.ae_title,
        "port": dicom.port,
        "max_pdu": dicom.max_pdu,
        "max_associations": dicom.max_associations,
        "max_associations_per_peer": dicom.max_associations_per_peer,
        "request_s": f"{dicom.association_request_timeout_s:g}",
        "pdu_s": f"{dicom.pdu_timeout_s:g}",
        "idle_s": f"{dicom.idle_timeout_s:g}",
        "timeout_s": f"{results.timeout_s:g}",
        "first_s": f"{results.backoff_first_s:g}",
        "most_s": f"{results.backoff_most_s:g}",
        "failures": results.breaker_failures,
        "results": table(
            ("SOP Class", "UID", "Content"), [(UID(uid).name, uid, what) for uid, what in RESULTS]
        ),
        "answers": answers(),
        "rejections": rejections(),
        "reactions": reactions(),
        "classes": named(negotiation.storage_classes()),
        "syntaxes": named(negotiation.transfer_syntaxes()),
    }
    for name, value in values.items():
        text = text.replace("{" + name + "}", str(value))
    return text


if __name__ == "__main__":
    (HERE / "conformance-statement.md").write_text(statement())
