"""The runbook's numbers are the product's own."""

from __future__ import annotations

import pytest

from tests.house.source import ROOT
from triage import health
from triage.accounts.provider import LEEWAY_S
from triage.domain import overtaking
from triage.domain.attempts import LIMITS, By
from triage.store import places

RUNBOOK = " ".join((ROOT / "ops" / "runbook.md").read_text().split())
GUESSES = LIMITS[By.ACCOUNT_AND_ADDRESS]
NUMBERS = {5: "five"}


@pytest.mark.parametrize(
    "said",
    [
        f"warns above {100 * health.FLAGS_MOST:.0f} % of {health.FLAGS_JUDGED}, or at none of {health.FLAGS_SILENT}",
        f"over {100 * overtaking.ALARM_SHARE:.0f} % of the last {overtaking.ALARM_WINDOW} openings",
        f"After {NUMBERS[GUESSES.free]} wrong passwords a name waits *at that address* for "
        f"{GUESSES.first.total_seconds():.0f} s, then twice as long with each further one, up to "
        f"{GUESSES.most.total_seconds() / 60:.0f} min",
        f"it never signed in from in {places.KNOWN_FOR.days} days",
    ],
)
def test_a_number_that_the_runbook_names_is_the_one_in_force(said: str) -> None:
    assert said in RUNBOOK


def test_clocks_may_differ_by_the_minute_that_the_runbook_says() -> None:
    assert "Clocks may differ by a minute." in RUNBOOK and LEEWAY_S == 60
