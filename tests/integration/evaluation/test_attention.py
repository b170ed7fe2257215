"""`triage-models attention` on phantom films with the shipped bundles: a picture with its label, or a refusal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from tests.phantom_files import fracture_pair
from workers.models.attention import LABEL
from workers.training.cli import main


@pytest.fixture(scope="module")
def runtime() -> None:
    """TensorFlow with the product's pools."""
    from workers.infer import configure_runtime

    configure_runtime(1)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """An AP and a lateral film of one phantom."""
    folder = tmp_path_factory.mktemp("films")
    paths = []
    for number, film in enumerate(fracture_pair()):
        paths.append(str(folder / f"{number}.dcm"))
        film.save_as(paths[-1], enforce_file_format=True)
    return paths


def test_a_classifier_of_vertebrae_is_shown_on_the_one_it_is_surest_of(
    runtime: None, films: list[str], tmp_path: Path
) -> None:
    words = ["attention", "vertebra-fresh", films[1], "--out", str(tmp_path), "--json"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    (shown,) = json.loads(done.stdout)["items"]
    assert (shown["label"], shown["class"]) == (LABEL, "fresh")
    assert "vertebra" in shown["where"]
    (one,) = shown["maps"]
    assert max(max(row) for row in one["values"]) == 1.0
    with Image.open(tmp_path / "attention.png") as picture:
        assert picture.width >= 2 * 128 and picture.height > 128


def test_a_classifier_of_films_is_shown_for_the_class_that_is_asked_for(
    runtime: None, films: list[str], tmp_path: Path
) -> None:
    words = ["attention", "view-gate", films[0], "--label", "AP_POSTOP_FUSION", "--out", str(tmp_path)]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    assert "AP_POSTOP_FUSION" in done.output and LABEL in done.output


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["vertebra-locator", 0], 9, "no attention map"),
        (["view-gate", 0, 1], 1, "reads 1 film"),
        (["view-gate", 0, "--label", "nonsense"], 9, "knows no label"),
    ],
)
def test_what_has_no_attention_map_says_so(
    runtime: None, words: list[object], code: int, sentence: str, films: list[str], tmp_path: Path
) -> None:
    typed = [films[word] if isinstance(word, int) else str(word) for word in words]
    done = CliRunner().invoke(main, ["attention", *typed, "--out", str(tmp_path)])
    assert done.exit_code == code
    assert sentence in done.output
