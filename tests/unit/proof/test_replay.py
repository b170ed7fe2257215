"""The replay of some days: what it keeps, what it changes, and what it does not claim."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st

from triage.domain.errors import Unprocessable
from triage.domain.ledger import Ledger
from triage.domain.outcome import OutcomeLabel
from triage.proof.orders import NAMES, Order
from triage.proof.replay import Days, Replay, ReplayedKind, days_of, reopened, replay, waits
from triage.proof.rota import always

START = datetime(2026, 11, 16, tzinfo=UTC)
CLOCK = always(1)


def study(number: int, arrived: float, opened: float | None, **more: object) -> Ledger:
    """Return a study by minutes since the start; its answer comes two minutes after it."""

    def at(minutes: float | None) -> datetime | None:
        return None if minutes is None else START + timedelta(minutes=minutes)

    came = START + timedelta(minutes=arrived)
    made = Ledger(
        number, f"1.2.{number}", "ROUTINE", "CR_1", "COMPLETED", came, came, came, came, at(arrived + 2),
        at(arrived + 2), None, at(opened), at(opened), None, "NOT_FLAGGED", 0.01, None,
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]  # fields by name


FLAG = {"answer": "FLAGGED", "probability": 0.7}
FRESH = {"label": OutcomeLabel.FRESH}
NONE = {"label": OutcomeLabel.NONE}


def week(days: int = 7) -> list[Ledger]:
    """Twenty studies a day, ten minutes apart, read in the order of arrival an hour after each came."""
    rows: list[Ledger] = []
    for day in range(days):
        for turn in range(20):
            arrived = day * 1440 + 480 + turn * 10.0
            kind: dict[str, object] = {**FLAG, **FRESH} if turn in (5, 12) else {**NONE}
            kind = {**FLAG, **NONE} if turn in (7, 15) else kind
            kind = {**FRESH} if turn == 10 else kind
            rows.append(study(len(rows), arrived, arrived + 60, **kind))
    return rows


def days(rows: list[Ledger], threshold: float | None = None, length: int = 7) -> Days:
    return days_of(rows, START, START + timedelta(days=length), CLOCK, threshold)


def kind(found: Replay, order: str, name: str) -> ReplayedKind:
    return next(one for one in found.kinds if (one.order, one.kind) == (order, name))


def test_a_list_read_first_come_first_served_replays_to_itself() -> None:
    found = replay(days(week()), Order("fifo"), rounds=20)
    assert kind(found, "fifo", "all").wall == kind(found, "as read", "all").wall
    assert kind(found, "fifo", "all").wall.mean == pytest.approx(60)
    assert found.phi == pytest.approx(0)
    assert found.phi_as_read == pytest.approx(0)


def test_flags_first_saves_the_flagged_and_costs_the_rest_as_much() -> None:
    found = replay(days(week()), Order("flag"), rounds=50)
    flagged, fresh = kind(found, "flag", "flagged"), kind(found, "flag", "fresh fracture")
    # Its answer comes two minutes after it, and a study is opened every ten minutes: it is the next but one.
    assert flagged.wall.worst <= 20
    assert kind(found, "flag", "all").wall.mean == pytest.approx(60)
    assert fresh.wall.mean < kind(found, "human", "fresh fracture").wall.mean
    assert found.phi is not None and 0.3 < found.phi < 0.8
    assert found.phi_low is not None and found.phi_high is not None
    assert found.phi_low <= found.phi <= found.phi_high
    assert kind(found, "flag", "missed").wall.mean >= 60
    assert found.flags_per_hour == pytest.approx(4 / 24)


def test_the_oracle_has_all_of_the_benefit() -> None:
    assert replay(days(week()), Order("oracle"), rounds=5).phi == pytest.approx(1)


def test_a_threshold_flags_by_probability() -> None:
    rows = [replace(row, probability=0.3) if row.answer == "FLAGGED" else row for row in week()]
    found = replay(days(rows, threshold=0.5), Order("flag"), rounds=5)
    assert found.flags_per_hour == 0
    assert found.phi == pytest.approx(0)


def test_without_labels_no_benefit_is_claimed() -> None:
    found = replay(days([replace(row, label=None) for row in week()]), Order("flag"), rounds=5)
    assert (found.phi, found.phi_low, found.labelled, found.fresh) == (None, None, 0, 0)


def test_days_without_an_opening_are_refused() -> None:
    with pytest.raises(Unprocessable):
        days([study(1, 0, None)])


def test_the_interval_covers_days_that_differ() -> None:
    rows = [
        replace(row, opened=row.opened and row.opened + timedelta(minutes=10 * (number // 20)))
        for number, row in enumerate(week())
    ]
    wall = kind(replay(days(rows), Order("fifo")), "fifo", "all").wall
    assert 65 < wall.low < wall.mean < wall.high < 115


def test_an_answer_that_came_after_the_opening_moves_nothing() -> None:
    rows = [replace(row, reordered=row.arrived + timedelta(hours=5)) for row in week()]
    assert replay(days(rows), Order("flag"), rounds=5).phi == pytest.approx(0)


@trials(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(NAMES))
def test_any_replay_opens_each_study_after_it_came_and_leaves_as_many_waiting(seed: int, name: str) -> None:
    random = np.random.default_rng(seed)
    rows = []
    for number, arrived in enumerate(np.sort(random.uniform(-200, 2000, 60)).tolist()):
        opened = arrived + float(random.exponential(300))
        chance = float(random.random())
        told: dict[str, object] = {
            "answer": "FLAGGED" if chance > 0.7 else "NOT_FLAGGED",
            "probability": chance,
        }
        lost: dict[str, object] = {"answer": "", "probability": None, "reordered": None}
        more = lost if random.random() < 0.1 else told
        more["requested_priority"] = str(random.choice(["STAT", "HIGH", "MEDIUM", "ROUTINE", "LOW"]))
        more["label"] = OutcomeLabel.FRESH if random.random() < 0.2 else None
        rows.append(study(number, arrived, opened if opened > 0 else None, **more))
    here = days(rows, length=1)
    order = Order(name, guard={"HIGH": 3, "ROUTINE": 5})  # type: ignore[arg-type]  # a name of the ten
    opened, _ = reopened(here, order)
    assert (opened >= here.load.arrived).all()
    assert sorted(opened[np.isfinite(opened)]) == pytest.approx(here.moments.tolist())
    assert waits(here, opened)[0].sum() == pytest.approx(waits(here, here.opened)[0].sum())
