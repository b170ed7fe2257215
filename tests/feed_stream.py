"""A browser's end of the live feed over a real socket."""

from __future__ import annotations

import json

import httpx2 as httpx

from tests.web_site import Served

MANY_EVENTS = 200


class Stream:
    """A browser's end of the feed."""

    def __init__(self, served: Served, path: str = "/feed", **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._client = httpx.Client(timeout=15, headers=named)
        self._request = self._client.stream("GET", f"{served.address}{path}")
        self.answer = self._request.__enter__()
        self._lines = self.answer.iter_lines()
        self.raw: list[str] = []

    def next(self) -> tuple[str, list[str]]:
        """Return the next event's kind and rows."""
        kind = ""
        for line in self._lines:
            self.raw.append(line)
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            if line.startswith("data: "):
                return kind, json.loads(line.removeprefix("data: "))["rows"]
        return "closed", []

    def until(self, kind: str) -> list[str]:
        """Skip to the next event of that kind and return its rows."""
        while True:
            found, rows = self.next()
            if found == kind:
                return rows
            assert found != "closed"

    def ends(self) -> bool:
        """Tell whether the other end closes it before long."""
        return any(self.next()[0] == "closed" for _ in range(MANY_EVENTS))

    def close(self) -> None:
        """Leave."""
        self._request.__exit__(None, None, None)
        self._client.close()
