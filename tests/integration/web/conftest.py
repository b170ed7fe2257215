"""A site: real Postgres, the application, readers at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from tests.web_site import PlainReader, settings_for
from triage.web import create_app

Open = Callable[..., PlainReader]


@pytest.fixture
def sit_down(engine: Engine, tmp_path: Path) -> Iterator[Open]:
    """Open a browser without scripts at this site; `name=""` is somebody who did not say who."""
    with ExitStack() as stack:

        def sit(name: str = "Dr A", **sections: dict[str, Any]) -> PlainReader:
            url = engine.url.render_as_string(hide_password=False)
            app = create_app(settings_for(tmp_path, url, **sections), engine)
            client = stack.enter_context(TestClient(app, base_url="http://127.0.0.1"))
            return PlainReader(client, name)

        yield sit
