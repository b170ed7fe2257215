"""The page of the shipped pairs: its six figures by hand, and that abstention is counted where it should be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from workers.evaluation.table import Predictions
from workers.models.bundle import load_pinned
from workers.training.course.recipe import recipe_of
from workers.training.pair_page import Form, figures
from workers.training.pair_served import strangers

CLASSES = ("atypical", "idiopathic", "normal")


def table() -> Predictions:
    """Eight cases: of three atypical two flagged; of four others one flagged; one declined."""
    atypical = np.array([0.9, 0.6, 0.2, 0.7, 0.1, 0.1, 0.1, np.nan])
    rest = np.array([0.05, 0.3, 0.5, 0.2, 0.8, 0.2, 0.1, np.nan])
    probabilities = np.stack([atypical, rest, 1 - atypical - rest], axis=1)
    names = np.array([f"c{n}" for n in range(8)])
    labels = np.array([0, 0, 0, 1, 1, 2, 2, 0], np.intp)
    declined = np.array([""] * 7 + ["OUT_OF_DISTRIBUTION"])
    return Predictions(names, names, CLASSES, labels, probabilities, declined, np.array(["test"] * 8))


def test_the_six_figures_are_those_of_the_answered_cases_at_the_threshold() -> None:
    one = Form(recipe_of({"task": "pair"}), table(), 0.5, True)
    found = {name: round(estimate.value, 4) for name, estimate in figures(one, np.ones(8, bool)).items()}
    assert found == {
        "AUC": round(10 / 12, 4),
        "accuracy": round(5 / 7, 4),
        "sensitivity": round(2 / 3, 4),
        "specificity": 0.75,
        "PPV": round(2 / 3, 4),
        "NPV": 0.75,
    }


@pytest.mark.timeout(300)
def test_the_shipped_network_refuses_pairs_that_are_none(runtime: None) -> None:
    refused = strangers(load_pinned("pair-pattern"), 1)
    assert refused["noise"].value == refused["lumbar spine alone"].value == 1.0
    assert refused["like those trained on"].value == 0.0


def test_the_shipped_bundle_is_small_and_says_what_made_it() -> None:
    bundle = load_pinned("pair-pattern")
    size = sum(path.stat().st_size for path in Path(bundle.path).iterdir())
    assert size <= 2_000_000
    assert bundle.data_origin == "synthetic-phantom" and 'task = "pair"' in bundle.description["recipe"]
