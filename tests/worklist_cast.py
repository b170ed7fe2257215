"""The cast of the worklist tests: studies that arrive through the catalogue, and answers about them."""

from __future__ import annotations

from sqlalchemy import Engine, text

from triage.domain.closing import ClosingReason
from triage.domain.finding import (
    CurvePattern,
    EvidenceDraft,
    ImageView,
    Measure,
    ModelIdentity,
    Outcome,
    Triage,
    TriageOutcome,
    VertebraFinding,
    View,
)
from triage.domain.identity import UID, derived_uid
from triage.domain.priority import OrderPolicy
from triage.domain.study import ArrivedInstance, InstanceHeader
from triage.store import analyses, catalogue, studies, worklist
from triage.store.engine import transaction

GATE = ModelIdentity("spine-view", "1.0.0", "0" * 64, "synthetic-phantom")
FLAG = ModelIdentity("fresh-fracture", "1.0.0", "1" * 64, "synthetic-phantom")
SR = "1.2.840.10008.5.1.4.1.1.88.34"
CR = UID("1.2.840.10008.5.1.4.1.1.1")
EXPLICIT_LE = UID("1.2.840.10008.1.2.1")
PATIENT_NAME = "SENTINEL^NAME"
PATIENT_ID = "SENTINEL-ID"
ACCESSION = "SENTINEL-ACC"
POLICY = OrderPolicy(stat_calling_aes=("ED_CR",))


def image_arrives(
    engine: Engine,
    study: str,
    image: int = 1,
    *,
    requested: str = "",
    calling_ae: str = "CR_ROOM_1",
    waited_minutes: float = 0.0,
    patient_name: str = "",
    description: str = "L-spine AP and lateral",
) -> int:
    """Register one radiograph of the study named `study`; return the study's row id."""
    header = InstanceHeader(
        study_instance_uid=derived_uid(study),
        series_instance_uid=derived_uid(study, "series"),
        sop_instance_uid=derived_uid(study, "image", image),
        sop_class_uid=CR,
        transfer_syntax_uid=EXPLICIT_LE,
        modality="CR",
        patient_id=f"{PATIENT_ID}-{study}",
        patient_name=patient_name or f"{PATIENT_NAME}^{study}",
        patient_sex="F",
        patient_birth_date="19500102",
        accession_number=f"{ACCESSION}-{study}",
        study_date="20261121",
        study_time="101500",
        study_description=description,
        rows=3000,
        columns=2500,
        requested_priority=requested,
    )
    digest = f"{derived_uid(study, 'bytes', image)}"
    arrived = ArrivedInstance(header, digest, 15_000_000, f"kept/{digest}.dcm", calling_ae)
    (registered,) = catalogue.register(engine, [arrived], POLICY)
    if waited_minutes:
        came_earlier(engine, registered.study_id, waited_minutes)
    return registered.study_id


def came_earlier(engine: Engine, study_id: int, minutes: float) -> None:
    """Put the arrival of a study back in time: its wait, and with it its key, grow."""
    with transaction(engine) as connection:
        connection.execute(
            text(
                "UPDATE worklist_item SET arrived_at = arrived_at - make_interval(mins => :m), "
                "waits_since = waits_since - make_interval(mins => :m), key = key - :m WHERE study_id = :id"
            ),
            {"m": minutes, "id": study_id},
        )


def closed(engine: Engine, study_id: int) -> None:
    """Say that no more images are awaited."""
    with transaction(engine) as connection:
        connection.execute(text("UPDATE study SET state = 'closed' WHERE id = :id"), {"id": study_id})


def flagged(probability: float = 0.8) -> Triage:
    """Return the answer of a model that flags."""
    return Triage(
        TriageOutcome.FLAGGED, probability, 0.5, "above-threshold", "a vertebra looks recently broken"
    )


def not_flagged(probability: float = 0.01) -> Triage:
    """Return the answer of a model that does not flag."""
    return Triage(
        TriageOutcome.NOT_FLAGGED, probability, 0.5, "below-threshold", "no vertebra reached the threshold"
    )


def pattern(outcome: TriageOutcome = TriageOutcome.FLAGGED, probability: float | None = 0.87) -> CurvePattern:
    """Return what a model says of a pair of views, or that it says nothing."""
    said = {
        TriageOutcome.FLAGGED: "Possible atypical pattern of the curve.",
        TriageOutcome.NOT_FLAGGED: "No flag for the pattern of the curve.",
        TriageOutcome.ABSTAINED: "The study holds no frontal image of the whole spine.",
    }[outcome]
    answered = outcome is not TriageOutcome.ABSTAINED
    triage = Triage(
        outcome, probability if answered else None, 0.5 if answered else None, "SOME_REASON", said
    )
    return CurvePattern("1.2.3" if answered else None, "1.2.4" if answered else None, triage)


def abstained() -> Triage:
    """Return the answer of a model that declines."""
    return Triage(TriageOutcome.ABSTAINED, None, None, "no-lateral", "no lateral view of the spine")


def answer(engine: Engine, study_id: int, triage: Triage) -> None:
    """Record an answer as the analysis does."""
    with transaction(engine) as connection:
        worklist.apply_result(connection, study_id, triage, POLICY)


def order(engine: Engine) -> list[int]:
    """Return the row ids of the unread list, first to read first."""
    return [row.study_id for row in worklist.page(engine)]


def analysed(
    engine: Engine,
    study_id: int,
    triage: Triage,
    pattern: CurvePattern | None = None,
    policy: OrderPolicy = POLICY,
    measures: tuple[Measure, ...] = (),
) -> None:
    """Take the study the whole way: closed, analysed by a worker, its report on the way to a PACS."""
    for seen in studies.receiving(engine):
        if seen.study_id == study_id:
            studies.close(engine, seen, ClosingReason.QUIET_PERIOD, POLICY)
    lease = analyses.start(
        engine, _open_analysis(engine, study_id), "worker-0", POLICY, lease_seconds=60, max_attempts=3
    )
    image, *_ = lease.instances
    uid = image.sop_instance_uid
    view = ImageView(
        uid, "LAT_NATIVE", View.LATERAL, "partial", "native", "none", 0.97, None, "", None, False, 0.2
    )
    outline = ((1.0, 1.0), (9.0, 1.0), (1.0, 1.0))
    fresh = VertebraFinding(uid, "L1", "fresh", 0.1, 0.1, 0.8, (800.0, 900.0), outline)
    outcome = Outcome(
        (view,),
        (fresh,) if triage.outcome is TriageOutcome.FLAGGED else (),
        (),
        triage,
        (GATE, FLAG),
        pattern=pattern,
        measures=measures,
    )
    uid = derived_uid(study_id, "report", lease.analysis_id)
    report = EvidenceDraft(
        "SR-A", SR, uid, derived_uid(study_id, "reports"), EXPLICIT_LE, "evidence/x.dcm", uid, 9000
    )
    analyses.succeed(engine, lease, outcome, [report], ["PACS"], policy)


def _open_analysis(engine: Engine, study_id: int) -> int:
    query = text("SELECT id FROM analysis WHERE study_id = :id AND state = 'queued'")
    with transaction(engine) as connection:
        return int(connection.execute(query, {"id": study_id}).scalar_one())


def delivered(engine: Engine, study_id: int) -> None:
    """Say that the PACS has the study's report."""
    query = text(
        "UPDATE delivery SET state = 'sent' FROM evidence WHERE evidence.id = evidence_id AND study_id = :id"
    )
    with transaction(engine) as connection:
        connection.execute(query, {"id": study_id})
        worklist.touch(connection, study_id)
