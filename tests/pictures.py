"""Takes the pictures of the guides anew, each looked at by axe-core first: python -m tests.pictures [NAME ...]

A real database, the real server, Debian's Chromium; the cast is a made-up night. Look at each picture before it is kept.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser
from sqlalchemy import Engine

from tests import services, web_night, worklist_cast
from tests.integration.web.operations_cast import busy_day, read_week
from tests.web_album import Theme, keep_small
from tests.web_browser import Seat, chromium
from tests.web_site import serving
from triage.store import marks, worklist_policy
from triage.store.engine import connect

FOLDER = Path(__file__).parents[1] / "ops" / "pictures"
VIEWERS = [{"name": "IID", "url": "http://127.0.0.1:9/viewer?studyUID={study_uid}"}]
Sit = Callable[..., Seat]


def keep(seat: Seat, name: str, height: int | None = None, *, whole: bool = False) -> None:
    """Keep what is on the screen, once nothing of it keeps anybody out."""
    barriers = seat.barriers()
    assert barriers == [], (name, barriers)
    path = FOLDER / f"{name}.png"
    keep_small(seat.page.screenshot(full_page=whole), path, height)
    print(f"{path.name}: {path.stat().st_size // 1024} kB")


def night(engine: Engine) -> list[int]:
    """Fill the list, with a note and labels; return its row ids."""
    ids = web_night.night(engine)
    web_night.judged(engine, ids)
    web_night.key_image(engine, ids[3])
    marks.write(engine, ids[3], "Dr Ito", "Seen at the trauma board: please compare with the outside film.")
    marks.set_label(engine, ids[3], "discuss", "Dr Ito")
    marks.set_label(engine, ids[0], "teaching", "Dr Ito")
    return ids


def opened(sit: Sit, study_id: int, **how: object) -> Seat:
    """Return a reader who has the study open, its key image shown."""
    seat = sit(**how)
    seat.page.click(f"#o{study_id}")
    seat.page.wait_for_selector("#drawer")
    seat.page.keyboard.press("v")
    seat.page.wait_for_function("() => document.querySelector('#key-image img').naturalWidth === 192")
    return seat


def lists(engine: Engine, sit: Sit, ids: list[int]) -> None:
    """The list, in both themes; the palette; the list on its way."""
    keep(sit(), "list-dark", 560)
    light = sit(theme="light")
    keep(light, "list-light", 560)
    light.page.keyboard.press("Control+k")
    light.page.keyboard.type("note")
    keep(light, "palette-light", 560)
    slow = sit()
    slow.page.route("**/?tab=all", lambda route: None)
    slow.page.click("#tab-all")
    slow.page.wait_for_selector(".skeleton")
    keep(slow, "loading-dark", 560)
    slow.page.wait_for_selector("#slow.card")
    keep(slow, "no-answer-dark", 560)


def details(engine: Engine, sit: Sit, ids: list[int]) -> None:
    """The details of a study, names hidden, and a change that waits."""
    seat = opened(sit, ids[3])
    seat.page.keyboard.press("2")
    seat.page.wait_for_selector("#drawer .chip >> text=artefact")
    seat.page.keyboard.press("h")
    seat.page.wait_for_selector("#attention[open]")
    seat.page.wait_for_timeout(11_000)  # the act's answer leaves the picture
    keep(seat, "details-dark")
    seat.page.locator("#noting").scroll_into_view_if_needed()
    keep(seat, "notes-dark")
    seat.page.keyboard.press("Escape")
    hidden = opened(sit, ids[3], width=1280)
    hidden.page.keyboard.press("K")
    hidden.page.wait_for_selector("#rows >> text=name hidden >> nth=0")
    keep(hidden, "hidden-1280-dark")
    waiting = opened(sit, ids[3], theme="light")
    worklist_cast.image_arrives(engine, "stat", requested="STAT", patient_name="NEW^PATIENT")
    waiting.page.wait_for_selector("#pending >> text=1 new (1 Stat)")
    keep(waiting, "pending-light")


def emptiness(engine: Engine, sit: Sit, ids: list[int]) -> None:
    """A list with nothing on it."""
    keep(sit(theme="light"), "empty-light", 300)


def operations(engine: Engine, sit: Sit, ids: list[int]) -> None:
    """The operations page of a busy day."""
    read_week(engine)
    busy_day(engine)
    worklist_policy.change(
        engine, worklist_cast.POLICY, worklist_cast.POLICY, "Dr Lead", "agreed by the department"
    )
    seat = sit()
    seat.page.click("text=Operations")
    seat.page.wait_for_selector("text=CR_ROOM_1")
    seat.page.click("#worth")
    seat.page.wait_for_selector("text=This week triage saved each flagged study")
    seat.page.click("text=Back to operations")
    seat.page.wait_for_selector("text=This week triage saved each flagged study")
    keep(seat, "operations", whole=True)


ALBUMS: dict[str, tuple[Callable[[Engine, Sit, list[int]], None], bool]] = {
    "lists": (lists, True),
    "details": (details, True),
    "empty": (emptiness, False),
    "operations": (operations, False),
}


def take(browser: Browser, name: str) -> None:
    """Take one album at a site of its own."""
    pictures, filled = ALBUMS[name]
    with services.database() as url, tempfile.TemporaryDirectory() as home:
        engine = connect(url)
        ids = night(engine) if filled else []
        product = {"mode": "assist", "site": "Phantom hospital"}
        with serving(Path(home), url, product=product, viewers=VIEWERS) as served:

            def sit(reader: str = "Dr A", width: int = 1440, theme: Theme = "dark") -> Seat:
                seat = Seat(browser, served.address, width=width, theme=theme)
                seat.sit_down(reader)
                seat.live()
                return seat

            pictures(engine, sit, ids)
        engine.dispose()


def main() -> None:
    """Take the albums that were named, or all of them."""
    with chromium() as browser:
        for name in sys.argv[1:] or ALBUMS:
            take(browser, name)


if __name__ == "__main__":
    main()
