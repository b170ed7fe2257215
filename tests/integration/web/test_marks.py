"""Notes and labels: they move nothing, can be taken back, and a note's words stay in the database and on the page."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text

from tests import worklist_cast as cast
from tests.web_site import PlainReader
from triage.store import audit, worklist
from triage.store.engine import transaction

Open = Callable[..., PlainReader]
WORDS = "SENTINEL-NOTE: the daughter called\nsecond line"


def test_a_note_is_shown_counted_audited_by_number_and_moves_nothing(
    engine: Engine, sit_down: Open, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ids = [cast.image_arrives(engine, f"n{n}", waited_minutes=9 - n) for n in range(2)]
    before = worklist.row(engine, ids[1])
    reader = sit_down("Dr A")
    answer = reader.post(f"/studies/{ids[1]}/notes", token=reader.token(), study=ids[1], text=WORDS)
    assert answer.status_code == 303 and "SENTINEL" not in answer.headers["location"]
    after = worklist.row(engine, ids[1])
    assert (after.version, after.key, after.notes) == (before.version, before.key, 1)
    assert cast.order(engine) == ids
    listed, opened = reader.get().text, reader.get(f"/?study={ids[1]}").text
    assert "1 note" in listed and "SENTINEL-NOTE" not in listed
    assert WORDS in opened and "Wrote a note, Dr A" in opened
    (said, *_) = audit.entries(engine, study_id=ids[1])
    assert said.action == "note.write" and "SENTINEL" not in str(said)
    told = capsys.readouterr()
    assert "SENTINEL" not in told.out + told.err + caplog.text


def test_a_note_is_withdrawn_by_its_writer_and_comes_back(engine: Engine, sit_down: Open) -> None:
    study_id = cast.image_arrives(engine, "one")
    reader = sit_down("Dr A")
    token = reader.token()
    reader.client.headers["hx-request"] = "true"
    said = reader.post(f"/studies/{study_id}/notes", token=token, study=study_id, text=WORDS).text
    found = re.search(rf'action="(/studies/{study_id}/notes/\d+/withdraw)"', said)
    assert found and "Note written." in said
    gone = reader.post(found[1], token=token, study=study_id).text
    assert "Note withdrawn." in gone and "SENTINEL-NOTE" not in gone
    assert worklist.row(engine, study_id).notes == 0
    assert reader.post(found[1], token=token).status_code == 409
    back = reader.post(found[1].replace("withdraw", "restore"), token=token, study=study_id).text
    assert "SENTINEL-NOTE" in back and worklist.row(engine, study_id).notes == 1
    done = [entry.action for entry in audit.entries(engine, study_id=study_id)]
    assert done[:3] == ["note.restore", "note.withdraw", "note.write"]


def test_what_was_written_or_done_on_another_day_says_which(engine: Engine, sit_down: Open) -> None:
    study_id = cast.image_arrives(engine, "one")
    reader = sit_down("Dr A")
    reader.post(f"/studies/{study_id}/notes", token=reader.token(), study=study_id, text=WORDS)
    with transaction(engine) as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))  # the audit is append-only
        then = connection.execute(
            text("UPDATE note SET at = at - interval '2 days' RETURNING at")
        ).scalar_one()
        connection.execute(text("UPDATE audit SET at = :then WHERE action = 'note.write'"), {"then": then})
    page = reader.get(f"/?study={study_id}").text
    day = f"{then.astimezone():%Y-%m-%d %H:%M}"
    assert f"Withdraw the note of Dr A, {day}" in page
    assert re.search(rf">{day}</time> Wrote a note, Dr A", page)


@pytest.mark.parametrize("words", ["", " \n ", "\u0000", "x" * 501])
def test_a_note_without_words_or_with_too_many_is_refused_in_words(
    engine: Engine, sit_down: Open, words: str
) -> None:
    study_id = cast.image_arrives(engine, "one")
    reader = sit_down("Dr A")
    answer = reader.post(f"/studies/{study_id}/notes", token=reader.token(), text=words)
    assert answer.status_code == 403 and "A note has 1 to 500 letters" in answer.text
    assert worklist.row(engine, study_id).notes == 0
    assert reader.post("/studies/9999/notes", token=reader.token(), text="x").status_code == 404


def test_a_label_is_one_of_the_sites_words_and_can_be_taken_off(engine: Engine, sit_down: Open) -> None:
    study_id = cast.image_arrives(engine, "one")
    site = {"worklist": {"labels": [{"word": "night round", "colour": "hot"}]}}
    reader = sit_down("Dr A", **site)
    token, address = reader.token(), f"/studies/{study_id}/labels"
    assert reader.post(address, token=token, on="night round").status_code == 303
    assert '<span class="label hot">night round</span>' in reader.get().text
    assert worklist.row(engine, study_id).labels == ("night round",)
    refused = reader.post(address, token=token, on="teaching")
    assert refused.status_code == 403 and "The labels are: night round." in refused.text
    other = sit_down("Dr B")  # the site no longer has the word: it stays, and can be taken off
    assert '<span class="label grey">night round</span>' in other.get().text
    other.post(address, token=other.token(), off="night round")
    assert worklist.row(engine, study_id).labels == ()
    done = [(entry.actor, entry.action) for entry in audit.entries(engine, study_id=study_id)]
    assert done[:2] == [("Dr B", "label.unset"), ("Dr A", "label.set")]


def test_what_people_wrote_cannot_become_markup(engine: Engine, sit_down: Open) -> None:
    study_id = cast.image_arrives(engine, "one")
    reader = sit_down("Dr A")
    reader.post(f"/studies/{study_id}/notes", token=reader.token(), text="<script>alert(1)</script>")
    assert "<script>alert" not in reader.get(f"/?study={study_id}").text
