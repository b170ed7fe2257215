"""A night's list for the tests of the page and for its pictures: every state that a row can be in."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sqlalchemy import Engine, text

from tests import worklist_cast as cast
from triage.domain.reading import KeyImage, LowerReason, Verdict
from triage.store import lowering, opinions, presence, previews, worklist
from triage.store.engine import transaction
from workers import overlay
from workers.models.preprocess import GrayImage, PreprocessSpec, crop


def night(engine: Engine) -> list[int]:
    """A night's list with every state that a row can be in."""
    names = ("SATO^HANA", "OKA^JUN", "MORI^KEN", "Müller^Jörg", "LIND^EVA", "ROY^ANIL", "DIAZ^LUZ", "KIM^SOO")
    ids = [
        cast.image_arrives(
            engine,
            f"night{n}",
            waited_minutes=95 - 11 * n,
            patient_name=name,
            requested={1: "STAT", 5: "HIGH"}.get(n, ""),
            description=("L-spine AP and lateral", "T/L-spine lateral", "C-spine 3 views")[n % 3],
        )
        for n, name in enumerate(names)
    ]
    for study_id, triage in (
        (ids[0], cast.not_flagged()),
        (ids[3], cast.flagged()),
        (ids[2], cast.abstained()),
    ):
        cast.analysed(engine, study_id, triage)
        cast.delivered(engine, study_id)
    for study_id in ids[4:7]:
        cast.closed(engine, study_id)
    presence.seen(engine, "worker-0", "worker")
    with transaction(engine) as connection:
        worklist.not_analysed(connection, ids[4], "not-a-radiograph", "no model for CT")
        worklist.analysis_started(connection, ids[6])
    worklist.pin(engine, ids[6], "Dr Ito", note="surgeon waiting")
    worklist.claim(engine, ids[2], "Dr Ito")
    return ids


def key_image(engine: Engine, study_id: int) -> None:
    """Give the study a picture: grey ovals one above the other, plainly no patient."""
    down, across = np.mgrid[0:256, 0:192]
    picture = 40.0 + 30.0 * np.exp(-(((across - 96) / 60.0) ** 2))
    for number in range(7):
        centre = 96 + 14 * np.sin(number / 2.0), 20 + 36 * number
        inside = ((across - centre[0]) / 30.0) ** 4 + ((down - centre[1]) / 14.0) ** 4 < 1
        picture[inside] += 90
    encoded = io.BytesIO()
    Image.fromarray(picture.astype(np.uint8)).save(encoded, "JPEG", quality=80)
    with transaction(engine) as connection:
        newest = connection.execute(
            text("SELECT id FROM analysis WHERE study_id = :id ORDER BY id DESC LIMIT 1"), {"id": study_id}
        ).scalar_one()
        made = KeyImage("2.25.1", "image/jpeg", 192, 256, encoded.getvalue())
        previews.record(connection, study_id, int(newest), replace(made, attention=_attention(made, picture)))


def _attention(made: KeyImage, picture: NDArray[np.float64]) -> bytes:
    """Return a map that is brightest on the fourth oval, as a worker would make it."""
    image, spec = GrayImage(picture), PreprocessSpec(64, 64, (1.0, 99.0), "symmetric", 1.0)
    crops = [crop(image, (20.0 + 36 * n, 96 + 14 * np.sin(n / 2.0)), 0.0, (1.0, 1.0), spec) for n in range(7)]
    maps = np.full((7, 4, 4), 0.08, np.float32)
    maps[3] = [[0.1, 0.2, 0.1, 0], [0.5, 1.0, 0.8, 0.2], [0.4, 0.9, 0.6, 0.1], [0, 0.2, 0.1, 0]]
    return overlay.film(made, image, crops, maps, spec)


def judged(engine: Engine, ids: list[int]) -> None:
    """Let colleagues have judged flags, and one move a flagged study down."""
    opinions.give(engine, ids[3], "Dr Ito", Verdict.AGREE)
    worklist_id = cast.image_arrives(engine, "old", waited_minutes=33, patient_name="BERG^ADA")
    cast.analysed(engine, worklist_id, cast.flagged())
    opinions.give(engine, worklist_id, "Dr Ito", Verdict.DISAGREE)
    lowering.lower(engine, worklist_id, "Dr Ito", reason=LowerReason.KNOWN_OLD)
