"""Phantom sets: repeatable, with exact truth, and readable as a site's dataset."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

from triage.domain.errors import Conflict
from workers.dataset.examples import BODIES, LEVEL, PAIR, corners_of, gather
from workers.dataset.load import Dataset
from workers.interpret import alignment
from workers.training import phantom_sets
from workers.training.phantom.anatomy import FUSION, LOOSENED, sample_patient
from workers.training.phantom.chain import Vertebra, build_chain
from workers.training.phantom.mimics import MIMICS, SCHEUERMANN, milder, with_mimic
from workers.training.phantom.patterns import NO_OVERLAP, PATTERNS, Overlap, sample_pattern
from workers.training.phantom.radiograph import LUMBAR, WHOLE, Exposure, render
from workers.training.phantom.scanner import scan
from workers.training.phantom.signal import sample_marrow
from workers.training.phantom_dicom import Identity
from workers.training.phantom_files import identity_of, write_series, write_set
from workers.training.phantom_mr import series
from workers.training.phantom_sets import DIFFICULTIES, MIXED, SAMPLERS, members

_DCIODVFY = Path(sys.executable).with_name("dciodvfy")


@pytest.mark.parametrize("task", sorted(SAMPLERS))
def test_a_longer_set_begins_with_the_shorter_one(task: str) -> None:
    assert members(task, 5, 9, "hard")[:4] == members(task, 5, 4, "hard")
    assert members(task, 5, 4, "hard") != members(task, 6, 4, "hard")


def test_the_number_of_fractures_does_not_tell_fresh_from_old() -> None:
    found: dict[str, list[int]] = {"fresh": [], "old": []}
    for one in members("fracture", 3, 600, "hard"):
        kinds = [change.kind for change in one.patient.deformities.values() if change.kind != "normal"]
        if kinds:
            found["fresh" if "fresh" in kinds else "old"].append(len(kinds))
    assert abs(np.mean(found["fresh"]) - np.mean(found["old"])) < 0.15


def test_mimics_stay_away_from_fractures_and_are_no_fractures() -> None:
    rng = np.random.default_rng(1)
    for seed in range(40):
        patient = sample_patient(seed, fractures=2)
        for mimic in MIMICS:
            other = with_mimic(patient, mimic, rng)
            broken = {k: v for k, v in patient.deformities.items() if v.kind != "normal"}
            assert {k: v for k, v in other.deformities.items() if v.kind != "normal"} == broken


def test_scheuermann_wedges_three_bodies_in_a_row() -> None:
    patient = replace(sample_patient(4), deformities={})
    changed = with_mimic(patient, SCHEUERMANN, np.random.default_rng(2))
    assert len(changed.deformities) >= 3
    assert all(0.08 < one.anterior < 0.21 and one.nodes for one in changed.deformities.values())
    assert changed.kyphosis > patient.kyphosis


def test_a_mild_fracture_loses_little_and_keeps_its_signs() -> None:
    patient = sample_patient(7, fractures=3, fresh_share=1.0)
    mild = milder(patient, 1.0, np.random.default_rng(2))
    for level in patient.fresh_levels:
        before, after = patient.deformities[level], mild.deformities[level]
        assert 0.079 < max(after.anterior, after.middle, after.posterior) < 0.151
        assert after.band == before.band


def test_shipped_phantoms_are_what_they_were() -> None:
    """What was added is off by default: the cache that the shipped bundles name is still the same."""
    film = render(sample_patient(77, fractures=2), Exposure("LATERAL", LUMBAR, rows=120), marker=False)
    assert float(film.pixels.mean()) == pytest.approx(KEPT_MEAN, abs=1e-4)
    assert film.levels[0].corners[0] == pytest.approx(KEPT_CORNER, abs=1e-3)


KEPT_MEAN, KEPT_CORNER = 0.594203, (92.71866, 48.63667)


def test_the_patterns_of_curves_are_what_they_are_called() -> None:
    angles: dict[str, list[float]] = {pattern: [] for pattern in PATTERNS}
    right = dict.fromkeys(PATTERNS, 0)
    for pattern in PATTERNS:
        for seed in range(60):
            chain = build_chain(sample_pattern(seed, pattern))[:17][::-1]
            curve = alignment.cobb(frontal(chain))
            angles[pattern].append(curve.degrees)
            # On a frontal film the patient's right is on the left.
            right[pattern] += curve.convex == "left"
    assert max(angles["normal"]) < 10 < np.median(angles["idiopathic"])
    # Drawn with .9 and .4; sixty of each.
    assert right["idiopathic"] / 60 == pytest.approx(0.9, abs=0.1)
    assert right["atypical"] / 60 == pytest.approx(0.4, abs=0.15)


def frontal(chain: Sequence[Vertebra]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """The corners of bodies as a parallel frontal projection sees them, mm, y down."""
    bodies = []
    for v in chain:
        h, w = v.height / 2, v.half_width
        own = ((-w, 0, h), (w, 0, h), (w, 0, -h), (-w, 0, -h))
        bodies.append([(p[0], -p[2]) for p in (v.at(*point) for point in own)])
    return np.array(bodies, float)


def test_a_loosened_screw_stands_in_a_lucent_zone() -> None:
    patient = sample_patient(31, state=FUSION)
    loose = replace(patient, failure=LOOSENED)
    exposure = Exposure("AP", LUMBAR, rows=160)
    one, other = (render(who, exposure, marker=False).pixels for who in (patient, loose))
    changed = np.abs(one - other) > 0.02
    assert 0.0005 < changed.mean() < 0.2


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small set of each kind that has more than a label."""
    small = pytest.MonkeyPatch()
    for name in ("pair", "alignment"):
        made = phantom_sets.SAMPLERS[name]

        def shrunk(*words: object, made: object = made) -> object:
            member = made(*words)  # type: ignore[operator]  # a Sampler
            return replace(member, exposures=tuple(replace(e, rows=160) for e in member.exposures))

        small.setitem(phantom_sets.SAMPLERS, name, shrunk)
    root = tmp_path_factory.mktemp("sets")
    found = {
        task: write_set(
            task, root / task, patients=20, seed=4, difficulty="standard", processes=1, echo=print
        )
        for task in ("pair", "alignment", "marrow")
    }
    small.undo()
    return found


