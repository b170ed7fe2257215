"""What a list is for every reader alike: rows, counts, order, situation, read once for all who ask at once.

What is one reader's own (their claims, skips, columns) is put beside it by `listing`. A search is its reader's own
and is read for them alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from markupsafe import Markup
from sqlalchemy import Engine

from triage.domain.policy import PolicyStands
from triage.domain.priority import OrderPolicy
from triage.domain.reading import Filters
from triage.domain.worklist import Tab, WorklistRow
from triage.store import matching, situation, worklist
from triage.store.situation import Situation
from triage.store.worklist_policy import stands
from triage.web import words
from triage.web.rows import Seen

PAGE_ROWS = 200


@dataclass(frozen=True)
class Snapshot:
    """One reading. `tabs` counts nobody's own claims unless a reader was named."""

    stands: Situation
    order: PolicyStands
    choices: tuple[list[str], list[str]]
    tabs: Mapping[Tab, int]
    rows: list[WorklistRow]
    _markup: dict[Seen, tuple[Markup, ...]] = field(default_factory=dict)

    @cached_property
    def urgent(self) -> int:
        """Return how many rows that ask to be looked at sooner nobody has claimed."""
        return words.urgent(self.rows)

    def markup(self, seen: Seen, render: Callable[[WorklistRow], Markup]) -> tuple[Markup, ...]:
        """Return every row as somebody sees it to whom none is special; rendered once for all of them."""
        found = self._markup.get(seen)
        if found is None:
            found = self._markup[seen] = tuple(render(row) for row in self.rows)
        return found


def read(engine: Engine, tab: Tab, reader: str, filters: Filters, site: OrderPolicy) -> Snapshot:
    """Read the list now. The clock comes first: no row is older than what the page says it shows."""
    return Snapshot(
        stands=situation.situation(engine),
        order=stands(engine, site),
        choices=matching.choices(engine),
        tabs=worklist.counts(engine, reader, filters),
        rows=worklist.page(engine, tab, limit=PAGE_ROWS, reader=reader, filters=filters, site=site),
    )
