"""Arrivals whose moment is not what it seems: a clock that ran ahead, a study that began with our own result."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, text

from tests import worklist_cast as cast
from tests.web_site import settings_for
from triage.dispatch import closer
from triage.domain.identity import UID, derived_uid
from triage.domain.study import ArrivedInstance, InstanceHeader
from triage.store import audit, catalogue, studies, worklist, worklist_clock
from triage.store.engine import transaction

YEAR = 60 * 24 * 365


def stamped_ahead(engine: Engine, name: str) -> int:
    """Register a study as if the database's clock had run a year ahead, and now does no more."""
    study_id = cast.image_arrives(engine, name, waited_minutes=-YEAR)
    with transaction(engine) as connection:
        connection.execute(
            text(
                "UPDATE study SET last_arrival = last_arrival + make_interval(mins => :m), "
                "opened_at = opened_at + make_interval(mins => :m) WHERE id = :id"
            ),
            {"m": YEAR, "id": study_id},
        )
    return study_id


def test_what_a_clock_stamped_in_the_future_arrives_now_and_says_so(engine: Engine) -> None:
    ahead = stamped_ahead(engine, "ahead")
    before = cast.image_arrives(engine, "before", waited_minutes=5)
    assert worklist_clock.arrive_now(engine, cast.POLICY) == 1
    after = cast.image_arrives(engine, "after")
    assert cast.order(engine) == [before, ahead, after], "not behind all that comes for a year"
    row = worklist.row(engine, ahead)
    assert row.arrived_at == row.waits_since <= worklist.row(engine, after).arrived_at
    (seen,) = [one for one in studies.receiving(engine) if one.study_id == ahead]
    assert seen.view.last_arrival <= seen.now and seen.view.opened_at <= seen.now, "it can be closed"
    (entry, *_) = audit.entries(engine, study_id=ahead)
    assert entry.action == "worklist.clock" and entry.detail["stamped"] > row.arrived_at.isoformat()
    assert worklist_clock.arrive_now(engine, cast.POLICY) == 0


def test_the_closer_sets_it_right_by_itself(engine: Engine, redis_url: str, tmp_path: Path) -> None:
    ahead, stop = stamped_ahead(engine, "ahead"), threading.Event()
    url = engine.url.render_as_string(hide_password=False)
    settings = settings_for(tmp_path, url, redis={"url": redis_url})
    process = threading.Thread(target=closer.serve, args=(settings, stop))
    process.start()
    try:
        ends = time.monotonic() + 60
        while worklist.row(engine, ahead).arrived_at > datetime.now(UTC) and time.monotonic() < ends:
            time.sleep(0.1)
    finally:
        stop.set()
        process.join(30)
    assert worklist.row(engine, ahead).arrived_at <= datetime.now(UTC)


def test_clocks_that_differ_by_seconds_change_nothing(engine: Engine) -> None:
    study_id = cast.image_arrives(engine, "nearly")
    with transaction(engine) as connection:
        connection.execute(text("UPDATE worklist_item SET arrived_at = now() + interval '20 s'"))
    stamped = worklist.row(engine, study_id).arrived_at
    assert worklist_clock.arrive_now(engine, cast.POLICY) == 0
    assert worklist.row(engine, study_id).arrived_at == stamped


def test_a_study_known_from_our_own_result_waits_since_its_first_image(engine: Engine) -> None:
    older = cast.image_arrives(engine, "older", waited_minutes=30)
    own = InstanceHeader(
        study_instance_uid=derived_uid("own"),
        series_instance_uid=derived_uid("own", "reports"),
        sop_instance_uid=derived_uid("own", "report"),
        sop_class_uid=UID(cast.SR),
        transfer_syntax_uid=cast.EXPLICIT_LE,
        modality="SR",
        own_result=True,
    )
    came = ArrivedInstance(own, "digest", 9000, "kept/report.dcm", "PACS")
    (known,) = catalogue.register(engine, [came], cast.POLICY)
    with transaction(engine) as connection:
        connection.execute(
            text("UPDATE study SET first_arrival = now() - interval '3 days' WHERE id = :id"),
            {"id": known.study_id},
        )
    assert worklist.find(engine, str(known.study_id)) == [], "nothing to read yet"
    assert cast.image_arrives(engine, "own", calling_ae="ED_CR") == known.study_id
    row = worklist.row(engine, known.study_id)
    assert row.arrived_at == row.waits_since > worklist.row(engine, older).arrived_at + timedelta(minutes=29)
    assert row.reason == "Ordered STAT (rule for sender ED_CR)", "the sender of the images, not of the result"
