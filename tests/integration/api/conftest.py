"""Programs at the API of a site on real Postgres."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from tests.web_site import settings_for
from triage.accounts import tokens as secrets
from triage.domain.account import Scope
from triage.store import tokens
from triage.web import create_app

Program = Callable[..., httpx.Client]


def token_of(engine: Engine, name: str, scope: Scope = Scope.ACT, *, days: float = 1) -> str:
    """Make a token; return the secret."""
    made = secrets.fresh()
    ends = datetime.now(UTC) + timedelta(days=days)
    tokens.create(engine, name, secrets.digest_of(made), scope, ends, "test")
    return made


@pytest.fixture
def program(engine: Engine, tmp_path: Path) -> Iterator[Program]:
    """Return a client with a token of that scope; `scope=None` has none."""
    with ExitStack() as stack:

        def opened(
            name: str = "bridge", scope: Scope | None = Scope.ACT, **sections: dict[str, Any]
        ) -> httpx.Client:
            url = engine.url.render_as_string(hide_password=False)
            sections = {"web": {"accounts": "local"}, **sections}
            app = create_app(settings_for(tmp_path, url, **sections), engine)
            headers = {"authorization": f"Bearer {token_of(engine, name, scope)}"} if scope else {}
            made = TestClient(app, base_url="http://127.0.0.1/api/v1", headers=headers)
            client: httpx.Client = stack.enter_context(made)
            return client

        yield opened
