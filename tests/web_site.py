"""A served page for tests: the real server in a thread, and a reader who acts without scripts."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2 as httpx

from triage.config import Settings, build
from triage.web import serve

OWN_LINK = {"sec-fetch-site": "same-origin"}


def settings_for(home: Path, database_url: str, **sections: dict[str, Any]) -> Settings:
    """Return a site's settings; who reads says so themselves, unless the test is about accounts."""
    web = {"accounts": "name", **sections.pop("web", {})}
    return build(home, {"database": {"url": database_url}, "web": web, **sections})


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@dataclass
class Served:
    """A running web process."""

    address: str
    stop: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serving(
    home: Path, database_url: str, *, viewers: list[dict[str, str]] | None = None, **sections: dict[str, Any]
) -> Iterator[Served]:
    """Run `triage run web` in a thread until the context ends."""
    port = free_port()
    web = {"viewers": viewers or [], **sections.pop("web", {}), "port": port}
    settings = settings_for(home, database_url, web=web, **sections)
    served = Served(f"http://127.0.0.1:{port}")
    thread = threading.Thread(target=serve, args=(settings, served.stop))
    thread.start()
    try:
        _await_ready(served.address)
        yield served
    finally:
        served.stop.set()
        thread.join(timeout=15)
        assert not thread.is_alive(), "the web process did not stop"


def _await_ready(address: str) -> None:
    for _ in range(300):
        try:
            if httpx.get(f"{address}/readyz", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError("the web process did not become ready")


class PlainReader:
    """A reader whose browser has no scripts: forms and links alone."""

    def __init__(self, client: httpx.Client, name: str = "") -> None:
        self.client = client
        self.origin = str(client.base_url).rstrip("/")
        if name:
            assert self.post("/reader", name=name).status_code == 303

    def get(self, path: str = "/") -> httpx.Response:
        """Follow a link of our own page, as a browser says that it does."""
        return self.client.get(path, headers=OWN_LINK)

    def get_without_following(self, path: str) -> httpx.Response:
        """Follow a link, but not where its answer sends."""
        return self.client.get(path, headers=OWN_LINK, follow_redirects=False)

    def post(self, path: str, **fields: Any) -> httpx.Response:
        """Send a form as a browser does."""
        return self.client.post(path, data=fields, headers={"origin": self.origin}, follow_redirects=False)

    def token(self) -> str:
        """Return the token of the page's forms."""
        found = re.search(r'name="token" value="([^"]*)"', self.get().text)
        assert found
        return found[1]

    def act(self, verb: str, study_id: int, version: int, **fields: Any) -> httpx.Response:
        """Press a row's button."""
        return self.post(f"/studies/{study_id}/{verb}", token=self.token(), version=version, **fields)
