"""Opinions, skips, undo, viewers, key images: what a reader does beside claiming and reading."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from tests import worklist_cast as cast
from tests.web_site import PlainReader
from triage.config import build
from triage.domain.errors import ConfigError
from triage.domain.reading import KeyImage, Verdict
from triage.store import audit, opinions, previews, reader_side, worklist
from triage.store.engine import transaction

Open = Callable[..., PlainReader]
VIEWER = {
    "name": "IID",
    "url": "https://pacs.example/IID?requestType=STUDY&studyUID={study_uid}&a={accession}",
}


def test_an_opinion_is_kept_audited_counted_and_moves_nothing(engine: Engine, sit_down: Open) -> None:
    ids = [cast.image_arrives(engine, f"o{n}", waited_minutes=5 - n) for n in range(2)]
    for study_id in ids:
        cast.answer(engine, study_id, cast.flagged())
    before, row = cast.order(engine), worklist.row(engine, ids[0])
    reader = sit_down("Dr A")
    token = reader.token()
    assert reader.post(f"/studies/{ids[0]}/opinion", token=token, verdict="agree").status_code == 303
    reader.post(f"/studies/{ids[1]}/opinion", token=token, verdict="disagree", cause="artefact")
    page = reader.get(f"/?study={ids[1]}").text
    assert "readers agreed with 1 of 2 flags they judged" in page
    assert re.search(r'value="disagree"[^>]*aria-pressed="true"', page)
    assert re.search(r'value="artefact"[^>]*aria-pressed="true"', page)
    assert cast.order(engine) == before and worklist.row(engine, ids[0]) == row
    (said,) = opinions.of_study(engine, ids[1])
    assert (said.reader, said.verdict, said.cause) == ("Dr A", Verdict.DISAGREE, "artefact")
    assert "opinion.give" in [entry.action for entry in audit.entries(engine, study_id=ids[1])]


def test_an_opinion_can_be_changed_and_withdrawn(engine: Engine, sit_down: Open) -> None:
    study_id = cast.image_arrives(engine, "changed")
    cast.answer(engine, study_id, cast.flagged())
    reader = sit_down("Dr A")
    token = reader.token()
    for verdict in ("agree", "unsure"):
        reader.post(f"/studies/{study_id}/opinion", token=token, verdict=verdict)
    assert [said.verdict for said in opinions.of_study(engine, study_id)] == [Verdict.UNSURE]
    assert opinions.confirm_rate(engine).judged == 1
    reader.post(f"/studies/{study_id}/opinion", token=token)
    assert opinions.of_study(engine, study_id) == []
    done = [entry.action for entry in audit.entries(engine, study_id=study_id)]
    assert done[:3] == ["opinion.withdraw", "opinion.give", "opinion.give"]


def test_there_is_no_opinion_about_a_study_without_an_answer(engine: Engine, sit_down: Open) -> None:
    study_id = cast.image_arrives(engine, "unanswered")
    reader = sit_down("Dr A")
    answer = reader.post(f"/studies/{study_id}/opinion", token=reader.token(), verdict="agree")
    assert answer.status_code == 403 and "no answer to agree or disagree with" in answer.text
    assert reader.post("/studies/9999/opinion", token=reader.token(), verdict="agree").status_code == 404


def test_a_skip_is_the_readers_own_and_moves_no_row(engine: Engine, sit_down: Open) -> None:
    ids = [cast.image_arrives(engine, f"k{n}", waited_minutes=5 - n) for n in range(2)]
    for study_id in ids:
        cast.closed(engine, study_id)
    reader = sit_down("Dr A")
    assert reader.act("skip", ids[0], 1).status_code == 303
    assert cast.order(engine) == ids and "skipped by you until" in reader.get().text
    assert "skipped" not in sit_down("Dr B").get().text, "peers do not see it"
    assert reader.post("/next", token=reader.token()).headers["location"].endswith(f"study={ids[1]}")
    other = worklist.next_row(engine, "Dr B")
    assert other is not None and other.study_id == ids[0]
    assert "worklist.skip" in [entry.action for entry in audit.entries(engine, study_id=ids[0])]
    reader.act("unskip", ids[0], 1)
    assert reader_side.of_reader(engine, "Dr A").skipped == {}


@pytest.mark.parametrize(
    ("done", "undone"), [("claim", "release"), ("pin", "unpin"), ("skip", "unskip"), ("complete", "reopen")]
)
def test_every_act_says_how_it_is_undone(engine: Engine, sit_down: Open, done: str, undone: str) -> None:
    study_id = cast.image_arrives(engine, "undo")
    reader = sit_down("Dr A")
    token = reader.token()
    reader.client.headers["hx-request"] = "true"
    said = reader.post(f"/studies/{study_id}/{done}", token=token, version=1).text
    found = re.search(rf'action="/studies/{study_id}/{undone}".*?name="version" value="(\d+)"', said, re.S)
    assert found, said[-900:]
    back = reader.post(f"/studies/{study_id}/{undone}", token=token, version=int(found[1]))
    assert back.status_code == 200 and "Nothing changed" not in back.text


def test_a_pin_that_was_taken_away_comes_back_with_its_reason(engine: Engine, sit_down: Open) -> None:
    study_id = cast.image_arrives(engine, "pinned")
    worklist.pin(engine, study_id, "Dr A", note="surgeon waiting")
    reader = sit_down("Dr A")
    token = reader.token()
    reader.client.headers["hx-request"] = "true"
    said = reader.post(f"/studies/{study_id}/unpin", token=token, version=2).text
    assert 'name="note" value="surgeon waiting"' in said


def test_a_viewer_opens_by_uid_and_accession_and_the_opening_is_remembered(
    engine: Engine, sit_down: Open
) -> None:
    study_id = cast.image_arrives(engine, "viewed")
    reader = sit_down("Dr A", web={"viewers": [VIEWER]})
    assert f'href="/studies/{study_id}/viewer/0"' in reader.get(f"/?study={study_id}").text
    answer = reader.get_without_following(f"/studies/{study_id}/viewer/0")
    uid = worklist.row(engine, study_id).study_instance_uid
    assert answer.status_code == 303
    assert answer.headers["location"] == (
        f"https://pacs.example/IID?requestType=STUDY&studyUID={uid}&a={cast.ACCESSION}-viewed"
    )
    (entry, *_) = audit.entries(engine, study_id=study_id)
    assert (entry.actor, entry.action, entry.detail) == ("Dr A", "study.open", {"viewer": "IID"})
    assert reader.get_without_following(f"/studies/{study_id}/viewer/1").status_code == 404
    assert reader.get_without_following("/studies/9999/viewer/0").status_code == 404
    stranger = sit_down("", web={"viewers": [VIEWER]})
    assert stranger.get_without_following(f"/studies/{study_id}/viewer/0").status_code == 403


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert('{study_uid}')",
        "https://viewer.example/",
        "https://viewer.example/?name={patient_name}",
        "https://viewer.example/?id={patient_id}&s={study_uid}",
        "https://viewer.example/?s={study_uid",
        "https://viewer.example/?s={}",
    ],
)
def test_a_viewer_address_that_could_name_a_patient_or_run_a_script_is_refused(
    url: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="viewers"):
        build(tmp_path, {"web": {"viewers": [{"name": "x", "url": url}]}})


def test_the_key_image_is_for_readers_alone_and_never_kept(engine: Engine, sit_down: Open) -> None:
    study_id = cast.image_arrives(engine, "pictured")
    cast.analysed(engine, study_id, cast.flagged())
    reader = sit_down("Dr A")
    assert "Key image" not in reader.get(f"/?study={study_id}").text
    assert reader.get(f"/studies/{study_id}/preview?of=1").status_code == 404
    picture = KeyImage("2.25.1", "image/jpeg", 200, 256, b"\xff\xd8 small")
    with transaction(engine) as connection:
        newest = int(connection.execute(text("SELECT max(id) FROM analysis")).scalar_one())
        previews.record(connection, study_id, newest, picture)
    shown = f"/studies/{study_id}/preview?of={newest}"
    text_of = reader.get(f"/?study={study_id}").text
    assert "Compressed preview, not diagnostic" in text_of and f'src="{shown}"' in text_of
    answer = reader.get(shown)
    assert (answer.content, answer.headers["content-type"]) == (picture.content, "image/jpeg")
    assert answer.headers["cache-control"] == "no-store"
    assert sit_down("").get(shown).status_code == 403
    of_another = reader.get(f"/studies/{study_id}/preview?of={newest + 1}")
    assert of_another.status_code == 404, "a page of another answer does not get this one's picture"


def test_the_attention_map_is_shown_in_assist_mode_alone_and_goes_with_its_picture(
    engine: Engine, sit_down: Open
) -> None:
    study_id = cast.image_arrives(engine, "attended")
    cast.analysed(engine, study_id, cast.flagged())
    picture = KeyImage("2.25.1", "image/jpeg", 200, 256, b"\xff\xd8 small", b"\x89PNG map")
    with transaction(engine) as connection:
        newest = int(connection.execute(text("SELECT max(id) FROM analysis")).scalar_one())
        previews.record(connection, study_id, newest, picture)
    assisted = sit_down("Dr A", product={"mode": "assist"})
    page = assisted.get(f"/?study={study_id}").text
    shown = f"/studies/{study_id}/attention?of={newest}"
    assert f'src="{shown}"' in page
    assert "attention map, low resolution, not a lesion outline" in page
    answer = assisted.get(shown)
    assert (answer.content, answer.headers["content-type"]) == (picture.attention, "image/png")
    assert answer.headers["cache-control"] == "no-store"
    assert sit_down("", product={"mode": "assist"}).get(shown).status_code == 403
    plain = sit_down("Dr A")
    assert "not a lesion outline" not in plain.get(f"/?study={study_id}").text
    refused = plain.get(shown)
    assert refused.status_code == 403 and "not shown in this mode" in refused.text
    with transaction(engine) as connection:
        previews.record(connection, study_id, newest, replace(picture, attention=b""))
    assert "not a lesion outline" not in assisted.get(f"/?study={study_id}").text
    assert assisted.get(shown).status_code == 404
    with transaction(engine) as connection:
        previews.record(connection, study_id, newest, picture)
    assert assisted.get(f"/studies/{study_id}/attention?of={newest + 1}").status_code == 404
    with transaction(engine) as connection:
        previews.forget(connection, study_id)
        assert connection.execute(text("SELECT count(*) FROM attention_map")).scalar_one() == 0


def test_the_drawer_names_other_studies_of_the_patient_by_row_id(engine: Engine, sit_down: Open) -> None:
    first = cast.image_arrives(engine, "a")
    second = cast.image_arrives(engine, "b", description="C-spine 3 views")
    with transaction(engine) as connection:
        connection.execute(text("UPDATE study SET patient_id = 'SAME'"))
    page = sit_down("Dr A").get(f"/?study={first}").text
    assert "Other studies of this patient" in page and f"study={second}" in page and "C-spine 3 views" in page
    lonely = cast.image_arrives(engine, "c")
    assert "Other studies" not in sit_down("Dr A").get(f"/?study={lonely}").text


def test_a_wait_shows_when_the_study_is_due_and_how_far_it_is_over(engine: Engine, sit_down: Open) -> None:
    cast.image_arrives(engine, "fresh", waited_minutes=50)
    cast.image_arrives(engine, "late", waited_minutes=132)
    page = sit_down("Dr A").get().text
    assert re.search(r'class="due" [^>]*>(69|70)m<', page)
    assert re.search(r'class="due over" [^>]*>◷ \+0:12<', page)
    assert 'class="due' not in sit_down("Dr A", web={"due_minutes": {}}).get().text
