"""The attention map in a real browser: `h` shows and hides it, and says plainly where there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from sqlalchemy import Engine

from tests import web_night
from tests import worklist_cast as cast
from tests.web_browser import Seat
from tests.web_site import serving
from triage.store import previews
from triage.store.engine import transaction

pytestmark = pytest.mark.timeout(300)
Sit = Callable[..., Seat]
LABEL = "attention map, low resolution, not a lesion outline"
OVER = """() => {
  const [under, over] = document.querySelectorAll('#key-image img');
  const [a, b] = [under.getBoundingClientRect(), over.getBoundingClientRect()];
  return over.naturalWidth === under.naturalWidth && [a.x - b.x, a.y - b.y, a.width - b.width, a.height - b.height]
    .every((off) => Math.abs(off) < 1);
}"""


def flagged(engine: Engine) -> int:
    """Return a study with a flag and a key image with its map."""
    study_id = cast.image_arrives(engine, "flagged", waited_minutes=60)
    cast.analysed(engine, study_id, cast.flagged())
    web_night.key_image(engine, study_id)
    return study_id


def test_h_lays_the_map_over_the_key_image_and_takes_it_away(
    engine: Engine, sit: Sit, studies: list[int]
) -> None:
    study_id = flagged(engine)
    seat = sit()
    seat.page.focus(f"#s{study_id}")
    seat.page.keyboard.press("h")
    seat.page.wait_for_selector(f"#attention[open] >> text={LABEL}")
    seat.page.wait_for_function(OVER)
    assert seat.barriers() == []
    cast.image_arrives(engine, "meanwhile")
    seat.page.wait_for_selector("#pending >> text=1 new")
    assert seat.page.is_visible(f"#attention >> text={LABEL}"), "a change leaves it shown"
    seat.page.keyboard.press("h")
    seat.page.wait_for_selector(f"#attention >> text={LABEL}", state="hidden")
    assert seat.page.is_visible("#key-image img >> nth=0"), "the picture stays"
    asked = [address for address in seat.addresses if "/attention" in address]
    assert len(asked) == 1 and asked[0].startswith(f"{seat.address}/studies/{study_id}/attention?of=")
    seat.page.click(f"#o{studies[0]}")
    seat.page.wait_for_selector(f"#drawer[data-study='{studies[0]}']")
    seat.page.keyboard.press("h")
    seat.page.wait_for_selector("#message >> text=There is no attention map of this study.")
    assert seat.complaints == []


def test_a_new_answer_brings_its_own_picture_and_map_to_the_open_drawer(
    engine: Engine, sit: Sit, studies: list[int]
) -> None:
    study_id = flagged(engine)
    seat = sit()
    seat.page.focus(f"#s{study_id}")
    seat.page.keyboard.press("h")
    seat.page.wait_for_selector(f"#attention[open] >> text={LABEL}")
    seat.page.wait_for_function(OVER)
    before = seat.page.get_attribute("#key-image img >> nth=0", "src")
    lent = cast.image_arrives(engine, "lends its answer's number", waited_minutes=5)
    cast.analysed(engine, lent, cast.flagged())
    web_night.key_image(engine, lent)
    number = previews.known(engine, lent).analysis_id  # type: ignore[union-attr]  # it was just made
    map_ = previews.find_attention(engine, lent, number)
    with transaction(engine) as connection:
        picture = replace(previews.find(engine, lent, number), attention=map_)
        previews.record(connection, study_id, number, picture)
    cast.image_arrives(engine, "meanwhile")
    seat.page.wait_for_function(
        "before => document.querySelector('#key-image img')?.getAttribute('src') !== before", arg=before
    )
    found = seat.page.get_attribute("#key-image img >> nth=0", "src")
    assert found is not None and seat.page.get_attribute("#attention img", "src") == found.replace(
        "preview", "attention"
    )
    assert seat.page.is_visible(f"#attention >> text={LABEL}"), "what the reader opened stays open"
    assert seat.complaints == []


def test_in_triage_mode_h_says_that_the_map_is_not_shown(
    engine: Engine, browser: Browser, tmp_path: Path
) -> None:
    study_id = flagged(engine)
    url = engine.url.render_as_string(hide_password=False)
    with serving(tmp_path, url) as served:
        seat = Seat(browser, served.address)
        seat.sit_down("Dr A")
        seat.live()
        seat.page.focus(f"#s{study_id}")
        seat.page.keyboard.press("h")
        seat.page.wait_for_selector("#message >> text=the attention map is not shown in this mode")
        assert not seat.page.query_selector("#attention")
        assert not [address for address in seat.addresses if "/attention" in address]
        assert seat.complaints == []
        seat.page.context.close()
