"""What a network is shown of a dataset: images, pairs, levels, bodies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.course_files import built, corner_cells, image_dataset, opened, spotted
from triage.domain.errors import Refused
from workers.dataset.examples import BODIES, IMAGE, LEVEL, PAIR, gather, see
from workers.models.preprocess import PreprocessSpec

_WHOLE = PreprocessSpec(96, 64, (0.5, 99.5), "symmetric")


def test_an_image_is_shown_as_it_is_served(tmp_path: Path) -> None:
    dataset = opened(image_dataset(tmp_path, 12))
    found = gather(dataset, IMAGE)
    assert len(found.examples) == 12
    seen = see(dataset, found.examples[0], _WHOLE)
    assert seen.unit.shape == (96, 64, 1)
    assert seen.unit.dtype == np.uint8


def test_a_pair_is_the_frontal_and_the_lateral_of_one_study(tmp_path: Path) -> None:
    films = [
        spotted(p, n, view, p % 2 == 0, "SITE") for p in (1, 2, 3) for n, view in ((1, "LATERAL"), (2, "AP"))
    ]
    films.append(spotted(4, 1, "AP", True, "SITE"))
    rows: list[dict[str, object]] = [
        {"sop_instance_uid": str(film.SOPInstanceUID), "label": "a"} for film in films
    ]
    dataset = opened(built(tmp_path, films, rows))
    found = gather(dataset, PAIR)
    assert [[case.groups["header_view"] for case in one.cases] for one in found.examples] == [
        ["AP", "LL"]
    ] * 3
    assert found.left_out == {"study without exactly one frontal and one lateral": 1}
    assert see(dataset, found.examples[0], _WHOLE).unit.shape == (96, 64, 2)


def test_a_level_is_cut_out_around_its_middle(tmp_path: Path) -> None:
    films = [spotted(p, 1, "LATERAL", True, "SITE") for p in (1, 2)]
    rows: list[dict[str, object]] = [
        {"sop_instance_uid": str(f.SOPInstanceUID), "level": "L1", "label": "fresh", "truth_row": 11.5, "truth_column": 15.5}
        for f in films
    ]  # fmt: skip
    dataset = opened(built(tmp_path, films, rows))
    (first, _) = gather(dataset, LEVEL).examples
    unit = see(dataset, first, PreprocessSpec(16, 16, (1, 99), "standard", 0.6)).unit[..., 0]
    # The bright spot is 8 x 12 pixels of .6 mm about the middle of the crop.
    assert unit[5:11, 3:13].mean() > unit.mean() + 40


def test_the_corners_of_bodies_move_with_the_image(tmp_path: Path) -> None:
    films = [spotted(p, 1, "AP", True, "SITE") for p in (1, 2)]
    square = [(8.0, 10.0), (8.0, 21.0), (15.0, 21.0), (15.0, 10.0)]
    lower = [(row + 20, column) for row, column in square]
    rows = [
        {"sop_instance_uid": str(f.SOPInstanceUID), "level": level, **corner_cells(corners)}
        for f in films
        for level, corners in (("L2", lower), ("L1", square))
    ]
    dataset = opened(built(tmp_path, films, rows))
    found = gather(dataset, BODIES)
    assert [case.level for case in found.examples[0].cases] == ["L1", "L2"]
    seen = see(dataset, found.examples[0], _WHOLE)
    assert seen.corners.shape == (2, 4, 2)
    assert np.allclose(seen.back.to_source(seen.corners)[0], square)
    # The image is enlarged twice.
    assert np.allclose(seen.corners[0, 1] - seen.corners[0, 0], (0, 22))


def test_a_dataset_without_what_the_task_reads_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no level with four corners 12"):
        gather(opened(image_dataset(tmp_path, 12)), BODIES)
