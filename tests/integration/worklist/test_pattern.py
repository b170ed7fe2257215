"""The pattern of a curve in real Postgres: recorded as a finding, and moving a study by the site's rule alone."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Engine, select

from tests import worklist_cast as cast
from triage.config.order import FindingSettings, WorklistSettings
from triage.domain.finding import TriageOutcome
from triage.domain.policy import ATYPICAL_CURVE, FindingWeight
from triage.store import worklist
from triage.store.engine import transaction
from triage.store.tables import finding

RULE = replace(cast.POLICY, findings=(*cast.POLICY.findings, FindingWeight(ATYPICAL_CURVE, 0.5, {})))


def test_a_pattern_is_kept_as_a_finding_and_moves_nothing_by_default(engine: Engine) -> None:
    first, second = (cast.image_arrives(engine, name, waited_minutes=5 - n) for n, name in enumerate("ab"))
    cast.analysed(engine, first, cast.not_flagged())
    cast.analysed(engine, second, cast.not_flagged(), cast.pattern())
    assert cast.order(engine) == [first, second]
    assert worklist.row(engine, second).reason == "No triage flag"
    with transaction(engine) as connection:
        query = select(finding.c.probability, finding.c.reason).where(finding.c.kind == "pattern")
        assert [tuple(row) for row in connection.execute(query)] == [(0.87, "SOME_REASON")]
    found = worklist.detail(engine, second, cast.POLICY).outcome
    assert found is not None and found.pattern == cast.pattern()


def test_by_the_sites_rule_it_moves_the_study_and_the_reason_says_so(engine: Engine) -> None:
    ids = [cast.image_arrives(engine, name, waited_minutes=5 - n) for n, name in enumerate("abc")]
    cast.analysed(engine, ids[0], cast.not_flagged(), policy=RULE)
    cast.analysed(engine, ids[1], cast.abstained(), cast.pattern(), policy=RULE)
    cast.analysed(engine, ids[2], cast.abstained(), cast.pattern(TriageOutcome.ABSTAINED), policy=RULE)
    assert cast.order(engine) == [ids[1], ids[0], ids[2]]
    raised = worklist.row(engine, ids[1])
    assert raised.reason_code == ATYPICAL_CURVE
    assert raised.reason.startswith(
        "Earlier by this site's rule: possible atypical curve pattern. Not analysed"
    )
    assert worklist.row(engine, ids[2]).reason.startswith("Not analysed")


def test_the_rule_is_a_row_of_the_settings() -> None:
    row = FindingSettings(kind=ATYPICAL_CURVE, harm=0.05, prior={})
    assert WorklistSettings(findings=(row,)).order_policy().counts(ATYPICAL_CURVE)
    assert not WorklistSettings().order_policy().counts(ATYPICAL_CURVE)
