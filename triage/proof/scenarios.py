"""Five lists to measure an order on: volumes, rotas and habits that are assumed, not measured at a site.

Urgent studies come all day with an evening peak, routine studies by day. Fresh fractures: 10 % of the urgent,
3 % of the routine. Reading times lognormal (CV .7). The algorithm: sensitivity .80, specificity .85, AUC .86,
calibrated; result after 1.5 min + exponential 1 min, 2 % never. A site's own figures replace all of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from triage.proof.caseload import EVEN_DAY, Algorithm, Caseload, Habits, Stream, draw
from triage.proof.orders import Order, usual
from triage.proof.rota import Rota, always, daily

ALGORITHM = Algorithm(0.80, 0.15, auc=0.86, fixed_minutes=1.5, random_minutes=1.0, failures=0.02)
HABITS = Habits("lognormal", 0.7)
EVENING_PEAK = (0.5,) * 7 + (1.0,) * 10 + (1.6,) * 5 + (0.8,) * 2
BY_DAY = (0.0,) * 7 + (0.5, 1.0, 1.2, 1.2, 1.2, 1.0, 1.0, 1.0, 1.0, 0.8, 0.4, 0.2) + (0.0,) * 5
DAY_AND_EVENING = daily((8, 16, 3), (16, 22, 1))
ROUND_THE_CLOCK = daily((8, 16, 3), (16, 22, 1), (22, 8, 1))
GUARD = {"HIGH": 20, "ROUTINE": 60}


@dataclass(frozen=True, slots=True)
class Scenario:
    """A list: studies a day, mean reading time (minutes), who reads when, and how the day runs."""

    name: str
    about: str
    per_day: float
    read_time: float
    rota: Rota
    even: bool = False

    def load(self, days: float, seed: int) -> Caseload:
        """Return the studies of so many days."""
        time = self.read_time
        urgent, routine = (EVEN_DAY, EVEN_DAY) if self.even else (EVENING_PEAK, BY_DAY)
        streams = [
            Stream("HIGH", 0.3 * self.per_day, 0.10, time, time, urgent),
            Stream("ROUTINE", 0.7 * self.per_day, 0.03, time, time, routine),
        ]
        return draw(streams, ALGORITHM, HABITS, days, seed)

    @property
    def traffic(self) -> float:
        """Return the share of the readers' time that is used."""
        return self.per_day * 7 * self.read_time / self.rota.reader_minutes


# S90: 3 readers, 5 min, .90 of their time.
SCENARIOS = (
    Scenario("S90", "stationary, 3 readers day and night", 0.9 * 3 * 1440 / 5, 5.0, always(3), even=True),
    Scenario("A400", "400 a day, 3 readers 08-16, 1 reader 16-22", 400, 4.0, DAY_AND_EVENING),
    Scenario("B240", "240 a day that take longer, the same rota", 240, 6.5, DAY_AND_EVENING),
    Scenario("C120", "120 a day, the same rota", 120, 6.5, DAY_AND_EVENING),
    Scenario("D400n", "400 a day, one reader at night", 400, 4.0, ROUND_THE_CLOCK),
)
BASE, DEFAULT, LIMIT, ORACLE = "human class, FIFO", "seniority (default)", "c-rank (limit)", "oracle"
UNHEARD, LOWERING = "seniority, unheard last", "seniority, a result may lower"
# What an unflagged study's probability usually is: where a study may stand while nothing is known of it.
USUALLY_UNFLAGGED = {"HIGH": 0.01, "ROUTINE": 0.003}


def policies() -> dict[str, Order]:
    """Return the orders that the report compares, by the name it gives them."""
    bold = usual().with_harm("HIGH", 0.1)
    return {
        BASE: Order("human"),
        "FIFO": Order("fifo"),
        "strict flag": Order("flag"),
        "flag within class": Order("flag-within-class"),
        "probability": Order("probability"),
        "APQ c*w": Order("apq"),
        "APQ c*(w+60)": Order("apq", head_start=60.0),
        "EDF 10/30/60/480": Order("edf"),
        LIMIT: Order("c-rank", only_raise=False),
        DEFAULT: Order("seniority", guard=GUARD),
        "seniority, h .10": Order("seniority", bold, guard=GUARD),
        UNHEARD: Order("seniority", guard=GUARD, unheard=USUALLY_UNFLAGGED),
        LOWERING: Order("seniority", guard=GUARD, only_raise=False),
        ORACLE: Order("oracle"),
    }
