"""What a reader does, under the site's policy: the same acts for the page and for anything else.

Each act is one transaction in the store; here it gets the site's figures, a log line and a verb. Raises
Conflict (who, when), NotFound, Unavailable as the store does; Refused for a name or verb that is none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from sqlalchemy import Engine

from triage import log
from triage.config import Settings
from triage.domain.account import person_name
from triage.domain.policy import PolicyChange, PolicyStands
from triage.domain.priority import OrderPolicy
from triage.domain.reading import SKIP_MINUTES, Cause, LowerReason, Verdict
from triage.domain.worklist import WorklistRow
from triage.store import lowering, opinions, skips, worklist, worklist_policy

LOG = log.get(__name__)


class Act(StrEnum):
    """The verbs a reader has."""

    CLAIM = "claim"
    RELEASE = "release"
    COMPLETE = "complete"
    REOPEN = "reopen"
    PIN = "pin"
    UNPIN = "unpin"
    CANCEL = "cancel"
    END_CLAIM = "end-claim"
    SKIP = "skip"
    UNSKIP = "unskip"
    LOWER = "lower"
    RAISE = "raise"


def reader_name(spoken: str) -> str:
    """Return a reader's name as it is shown and audited; raises Refused when it is none."""
    return person_name(spoken)


@dataclass(frozen=True, slots=True)
class Desk:
    """The reading room's acts: an engine and the site's figures."""

    engine: Engine
    policy: OrderPolicy
    claim_minutes: float
    skip_minutes: float = SKIP_MINUTES

    @classmethod
    def of(cls, settings: Settings, engine: Engine) -> Self:
        """Return the desk this site's settings describe."""
        return cls(
            engine, settings.order_policy(), settings.worklist.claim_minutes, settings.web.skip_minutes
        )

    def next_study(self, reader: str) -> WorklistRow | None:
        """Claim the first study that nobody holds."""
        row = worklist.next_row(self.engine, reader, minutes=self.claim_minutes, policy=self.policy)
        LOG.info("next", study=row.study_id if row else None)
        return row

    def act(
        self,
        act: Act,
        study_id: int,
        reader: str,
        version: int | None,
        *,
        note: str = "",
        reason: LowerReason | None = None,
    ) -> WorklistRow:
        """Do one act on the version the reader saw; returns the row as it is afterwards."""
        row = self._verbs(note, reason)[act](study_id, reader, version)
        LOG.info(act, study=study_id, version=row.version)
        return row

    def row(self, study_id: int) -> WorklistRow:
        """Return the row as it is now; raises NotFound."""
        return worklist.row(self.engine, study_id, self.policy)

    def order(self) -> PolicyStands:
        """Return the policy in force and what a stop put aside."""
        return worklist_policy.stands(self.engine, self.policy)

    def stop_policy(self, reader: str, reason: str, seen: int | None = None) -> PolicyChange:
        """Order by requested class alone from now on; raises Conflict when it is, or another than `seen` is in force."""
        return self._told("stop", worklist_policy.stop(self.engine, self.policy, reader, reason, seen=seen))

    def resume_policy(self, reader: str, reason: str, seen: int | None = None) -> PolicyChange:
        """Go back to the order that a stop put aside; raises Conflict when nothing was, or as `stop_policy`."""
        done = worklist_policy.resume(self.engine, self.policy, reader, reason, seen=seen)
        return self._told("resume", done)

    def opine(self, study_id: int, reader: str, verdict: Verdict, cause: Cause | None = None) -> None:
        """Record what the reader thinks of the flag; it moves nothing."""
        opinions.give(self.engine, study_id, reader, verdict, cause)
        LOG.info("opine", study=study_id, verdict=verdict)

    def withdraw(self, study_id: int, reader: str) -> None:
        """Take the reader's opinion back."""
        opinions.withdraw(self.engine, study_id, reader)
        LOG.info("withdraw", study=study_id)

    def expire(self) -> int:
        """Give back the studies whose claim ran out."""
        expired = worklist.expire_claims(self.engine, self.policy)
        if expired:
            LOG.info("expire", studies=expired)
        return expired

    def _verbs(
        self, note: str, reason: LowerReason | None
    ) -> dict[Act, Callable[[int, str, int | None], WorklistRow]]:
        engine, policy = self.engine, self.policy
        return {
            Act.CLAIM: lambda i, r, v: worklist.claim(
                engine, i, r, v, minutes=self.claim_minutes, policy=policy
            ),
            Act.RELEASE: lambda i, r, v: worklist.release(engine, i, r, v, policy=policy),
            Act.COMPLETE: lambda i, r, v: worklist.complete(engine, i, r, v, policy=policy),
            Act.REOPEN: lambda i, r, v: worklist.reopen(engine, i, r, v, policy=policy),
            Act.PIN: lambda i, r, v: worklist.pin(engine, i, r, v, note=note, policy=policy),
            Act.UNPIN: lambda i, r, v: worklist.unpin(engine, i, r, v, policy=policy),
            Act.CANCEL: lambda i, r, v: worklist.cancel(engine, i, r, v, policy=policy),
            Act.END_CLAIM: lambda i, r, v: worklist.release(engine, i, r, v, override=True, policy=policy),
            Act.LOWER: lambda i, r, v: lowering.lower(
                engine, i, r, v, reason=reason, note=note, policy=policy
            ),
            Act.RAISE: lambda i, r, v: lowering.lift(engine, i, r, v, policy=policy),
            Act.SKIP: lambda i, r, v: self._skip(i, r),
            Act.UNSKIP: lambda i, r, v: self._unskip(i, r),
        }

    def _told(self, verb: str, done: PolicyChange) -> PolicyChange:
        # Not the reason: it is a person's words.
        LOG.info(f"policy-{verb}", version=done.version.id, waiting=done.waiting, moved=done.moved)
        return done

    def _skip(self, study_id: int, reader: str) -> WorklistRow:
        skips.skip_study(self.engine, study_id, reader, self.skip_minutes)
        return self.row(study_id)

    def _unskip(self, study_id: int, reader: str) -> WorklistRow:
        skips.unskip(self.engine, study_id, reader)
        return self.row(study_id)
