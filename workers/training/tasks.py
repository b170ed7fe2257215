"""The three networks of this product as data: architecture, preprocessing, labels, scope.

The label sets live in the bundles; nothing that serves reads this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workers.models.preprocess import PreprocessSpec

VIEWS = ("AP", "LATERAL")
STATES = (
    ("PREOP_STANDING", "PREOP", "NONE"),
    ("PREOP_BRACE", "PREOP", "BRACE"),
    ("POSTOP_FUSION", "POSTOP", "FUSION"),
    ("POSTOP_GROWTH", "POSTOP", "GROWTH"),
    ("POSTOP_TETHER", "POSTOP", "TETHER"),
)
COVERAGES = ("PARTIAL", "WHOLE")


@dataclass(frozen=True)
class Task:
    """What a bundle says of itself before anything is trained."""

    name: str
    architecture: str
    params: Mapping[str, Any]
    preprocessing: PreprocessSpec
    labels: tuple[Mapping[str, Any], ...]
    positive: str | None
    scope: Mapping[str, Any]


def view_labels() -> tuple[Mapping[str, Any], ...]:
    """The ten categories of seed S1 as this project reads them (the paper's own names are not public)."""
    return tuple(
        {
            "id": f"{'AP' if view == 'AP' else 'LAT'}_{state}",
            "view": view,
            "operative": operative,
            "device": device,
        }
        for view in VIEWS
        for state, operative, device in STATES
    )


GATE = Task(
    name="view-gate",
    architecture="spinenet/1",
    params={
        "height": 384, "width": 192, "classes": 10, "stem": 12, "widths": [24, 32, 64, 96], "blocks": [1, 1, 1, 1],
    },
    preprocessing=PreprocessSpec(384, 192, (0.5, 99.5), "symmetric"),
    labels=view_labels(),
    positive=None,
    scope={
        "modalities": ["CR", "DX", "RF", "XA"],
        "views": ["AP", "LATERAL"],
        "text": "Projection radiographs of the whole or partial spine; anything else is left to abstention.",
    },
)  # fmt: skip
LOCATOR = Task(
    name="vertebra-locator",
    architecture="locator/1",
    params={"height": 384, "width": 192, "classes": 1, "stem": 8, "widths": [16, 32, 48, 64]},
    preprocessing=PreprocessSpec(384, 192, (0.5, 99.5), "symmetric"),
    labels=({"id": "VERTEBRAL_BODY_CENTRE"},),
    positive=None,
    scope={
        "modalities": ["CR", "DX", "RF", "XA"],
        "views": ["LATERAL"],
        "text": "Centres of vertebral bodies C3 to L5 on lateral radiographs of the spine.",
    },
)
FRESH = Task(
    name="vertebra-fresh",
    architecture="spinenet/1",
    params={
        "height": 128, "width": 128, "classes": 3, "stem": 16, "widths": [24, 32, 64, 96], "blocks": [1, 1, 1, 1],
    },
    preprocessing=PreprocessSpec(128, 128, (1.0, 99.0), "standard", 0.6),
    labels=({"id": "normal"}, {"id": "old"}, {"id": "fresh"}),
    positive="fresh",
    scope={
        "modalities": ["CR", "DX", "RF", "XA"],
        "views": ["LATERAL"],
        "text": "One thoracic or lumbar vertebral body on a lateral radiograph without implants at that level.",
    },
)  # fmt: skip
TASKS: Mapping[str, Task] = {task.name: task for task in (GATE, LOCATOR, FRESH)}
HEATMAP_THRESHOLD = 0.3
TYPICAL_STEP_MM = 36.0
