"""Schemathesis against the served API on real Postgres: no crash, and every answer is one that is described."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from tests import services
from tests import worklist_cast as cast
from tests.integration.api.conftest import token_of
from tests.web_site import serving
from triage.store import engine as store_engine

EXAMPLES = 30
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.unsupported_method,
]

# How long an answer may take on a machine that does much else: whether it is a good answer is not a matter of speed.
ANSWER_SECONDS = 60.0
# A database that is busy for a moment is said as 503 with Retry-After; one that stays so fails the check.
ASK_AGAIN = 3

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A served site with studies in several states; its address and a token that may act."""
    with services.database() as url:
        engine = store_engine.connect(url)
        for number in range(6):
            study_id = cast.image_arrives(engine, f"s{number}", waited_minutes=30 - number)
            cast.closed(engine, study_id)
        cast.analysed(engine, cast.image_arrives(engine, "flagged"), cast.flagged())
        token = token_of(engine, "fuzzer")
        home: Path = tmp_path_factory.mktemp("site")
        with serving(home, url, web={"accounts": "local"}, product={"mode": "assist"}) as served:
            yield served.address, token
        engine.dispose()


@pytest.fixture(scope="module")
def described(site: tuple[str, str]) -> Any:
    """The API as it describes itself; the feed never ends and is tested elsewhere."""
    found = schemathesis.openapi.from_url(f"{site[0]}/api/v1/openapi.json")
    return found.exclude(path="/feed")


def asked_of(case: Any, headers: dict[str, str]) -> Any:
    """Send the request as it is, and again while the answer is that the database is busy."""
    for turn in range(ASK_AGAIN):
        answer = case.call(headers=headers, timeout=ANSWER_SECONDS)
        if answer.status_code != 503 or "retry-after" not in answer.headers:
            return answer
        time.sleep(turn + 1.0)
    return answer


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_answer_is_one_that_is_described(
    described: Any, site: tuple[str, str], mode: GenerationMode
) -> None:
    headers = {"authorization": f"Bearer {site[1]}"}
    asked: list[str] = []
    for found in described.get_all_operations():
        operation = found.ok()
        bounded = settings(
            max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
        )

        @bounded
        @given(case=operation.as_strategy(generation_mode=mode))
        def answers(case: Any) -> None:
            answer = asked_of(case, headers)
            case.validate_response(answer, checks=CHECKS, headers=headers)

        answers()
        asked.append(operation.label)
    assert len(asked) == 17, asked
