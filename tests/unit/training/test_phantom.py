"""The phantom: a function of its seed, with truth that matches its picture."""

from __future__ import annotations

import numpy as np
import pytest

from workers.training.phantom.anatomy import BRACE, FUSION, GROWTH, TETHER, sample_fracture, sample_patient
from workers.training.phantom.chain import build_chain
from workers.training.phantom.radiograph import LUMBAR, THORACOLUMBAR, WHOLE, Exposure, render
from workers.training.phantom.strangers import STRANGERS, draw
from workers.training.render import film_record


def _lumbar(seed: int, **kwargs: object) -> Exposure:
    return Exposure("LATERAL", LUMBAR, rows=260)


def test_the_same_seed_gives_the_same_pixels() -> None:
    one, other = (render(sample_patient(5, fractures=1), _lumbar(5)).pixels for _ in range(2))
    assert np.array_equal(one, other)


def test_another_seed_gives_another_picture() -> None:
    one, other = (render(sample_patient(seed), _lumbar(seed)).pixels for seed in (5, 6))
    assert one.shape != other.shape or not np.array_equal(one, other)


@pytest.mark.parametrize("seed", range(6))
def test_the_head_stands_over_the_pelvis(seed: int) -> None:
    patient = sample_patient(seed)
    seventh = next(v for v in build_chain(patient) if v.level == "C7")
    assert abs(float(seventh.centre[1]) + patient.sva_mm) < 30


def test_levels_run_from_head_to_foot_down_the_film() -> None:
    film = render(sample_patient(9), Exposure("LATERAL", WHOLE, rows=300))
    rows = [level.centre[0] for level in film.levels]
    assert film.levels[0].level == "L5"
    assert rows == sorted(rows, reverse=True)


def test_the_truth_is_inside_the_collimated_film() -> None:
    film = render(sample_patient(4), Exposure("LATERAL", THORACOLUMBAR, rows=260))
    assert film.levels
    for level in film.levels:
        assert 0 < level.centre[0] < film.pixels.shape[0]
        assert 0 < level.centre[1] < film.pixels.shape[1]
        corners = np.array(level.corners)
        assert (corners.min(axis=0) < level.centre).all()
        assert (corners.max(axis=0) > level.centre).all()


def test_a_fracture_makes_its_body_lower() -> None:
    patient = sample_patient(3, fractures=1)
    level = next(name for name, change in patient.deformities.items() if change.kind != "normal")
    change = patient.deformities[level]
    broken = next(v for v in build_chain(patient) if v.level == level)
    assert change.anterior + change.posterior > 0
    assert broken.change is change


def test_fresh_and_old_signs_overlap() -> None:
    rng = np.random.default_rng(0)
    fresh = [sample_fracture(rng, "fresh") for _ in range(400)]
    old = [sample_fracture(rng, "old") for _ in range(400)]
    assert 0.15 < np.mean([sum(f.osteophytes_mm) > 0 for f in fresh]) < 0.35
    assert 0.12 < np.mean([f.band > 0 for f in old]) < 0.3
    assert np.mean([f.fresh_cue == 0 for f in fresh]) > 0.005
    assert abs(np.mean([f.anterior for f in fresh]) - np.mean([f.anterior for f in old])) < 0.05


@pytest.mark.parametrize("state", [FUSION, GROWTH, TETHER])
def test_both_views_of_a_patient_show_the_same_implants(state: str) -> None:
    patient = sample_patient(21, state=state, child=True)
    seen = [
        {level.level for level in render(patient, Exposure(view, WHOLE, rows=200)).levels if level.hardware}
        for view in ("AP", "LATERAL")
    ]
    assert seen[0]
    assert seen[0] == seen[1]


def test_a_brace_changes_the_film() -> None:
    plain = render(sample_patient(8, child=True), Exposure("AP", WHOLE, rows=200)).pixels
    braced = render(sample_patient(8, child=True, state=BRACE), Exposure("AP", WHOLE, rows=200)).pixels
    assert plain.shape != braced.shape or np.abs(plain - braced).mean() > 1e-3


@pytest.mark.parametrize("kind", sorted(STRANGERS))
def test_every_stranger_is_drawn_the_same_from_its_seed(kind: str) -> None:
    one, other = draw(kind, 3, 96), draw(kind, 3, 96)
    assert np.array_equal(one, other)
    assert one.dtype == np.float32
    assert 0 <= one.min() < one.max() <= 1


def test_hardware_outside_the_field_does_not_make_a_film_post_operative() -> None:
    from workers.models.preprocess import GrayImage, prepare_unit
    from workers.training.plan import Row
    from workers.training.tasks import GATE

    exposure = Exposure("AP", "THORACIC", rows=200)
    row = Row(2, "test", FUSION, False, 0, exposure, False)
    film = render(row.patient(), exposure)
    _, back = prepare_unit(GrayImage(film.pixels), GATE.preprocessing)
    record = film_record(film, row, back)
    assert record["state"] == ("FUSION" if any(level.hardware for level in film.levels) else "STANDING")
