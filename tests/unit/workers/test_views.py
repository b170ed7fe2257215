"""The gate's arrays become a view or an abstention; the header is compared and never followed."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.workers.made_bundles import FEATURES, GATE
from triage.domain.finding import ImageView, View
from workers.interpret import views
from workers.models import ood


def gate_answer(logits: list[float], features: list[float] | None = None) -> views.GateAnswer:
    """Return the gate's row; features at the origin are inside."""
    given = [0.0] * FEATURES if features is None else features
    return views.GateAnswer(np.array(logits, np.float32), np.array(given, np.float32))


def seen(logits: list[float], position: str = "", features: list[float] | None = None) -> ImageView:
    """Return the view of one image."""
    return views.view_of("1.2", position, gate_answer(logits, features), None, GATE)


def test_a_view_is_named_with_its_category_and_coverage() -> None:
    found = seen([0, 0, 9, 0], features=[0, 1, 0, 0])
    assert (found.label, found.view, found.operative, found.device) == (
        "LATERAL_NONE",
        View.LATERAL,
        "PREOP",
        "NONE",
    )
    assert found.coverage == "WHOLE"
    assert found.abstained is None


def test_the_view_is_sure_where_only_the_device_is_not() -> None:
    found = seen([0, 0, 9, 8.9])
    assert found.view is View.LATERAL
    # Neither an implant nor its absence is stated on little more than a toss of a coin.
    assert (found.label, found.operative, found.device) == ("LATERAL_NONE", None, None)
    assert found.probability is not None and found.probability > 0.99, "the view's, not the category's"


def test_a_view_that_is_not_sure_is_an_abstention() -> None:
    found = seen([1, 0, 1, 0])
    assert found.abstained == "UNCERTAIN_VIEW"
    assert found.view is None and found.label is None and found.sentence


def test_features_outside_the_training_distribution_are_an_abstention_however_sure_the_network() -> None:
    found = seen([0, 0, 99, 0], features=[9, 9, 9, 9])
    assert found.abstained == "OUT_OF_DISTRIBUTION"
    assert found.ood_score is not None and found.ood_score > 1


@pytest.mark.parametrize(
    ("position", "disagrees"), [("AP", True), ("PA", True), ("LL", False), ("", False), ("XX", False)]
)
def test_the_header_is_compared_and_never_followed(position: str, disagrees: bool) -> None:
    found = seen([0, 0, 9, 0], position)
    assert found.view is View.LATERAL
    assert found.disagrees_with_header is disagrees
    assert bool(found.sentence) is disagrees


def test_pixels_refused_before_the_network_keep_their_reason() -> None:
    found = views.view_of("1.2", "LL", views.GateAnswer(None, None), ood.NOISE, GATE)
    assert (found.abstained, found.sentence) == ("NOISE", ood.NOISE.sentence)
    assert found.header_view is View.LATERAL
