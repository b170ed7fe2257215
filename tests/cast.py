"""The cast of the tests: headers, arrivals and outcomes with sentinel identities, as real as the code asks."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from triage.domain.finding import (
    EvidenceDraft,
    ImageView,
    ModelIdentity,
    Outcome,
    Triage,
    TriageOutcome,
    View,
)
from triage.domain.identity import derived_uid
from triage.domain.study import ArrivedInstance, InstanceHeader

CR = "1.2.840.10008.5.1.4.1.1.1"
MR = "1.2.840.10008.5.1.4.1.1.4"
COMPREHENSIVE_3D_SR = "1.2.840.10008.5.1.4.1.1.88.34"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
SENTINEL_NAME = "SENTINEL^PATIENT"
SENTINEL_ID = "SENTINEL-ID"


def header(study: str = "a", image: str = "1", **changes: Any) -> InstanceHeader:
    """Return a radiograph's header; the same names always give the same UIDs."""
    base = InstanceHeader(
        study_instance_uid=derived_uid("study", study),
        series_instance_uid=derived_uid("series", study),
        sop_instance_uid=derived_uid("image", study, image),
        sop_class_uid=derived_uid("class"),
        transfer_syntax_uid=derived_uid("syntax"),
        modality="CR",
        patient_id=SENTINEL_ID,
        patient_name=SENTINEL_NAME,
        accession_number=f"ACC-{study}",
        rows=2000,
        columns=1000,
        photometric="MONOCHROME2",
    )
    return replace(base, **{"sop_class_uid": CR, "transfer_syntax_uid": EXPLICIT_LE, **changes})


def arrived(study: str = "a", image: str = "1", content: str = "", **changes: Any) -> ArrivedInstance:
    """Return a durable file of that header; `content` distinguishes other bytes of the same UID."""
    head = header(study, image, **changes)
    digest = hashlib.sha256(f"{head.sop_instance_uid}{content}".encode()).hexdigest()
    name = f"kept/{digest[:2]}/{digest[2:4]}/{digest}.dcm"
    return ArrivedInstance(head, digest, 1000, name, "MODALITY")


def outcome(
    answer: TriageOutcome = TriageOutcome.FLAGGED, probability: float | None = 0.9, image: str = "1"
) -> Outcome:
    """Return an analysis's outcome with one lateral image."""
    uid = derived_uid("image", "a", image)
    view = ImageView(uid, "LAT", View.LATERAL, "PARTIAL", "PREOP", "NONE", 0.99, None, "", None, False, 0.1)
    model = ModelIdentity("view-gate", "1.0.0", "0" * 64, "synthetic-phantom")
    triage = Triage(answer, probability, 0.5, answer.lower(), "")
    return Outcome((view,), (), (), triage, (model,), {})


def evidence_draft(name: str = "1", kind: str = "SR-A") -> EvidenceDraft:
    """Return a recorded-to-be evidence object."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    uid = derived_uid("evidence", name)
    return EvidenceDraft(
        kind,
        COMPREHENSIVE_3D_SR,
        uid,
        derived_uid("evidence series", name),
        EXPLICIT_LE,
        f"evidence/{digest}.dcm",
        digest,
        10,
    )
