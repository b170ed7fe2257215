"""A night with the keyboard alone, and two readers at one list, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Route
from sqlalchemy import Engine, text

from tests import worklist_cast as cast
from tests.web_browser import Seat
from triage.domain.reading import Verdict
from triage.domain.worklist import WorklistState
from triage.store import opinions, reader_side, worklist

pytestmark = pytest.mark.timeout(300)
Sit = Callable[..., Seat]


def test_ten_studies_are_read_with_the_keyboard_alone(engine: Engine, sit: Sit) -> None:
    ids = [cast.image_arrives(engine, f"t{n}", waited_minutes=60 - n) for n in range(10)]
    for study_id in ids:
        cast.closed(engine, study_id)
    seat = sit()
    keys = seat.page.keyboard
    for number, study_id in enumerate(ids, 1):
        keys.press("n")
        seat.page.wait_for_selector(f"#drawer[data-study='{study_id}']")
        keys.press("r")
        seat.page.wait_for_function(
            "left => document.querySelectorAll('#rows > tr').length === left", arg=10 - number
        )
    assert {worklist.row(engine, study_id).state for study_id in ids} == {WorklistState.COMPLETED}
    assert {worklist.row(engine, study_id).completed_by for study_id in ids} == {"Dr A"}
    keys.press("n")
    seat.page.wait_for_selector("#message >> text=Nothing is waiting that nobody reads.")
    keys.press("Escape")
    seat.page.wait_for_selector(".empty >> text=Nothing waiting.")
    assert seat.complaints == []


def test_every_act_of_the_drawer_has_its_key(engine: Engine, sit: Sit, studies: list[int]) -> None:
    cast.answer(engine, studies[1], cast.flagged())
    first = studies[1]
    seat = sit()
    keys = seat.page.keyboard
    keys.press("g")
    seat.page.wait_for_function("id => document.activeElement.id === id", arg=f"s{first}")
    keys.press("2")
    seat.page.wait_for_selector("#drawer .chip >> text=artefact")
    assert [said.verdict for said in opinions.of_study(engine, first)] == [Verdict.DISAGREE]
    keys.press("1")
    seat.page.wait_for_selector("text=readers agreed with 1 of 1 flags they judged")
    keys.press("s")
    seat.page.wait_for_selector("#drawer >> text=End skip")
    assert first in reader_side.of_reader(engine, "Dr A").skipped
    keys.press("z")
    seat.page.wait_for_selector("#drawer >> text=Skip 15 min")
    keys.press("x")
    seat.page.wait_for_function("() => document.activeElement.id === 'lower-reason'")
    seat.page.select_option("#lower-reason", "known-old")
    seat.page.click("#lower >> button:has-text('Move down')")
    seat.page.wait_for_selector(f"#s{first} >> text=Moved down by Dr A: known old fracture")
    assert seat.order() == studies, "what one did oneself shows at once"
    keys.press("z")
    seat.page.wait_for_selector(f"#s{first} >> text=Look sooner")
    keys.press("p")
    seat.page.wait_for_function("() => document.activeElement.id === 'note'")
    keys.type("surgeon waiting")
    keys.press("Enter")
    seat.page.wait_for_selector(f"#s{first} >> text=Pinned by Dr A: surgeon waiting")
    assert seat.complaints == []


def test_an_open_form_acts_on_the_study_as_one_s_own_act_left_it(
    engine: Engine, sit: Sit, studies: list[int]
) -> None:
    cast.answer(engine, studies[1], cast.flagged())
    seat = sit()
    seat.page.click(f"#o{studies[1]}")
    seat.page.click("#lower summary")
    seat.page.select_option("#lower-reason", "known-old")
    worklist.claim(engine, studies[1], "Dr B")
    worklist.release(engine, studies[1], "Dr B", worklist.row(engine, studies[1]).version)
    seat.page.click("#lower >> button:has-text('Move down')")
    seat.page.wait_for_selector("#message.trouble")
    seat.page.click("#lower >> button:has-text('Move down')")
    seat.page.wait_for_selector(f"#s{studies[1]} >> text=Moved down by Dr A: known old fracture")
    assert seat.complaints == []


def test_what_is_typed_for_a_field_on_its_way_lands_there_and_does_nothing_else(
    engine: Engine, sit: Sit, studies: list[int]
) -> None:
    seat = sit()
    held: list[Route] = []
    seat.page.route(re.compile(rf"/\?tab=.*study={studies[0]}$"), lambda route: held.append(route))
    keys = seat.page.keyboard
    keys.press("g")
    keys.press("p")
    keys.type("crash scene 1")
    while not held:
        seat.page.wait_for_timeout(20)
    for route in held:
        route.continue_()
    seat.page.wait_for_function("() => document.activeElement.id === 'note'")
    keys.type(", urgent")
    assert seat.page.input_value("#note") == "crash scene 1, urgent"
    assert {worklist.row(engine, study_id).state for study_id in studies} == {WorklistState.SCHEDULED}
    assert reader_side.of_reader(engine, "Dr A").skipped == {}
    keys.press("Enter")
    seat.page.wait_for_selector(f"#s{studies[0]} >> text=Pinned by Dr A: crash scene 1, urgent")
    keys.press("Escape")
    seat.page.wait_for_selector("#drawer", state="detached")
    keys.press("c")
    seat.page.wait_for_selector(f"#s{studies[0]} >> text=You")
    assert seat.complaints == []


def test_help_search_themes_views_and_names_have_keys(engine: Engine, sit: Sit, studies: list[int]) -> None:
    seat = sit()
    keys = seat.page.keyboard
    keys.press("?")
    seat.page.wait_for_selector("#help[open] >> text=bring in what waits")
    keys.press("Escape")
    seat.page.wait_for_selector("#help", state="hidden")
    keys.press("d")
    seat.page.wait_for_selector("html[data-theme='dark']")
    keys.press("t")
    seat.page.wait_for_selector("html[data-density='roomy']")
    keys.press("K")
    seat.page.wait_for_selector(f"#s{studies[0]} >> text=name hidden")
    assert "SENTINEL, NAME" not in seat.page.inner_text("body")
    seat.page.reload()
    seat.live()
    assert seat.page.get_attribute("html", "data-theme") == "dark", "the look is remembered"
    keys.press("K")
    seat.page.wait_for_selector(f"#s{studies[0]} >> text=SENTINEL, NAME")
    keys.press("/")
    keys.type("sentinel, name s3")
    seat.await_order([studies[3]])
    assert seat.focused() == "text" and seat.page.input_value("#text") == "sentinel, name s3"
    assert "sentinel" not in seat.page.url.lower() and "q=" in seat.page.url
    worklist.complete(engine, studies[3], "Dr B")
    seat.page.click("#unfilter")
    seat.await_order([*studies[:3], studies[4]])
    seat.page.click("#tab-read")
    seat.await_order([studies[3]])
    seat.page.click("#views > summary")
    seat.page.fill("#view-name", "read")
    seat.page.click("#views .save button")
    seat.page.wait_for_selector("#views >> text=Alt+1", state="attached")
    assert [view.name for view in reader_side.of_reader(engine, "Dr A").views] == ["read"]
    seat.page.click("#tab-unread")
    seat.await_order([*studies[:3], studies[4]])
    seat.live()
    keys.press("Alt+1")
    seat.await_order([studies[3]])
    assert not [address for address in seat.addresses if "sentinel" in address.lower()]
    assert seat.complaints == []


def test_an_accession_number_from_a_barcode_reader_finds_its_study(
    engine: Engine, sit: Sit, studies: list[int]
) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE study SET accession_number = '90210' WHERE id = :i"), {"i": studies[2]}
        )
    seat = sit()
    seat.page.keyboard.type("90210")
    seat.page.keyboard.press("Enter")
    seat.await_order([studies[2]])
    assert "90210" not in seat.page.url


def test_two_readers_work_one_list_and_neither_is_moved_by_the_other(
    engine: Engine, sit: Sit, studies: list[int]
) -> None:
    one, two = sit("Dr A"), sit("Dr B")
    one.page.keyboard.press("n")
    one.page.wait_for_selector(f"#drawer[data-study='{studies[0]}']")
    two.page.wait_for_selector(f"#s{studies[0]} >> text=Dr A")
    two.page.keyboard.press("n")
    two.page.wait_for_selector(f"#drawer[data-study='{studies[1]}']")
    one.page.wait_for_selector(f"#s{studies[1]} >> text=Dr B")
    two.page.keyboard.press("r")
    one.page.wait_for_selector("#pending >> text=1 left this list")
    assert one.order() == studies
    two.await_order([studies[0], *studies[2:]])
    one.page.keyboard.press(".")
    one.await_order([studies[0], *studies[2:]])
    assert one.complaints == two.complaints == []


def test_a_viewer_opens_in_its_own_window_by_uid_alone(engine: Engine, sit: Sit, studies: list[int]) -> None:
    seat = sit()
    asked: list[str] = []
    seat.page.context.on("request", lambda request: asked.append(request.url))
    seat.page.keyboard.press("g")
    with seat.page.context.expect_page() as opened:
        seat.page.keyboard.press("o")
    uid = worklist.row(engine, studies[0]).study_instance_uid
    wanted = f"http://127.0.0.1:9/viewer?studyUID={uid}"
    for _ in range(100):
        if wanted in asked:
            break
        seat.page.wait_for_timeout(50)
    assert wanted in asked and opened.value != seat.page
    assert seat.page.is_visible("#drawer"), "the list stays where it is"
