"""The small picture of the image that an answer rests on: one per study, written with the answer."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects.postgresql import insert

from triage.domain.errors import NotFound
from triage.domain.reading import KeyImage
from triage.store.engine import transaction
from triage.store.reading_tables import preview

_COLUMNS = ("sop_instance_uid", "media_type", "width", "height", "content")


def record(connection: Connection, study_id: int, analysis_id: int, picture: KeyImage) -> None:
    """Keep the picture of the newest answer, inside the transaction that records the answer."""
    values: dict[str, Any] = {name: getattr(picture, name) for name in _COLUMNS}
    values["analysis_id"] = analysis_id
    connection.execute(
        insert(preview)
        .values(study_id=study_id, **values)
        .on_conflict_do_update(index_elements=["study_id"], set_=values)
    )


def find(engine: Engine, study_id: int) -> KeyImage:
    """Return the picture; raises NotFound."""
    query = select(*(preview.c[name] for name in _COLUMNS)).where(preview.c.study_id == study_id)
    with transaction(engine) as connection:
        found = connection.execute(query).mappings().one_or_none()
    if found is None:
        raise NotFound("preview", "there is no picture of this study")
    return KeyImage(**{**found, "content": bytes(found["content"])})


def known(engine: Engine, study_id: int) -> tuple[str, int, int] | None:
    """Return the SOP Instance UID and size of the picture without its bytes, None when there is none."""
    query = select(preview.c.sop_instance_uid, preview.c.width, preview.c.height)
    with transaction(engine) as connection:
        found = connection.execute(query.where(preview.c.study_id == study_id)).one_or_none()
    return None if found is None else (found[0], int(found[1]), int(found[2]))
