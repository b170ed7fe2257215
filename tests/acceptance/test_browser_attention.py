"""The attention map in a real browser: `h` shows and hides it, and says plainly where there is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from sqlalchemy import Engine

from tests import web_night
from tests import worklist_cast as cast
from tests.web_browser import Seat
from tests.web_site import serving

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
    assert asked == [f"{seat.address}/studies/{study_id}/attention"]
    seat.page.click(f"#o{studies[0]}")
    seat.page.wait_for_selector(f"#drawer[data-study='{studies[0]}']")
    seat.page.keyboard.press("h")
    seat.page.wait_for_selector("#message >> text=There is no attention map of this study.")
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
