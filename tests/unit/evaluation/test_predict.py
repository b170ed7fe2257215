"""Which probabilities a dataset's labels ask of a bundle; the networks themselves run in the integration test."""

from __future__ import annotations

import numpy as np
import pytest

from triage.domain.errors import Refused
from workers.evaluation.predict import columns_for, identity, opened
from workers.models.bundle import BUNDLES, load_pinned


def test_a_gate_can_be_judged_by_category_or_by_what_its_categories_share() -> None:
    gate = load_pinned("view-gate", BUNDLES)
    probabilities = np.arange(1, 11) / 55
    assert columns_for(gate, gate.label_ids[:4]).of(probabilities) == pytest.approx(tuple(probabilities))
    views = columns_for(gate, ["AP", "LATERAL"])
    assert views.names == ("AP", "LATERAL")
    assert sum(views.of(probabilities)) == pytest.approx(1)
    operative = columns_for(gate, ["POSTOP", "PREOP"])
    implanted = [label["operative"] == "POSTOP" for label in gate.labels]
    assert operative.of(probabilities)[operative.names.index("POSTOP")] == pytest.approx(
        probabilities[implanted].sum()
    )


def test_labels_that_the_bundle_does_not_know_are_refused() -> None:
    with pytest.raises(Refused, match="none of view-gate's"):
        columns_for(load_pinned("view-gate", BUNDLES), ["knee"])


def test_a_bundle_that_classifies_no_image_is_refused_before_any_network_is_built() -> None:
    with pytest.raises(Refused, match="does not classify whole images"):
        opened("vertebra-locator", BUNDLES, ["x"])


def test_a_report_says_which_bundle_it_judged() -> None:
    bundle = load_pinned("vertebra-fresh", BUNDLES)
    said = identity(bundle)
    assert (said["digest"], said["data_origin"], said["positive"]) == (
        bundle.digest,
        "synthetic-phantom",
        "fresh",
    )
    assert set(said["thresholds"]) == {"sensitive", "triage"}
