"""What a network answers one at a time: an image, a pair of views, one level of an image, or the bodies in an image.

Promise: an example is prepared by the functions that serve; both views of a pair, and all levels of an image, stay with
their patient's split. What makes no example is counted with its reason, never dropped in silence.
Columns of the label CSV (dataset/labels.py) that some kinds need:
  pair    group_view AP or LATERAL where ViewPosition in the header does not say it; the two views share study and label
  level   level, truth_row, truth_column: the middle of the body in pixels from 0; truth_angle in degrees, 0 is upright
  bodies  level, and truth_ul_row, truth_ul_column, likewise ur, lr, ll: the corners as they stand in the image
Refuses: a dataset without one usable example.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.domain.errors import Refused, Unprocessable
from triage.domain.finding import View
from workers.dataset.load import Case, Dataset
from workers.decode import Radiograph
from workers.interpret import views
from workers.models.preprocess import AffineMap, PreprocessSpec, crop_unit, prepare_unit

IMAGE, PAIR, LEVEL, BODIES = "image", "pair", "level", "bodies"
CORNERS = ("ul", "ur", "lr", "ll")
_CORNER_MEASURES = tuple(f"{corner}_{axis}" for corner in CORNERS for axis in ("row", "column"))


@dataclass(frozen=True, slots=True)
class Example:
    """cases: one, the two views of a pair (frontal first), or all levels of one image."""

    name: str
    cases: tuple[Case, ...]
    label: str

    @property
    def patient(self) -> str:
        return self.cases[0].patient

    @property
    def split(self) -> str:
        return self.cases[0].split

    @property
    def groups(self) -> Mapping[str, str]:
        return self.cases[0].groups


@dataclass(frozen=True, slots=True)
class Seen:
    """What a network is shown of an example: unit uint8 [height, width, channels], 255 is 1; the way back of channel 0.

    corners [n, 4, 2] (row, column) in the prepared image where the dataset has them; spacing_mm at the detector.
    """

    unit: NDArray[np.uint8]
    back: AffineMap
    spacing_mm: tuple[float, float] | None
    films: tuple[Radiograph, ...]
    corners: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 4, 2)))


@dataclass(frozen=True, slots=True)
class Gathered:
    """What they are, the examples in the order of their names, and how many cases made none, by reason."""

    reads: str
    examples: tuple[Example, ...]
    left_out: Mapping[str, int]


def gather(dataset: Dataset, reads: str) -> Gathered:
    """All examples of a kind; raises Refused when there is none."""
    left_out: Counter[str] = Counter()
    made = list(_GATHERERS[reads](dataset.cases, left_out))
    if not made:
        reasons = ", ".join(f"{name} {number}" for name, number in sorted(left_out.items())) or "no cases"
        raise Refused("examples", f"the dataset holds nothing to read as {reads}: {reasons}")
    return Gathered(reads, tuple(sorted(made, key=lambda one: one.name)), dict(left_out))


def _images(cases: Iterable[Case], left_out: Counter[str]) -> Iterator[Example]:
    for case in cases:
        if case.level or not case.label:
            left_out["is a level" if case.level else "no label"] += 1
        else:
            yield Example(case.name, (case,), case.label)


def view_of(case: Case) -> str:
    """AP, LATERAL, or "" where neither the dataset nor the header says it."""
    said = case.groups.get("view", case.groups.get("header_view", "")).upper()
    found = View(said) if said in tuple(View) else views.header_view(said)
    return "" if found is None else found.value


def _pairs(cases: Iterable[Case], left_out: Counter[str]) -> Iterator[Example]:
    studies: dict[str, dict[str, list[Case]]] = defaultdict(lambda: {"AP": [], "LATERAL": []})
    for case in cases:
        if case.level or not view_of(case):
            left_out["is a level" if case.level else "view unknown"] += 1
        else:
            studies[case.study_instance_uid][view_of(case)].append(case)
    for study, seen in studies.items():
        frontal, lateral = seen["AP"], seen["LATERAL"]
        if len(frontal) != 1 or len(lateral) != 1:
            left_out["study without exactly one frontal and one lateral"] += len(frontal) + len(lateral)
        elif frontal[0].label != lateral[0].label or not frontal[0].label:
            left_out["views of one study with two labels or none"] += 2
        else:
            yield Example(study, (frontal[0], lateral[0]), frontal[0].label)


def _levels(cases: Iterable[Case], left_out: Counter[str]) -> Iterator[Example]:
    for case in cases:
        if not case.level or not {"row", "column"} <= set(case.measures):
            left_out["no level with truth_row and truth_column"] += 1
        elif not case.label:
            left_out["no label"] += 1
        else:
            yield Example(case.name, (case,), case.label)


def _bodies(cases: Iterable[Case], left_out: Counter[str]) -> Iterator[Example]:
    images: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        if case.level and set(_CORNER_MEASURES) <= set(case.measures):
            images[case.sop_instance_uid].append(case)
        else:
            left_out["no level with four corners"] += 1
    for uid, levels in images.items():
        yield Example(uid, tuple(sorted(levels, key=lambda case: (case.measures["ul_row"], case.level))), "")


_GATHERERS = {IMAGE: _images, PAIR: _pairs, LEVEL: _levels, BODIES: _bodies}


def corners_of(cases: Sequence[Case]) -> NDArray[np.float64]:
    """Corners [n, 4, 2] (row, column) in source pixels, upper left, upper right, lower right, lower left."""
    values = [[case.measures[name] for name in _CORNER_MEASURES] for case in cases]
    return np.array(values, float).reshape(-1, 4, 2)


def see(dataset: Dataset, example: Example, spec: PreprocessSpec) -> Seen:
    """Decode and prepare; raises Unprocessable with its reason, Refused when a file is not the one taken in."""
    films = tuple(dataset.radiograph(case) for case in _images_of(example))
    first = films[0].image
    if spec.spacing_mm is not None:
        unit, back = _crop(films[0], example.cases[0], spec)
        return Seen(_bytes([unit]), back, first.spacing_mm, films)
    prepared = [prepare_unit(film.image, spec) for film in films]
    back = prepared[0][1]
    case = example.cases[0]
    corners = np.zeros((0, 4, 2))
    if set(_CORNER_MEASURES) <= set(case.measures):
        corners = back.to_prepared(corners_of(example.cases))
    return Seen(_bytes([unit for unit, _ in prepared]), back, first.spacing_mm, films, corners)


def _images_of(example: Example) -> tuple[Case, ...]:
    """The cases that are images of their own: both of a pair, one of an image with many levels."""
    by_uid = {case.sop_instance_uid: case for case in example.cases}
    return tuple(by_uid.values())


def _crop(film: Radiograph, case: Case, spec: PreprocessSpec) -> tuple[NDArray[Any], AffineMap]:
    spacing = film.image.spacing_mm
    if spacing is None:
        raise Unprocessable(
            "no-spacing", "the image has no pixel spacing, so a vertebra cannot be cut to size"
        )
    centre = (case.measures["row"], case.measures["column"])
    return crop_unit(film.image, centre, math.radians(case.measures.get("angle", 0.0)), spacing, spec)


def _bytes(units: Sequence[NDArray[Any]]) -> NDArray[np.uint8]:
    stacked = np.stack(units, axis=-1)
    return np.asarray(np.round(np.clip(stacked, 0, 1) * 255), np.uint8)