def test_pairs_come_as_two_views_of_one_study(sets: dict[str, Path]) -> None:
    found = gather(Dataset(sets["pair"]), PAIR)
    assert len(found.examples) == 20 and not found.left_out
    assert {one.label for one in found.examples} == set(PATTERNS)


def test_without_overlap_a_seed_gives_the_same_curves_as_ever() -> None:
    for pattern in PATTERNS:
        plain, hard = (
            sample_pattern(7, pattern, overlap=one) for one in (NO_OVERLAP, Overlap(0.5, 10.0, 10.0))
        )
        assert plain == sample_pattern(7, pattern)
        assert plain != hard
    (*_, atypical) = (sample_pattern(7, pattern) for pattern in PATTERNS)
    assert round(atypical.curves[0][0], 3) == 38.664


def test_a_mixed_set_draws_a_difficulty_for_each_patient_and_keeps_it_in_a_longer_set() -> None:
    long, short = (members("pair", 4, number, MIXED) for number in (60, 30))
    assert [one.groups for one in short] == [one.groups for one in long[:30]]
    drawn = Counter(one.groups["difficulty"] for one in long)
    assert set(drawn) == set(DIFFICULTIES) and min(drawn.values()) > 8


def test_a_set_of_alignment_has_exact_corners(sets: dict[str, Path]) -> None:
    found = gather(Dataset(sets["alignment"]), BODIES)
    lateral = [one for one in found.examples if one.groups["view"] == "LATERAL"]
    assert len(found.examples) == 40
    ends = {(one.groups["coverage"], one.cases[-1].level == "S1") for one in lateral}
    assert ("WHOLE", True) in ends and ("WHOLE", False) not in ends, "a part of the spine may end above S1"
    truth = corners_of(found.examples[0].cases)
    # Upper left, upper right, lower right, lower left, as they stand in the image.
    assert (truth[:, 1, 1] > truth[:, 0, 1]).all()
    assert (truth[:, 3, 0] > truth[:, 0, 0]).all()


def test_a_set_of_marrow_holds_fractured_bodies_alone(sets: dict[str, Path]) -> None:
    dataset = Dataset(sets["marrow"])
    assert set(dataset.classes) == {"fresh", "old"}
    assert len(gather(dataset, LEVEL).examples) == len(dataset.cases)
    assert {case.modality for case in dataset.cases} == {"MR"}


def test_a_sagittal_set_holds_every_body_with_its_corners_and_its_kind(tmp_path: Path) -> None:
    folder = write_set(
        "mr-vertebra", tmp_path, patients=20, seed=4, difficulty="standard", processes=1, echo=print
    )
    dataset = Dataset(folder)
    assert set(dataset.classes) == {"normal", "old", "fresh"}
    levels, images = gather(dataset, LEVEL), gather(dataset, BODIES)
    assert len(levels.examples) == len(dataset.cases) and len(images.examples) == 20
    for one in images.examples:
        corners = corners_of(one.cases)
        assert len(corners) > 6 and (np.diff(corners.mean(axis=1)[:, 0]) > 0).all(), "head first"
        assert (corners[:, 1, 1] > corners[:, 0, 1]).all() and (corners[:, 3, 0] > corners[:, 0, 0]).all()


