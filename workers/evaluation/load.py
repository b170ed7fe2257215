"""What a flag does to a reading list: the closed forms of the non-preemptive M/M/c queue with one reading time.

Units: minutes; rho = share of the readers' time in use, pi = prevalence, Se, FPF = 1 - specificity, q = flag rate.
Sources: Erlang C; two classes, Cobham 1954 and Kella & Yechiali 1985; the share of the oracle's benefit
phi = J (1 - rho pi) / (1 - rho q), J = Se - FPF, and the best slope follow from them (ops/decisions/).
The same forms stand in `triage/proof/`, which workers do not import; a test holds the two together.
Refuses: a list that is not stable (rho >= 1), where every mean is infinite.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.domain.errors import Refused

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Site:
    """A site's list: readers, arrivals per hour on duty, hours on duty a day, minutes per study, prevalence."""

    readers: int
    per_hour: float
    hours: float
    read_minutes: float
    prevalence: float

    @property
    def rho(self) -> float:
        """Return the share of the readers' time in use."""
        return self.per_hour * self.read_minutes / (60 * self.readers)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What one operating point does to a site's day. Minutes are means per study."""

    flags_per_day: float
    true_flags_per_day: float
    ppv: float
    npv: float
    phi: float
    fifo_wait: float
    diseased_wait: float
    minutes_saved_per_diseased: float
    minutes_lost_per_other: float
    missed_wait: float


def erlang_c(readers: int, rho: float) -> float:
    """Return the probability that an arrival must wait."""
    blocked = 1.0
    load = readers * rho
    for count in range(1, readers + 1):
        blocked = load * blocked / (count + load * blocked)
    return blocked / (1 - rho * (1 - blocked))


def forecast(site: Site, sensitivity: float, fpf: float) -> Forecast:
    """Return the means with flagged studies read first, FIFO inside; raises Refused when rho >= 1."""
    rho, pi = site.rho, site.prevalence
    if not 0 < rho < 1:
        raise Refused("load", f"the readers' time in use would be {rho:.2f}; a mean wait exists only below 1")
    first = erlang_c(site.readers, rho) * site.read_minutes / site.readers
    flagged = pi * sensitivity + (1 - pi) * fpf
    fifo = first / (1 - rho)
    plus = first / (1 - rho * flagged)
    minus = plus / (1 - rho)
    diseased = sensitivity * plus + (1 - sensitivity) * minus
    other = fpf * plus + (1 - fpf) * minus
    daily = site.per_hour * site.hours
    return Forecast(
        flags_per_day=daily * flagged,
        true_flags_per_day=daily * pi * sensitivity,
        ppv=pi * sensitivity / flagged if flagged else float("nan"),
        npv=(1 - pi) * (1 - fpf) / (1 - flagged) if flagged < 1 else float("nan"),
        phi=phi(sensitivity, fpf, rho, pi),
        fifo_wait=fifo,
        diseased_wait=diseased,
        minutes_saved_per_diseased=fifo - diseased,
        minutes_lost_per_other=other - fifo,
        missed_wait=minus,
    )


def phi(sensitivity: float, fpf: float, rho: float, prevalence: float) -> float:
    """Return the share of the benefit of true labels that a flag reaches."""
    flagged = prevalence * sensitivity + (1 - prevalence) * fpf
    return (sensitivity - fpf) * (1 - rho * prevalence) / (1 - rho * flagged)


def best_slope(sensitivity: float, fpf: float, rho: float) -> float:
    """Return the slope dSe/dFPF that a concave ROC curve has at its best point under this load."""
    return (1 - rho * sensitivity) / (1 - rho * fpf)


def best_point(sensitivities: Array, fpfs: Array, rho: float) -> int:
    """Return which point of a ROC curve serves the diseased best under a load.

    phi grows with J / (1 - rho FPF) at every prevalence, so prevalence does not enter; rho 0 gives Youden's point,
    and the busier the list the more sensitive the point.
    """
    gain = (np.asarray(sensitivities) - np.asarray(fpfs)) / (1 - rho * np.asarray(fpfs))
    return int(np.argmax(gain))
