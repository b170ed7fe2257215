"""What can be learnt, as data: how a task reads a dataset, its default network, its classes, its scope.

Labels are the dataset's; the classes named here are those of the phantoms and of the publication.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from workers.dataset.examples import BODIES, IMAGE, LEVEL, PAIR
from workers.training.tasks import view_labels

_RADIOGRAPHS = ("CR", "DX", "RF", "XA")


@dataclass(frozen=True)
class Subject:
    """backbone and input are defaults; positive is the class that is flagged, where the dataset has it.

    mirror says whether the mirrored image has the same label. labels fix the order of those that a dataset has: what serves
    the view and the vertebra reads them by place.
    """

    name: str
    reads: str
    backbone: str
    size: tuple[int, int]
    window: tuple[float, float]
    scaling: str
    modalities: tuple[str, ...]
    views: tuple[str, ...]
    text: str
    positive: str | None = None
    spacing_mm: float | None = None
    mirror: bool = True
    labels: tuple[Mapping[str, Any], ...] = field(default=())

    def ordered(self, names: Iterable[str]) -> tuple[str, ...]:
        """The classes of a dataset in the order of the network's answers: known ones in theirs, the rest sorted."""
        known = {str(label["id"]): place for place, label in enumerate(self.labels)}
        return tuple(sorted(set(names), key=lambda name: (known.get(name, len(known)), name)))


_SUBJECTS = (
    Subject(
        "view", IMAGE, "spinenet", (384, 192), (0.5, 99.5), "symmetric", _RADIOGRAPHS, ("AP", "LATERAL"),
        "Projection radiographs of the whole or partial spine: view and operative state.",
        labels=view_labels(),
    ),
    Subject(
        "fracture", IMAGE, "spinenet", (384, 192), (0.5, 99.5), "symmetric", _RADIOGRAPHS, ("LATERAL",),
        "A lateral radiograph of the thoracic, thoracolumbar or lumbar spine: is there a fresh compression fracture?",
        positive="fresh",
    ),
    Subject(
        "vertebra", LEVEL, "spinenet", (128, 128), (1.0, 99.0), "standard", _RADIOGRAPHS, ("LATERAL",),
        "One thoracic or lumbar vertebral body on a lateral radiograph without implants at that level.",
        positive="fresh", spacing_mm=0.6, labels=({"id": "normal"}, {"id": "old"}, {"id": "fresh"}),
    ),
    Subject(
        "marrow", LEVEL, "spinenet", (96, 96), (1.0, 99.5), "standard", ("MR",), ("SAGITTAL",),
        "One fractured vertebral body on a sagittal T1-weighted MR image: fresh or old. Only fractured bodies are in scope.",
        positive="fresh", spacing_mm=0.6,
    ),
    Subject(
        "mr-locator", BODIES, "corners", (256, 192), (0.5, 99.5), "symmetric", ("MR",), ("SAGITTAL",),
        "Corners of the vertebral bodies on a sagittal T1-weighted MR image near the middle of the spine.",
        mirror=False,
    ),
    Subject(
        "mr-vertebra", LEVEL, "spinenet", (96, 96), (1.0, 99.5), "standard", ("MR",), ("SAGITTAL",),
        "One thoracic or lumbar vertebral body on a sagittal T1-weighted MR image: normal, old or fresh fracture.",
        positive="fresh", spacing_mm=0.6, mirror=False,
        labels=({"id": "normal"}, {"id": "old"}, {"id": "fresh"}),
    ),
    Subject(
        "pair", PAIR, "spinenet-dual", (256, 128), (0.5, 99.5), "symmetric", _RADIOGRAPHS, ("AP", "LATERAL"),
        "A frontal and a lateral radiograph of the whole spine of one child or adolescent, standing, before surgery and without a "
        "brace: pattern of the curve.",
        positive="atypical", mirror=False,
    ),
    Subject(
        "alignment", BODIES, "corners-anchored", (512, 256), (0.5, 99.5), "symmetric", _RADIOGRAPHS, ("AP", "LATERAL"),
        "Corners of the vertebral bodies on a radiograph of the whole spine, for angles between endplates.",
    ),
    Subject(
        "implant", IMAGE, "spinenet", (384, 192), (0.5, 99.5), "symmetric", _RADIOGRAPHS, ("AP", "LATERAL"),
        "A radiograph after spinal surgery: which kind of implant is seen.",
    ),
)  # fmt: skip
SUBJECTS: Mapping[str, Subject] = {subject.name: subject for subject in _SUBJECTS}
