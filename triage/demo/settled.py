"""Whether all that was received has come to its end: catalogued, analysed or not with a reason, delivered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from triage.config import Settings
from triage.spool import Spool
from triage.store import evidence, studies

if TYPE_CHECKING:
    from sqlalchemy import Engine


@dataclass(frozen=True, slots=True)
class Missing:
    """What has not come to its end yet; all zero = settled."""

    incoming: int
    receiving: int
    closed: int
    pending: int
    refused: int

    @property
    def settled(self) -> bool:
        """Tell whether nothing more will change by itself."""
        return not (self.incoming or self.receiving or self.closed or self.pending)

    def sentence(self) -> str:
        """Say what is awaited."""
        parts = [
            f"{self.incoming} files for the catalogue" if self.incoming else "",
            f"{self.receiving} studies still receiving" if self.receiving else "",
            f"{self.closed} studies in analysis" if self.closed else "",
            f"{self.pending} results to deliver" if self.pending else "",
            f"{self.refused} results refused by the PACS" if self.refused else "",
        ]
        return ", ".join(part for part in parts if part) or "nothing"


def missing(settings: Settings, engine: Engine) -> Missing:
    """Return what is awaited now."""
    # In this order: what leaves one stage while we look is then seen in the next.
    incoming = sum(1 for _ in Spool(settings.spool_root).incoming())
    states = studies.counts(engine)
    backlog = evidence.backlog(engine)
    return Missing(
        incoming=incoming,
        receiving=states.get("receiving", 0),
        closed=states.get("closed", 0),
        pending=sum(peer.pending for peer in backlog),
        refused=sum(peer.refused for peer in backlog),
    )
