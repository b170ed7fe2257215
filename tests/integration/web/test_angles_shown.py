"""The drawer tells the angles that software measured, with their doubt and its reasons; they move no study."""

from __future__ import annotations

from sqlalchemy import Engine

from tests import worklist_cast as cast
from tests.integration.web.test_page import Open
from tests.measure_cast import angles
from triage.domain.angle import NOTE
from triage.store import worklist


def test_the_drawer_tells_an_angle_with_its_doubt_and_why_another_is_missing(
    engine: Engine, sit_down: Open
) -> None:
    study_id = cast.image_arrives(engine, "curved")
    cast.analysed(engine, study_id, cast.not_flagged(), measures=angles("1.2.3"))
    said = sit_down().get(f"/?study={study_id}").text
    assert (
        "<dt>Cobb angle</dt><dd>42 degrees, give or take 2, T5 to T12, convex to the right of the image"
        in said
    )
    assert "<dt>Lumbar lordosis</dt><dd>Not measurable: the levels of the vertebrae are not known." in said
    assert said.count(NOTE) == 1
    assert "Models trained on synthetic phantoms only" in said


def test_a_study_without_angles_says_nothing_of_them(engine: Engine, sit_down: Open) -> None:
    study_id = cast.image_arrives(engine, "plain")
    cast.analysed(engine, study_id, cast.not_flagged())
    said = sit_down().get(f"/?study={study_id}").text
    assert "Cobb" not in said and NOTE not in said


def test_an_angle_changes_no_place(engine: Engine) -> None:
    first, second = (cast.image_arrives(engine, name) for name in ("first", "second"))
    cast.analysed(engine, first, cast.not_flagged())
    cast.analysed(engine, second, cast.not_flagged(), measures=angles("1.2.3"))
    plain, measured = (worklist.detail(engine, one, cast.POLICY).place for one in (first, second))
    assert plain.numbers.head_start_minutes == measured.numbers.head_start_minutes
    assert plain.row.reason_code == measured.row.reason_code
