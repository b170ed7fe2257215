"""The simulator against closed forms, its own promises, and the product's key."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st

from tests.bench.simulate import MOST_RELATIVE, MOST_Z, compare
from tests.golden_queues import demand_rows
from triage.cli.worklist_simulate import simulate
from triage.domain.errors import Refused
from triage.domain.policy import FRESH_FRACTURE, OrderPolicy, PolicyName
from triage.domain.priority import Counted, RequestedPriority, Standing, position
from triage.domain.requested import RANK
from triage.domain.rota import WEEKDAYS, Shift
from triage.domain.rota import Rota as SiteRota
from triage.proof.caseload import Algorithm, Caseload, Habits, Stream, draw, times_of
from triage.proof.intervals import batch_means
from triage.proof.orders import NAMES, Order, keys
from triage.proof.rota import Rota, always, daily, shifts_of
from triage.proof.scenarios import GUARD, SCENARIOS
from triage.proof.simulate import run, setting_load, summaries
from triage.proof.theory import Discipline, Setting, waits

SETTING = Setting(3, 0.8, 0.05, 0.8, 0.15, 5, 5)
BUSY = next(one for one in SCENARIOS if one.name == "A400")
GUARDED = Order("seniority", guard=GUARD)


@pytest.mark.parametrize("discipline", list(Discipline))
def test_a_million_studies_wait_as_the_closed_form_says(discipline: Discipline) -> None:
    load, rota = setting_load(SETTING, 1_000_000, 3)
    exact = waits(SETTING, discipline)
    for name, order in (("fifo_", "fifo"), ("", "flag")):
        done = run(load, Order(order), rota, discipline)  # type: ignore[arg-type]  # two names of the ten
        for kind, chosen in (("diseased", load.diseased), ("other", ~load.diseased)):
            found, known = batch_means(done.wall, chosen), getattr(exact, name + kind)
            assert abs(found.mean - known) < 4 * found.error
            assert found.mean == pytest.approx(known, rel=0.03)


def test_a_reference_queue_without_closed_form_is_met_too() -> None:
    """One of the 24 rows here; `python -m tests.bench.simulate --golden` compares every one."""
    row = next(one for one in demand_rows() if one.name == "P14")
    for discipline in Discipline:
        for name, z, relative in compare(row, discipline, 1_500_000):
            assert (name, abs(z) < MOST_Z, abs(relative) < MOST_RELATIVE) == (name, True, True)


@pytest.mark.parametrize("name", NAMES)
def test_every_order_opens_each_study_once_by_a_reader_on_duty(name: str) -> None:
    load = BUSY.load(30, 5)
    done = run(load, Order(name), BUSY.rota)  # type: ignore[arg-type]  # a name of the ten
    opened = (load.arrived + done.wall).round(6)
    assert (done.wall >= 0).all()
    hour = opened % 1440 / 60
    assert ((hour >= 8 - 1e-6) & (hour < 22)).all()
    ends = (load.arrived + done.wall + load.read_time).round(6)
    events = sorted([(moment, 1) for moment in opened] + [(moment, -1) for moment in ends])
    assert max(itertools.accumulate(step for _, step in events)) <= 3


def test_the_same_seed_gives_the_same_list_and_the_same_waits() -> None:
    one, other = (run(BUSY.load(20, 9), GUARDED, BUSY.rota) for _ in range(2))
    assert (one.wall == other.wall).all()


def test_reordering_saves_no_reading_time_on_one_list() -> None:
    load, rota = setting_load(SETTING, 200_000, 4)
    means = [run(load, Order(name), rota).wall.mean() for name in ("fifo", "flag", "oracle")]
    assert means == pytest.approx([means[0]] * 3, rel=0.02)


@trials(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 12), st.floats(0, 1))
def test_nobody_is_passed_more_often_than_the_guard_allows(
    seed: int, urgent: int, routine: int, strays: float
) -> None:
    streams = [Stream("HIGH", 130, 0.3, 10, 10), Stream("ROUTINE", 130, 0.3, 10, 10)]
    load = draw(streams, Algorithm(0.8, 0.2), Habits(strays=strays), 5, seed)
    order = Order("c-rank", guard={"HIGH": urgent, "ROUTINE": routine})
    done = run(load, order, always(2))
    limit = np.array([urgent, routine])[load.stream]
    assert (done.passed <= limit).all()
    assert (done.passed == counted(load, done.wall)).all()


def counted(load: Caseload, wall: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> list[int]:
    """Count the plain way how many younger ones of its own or a less pressing class were opened while each waited."""
    opened = load.arrived + wall
    rank = np.array([RANK[RequestedPriority(one.priority)] for one in load.streams])[load.stream]
    sooner = ((opened[n + 1 :] < opened[n]) & (rank[n + 1 :] >= rank[n]) for n in range(len(load)))
    return [int(one.sum()) for one in sooner]


@trials(deadline=None)
@given(
    st.sampled_from(list(PolicyName)),
    st.sampled_from([one for one in RequestedPriority if one is not RequestedPriority.STAT]),
    st.floats(0, 1),
    st.floats(0, 10_000),
    st.booleans(),
)
def test_the_simulated_key_is_the_product_s_key(
    name: PolicyName, requested: RequestedPriority, probability: float, arrived: float, flagged: bool
) -> None:
    one, no = np.array([arrived]), np.array([False])
    streams = (Stream(requested, 1, 0.1, 5, 5),)
    load = Caseload(
        streams, one, np.array([0]), no, np.array([flagged]), np.array([probability]), one, no, one, no
    )
    found = keys(Order(name.value), load, always(1))
    start = datetime(2026, 11, 23, tzinfo=UTC)
    moment = start + timedelta(minutes=arrived)
    policy, counted = OrderPolicy(name=name), Counted(flagged, {FRESH_FRACTURE: probability})
    begun = policy.rota.minutes(start)
    before = position(Standing(requested, moment), policy).key - begun
    after = position(Standing(requested, moment, counted=counted), policy).key - begun
    assert (found.before[0], found.after[0]) == pytest.approx((before, after), abs=1e-4)


SHIFTS = st.tuples(st.integers(0, 23), st.integers(0, 23), st.integers(1, 4)).filter(
    lambda one: one[0] != one[1]
)


@trials(deadline=None)
@given(st.lists(SHIFTS, min_size=1, max_size=4), st.lists(st.floats(0, 30_000), min_size=1, max_size=6))
def test_the_simulator_s_rota_is_the_product_s(
    shifts: list[tuple[int, int, int]], minutes: list[float]
) -> None:
    monday = datetime(2026, 11, 23, tzinfo=UTC)
    one = daily(*shifts)
    other = SiteRota("UTC", tuple(Shift(WEEKDAYS, f"{a:02}:00", f"{b:02}:00", n) for a, b, n in shifts))
    moments = [monday + timedelta(minutes=minute) for minute in minutes]
    staffed = [other.waited(monday, moment) for moment in moments]
    assert [one.staffed_at(minute) for minute in minutes] == pytest.approx(staffed, abs=1e-6)
    assert one.staffed(np.array(minutes)) == pytest.approx(staffed, abs=1e-6)
    readers = [sum(slot.on_duty(minute) == minute for slot in one.slots()) for minute in minutes]
    on_duty = [other.on_duty(moment) for moment in moments]
    # A float's minute and a datetime's microsecond round differently at a shift's edge.
    inner = [min(minute % 60, 60 - minute % 60) > 1e-6 for minute in minutes]
    assert [n for n, well in zip(readers, inner, strict=True) if well] == [
        n for n, well in zip(on_duty, inner, strict=True) if well
    ]


def test_minutes_without_a_reader_do_not_count_on_the_staffed_clock() -> None:
    rota = daily((8, 16, 3), (16, 22, 1))
    moments = np.array([7.0, 8.0, 22.0, 24.0, 32.0, 33.0, 7 * 24 + 9.0]) * 60
    expected = np.array([0, 0, 14, 14, 14, 15, 7 * 14 + 1]) * 60
    assert rota.staffed(moments) == pytest.approx(expected)
    assert [rota.staffed_at(moment) for moment in moments] == pytest.approx(expected)
    assert rota.slots()[1].on_duty(17 * 60.0) == 32 * 60.0


def test_a_rota_is_written_as_shifts_of_the_day() -> None:
    rota = shifts_of("8-16x3, 16-22x1,22-8x2")
    assert rota.reader_minutes == 7 * 60 * (8 * 3 + 6 + 10 * 2)
    assert [slot.on_duty(3 * 60.0) for slot in rota.slots()] == [180.0, 180.0, 480.0]
    for bad in ("", "8-16", "8-16x0", "25-26x1", "8-8x1", "8-16x3;"):
        with pytest.raises(Refused):
            shifts_of(bad)


def test_traffic_is_of_the_time_that_the_rota_offers() -> None:
    rota = shifts_of("8-16x3,16-22x1")
    load, duty = setting_load(SETTING, 50_000, 1, rota=rota)
    days = load.arrived[-1] / 1440
    assert load.read_time.sum() / (rota.reader_minutes / 7 * days) == pytest.approx(0.8, rel=0.03)
    hour = (load.arrived + run(load, GUARDED, duty).wall) % 1440 / 60
    assert ((hour >= 8 - 1e-6) & (hour < 22)).all()


def test_a_rota_in_which_nobody_reads_is_refused() -> None:
    with pytest.raises(Refused):
        Rota((0.0,), (0,))


def test_an_auc_that_the_flag_contradicts_is_refused() -> None:
    with pytest.raises(Refused, match=r"between 0\.825 and 0\.970"):
        assert Algorithm(0.8, 0.15, auc=0.7).inner_distance


def test_probabilities_are_calibrated_and_the_score_has_its_auc() -> None:
    load = draw([Stream("ROUTINE", 200_000, 0.1, 5, 5)], Algorithm(0.8, 0.15, auc=0.86), Habits(), 1, 8)
    assert load.probability.mean() == pytest.approx(load.diseased.mean(), rel=0.03)
    top = load.probability > 0.5
    assert load.diseased[top].mean() == pytest.approx(load.probability[top].mean(), abs=0.03)
    ranks = np.argsort(np.argsort(load.probability)) + 1.0
    sick = int(load.diseased.sum())
    auc = (ranks[load.diseased].sum() - sick * (sick + 1) / 2) / (sick * (len(load) - sick))
    assert auc == pytest.approx(0.86, abs=0.01)


def test_what_the_preemptive_discipline_does_not_know_is_refused() -> None:
    with pytest.raises(Refused, match="no rota"):
        run(BUSY.load(7, 1), Order("fifo"), BUSY.rota, Discipline.PREEMPTIVE)


def test_late_results_cost_benefit_and_absent_ones_leave_the_class() -> None:
    def diseased(algorithm: Algorithm) -> float:
        load, rota = setting_load(SETTING, 100_000, 2, algorithm=algorithm)
        return float(run(load, Order("flag"), rota).wall[load.diseased].mean())

    prompt, late = Algorithm(0.8, 0.15), Algorithm(0.8, 0.15, random_minutes=10)
    absent = Algorithm(0.8, 0.15, failures=1.0)
    assert diseased(prompt) < diseased(late) < diseased(absent)


def test_reading_times_of_a_site_are_read_from_its_file() -> None:
    assert times_of("3.5\n\n4\n") == (3.5, 4.0)
    for bad, line in (("3\nten\n", 2), ("0\n", 1), ("nan\n", 1)):
        with pytest.raises(Refused, match=f"line {line} "):
            times_of(bad)


def test_the_command_simulates_what_it_is_told(tmp_path: Path) -> None:
    times = tmp_path / "times"
    times.write_text("2\n4\n9\n")
    words = (
        "--readers 2 --traffic 0.8 --prevalence 0.1 --sensitivity 0.8 --fpf 0.15 --urgent 0.3 "
        "--read-time-diseased 6 --read-time-other 5 --arrivals 20000 --guard 20 60 --strays 0.05 --phi --json"
    )
    done = CliRunner().invoke(
        simulate,
        [*words.split(), "--times-file", str(times), "--ai-failures", "0.02", "--rota", "8-20x2,20-8x1"],
    )
    assert done.exit_code == 0, done.output
    (shown,) = json.loads(done.stdout)["items"]
    assert 0.2 < shown["phi"] < 0.9
    kinds = {row["kind"]: row for row in shown["kinds"]}
    assert kinds["HIGH, other"]["most_passed"] <= 20
    assert kinds["diseased"]["wall"]["low"] < kinds["diseased"]["wall"]["mean"]


def test_a_scenario_is_summarised_by_kind() -> None:
    found = {one.kind: one for one in summaries(run(BUSY.load(30, 1), GUARDED, BUSY.rota))}
    assert found["ROUTINE, other"].most_passed <= 60
    assert found["diseased"].staffed.mean < found["diseased"].wall.mean
