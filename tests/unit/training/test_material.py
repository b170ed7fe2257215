"""What was prepared once is used again, and not when the code prepares otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.course_files import image_dataset
from workers.dataset.examples import IMAGE, gather
from workers.dataset.load import Dataset
from workers.models.preprocess import PreprocessSpec, prepare_unit
from workers.training.course import material as course_material
from workers.training.course.material import UNITS, material, probe

_SPEC = PreprocessSpec(32, 32, (0.5, 99.5), "symmetric")
_CLASSES = ("fresh", "not-fresh")


def test_prepared_images_are_used_again_until_the_code_prepares_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = Dataset(image_dataset(tmp_path / "site", 24))
    gathered = gather(dataset, IMAGE)

    def written() -> int:
        material(dataset, gathered, _CLASSES, _SPEC, tmp_path / "prepared")
        return (tmp_path / "prepared" / UNITS).stat().st_mtime_ns

    first = written()
    assert written() == first

    def otherwise(image: Any, spec: PreprocessSpec) -> Any:
        unit, back = prepare_unit(image, spec)
        return unit * 0.9, back

    monkeypatch.setattr(course_material, "prepare_unit", otherwise)
    assert written() > first


def test_the_probe_is_the_same_each_time_and_tells_two_sizes_of_a_crop_apart() -> None:
    crop = PreprocessSpec(32, 32, (1.0, 99.0), "standard", 0.6)
    assert probe(crop) == probe(crop)
    assert probe(crop) != probe(PreprocessSpec(32, 32, (1.0, 99.0), "standard", 0.8))
