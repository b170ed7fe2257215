"""Slices are turned by their geometry, the middle is where the bodies are, and a body is named by counting alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from tests import mr_cast
from triage.domain.errors import Unprocessable
from triage.domain.finding import VertebraFinding
from triage.domain.mr_series import MrImage, Vector, choose
from workers.decode.mr import mr_image
from workers.interpret import sagittal
from workers.models.preprocess import GrayImage

PIXELS = np.arange(30 * 20).reshape(30, 20)
# From the right of the patient, front to the left, head up: what the networks see.
UPRIGHT: tuple[Vector, Vector] = ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0))


def stored(transposed: bool, upside_down: bool, mirrored: bool) -> tuple[GrayImage, MrImage]:
    """The upright picture as a scanner may store it, with its orientation."""
    pixels, across, down = PIXELS, UPRIGHT[0], UPRIGHT[1]
    if mirrored:
        pixels, across = pixels[:, ::-1], (0.0, -1.0, 0.0)
    if upside_down:
        pixels, down = pixels[::-1], (0.0, 0.0, 1.0)
    spacing = (0.5, 0.8)
    if transposed:
        pixels, across, down, spacing = pixels.T, down, across, (0.8, 0.5)
    return GrayImage(pixels, spacing), MrImage("1", "2", "3", along_row=across, along_column=down)


@given(st.booleans(), st.booleans(), st.booleans())
def test_however_it_is_stored_a_slice_is_turned_upright_and_points_find_back(
    transposed: bool, upside_down: bool, mirrored: bool
) -> None:
    image, facts = stored(transposed, upside_down, mirrored)
    turned = sagittal.turned(image, facts)
    assert (turned.image.pixels == PIXELS).all()
    assert turned.image.spacing_mm == (0.5, 0.8)
    column, row = turned.stored((3.5, 7.5))
    assert image.pixels[int(row), int(column)] == PIXELS[7, 3]


def test_the_middle_is_where_the_bodies_are_not_where_the_stack_is() -> None:
    places = [-20.0, -15.0, -10.0, -5.0, 0.0, 5.0, 10.0, 15.0, 20.0]
    evidence = [0.0, 0.0, 0.2, 5.0, 8.0, 8.0, 8.0, 5.0, 0.4]
    assert sagittal.middle(places, evidence) == 5
    assert sagittal.middle(places, [0.0] * 9) is None
    assert sagittal.middle([], []) is None


@given(st.integers(1, 400))
def test_a_bounded_number_of_slices_is_looked_at_ends_included(count: int) -> None:
    chosen = sagittal.candidates(count)
    assert chosen[0] == 0 and chosen[-1] == count - 1
    assert len(chosen) == min(count, sagittal.MOST_SLICES) and chosen == sorted(set(chosen))


def test_bodies_are_counted_from_the_lowest_and_never_named() -> None:
    image, facts = stored(False, False, False)
    body = VertebraFinding("1", None, "normal", 0.9, 0.05, 0.05, (5.0, 5.0), ((4.0, 4.0),))
    found = sagittal.counted([body, body, body], sagittal.turned(image, facts))
    assert [one.place for one in found] == [f"body {n} from below" for n in (3, 2, 1)]
    assert {one.level for one in found} == {None}


def test_a_real_header_is_read_and_a_broken_one_counts_as_absent(tmp_path: Path) -> None:
    facts = [mr_image(path) for path in mr_cast.fresh_series()]
    found = choose(facts)
    assert found.chosen is not None and len(found.chosen.images) == len(facts)

    def broken(data: Dataset) -> None:
        data.ImageOrientationPatient = ["0", "1", "0", "0", "0"]
        del data.EchoTime

    path = tmp_path / "odd.dcm"
    mr_cast.edited(broken)[0].save_as(path, enforce_file_format=True)
    odd = mr_image(path)
    assert (odd.echo, odd.along_row) == (None, None)
    path.write_bytes(path.read_bytes()[:140])
    with pytest.raises(Unprocessable):
        mr_image(path)


def test_descriptions_do_not_matter(tmp_path: Path) -> None:
    def renamed(data: Dataset) -> None:
        data.SeriesDescription, data.ProtocolName, data.BodyPartExamined = "AX T2 BRAIN", "T2 TSE", "HEAD"

    objects = mr_cast.edited(renamed)
    paths = [tmp_path / f"{number}.dcm" for number in range(len(objects))]
    for data, path in zip(objects, paths, strict=True):
        data.save_as(path, enforce_file_format=True)
    assert choose(mr_image(path) for path in paths).chosen is not None
    assert pydicom.dcmread(paths[0]).SeriesDescription == "AX T2 BRAIN"


@pytest.mark.parametrize("tag", ["PatientName", "SeriesDescription"])
def test_the_reader_takes_neither_a_name_nor_a_description(tag: str) -> None:
    from workers.decode import mr

    assert tag not in mr._KEYWORDS
