"""The cast of the worklist tests: studies that arrive through the catalogue, and answers about them."""

from __future__ import annotations

from sqlalchemy import Engine, text

from triage.domain.finding import Triage, TriageOutcome
from triage.domain.identity import UID, derived_uid
from triage.domain.priority import OrderPolicy
from triage.domain.study import ArrivedInstance, InstanceHeader
from triage.store import catalogue, worklist
from triage.store.engine import transaction

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
        patient_name=f"{PATIENT_NAME}^{study}",
        patient_sex="F",
        patient_birth_date="19500102",
        accession_number=f"{ACCESSION}-{study}",
        study_date="20261121",
        study_time="101500",
        study_description="L-spine AP and lateral",
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
                "key = key - :m WHERE study_id = :id"
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
