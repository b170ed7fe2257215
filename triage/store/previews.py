"""The small picture of the image that an answer rests on, with its attention map: one per study, written with the answer.

Promise: a map lies over the picture of its own answer or is not there; it goes where the picture goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, select
from sqlalchemy.dialects.postgresql import insert

from triage.domain.errors import NotFound
from triage.domain.reading import KeyImage
from triage.store.engine import transaction
from triage.store.reading_tables import attention_map, preview

_COLUMNS = ("sop_instance_uid", "media_type", "width", "height", "content")
_OVER = and_(
    attention_map.c.study_id == preview.c.study_id, attention_map.c.analysis_id == preview.c.analysis_id
)


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a study's picture without its bytes; `attention` tells whether a map lies over it."""

    analysis_id: int
    sop_instance_uid: str
    width: int
    height: int
    attention: bool


def record(connection: Connection, study_id: int, analysis_id: int, picture: KeyImage) -> None:
    """Keep the picture of the newest answer, inside the transaction that records the answer."""
    values: dict[str, Any] = {name: getattr(picture, name) for name in _COLUMNS}
    values["analysis_id"] = analysis_id
    connection.execute(
        insert(preview)
        .values(study_id=study_id, **values)
        .on_conflict_do_update(index_elements=["study_id"], set_=values)
    )
    connection.execute(delete(attention_map).where(attention_map.c.study_id == study_id))
    if picture.attention:
        connection.execute(
            insert(attention_map).values(
                study_id=study_id, analysis_id=analysis_id, content=picture.attention
            )
        )


def forget(connection: Connection, study_id: int) -> None:
    """Remove picture and map: the newest answer has none, and an older one's would stand beside its words."""
    connection.execute(delete(preview).where(preview.c.study_id == study_id))


def find(engine: Engine, study_id: int, analysis_id: int) -> KeyImage:
    """Return the picture of that answer without its map; raises NotFound where another one's is kept."""
    query = select(*(preview.c[name] for name in _COLUMNS)).where(_of(study_id, analysis_id))
    with transaction(engine) as connection:
        found = connection.execute(query).mappings().one_or_none()
    if found is None:
        raise NotFound("preview", "there is no picture of this study")
    return KeyImage(**{**found, "content": bytes(found["content"])})


def find_attention(engine: Engine, study_id: int, analysis_id: int) -> bytes:
    """Return the map over the picture of that answer, a PNG of its size; raises NotFound as `find`."""
    query = select(attention_map.c.content).join(preview, _OVER).where(_of(study_id, analysis_id))
    with transaction(engine) as connection:
        found = connection.execute(query).scalar_one_or_none()
    if found is None:
        raise NotFound("attention-map", "there is no attention map of this study")
    return bytes(found)


def _of(study_id: int, analysis_id: int) -> ColumnElement[bool]:
    return and_(preview.c.study_id == study_id, preview.c.analysis_id == analysis_id)


def known(engine: Engine, study_id: int) -> Kept | None:
    """Return what there is, None when there is no picture."""
    query = (
        select(
            preview.c.analysis_id,
            preview.c.sop_instance_uid,
            preview.c.width,
            preview.c.height,
            attention_map.c.study_id.is_not(None).label("attention"),
        )
        .outerjoin(attention_map, _OVER)
        .where(preview.c.study_id == study_id)
    )
    with transaction(engine) as connection:
        found = connection.execute(query).mappings().one_or_none()
    return None if found is None else Kept(**found)
