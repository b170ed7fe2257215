"""An error that nobody foresaw, as a reader meets it: a number to ask by, on the whole page and beside an act."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from tests import worklist_cast as cast
from tests.web_browser import Seat
from triage.store import worklist
from triage.worklist.actions import Desk

pytestmark = pytest.mark.timeout(300)
Sit = Callable[..., Seat]
REFERENCE = re.compile(r"Ref ([0-9a-f]{12})\b")


def fail(*_: object, **__: object) -> None:
    raise RuntimeError("SENTINEL^NAME")


def test_an_act_that_fails_gives_its_number_and_the_list_stays(
    engine: Engine, sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    study_id = cast.image_arrives(engine, "one")
    seat = sit()
    seat.page.wait_for_selector(f"#s{study_id}")
    with monkeypatch.context() as broken:
        broken.setattr(Desk, "act", fail)
        seat.page.click(f"#s{study_id} >> text=Claim")
        seat.page.wait_for_selector("#message >> text=Look at the row before you try again.")
    said = seat.page.inner_text("#message")
    assert REFERENCE.search(said) and "SENTINEL" not in said
    assert seat.barriers() == []
    seat.page.click(f"#s{study_id} >> text=Claim")
    seat.page.wait_for_selector(f"#s{study_id} >> text=You")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_page_that_fails_leads_back_to_the_list(
    engine: Engine, sit: Sit, monkeypatch: pytest.MonkeyPatch, theme: str
) -> None:
    study_id = cast.image_arrives(engine, "one")
    seat = sit(theme=theme)
    with monkeypatch.context() as broken:
        broken.setattr(worklist, "counts", fail)
        seat.page.goto(seat.address)
        seat.page.wait_for_selector("text=Could not show this")
        assert REFERENCE.search(seat.page.inner_text("main"))
        assert seat.barriers() == []
    seat.page.click("text=Back to the list")
    seat.page.wait_for_selector(f"#s{study_id}")
