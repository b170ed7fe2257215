"""Other studies of the same patient, by row ids; who is the same patient is what ID and issuer say."""

from __future__ import annotations

from sqlalchemy import Engine, desc, func, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from triage.domain.reading import OtherStudy
from triage.store.engine import transaction
from triage.store.tables import instance, study
from triage.store.worklist_tables import worklist_item

MOST = 10


def others(engine: Engine, study_id: int) -> list[OtherStudy]:
    """Return the patient's other studies here, the newest first; none without a patient id."""
    this = study.alias("this")
    modalities = (
        select(func.array_agg(func.distinct(instance.c.modality), type_=ARRAY(Text)).label("modalities"))
        .where(instance.c.study_id == study.c.id, instance.c.current, ~instance.c.own_result)
        .lateral("found")
    )
    query = (
        select(
            study.c.id,
            study.c.study_date,
            study.c.study_description,
            worklist_item.c.state,
            modalities.c.modalities,
        )
        .join(
            this,
            (this.c.patient_id == study.c.patient_id)
            & (this.c.issuer_of_patient_id == study.c.issuer_of_patient_id),
        )
        .join(worklist_item, worklist_item.c.study_id == study.c.id)
        .join(modalities, true())
        .where(this.c.id == study_id, study.c.id != study_id, study.c.patient_id != "")
        .order_by(desc(study.c.study_date), desc(study.c.id))
        .limit(MOST)
    )
    with transaction(engine) as connection:
        return [
            OtherStudy(
                row.id,
                row.study_date,
                tuple(sorted(name for name in row.modalities or () if name)),
                row.study_description,
                row.state,
            )
            for row in connection.execute(query)
        ]
