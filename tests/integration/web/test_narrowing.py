"""Search, filters, saved views, columns and looks: what they show, and what never gets into an address."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import httpx2 as httpx
import pytest
from sqlalchemy import Engine, text

from tests import worklist_cast as cast
from tests.web_site import PlainReader, serving
from triage.domain.errors import Refused
from triage.domain.reading import Column, Filters
from triage.domain.worklist import Tab
from triage.embedded.service import wait_until
from triage.store import queries, reader_side, saved_views, schema, worklist
from triage.store.engine import transaction

Open = Callable[..., PlainReader]


def _rows(text: str) -> list[int]:
    return [int(found) for found in re.findall(r'<tr id="s(\d+)"', text)]


def _follow(reader: PlainReader, answer: httpx.Response) -> str:
    assert answer.status_code == 303
    assert "SENTINEL" not in answer.headers["location"] and "sato" not in answer.headers["location"].lower()
    return reader.get(answer.headers["location"]).text


@pytest.fixture
def three(engine: Engine) -> list[int]:
    """Three studies of three patients."""
    names = ("SATO^HANA", "MORI^KEN", "Yamada^Tarou=山田^太郎")
    return [
        cast.image_arrives(engine, f"n{n}", patient_name=name, calling_ae=f"CR_{n}", waited_minutes=9 - n)
        for n, name in enumerate(names)
    ]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("sato", [0]),
        ("SATO, HA", [0]),
        ("ken", [1]),
        ("mori^ken", [1]),
        ("太郎", [2]),
        (f"{cast.PATIENT_ID}-n1", [1]),
        (f"{cast.ACCESSION}-n2", [2]),
        ("a%", []),
        ("_", []),
        ("", [0, 1, 2]),
    ],
)
def test_a_search_finds_by_name_id_and_accession(
    engine: Engine, sit_down: Open, three: list[int], typed: str, found: list[int]
) -> None:
    reader = sit_down()
    page = _follow(reader, reader.post("/search", token=reader.token(), text=typed))
    assert _rows(page) == [three[number] for number in found]


def test_filters_narrow_the_list_and_the_tabs_count_what_matches(
    engine: Engine, sit_down: Open, three: list[int]
) -> None:
    cast.answer(engine, three[1], cast.flagged())
    reader = sit_down()
    for fields, found in (
        ({"source": "CR_2"}, [three[2]]),
        ({"modality": "cr"}, [three[1], three[0], three[2]]),
        ({"modality": "DX"}, []),
        ({"flag": "flagged"}, [three[1]]),
        ({"flag": "waiting"}, [three[0], three[2]]),
    ):
        page = _follow(reader, reader.post("/search", token=reader.token(), **fields))
        assert _rows(page) == found
        assert f"Unread <b>{len(found)}</b>" in page


def test_a_search_without_a_match_says_so_and_offers_the_way_back(
    engine: Engine, sit_down: Open, three: list[int]
) -> None:
    worklist.complete(engine, three[0], "Dr B")
    reader = sit_down()
    page = _follow(reader, reader.post("/search", token=reader.token(), text="sato"))
    assert "0 of the unread studies match “sato”." in page and "Show them all" in page
    everywhere = re.search(r'href="([^"]*)">Look in all studies', page)
    assert everywhere
    assert _rows(reader.get(everywhere[1].replace("&amp;", "&")).text) == [three[0]]


def test_a_search_belongs_to_its_reader(engine: Engine, sit_down: Open, three: list[int]) -> None:
    reader = sit_down("Dr A")
    address = reader.post("/search", token=reader.token(), text="sato").headers["location"]
    assert len(_rows(sit_down("Dr B").get(address).text)) == 3, "somebody else's id narrows nothing"
    assert len(_rows(sit_down("").get(address).text)) == 3


def test_typing_on_keeps_one_query_and_moves_the_address_in_place(
    engine: Engine, sit_down: Open, three: list[int]
) -> None:
    reader = sit_down()
    token = reader.token()
    reader.client.headers["hx-request"] = "true"
    first = reader.post("/search", token=token, text="sa").headers["hx-replace-url"]
    q = first.partition("q=")[2]
    again = reader.post("/search", token=token, text="sat", q=q)
    assert again.headers["hx-replace-url"] == first
    assert _rows(again.text) == [three[0]] and 'value="sat"' in again.text
    assert reader.post("/search", token=token, text="", q=q).headers["hx-replace-url"] == "/?tab=unread"


def test_a_saved_view_brings_back_its_tab_filters_and_columns(
    engine: Engine, sit_down: Open, three: list[int]
) -> None:
    reader = sit_down("Dr A")
    token = reader.token()
    where = reader.post("/search", token=token, source="CR_1", tab="all").headers["location"]
    q = where.partition("q=")[2]
    assert reader.post("/columns", token=token, column=["source", "why"]).status_code == 303
    assert reader.post("/views", token=token, name="Room 1", tab="all", q=q).status_code == 303
    reader.post("/columns", token=token, column=["ai"])
    (view,) = reader_side.of_reader(engine, "Dr A").views
    page = _follow(reader, reader.get_without_following(f"/views/{view.id}"))
    assert _rows(page) == [three[1]] and 'id="tab-all" href="/?tab=all' in page
    assert '<td class="source">CR_1</td>' in page and '<td class="ai">' not in page
    assert list(reader_side.of_reader(engine, "Dr B").views) == []
    assert sit_down("Dr B").get(f"/views/{view.id}").status_code == 404
    assert reader.post(f"/views/{view.id}/forget", token=token).status_code == 303
    assert list(reader_side.of_reader(engine, "Dr A").views) == []


def test_no_view_holds_a_search_and_a_search_is_forgotten_after_a_shift(
    engine: Engine, sit_down: Open, three: list[int]
) -> None:
    reader = sit_down("Dr A")
    token = reader.token()
    q = reader.post("/search", token=token, text="sato", source="CR_0").headers["location"].partition("q=")[2]
    for own in ({}, {"shared": "true"}):
        refused = reader.post("/views", token=token, name="Night", q=q, **own)
        assert refused.status_code == 403 and "no search for one patient" in refused.text
    with pytest.raises(Refused):
        saved_views.save(engine, "Dr A", "Night", Tab.ALL, Filters(text="sato"), ())
    with transaction(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM saved_view")).scalar_one() == 0
        older = "UPDATE stored_query SET used_at = used_at - interval '13 hours'"
        connection.execute(text(older))
    assert queries.expire(engine) == 1


def test_a_view_of_an_older_version_shows_no_search(engine: Engine, three: list[int]) -> None:
    saved_views.save(engine, "Dr A", "Old", Tab.ALL, Filters(source="CR_0"), ())
    with transaction(engine) as connection:
        connection.execute(text("""UPDATE saved_view SET filters = jsonb_set(filters, '{text}', '"sato"')"""))
    (view,) = reader_side.of_reader(engine, "Dr A").views
    assert view.filters == Filters(source="CR_0")
    schema.downgrade(engine, "0009")
    schema.upgrade(engine)
    with transaction(engine) as connection:
        assert "sato" not in str(connection.execute(text("SELECT filters FROM saved_view")).all())


def test_what_an_older_version_writes_later_is_stripped_by_the_page_s_upkeep(
    engine: Engine, three: list[int], tmp_path: Path
) -> None:
    saved_views.save(engine, "Dr A", "Old", Tab.ALL, Filters(source="CR_0"), ())
    with transaction(engine) as connection:
        connection.execute(text("""UPDATE saved_view SET filters = jsonb_set(filters, '{text}', '"sato"')"""))
    with serving(tmp_path, engine.url.render_as_string(hide_password=False)):
        assert wait_until(lambda: _stored_filters(engine) == [asdict(Filters(source="CR_0"))], 30)
    assert saved_views.strip_searches(engine) == 0


def _stored_filters(engine: Engine) -> list[object]:
    with transaction(engine) as connection:
        return list(connection.execute(text("SELECT filters FROM saved_view")).scalars())


def test_a_shared_view_is_everybodys(engine: Engine, sit_down: Open, three: list[int]) -> None:
    reader = sit_down("Dr A")
    token = reader.token()
    reader.post("/views", token=token, name="Night", shared="true")
    (view,) = reader_side.of_reader(engine, "Dr B").views
    assert (view.name, view.owner) == ("Night", "Dr A")
    other = sit_down("Dr B")
    assert other.post(f"/views/{view.id}/forget", token=other.token()).status_code == 404


def test_no_reader_loses_a_column_that_a_row_cannot_be_read_without(engine: Engine, sit_down: Open) -> None:
    reader = sit_down("Dr A")
    reader.post("/columns", token=reader.token(), column=["source", "nonsense"])
    chosen = saved_views.chosen_columns(engine, "Dr A")
    assert {Column.BAND, Column.WHY, Column.WAIT, Column.PATIENT, Column.STUDY, Column.CLAIM} < set(chosen)
    assert Column.SOURCE in chosen and Column.AI not in chosen


def test_nobody_narrows_or_saves_without_a_name(engine: Engine, sit_down: Open, three: list[int]) -> None:
    stranger = sit_down("")
    for path in ("/search", "/views", "/columns", "/views/1/forget"):
        assert stranger.post(path, name="x", text="sato").status_code == 403


def test_a_look_is_remembered_by_the_browser_and_holds_our_words_alone(
    engine: Engine, sit_down: Open, three: list[int]
) -> None:
    reader = sit_down("Dr A")
    assert 'data-theme="system"' in reader.get().text
    reader.post("/look", theme="light", density="compact", names="private")
    text = reader.get(f"/?study={three[0]}").text
    assert 'data-theme="light" data-density="compact"' in text
    assert "SATO" not in text and "SENTINEL" not in text and "name hidden" in text
    reader.post("/look", theme="<script>", names="open")
    assert 'data-theme="light"' in reader.get().text and "SATO, HANA" in reader.get().text
    reader.client.cookies.set("triage_look", '"><script>.x.y', domain="127.0.0.1")
    assert "<script>.x" not in reader.get().text
