"""A small compressed picture of the image that an answer rests on, for the drawer of the page.

Promise: at most SIDE pixels a side, eight bits, windowed as the networks see it, JPEG; nothing is drawn
into it, so that it can never look like a finding. It is never for diagnosis, and the page says so.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from triage.domain.finding import Outcome
from triage.domain.reading import KeyImage
from workers.models.preprocess import GrayImage, letterbox, robust_window

SIDE = 256
WINDOW = (1.0, 99.5)
QUALITY = 80
MEDIA_TYPE = "image/jpeg"


def picture(uid: str, image: GrayImage) -> KeyImage:
    """Return the picture of one radiograph, bone bright, in stored orientation."""
    low, high = robust_window(image.pixels, WINDOW)
    canvas, place, _ = letterbox(image, SIDE, SIDE)
    shown = np.clip((canvas[place] - low) / (high - low), 0.0, 1.0)
    grey = Image.fromarray((shown * 255.0 + 0.5).astype(np.uint8))
    encoded = io.BytesIO()
    grey.save(encoded, "JPEG", quality=QUALITY)
    return KeyImage(uid, MEDIA_TYPE, grey.width, grey.height, encoded.getvalue())


def key_uid(outcome: Outcome) -> str | None:
    """Return the image an answer rests on: the vertebra that weighs most, else the first lateral, else any."""
    if outcome.vertebrae:
        return max(outcome.vertebrae, key=lambda found: found.p_fresh).sop_instance_uid
    used = [view for view in outcome.views if view.abstained is None]
    lateral = [view for view in used if view.view is not None and view.view.value == "LATERAL"]
    for view in (*lateral, *used, *outcome.views):
        return view.sop_instance_uid
    return None
