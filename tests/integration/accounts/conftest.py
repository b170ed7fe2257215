"""A site with local accounts on real Postgres; each browser at its own application, as with several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from tests.accounts_cast import Member
from tests.web_site import settings_for
from triage.web import create_app

Open = Callable[..., Member]


@pytest.fixture
def browser(engine: Engine, tmp_path: Path) -> Iterator[Open]:
    """Open a browser at a site of the mode `local`; `https` as behind a TLS proxy."""
    with ExitStack() as stack:

        def opened(
            *, base: str = "http://127.0.0.1", peer: str = "10.0.0.9", **sections: dict[str, Any]
        ) -> Member:
            url = engine.url.render_as_string(hide_password=False)
            web = {"accounts": "local", **sections.pop("web", {})}
            app = create_app(settings_for(tmp_path, url, web=web, **sections), engine)
            client = TestClient(app, base_url=base, client=(peer, 50000))
            member = Member(stack.enter_context(client))
            member.home = tmp_path
            return member

        yield opened
