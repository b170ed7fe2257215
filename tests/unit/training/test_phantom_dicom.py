"""Phantoms as DICOM: valid objects with sentinel identities."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest

from workers.training.demo import _write_film, studies, textbook_fracture

_DCIODVFY = Path(sys.executable).with_name("dciodvfy")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each special study's first film at a small matrix."""
    root = tmp_path_factory.mktemp("demo")
    written = {}
    for study in studies(7):
        if study.folder[:2] in ("02", "05", "10", "11", "12"):
            film = study.films[-1]
            film = replace(film, exposure=replace(film.exposure, rows=200))
            written[study.folder[:2]] = root / _write_film((root, study, film, 7))
    return written


def test_every_phantom_passes_dciodvfy(files: dict[str, Path]) -> None:
    program = str(_DCIODVFY) if _DCIODVFY.exists() else shutil.which("dciodvfy")
    assert program, "dciodvfy comes with the dev dependencies"
    for path in files.values():
        said = subprocess.run([program, "-new", str(path)], capture_output=True, text=True, check=False)
        assert "Error" not in said.stdout + said.stderr, path.name


def test_every_identity_is_a_sentinel(files: dict[str, Path]) -> None:
    for path in files.values():
        header = pydicom.dcmread(path, stop_before_pixels=True)
        assert str(header.PatientName).startswith("PHANTOM^")
        assert header.PatientID.startswith("PHANTOM-")
        assert header.AccessionNumber.startswith("PHANTOM")


def test_monochrome1_stores_bone_dark(files: dict[str, Path]) -> None:
    film = pydicom.dcmread(files["05"])
    assert film.PhotometricInterpretation == "MONOCHROME1"
    stored = np.frombuffer(film.PixelData, "<u2").reshape(film.Rows, film.Columns)
    assert stored.max() <= 4095
    # The collimator's dark border is the highest stored value.
    assert np.median(stored[:, 0]) > np.median(stored)


def test_the_stat_study_says_so_in_its_header(files: dict[str, Path]) -> None:
    assert pydicom.dcmread(files["10"]).RequestedProcedurePriority == "STAT"
    assert "RequestedProcedurePriority" not in pydicom.dcmread(files["12"])


def test_the_damaged_study_has_a_good_header_and_no_decodable_pixels(files: dict[str, Path]) -> None:
    film = pydicom.dcmread(BytesIO(files["11"].read_bytes()))
    assert film.Rows == 200
    with pytest.raises((RuntimeError, ValueError)):
        _ = film.pixel_array


def test_demonstration_fractures_are_chosen_by_their_signs() -> None:
    patient = textbook_fracture(910_000_000)
    change = patient.deformities[patient.fresh_levels[0]]
    assert change.fresh_cue >= 1.2


def test_the_demonstration_holds_every_kind_of_study() -> None:
    plan = studies(7)
    assert len(plan) >= 10
    assert len({study.identity.study_uid for study in plan}) == len(plan)
    assert sum(len(study.films) == 2 for study in plan) >= 4
    assert any(study.identity.priority == "STAT" for study in plan)
    assert any(film.broken for study in plan for film in study.films)
    assert any(film.patient is None for study in plan for film in study.films)