def test_the_same_request_gives_the_same_images_labels_and_manifest(
    sets: dict[str, Path], tmp_path: Path
) -> None:
    once = sets["marrow"].parent
    write_set("marrow", tmp_path, patients=20, seed=4, difficulty="standard", processes=1, echo=print)
    written = {path.relative_to(once) for path in once.rglob("*") if path.is_file()}
    assert written == {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    differ = {str(name) for name in written if (once / name).read_bytes() != (tmp_path / name).read_bytes()}
    assert differ == {"dataset/files.json"}


def test_a_folder_of_other_phantoms_is_refused(sets: dict[str, Path]) -> None:
    with pytest.raises(Conflict, match="other phantoms"):
        write_set(
            "pair", sets["pair"].parent, patients=21, seed=4, difficulty="standard", processes=1, echo=print
        )


def test_labels_and_images_name_nobody(sets: dict[str, Path]) -> None:
    for path in (sets["pair"].parent / "dicom").iterdir():
        assert str(pydicom.dcmread(path, stop_before_pixels=True).PatientName) == "PHANTOM^PAIR"
    assert "PHANTOM" not in (sets["pair"].parent / "labels.csv").read_text()


def mr_identity() -> Identity:
    return identity_of(members("marrow", 4, 1, "hard")[0])


def test_a_series_of_slices_is_valid_mr(tmp_path: Path) -> None:
    program = str(_DCIODVFY) if _DCIODVFY.exists() else shutil.which("dciodvfy")
    assert program, "dciodvfy comes with the dev dependencies"
    sick = sample_marrow(12, fractures=2, fresh_share=0.5, difficulty="hard")
    objects = series(scan(sick, (-8.0, 0.0, 8.0)), mr_identity())
    assert [float(o.ImagePositionPatient[0]) for o in objects] == sorted(
        float(o.SliceLocation) for o in objects
    )
    assert len({o.FrameOfReferenceUID for o in objects}) == 1
    for number, data in enumerate(objects):
        path = tmp_path / f"{number}.dcm"
        data.save_as(path, enforce_file_format=True)
        said = subprocess.run([program, "-new", str(path)], capture_output=True, text=True, check=False)
        assert "Error" not in said.stdout + said.stderr, said.stderr


def test_a_series_is_written_for_each_patient_from_right_to_left(tmp_path: Path) -> None:
    folders = write_series(tmp_path, patients=2, slices=3, seed=4, difficulty="hard", echo=print)
    assert len(folders) == 2
    headers = [pydicom.dcmread(path) for path in sorted(folders[0].iterdir())]
    places = [float(one.ImagePositionPatient[0]) for one in headers]
    assert np.allclose(np.diff(places), 4.4, atol=0.01)
    assert len({one.SeriesInstanceUID for one in headers}) == 1
    assert len({one.SOPInstanceUID for one in headers}) == 3


def test_a_slice_is_the_same_whichever_others_are_asked_for() -> None:
    sick = sample_marrow(12, fractures=2, fresh_share=0.5, difficulty="hard")
    (alone,) = scan(sick)
    beside, between, _ = scan(sick, (-8.0, 0.0, 8.0))
    assert np.array_equal(alone.pixels, between.pixels) and alone.bodies == between.bodies
    assert not np.array_equal(alone.pixels, beside.pixels)


def test_a_fresh_fracture_is_dark_on_t1_and_an_old_one_is_not() -> None:
    ratios: dict[str, list[float]] = {"fresh": [], "old": []}
    for seed in range(12):
        sick = sample_marrow(seed, fractures=2, fresh_share=0.5, difficulty="easy")
        (middle,) = scan(sick)
        signal = {
            level: float(np.median(middle.pixels[middle.mask == level]))
            for level in np.unique(middle.mask)
            if level
        }
        usual = float(np.median(list(signal.values())))
        for body in middle.bodies:
            if body.kind in ratios:
                inside = middle.pixels[middle.mask == _number(body.level)]
                ratios[body.kind].append(float(np.median(inside)) / usual)
    assert np.mean(ratios["fresh"]) < 0.85 < np.mean(ratios["old"])


def _number(level: str) -> int:
    from workers.training.phantom.anatomy import LEVELS

    return LEVELS.index(level) + 1


def test_whole_spine_angles_of_the_truth_are_those_of_the_patient() -> None:
    """Projection changes an angle little: the film's own truth is near the chain's."""
    patient = sample_pattern(3, "idiopathic")
    film = render(patient, Exposure("AP", WHOLE, rows=200))
    seen = [level for level in film.levels if level.level[0] != "C"][::-1]
    corners = np.array([level.corners for level in seen], float)
    bodies = alignment.to_millimetres(corners, (film.spacing_mm, film.spacing_mm))
    own = frontal(build_chain(patient)[: len(seen)][::-1])
    assert alignment.cobb(bodies).degrees == pytest.approx(alignment.cobb(own).degrees, abs=6)
