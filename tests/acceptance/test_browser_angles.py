"""Angles in the drawer of a real browser: with their doubt, and why one is missing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from tests import worklist_cast as cast
from tests.measure_cast import angles
from tests.web_browser import Seat
from triage.domain.angle import NOTE

pytestmark = pytest.mark.timeout(300)


def test_the_angles_of_a_study_are_read_in_the_drawer(engine: Engine, sit: Callable[..., Seat]) -> None:
    study_id = cast.image_arrives(engine, "measured")
    cast.analysed(engine, study_id, cast.not_flagged(), measures=angles("1.2.3"))
    seat = sit()
    seat.page.click(f"#o{study_id}")
    seat.page.wait_for_selector("dt >> text=Cobb angle")
    told = seat.page.inner_text("dt:has-text('Cobb angle') + dd")
    assert told == "42 degrees, give or take 2, T5 to T12, convex to the right of the image"
    assert seat.page.inner_text("dt:has-text('Lumbar lordosis') + dd").startswith("Not measurable: ")
    assert seat.page.is_visible(f"text={NOTE}")
    assert seat.complaints == []
