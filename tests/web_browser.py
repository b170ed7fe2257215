"""A real headless Chromium for the tests of the page, and what it must never do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tests.peers import foreign_program

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield Debian's Chromium; where the suite must be complete, its absence is a failure."""
    program = foreign_program("chromium", "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield browser
        browser.close()


class Seat:
    """One reader's browser: it records every address it asks for and everything the console complains of.

    A `deaf` one hears of no change: what it shows is what it showed when it was opened.
    A `lonely` one knows no SharedWorker: its tabs share nothing.
    """

    def __init__(
        self,
        browser: Browser,
        address: str,
        *,
        scripts: bool = True,
        deaf: bool = False,
        width: int = 1440,
        theme: Literal["dark", "light"] = "dark",
        lonely: bool = False,
    ) -> None:
        context = browser.new_context(
            java_script_enabled=scripts,
            viewport={"width": width, "height": 860},
            reduced_motion="reduce",
            color_scheme=theme,
        )
        if lonely:
            context.add_init_script("delete globalThis.SharedWorker")
        self.page: Page = context.new_page()
        self.page.set_default_timeout(30_000)
        self.addresses: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.addresses.append(request.url))
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        if deaf:
            self.page.route("**/feed", lambda route: route.abort())
            self.page.route("**/list?*", lambda route: route.abort())
        self.address = address
        self.page.goto(address)

    def _hear(self, message: object) -> None:
        kind, text = getattr(message, "type", ""), getattr(message, "text", "")
        # An answer of 4xx or 5xx is also reported here; which ones are right is the test's business.
        if kind == "error" and "Failed to load resource" not in text:
            self.complaints.append(text)

    def sit_down(self, name: str) -> None:
        """Say who reads here."""
        self.page.fill("#name", name)
        self.page.click("text=Start reading")
        self.page.wait_for_selector("text=Next study")

    def live(self) -> None:
        """Wait until the feed is open, and the list that an open feed asks for is there."""
        self.page.wait_for_selector("#live.good")
        self.page.wait_for_selector("#refresh:not(.htmx-request)", state="attached")

    def order(self) -> list[int]:
        """Return the row ids as they stand on the screen."""
        read = "rows => rows.map(row => Number(row.dataset.study))"
        found = self.page.eval_on_selector_all("#rows > tr", read)
        return list(found)

    def await_order(self, wanted: list[int]) -> None:
        """Wait until the rows stand in that order."""
        self.page.wait_for_function(
            "wanted => [...document.querySelectorAll('#rows > tr')].map(row => row.dataset.study).join()"
            " === wanted.join()",
            arg=wanted,
        )

    def await_focus(self, wanted: str) -> None:
        """Wait until the element of that id has the focus: a key pressed while a list settles is taken afterwards."""
        self.page.wait_for_function("wanted => document.activeElement.id === wanted", arg=wanted)

    def focused(self) -> str:
        """Return the id of the element that has the focus."""
        found: str = self.page.evaluate("document.activeElement.id")
        return found

    def barriers(self) -> list[str]:
        """Return what axe-core finds that would keep somebody out."""
        found = Axe().run(self.page, options={**WCAG, "resultTypes": ["violations"]}).response
        return [
            f"{violation['id']}: {node['html'][:160]}"
            for violation in found["violations"]
            for node in violation["nodes"]
        ]
