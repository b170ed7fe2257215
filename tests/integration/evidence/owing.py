"""Studies that were analysed for real in the store, with results in a real spool, owed to peers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sqlalchemy import Engine

from tests.cast import arrived, outcome
from tests.evidence_objects import CLASS_OF, EXPLICIT_LE, result_file
from triage.domain.closing import ClosingReason
from triage.domain.finding import EvidenceDraft, TriageOutcome
from triage.domain.identity import derived_uid
from triage.domain.priority import OrderPolicy
from triage.spool import Spool
from triage.store import analyses, catalogue, studies

POLICY = OrderPolicy()


def uid_of(study: str, kind: str = "SR-A") -> str:
    """Return the SOP Instance UID of a study's result."""
    return str(derived_uid("evidence", f"{study}-{kind}"))


def draft(spool: Spool, study: str, kind: str, rows: int = 16) -> EvidenceDraft:
    """Store one result durably and describe it."""
    content = result_file(f"{study}-{kind}", study, kind, rows)
    digest = hashlib.sha256(content).hexdigest()
    return EvidenceDraft(
        kind=kind,
        sop_class_uid=CLASS_OF[kind],
        sop_instance_uid=uid_of(study, kind),
        series_instance_uid=str(derived_uid("evidence series", f"{study}-{kind}")),
        transfer_syntax_uid=EXPLICIT_LE,
        spool_name=spool.put_evidence(content),
        digest=digest,
        size=len(content),
    )


def owe(
    engine: Engine,
    spool: Spool,
    study: str,
    kinds: Sequence[str] = ("SR-A",),
    *,
    flagged: bool = False,
    peers: Sequence[str] = ("pacs",),
    image: str = "1",
    rows: int = 16,
) -> list[str]:
    """Receive, close and analyse one study; return the UIDs that its peers are owed now."""
    name = study if image == "1" else f"{study}{image}"
    drafts = [draft(spool, name, kind, rows) for kind in kinds]
    owe_drafts(engine, study, drafts, flagged=flagged, peers=peers, image=image)
    return [uid_of(name, kind) for kind in kinds]


def owe_drafts(
    engine: Engine,
    study: str,
    drafts: Sequence[EvidenceDraft],
    *,
    flagged: bool,
    peers: Sequence[str],
    image: str = "1",
) -> None:
    """Receive, close and analyse one study with these results."""
    catalogue.register(engine, [arrived(study, image)], POLICY)
    (seen,) = studies.receiving(engine)
    closed = studies.close(engine, seen, ClosingReason.QUIET_PERIOD, POLICY)
    assert closed is not None
    lease = analyses.start(engine, closed.analyses[0], "worker", POLICY, lease_seconds=60, max_attempts=3)
    answer = outcome(TriageOutcome.FLAGGED if flagged else TriageOutcome.NOT_FLAGGED)
    analyses.succeed(engine, lease, answer, drafts, peers, POLICY)
