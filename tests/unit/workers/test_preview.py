"""The key image's picture: small, in stored orientation, nothing drawn into it; and which image it is of."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
from PIL import Image

from triage.domain.finding import ImageView, Outcome, Triage, TriageOutcome, VertebraFinding, View
from triage.domain.reading import KeyImage
from workers import preview
from workers.models.preprocess import GrayImage

TRIAGE = Triage(TriageOutcome.FLAGGED, 0.8, 0.5, "above-threshold", "")
LATERAL = ImageView("2.25.2", "LAT", View.LATERAL, None, None, None, 0.9, None, "", None, False, None)
AP = replace(LATERAL, sop_instance_uid="2.25.1", view=View.AP)
BODY = VertebraFinding("2.25.2", "L1", "fresh", 0.1, 0.1, 0.8, (1.0, 1.0), ())


def _outcome(views: tuple[ImageView, ...], bodies: tuple[VertebraFinding, ...] = ()) -> Outcome:
    return Outcome(views, bodies, (), TRIAGE, ())


def test_a_picture_is_small_and_keeps_shape_and_orientation() -> None:
    pixels = np.tile(np.linspace(0, 4000, 1500).astype(np.uint16), (3000, 1))
    made = preview.picture("2.25.2", GrayImage(pixels))
    shown = np.asarray(Image.open(io.BytesIO(made.content)))
    assert (made.media_type, made.width, made.height) == ("image/jpeg", 128, 256)
    assert shown.shape == (256, 128) and shown.dtype == np.uint8 and len(made.content) < 20_000
    columns = shown.mean(axis=0)
    assert columns[0] < 20 and columns[-1] > 235 and np.all(np.diff(columns) > -2), "dark left, bright right"


def test_a_picture_survives_the_way_to_the_parent() -> None:
    made = preview.picture("2.25.2", GrayImage(np.zeros((40, 30), np.uint8)))
    assert KeyImage.from_json(made.to_json()) == made


def test_the_key_image_is_the_one_that_weighs_most() -> None:
    other = replace(BODY, sop_instance_uid="2.25.3", p_fresh=0.9)
    assert preview.key_uid(_outcome((AP, LATERAL), (BODY, other))) == "2.25.3"
    assert preview.key_uid(_outcome((AP, LATERAL))) == "2.25.2", "else the first lateral"
    assert preview.key_uid(_outcome((AP, replace(LATERAL, abstained="ood")))) == "2.25.1", (
        "else one that was used"
    )
    assert preview.key_uid(_outcome((replace(AP, abstained="ood"),))) == "2.25.1", "else any"
    assert preview.key_uid(_outcome(())) is None
