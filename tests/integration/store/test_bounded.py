"""Counts up to a bound, in real Postgres."""

from __future__ import annotations

from sqlalchemy import Engine, text

from tests import worklist_cast as cast
from triage.store import bounded, queue_rows, situation, studies
from triage.store.engine import transaction
from triage.store.tables import study


def test_a_count_is_exact_up_to_its_bound_and_says_when_there_are_more(engine: Engine) -> None:
    for number in range(4):
        cast.image_arrives(engine, f"c{number}")
    kinds = {state: study.c.state == state for state in ("receiving", "closed")}
    with transaction(engine) as connection:
        assert bounded.each(connection, kinds, most=4) == {"receiving": 4}
        assert bounded.each(connection, kinds, most=2) == {"receiving": 3}
    assert bounded.spoken(bounded.MOST_COUNTED) == "9999"
    assert bounded.spoken(bounded.MOST_COUNTED + 1) == "9999+"


def test_studies_and_analyses_are_counted_by_state_and_metrics_tell_what_is_on_its_way(
    engine: Engine,
) -> None:
    for number, triage in enumerate((cast.flagged(), cast.not_flagged())):
        cast.analysed(engine, cast.image_arrives(engine, f"a{number}"), triage)
    cast.image_arrives(engine, "coming")
    assert studies.counts(engine) == {"receiving": 1, "analysed": 2}
    assert queue_rows.counts(engine) == {"succeeded": 2}
    with transaction(engine) as connection:
        connection.execute(
            text("UPDATE analysis SET state = 'failed' WHERE id = (SELECT min(id) FROM analysis)")
        )
    assert queue_rows.counts(engine) == {"succeeded": 1, "failed": 1}
    found = situation.figures(engine)
    assert found.studies == {"receiving": 1} and not found.analyses
    assert sum(band.number for band in found.unread) == 3
