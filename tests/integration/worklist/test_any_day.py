"""Any day at a list, in a real database: arrivals, answers, late images, changes of the order, two readers.

Whatever happens in whatever order: what a person was promised of the list holds after every step.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime

from hypothesis import HealthCheck
from hypothesis import settings as trials
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, text

from tests import worklist_cast as cast
from triage.domain.finding import Triage
from triage.domain.overtaking import counts, overtaken_by, overtakers
from triage.domain.policy import OrderPolicy, PolicyName
from triage.domain.priority import RequestedPriority, Tier, class_key
from triage.domain.worklist import Tab, WorklistRow, WorklistState
from triage.store import worklist, worklist_policy

SITE = replace(cast.POLICY, guard={"HIGH": 1, "MEDIUM": 1, "ROUTINE": 2, "LOW": 2})
READERS = ("Dr A", "Dr B")
SOME = st.integers(0, 1000)
CHANCE = st.floats(0, 1)
EMPTY = (
    # The history's own triggers forbid to forget; a day that begins anew is not a day of the product.
    "SET LOCAL session_replication_role = replica",
    "TRUNCATE study, worklist_opening, worklist_policy, audit CASCADE",
)


class Day(RuleBasedStateMachine):
    """A list with two readers; beside it what a person could have noted: who holds what, and what was opened."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.engine = engine
        with engine.begin() as connection:
            for statement in EMPTY:
                connection.execute(text(statement))
        self.policy = SITE
        self.names: dict[int, str] = {}
        self.images = 0
        self.held: dict[int, str] = {}
        # The class of each first opening that counts as overtaking; None where a person or the class put it first.
        self.opened: dict[tuple[int, datetime], RequestedPriority | None] = {}

    @rule(requested=st.sampled_from(["STAT", "HIGH", "MEDIUM", "ROUTINE", "LOW"]), many=st.integers(1, 3))
    def arrive(self, requested: str, many: int) -> None:
        """Studies come, all their images with them."""
        for _ in range(many):
            name = f"s{len(self.names)}"
            study_id = cast.image_arrives(self.engine, name, requested=requested)
            cast.closed(self.engine, study_id)
            self.names[study_id] = name

    @precondition(lambda self: self.names)
    @rule(which=SOME)
    def late_image(self, which: int) -> None:
        """One more image of a study comes, waiting, open or read."""
        self.images += 1
        study_id = self._some(which)
        cast.image_arrives(self.engine, self.names[study_id], 1 + self.images)
        cast.closed(self.engine, study_id)

    @precondition(lambda self: self.names)
    @rule(which=SOME, chance=CHANCE, kind=st.sampled_from([cast.flagged, cast.not_flagged, None]))
    def answer(self, which: int, chance: float, kind: Callable[[float], Triage] | None) -> None:
        """An analysis ends; no answer puts a study behind where its class would have it."""
        study_id = self._some(which)
        cast.answer(self.engine, study_id, kind(chance) if kind else cast.abstained())

    @rule(name=st.sampled_from(list(PolicyName)), minutes=st.sampled_from([0.0, 1.0, 2880.0]))
    def change_the_order(self, name: PolicyName, minutes: float) -> None:
        """Somebody sets another policy."""
        self.policy = replace(SITE, name=name, seniority_minutes=minutes)
        worklist_policy.change(self.engine, SITE, self.policy, "Dr A", "a test")

    @rule(reader=st.sampled_from(READERS))
    def next(self, reader: str) -> None:
        """A reader takes the next: the page's first that nobody holds, and past nobody overtaken K times."""
        listed = self._waiting()
        took = worklist.next_row(self.engine, reader, policy=SITE)
        assert (took and took.study_id) == (listed[0].study_id if listed else None)
        if took is None:
            return
        self._forbidden(took, listed)
        self._note(took, reader)

    @rule()
    def both_next(self) -> None:
        """Two readers ask in the same moment and never get the same."""
        free = {row.study_id for row in self._waiting()}
        start = threading.Barrier(2)

        def ask(reader: str) -> WorklistRow | None:
            start.wait()
            return worklist.next_row(self.engine, reader, policy=SITE)

        with ThreadPoolExecutor(2) as pool:
            took = dict(zip(READERS, pool.map(ask, READERS), strict=True))
        ids = [row.study_id for row in took.values() if row is not None]
        assert len(ids) == len(set(ids)) == min(2, len(free)) and set(ids) <= free
        for reader, row in took.items():
            if row is not None:
                self._note(row, reader)

    @precondition(lambda self: self.held)
    @rule(which=SOME, done=st.booleans())
    def let_go(self, which: int, done: bool) -> None:
        """A reader completes a study, or gives it back."""
        study_id, reader = sorted(self.held.items())[which % len(self.held)]
        before = worklist.row(self.engine, study_id, SITE)
        act = worklist.complete if done else worklist.release
        act(self.engine, study_id, reader, policy=SITE)
        del self.held[study_id]
        if done:
            self.opened.setdefault((study_id, before.waits_since), self._counted(before))

    @invariant()
    def nothing_is_lost(self) -> None:
        """Every study stands in exactly one of unread and read, and in all."""
        unread, read, every = (self._ids(tab) for tab in (Tab.UNREAD, Tab.READ, Tab.ALL))
        assert set(every) == set(self.names) and len(every) == len(self.names)
        assert sorted([*unread, *read]) == sorted(self.names)
        assert set(self._ids(Tab.NOT_ANALYSED)) <= set(unread)

    @invariant()
    def no_study_is_held_by_two(self) -> None:
        """Who holds what is what the readers were told."""
        rows = worklist.page(self.engine, site=SITE)
        assert {row.study_id: row.claimed_by for row in rows if row.claimed_by} == self.held
        for reader in READERS:
            mine = {study_id for study_id, holder in self.held.items() if holder == reader}
            assert set(self._ids(Tab.MINE, reader)) == mine

    @invariant()
    def no_answer_put_a_study_behind_its_class(self) -> None:
        """A key is never greater than what the class alone gives; greater is later.

        What a person holds keeps its place until it is let go of, also when an image asks for a more pressing class.
        """
        for row in (one for one in worklist.page(self.engine, site=SITE) if not one.held):
            alone = class_key(row.arrived_at, row.requested_priority, self._in_force())
            assert row.key <= alone + 1e-6

    def _in_force(self) -> OrderPolicy:
        policy = worklist_policy.current(self.engine, SITE).policy
        assert (policy.name, policy.guard) == (self.policy.name, self.policy.guard)
        return policy

    def _forbidden(self, took: WorklistRow, listed: list[WorklistRow]) -> None:
        if took.tier is not Tier.REST:
            return
        for row in listed:
            limit = self._in_force().limit(row.requested_priority)
            if row.requested_priority not in overtaken_by(took.requested_priority):
                continue
            if row.tier is Tier.REST and row.waits_since < took.waits_since and limit is not None:
                able = overtakers(row.requested_priority)
                younger = (since for (_, since), opened in self.opened.items() if opened in able)
                assert sum(since > row.waits_since for since in younger) < limit

    def _note(self, took: WorklistRow, reader: str) -> None:
        assert took.study_id not in self.held and took.claimed_by == reader
        self.held[took.study_id] = reader
        self.opened.setdefault((took.study_id, took.waits_since), self._counted(took))

    def _counted(self, row: WorklistRow) -> RequestedPriority | None:
        return row.requested_priority if row.tier is Tier.REST and counts(self.policy) else None

    def _waiting(self) -> list[WorklistRow]:
        rows = worklist.page(self.engine, site=SITE)
        return [row for row in rows if row.state is WorklistState.SCHEDULED]

    def _ids(self, tab: Tab, reader: str = "") -> list[int]:
        return [row.study_id for row in worklist.page(self.engine, tab, reader=reader, site=SITE)]

    def _some(self, which: int) -> int:
        return sorted(self.names)[which % len(self.names)]


def test_what_the_list_promises_holds_on_any_day(engine: Engine) -> None:
    bounded = trials(
        max_examples=14,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )

    class HereAndNow(Day):
        def __init__(self) -> None:
            super().__init__(engine)

    run_state_machine_as_test(HereAndNow, settings=bounded)
