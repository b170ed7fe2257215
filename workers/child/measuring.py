"""After the flag: angles of the images whose view is known, where the site serves a bundle that measures.

Promise: the films are prepared with the other networks' inputs, the network runs once the flag is told; memory does not
grow with the study beyond MOST_FILMS inputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from triage.domain.finding import Measure
from workers.child.known import Shown
from workers.infer import Served
from workers.interpret import endplates
from workers.interpret import measures as angles
from workers.interpret.measures import KINDS, Film
from workers.models.preprocess import GrayImage, Prepared, prepare

MOST_FILMS = 8


def films(alignment: Served | None, images: Sequence[Shown], known: int) -> Iterator[tuple[Film, Prepared]]:
    """Yield what is to be measured of these images; `known` films are waiting already."""
    if alignment is None:
        return
    seen = [one for one in images if one.view is not None and one.view.view in KINDS]
    for one in seen[: max(0, MOST_FILMS - known)]:
        ready = prepare(one.radiograph.image, alignment.bundle.preprocessing)
        assert one.view is not None
        yield Film(one.view, _frame(one.radiograph.image), ready.to_source, one.radiograph.front), ready


def _frame(image: GrayImage) -> GrayImage:
    """The image's extent and spacing without its pixels: a view of one number, so that no pixel stays in memory."""
    return GrayImage(np.broadcast_to(np.uint8(0), image.pixels.shape), image.spacing_mm, image.bits)


def measures(
    alignment: Served | None, waiting: Sequence[tuple[Film, Prepared]], *, wanted: bool
) -> tuple[Measure, ...]:
    """Return the angles of the films, or why there are none; `wanted` is off after an interrupted attempt."""
    if alignment is None or not waiting:
        return ()
    if not wanted:
        return tuple(one for film, _ in waiting for one in angles.none(film, endplates.NOT_TRIED))
    answers = alignment.run(np.stack([ready.array for _, ready in waiting]))
    return tuple(
        one
        for row, (film, _) in enumerate(waiting)
        for one in angles.measured(film, answers.logits[row], answers.features[row], alignment.bundle)
    )
