"""Rows kept as markup: never another row's, never another reader's, never more than agreed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from tests.worklist_rows import row
from triage.domain.reading import USUAL_COLUMNS
from triage.domain.worklist import Tab
from triage.web.rows import RowCache, Seen

SEEN = Seen(Tab.UNREAD, "", False, USUAL_COLUMNS, False, False, True, True, None, date(2026, 11, 21), 7)


def _shown(cache: RowCache, seen: Seen, text: str, **changes: object) -> str:
    return str(cache.markup(row(**changes), seen, lambda: text))


def test_a_row_is_rendered_once_for_all_who_see_the_same() -> None:
    cache = RowCache()
    assert _shown(cache, SEEN, "first") == "first"
    assert _shown(cache, replace(SEEN), "second") == "first"


def test_whatever_shows_in_a_row_makes_it_another_row() -> None:
    cache = RowCache()
    _shown(cache, SEEN, "first")
    for number, changed in enumerate(
        [
            replace(SEEN, tab=Tab.ALL),
            replace(SEEN, q="other"),
            replace(SEEN, opened=True),
            replace(SEEN, columns=USUAL_COLUMNS[:-1]),
            replace(SEEN, private=True),
            replace(SEEN, mine=True),
            replace(SEEN, may_claim=False),
            replace(SEEN, may_reopen=False),
            replace(SEEN, minute=8),
        ]
    ):
        assert _shown(cache, changed, f"other {number}") == f"other {number}"
    assert _shown(cache, SEEN, "claimed", claimed_by="Dr B", version=2) == "claimed"
    assert _shown(cache, SEEN, "sent", results_sent=1) == "sent"


def test_the_oldest_row_gives_way() -> None:
    cache = RowCache(most=2)
    for minute in range(3):
        _shown(cache, replace(SEEN, minute=minute), "kept")
    assert _shown(cache, replace(SEEN, minute=2), "new") == "kept"
    assert _shown(cache, replace(SEEN, minute=0), "new") == "new"
