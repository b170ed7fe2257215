"""The operations page: what it shows, that it names no patient, and asking again in three steps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text

from tests import worklist_cast as cast
from tests.integration.web.operations_cast import busy_day, failed, read_week
from tests.model_cast import facts
from tests.web_site import PlainReader
from triage.proof.counterfactual import against_arrival
from triage.store import audit, evidence, ledger, models, operations, shadows, worklist_policy
from triage.store.engine import transaction
from triage.web.worth import WEEK, Worths

Open = Callable[..., PlainReader]


def test_an_empty_installation_says_so_in_words(sit_down: Open) -> None:
    page = sit_down("Dr A").get("/operations").text
    for words in ("Nothing waits for an answer.", "No process has reported yet.", "In shadow: none."):
        assert words in page
    assert "Broken: worker" in page and "triage run worker" in page


def test_the_page_shows_the_day_and_names_no_patient(engine: Engine, sit_down: Open) -> None:
    busy_day(engine)
    reader = sit_down("Dr A")
    for address in ("/operations", "/operations/worth", "/operations/requeue?reason=timeout"):
        page = reader.get(address).text
        assert "SENTINEL" not in page and "1.2.840.99999" not in page, address
        assert "style=" not in page and "<script>" not in page, address
    page = reader.get("/operations").text
    for words in ("CR_ROOM_1", "timeout", "trained on phantoms", "Analyse again", "status A700H", "study "):
        assert words in page
    assert "synthetic" in page


def test_failed_analyses_are_previewed_then_asked_for_again_and_audited(
    engine: Engine, sit_down: Open
) -> None:
    study_id = failed(engine, "broken", "timeout")
    other = failed(engine, "else", "no-memory")
    reader = sit_down("Dr A")
    preview = reader.get("/operations/requeue?reason=timeout").text
    assert f"study {study_id}" in preview and f"study {other}" not in preview
    assert [line.number for line in operations.failures(engine)] == [1, 1], "a preview changes nothing"
    fields = {"reason": "timeout", "because": "worker mended", "item": [study_id, other]}
    done = reader.post("/operations/requeue", token=reader.token(), **fields)
    assert f"study {study_id}: queued" in done.text and f"study {other}: no longer failed" in done.text
    assert [line.reason for line in operations.failures(engine)] == ["no-memory"]
    (entry,) = audit.entries(engine, study_id=study_id, limit=1)
    assert (entry.actor, entry.action, entry.detail) == ("Dr A", "study.requeue", {"reason": "worker mended"})
    again = reader.post("/operations/requeue", token=reader.token(), **fields)
    assert f"study {study_id}: no longer failed" in again.text, "asking twice changes nothing"


def test_a_refused_delivery_is_sent_again(engine: Engine, sit_down: Open) -> None:
    study_id = cast.image_arrives(engine, "sent")
    cast.analysed(engine, study_id, cast.flagged())
    (row,) = evidence.list_deliveries(engine)
    evidence.refused(engine, row.id, 0xA700, "SENTINEL is full")
    reader = sit_down("Dr A")
    assert f"delivery {row.id}" in reader.get("/operations/retry?peer=PACS").text
    done = reader.post("/operations/retry", token=reader.token(), reason="PACS", item=[row.id])
    assert f"delivery {row.id}: due now" in done.text
    assert evidence.list_deliveries(engine)[0].state == "pending"


def test_nothing_is_asked_again_without_the_form(engine: Engine, sit_down: Open) -> None:
    study_id = failed(engine, "broken", "timeout")
    reader = sit_down("Dr A")
    fields = {"reason": "timeout", "item": [study_id]}
    assert reader.post("/operations/requeue", token="forged", **fields).status_code == 403
    assert reader.post("/operations/requeue", token=reader.token(), reason="timeout").status_code == 403
    assert len(operations.failures(engine)) == 1


def test_what_the_order_saved_says_why_it_cannot_be_known(engine: Engine, sit_down: Open) -> None:
    reader = sit_down("Dr A")
    assert 'id="worth"' in reader.get("/operations").text
    assert "Cannot be computed: no study was opened" in reader.get("/operations/worth").text
    assert "Cannot be computed: no study was opened" in reader.get("/operations").text


def test_what_the_order_saved_is_the_difference_to_first_come_first_served(
    engine: Engine, sit_down: Open
) -> None:
    ids = [cast.image_arrives(engine, f"s{n}", waited_minutes=300 - n) for n in range(24)]
    cast.analysed(engine, ids[-1], cast.flagged())
    with transaction(engine) as connection:
        # The last to arrive was opened first; all others a minute later each, in their order.
        opening = text(
            "UPDATE worklist_item SET state = 'COMPLETED', completed_at = now(), "
            "opened_at = now() - make_interval(mins => :m) WHERE study_id = :id"
        )
        for place, study_id in enumerate([ids[-1], *ids[:-1]]):
            connection.execute(opening, {"m": 100 - place, "id": study_id})
    reader = sit_down("Dr A")
    page = reader.get("/operations/worth").text
    assert "saved 23.0 min each" in page and "cost 1.0 min each" in page
    assert "too few days" in page, "one day says nothing of the next"
    assert "This week triage saved each flagged study 23 min" in reader.get("/operations").text


def test_what_the_order_saved_is_kept_for_minutes_and_never_asked_of_too_many(engine: Engine) -> None:
    until = datetime.now(UTC)
    for number in range(4):
        cast.image_arrives(engine, f"s{number}")
    assert operations.replayable(engine, until - WEEK, 3) == 4
    kept = Worths()
    first = kept.this_week(engine, until)
    assert kept.this_week(engine, until + timedelta(minutes=4)) is first
    assert kept.this_week(engine, until + timedelta(minutes=6)) is not first


def test_an_interval_needs_several_days_and_leaves_chance_unsaid(engine: Engine) -> None:
    read_week(engine)
    until = datetime.now(UTC)
    found = against_arrival(ledger.waited(engine, until - WEEK, until), until - WEEK, until)
    flagged, others, everybody = found.lines
    assert found.openings == 30 and (flagged.kind, others.kind, everybody.kind) == (
        "flagged",
        "unflagged",
        "all",
    )
    assert flagged.low is not None and 0 < flagged.low <= flagged.saved and not flagged.chance
    assert others.high is not None and others.saved <= others.high < 0
    # The same openings in both: what one kind saves, the other pays.
    assert abs(flagged.saved * flagged.studies + others.saved * others.studies) < 1e-6
    assert everybody.chance


def test_an_address_that_is_none_is_an_answer_and_stays_unsaid(sit_down: Open) -> None:
    page = sit_down("Dr A", redis={"url": "http://user:secret@127.0.0.1"}).get("/operations")
    assert page.status_code == 200 and "redis.url: is not a Redis URL" in page.text
    assert "secret" not in page.text


def test_the_page_tells_who_set_the_order_and_which_sender_is_silent(engine: Engine, sit_down: Open) -> None:
    reader = sit_down("Dr A", dicom={"peers": [{"ae_title": "CT_EMERGENCY"}, {"ae_title": "CR_ROOM_1"}]})
    page = reader.get("/operations").text
    assert "nobody has changed it" in page and "0 of the last 0 openings" in page
    cast.image_arrives(engine, "one")
    worklist_policy.stop(engine, cast.POLICY, "Dr Lead", "the flags were wrong tonight")
    page = reader.get("/operations").text
    assert "human</strong>, set by Dr Lead" in page and "the flags were wrong tonight" in page
    assert "CT_EMERGENCY</th><td>0</td>" in page and page.count("CR_ROOM_1</th>") == 1
    assert "<code>triage run worker</code>" in page and "`" not in page


def test_live_and_shadow_models_are_named_with_who_set_them_and_why(engine: Engine, sit_down: Open) -> None:
    reader = sit_down("Dr A")
    assert "Live: the shipped bundles." in reader.get("/operations").text
    for version, letter in (("1.1.0", "a"), ("1.2.0", "b"), ("1.3.0", "c")):
        models.register(engine, facts(version=version, letter=letter), "Dr Lead")
    models.promote(engine, "vertebra-fresh", "1.1.0", "Dr Lead", "better on our films")
    models.promote(engine, "vertebra-fresh", "1.2.0", "Dr Lead", "better still")
    shadows.begin(engine, "vertebra-fresh", "1.3.0", "Dr Lead", "new training")
    page = reader.get("/operations").text
    for words in (
        "better still",
        "new training",
        "<td>live</td><td>1.2.0</td>",
        "<td>previous</td><td>1.1.0</td>",
    ):
        assert words in page
    assert "In shadow: vertebra-fresh@1.3.0." in page
    assert "vertebra-fresh@1.2.0 answers, and is not in" in page, "its folder is not on this host"
