"""What an order can reach: the oracle, the share of its benefit, probability ranking, accumulating priority.

Exact for Poisson arrivals, c readers, one exponential reading time, nobody interrupted. Refuses other settings
(`Unprocessable`): there these figures come from the simulator.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist

from triage.domain.errors import Unprocessable
from triage.proof.theory import Setting, first_wait

_NORMAL = NormalDist()
_STEPS = 8000


@dataclass(frozen=True, slots=True)
class Bounds:
    """Minutes, and `phi`: the share of the oracle's benefit that the flag reaches."""

    first: float
    fifo: float
    oracle_diseased: float
    phi: float
    best_slope: float


def bounds(setting: Setting) -> Bounds:
    """Return what the true labels would reach, and what this flag reaches of it."""
    _demand_simple(setting)
    rho, share, flags = setting.traffic, setting.prevalence, setting.flag_rate
    first = first_wait(setting.readers, rho, setting.read_time_diseased)
    youden = setting.sensitivity - setting.fpf
    return Bounds(
        first=first,
        fifo=first / (1 - rho),
        oracle_diseased=first / (1 - rho * share),
        phi=youden * (1 - rho * share) / (1 - rho * flags),
        # The threshold is best where the ROC's slope is this (prevalence does not enter).
        best_slope=(1 - rho * setting.sensitivity) / (1 - rho * setting.fpf),
    )


def fraction(setting: Setting, diseased: float) -> float:
    """Return phi of any order from the mean wait of the diseased under it."""
    known = bounds(setting)
    return (known.fifo - diseased) / (known.fifo - known.oracle_diseased)


def probability_ranked(setting: Setting, auc: float) -> float:
    """Return the mean wait of the diseased when the highest probability is read first.

    The score is binormal with equal variances and this AUC; sensitivity and FPF do not enter.
    W_D = W0 * integral of dSe / (1 - rho G)^2, G = share of studies scored above.
    """
    _demand_simple(setting)
    rho, share = setting.traffic, setting.prevalence
    first = first_wait(setting.readers, rho, setting.read_time_diseased)
    total = 0.0
    for (hit, above), (next_hit, next_above) in pairwise(_roc(auc, share)):
        total += (next_hit - hit) / (1 - rho * (above + next_above) / 2) ** 2
    return first * total


def _roc(auc: float, prevalence: float) -> Iterator[tuple[float, float]]:
    """Yield (sensitivity, share of all studies above) from the strictest threshold to the laxest."""
    distance = 2**0.5 * _NORMAL.inv_cdf(auc)
    high, low = 8.0 + distance, -8.0
    for step in range(_STEPS + 1):
        threshold = high + (low - high) * step / _STEPS
        hit, false = 1 - _NORMAL.cdf(threshold - distance), 1 - _NORMAL.cdf(threshold)
        yield hit, prevalence * hit + (1 - prevalence) * false


def accumulating(setting: Setting, ratio: float) -> tuple[float, float]:
    """Return the mean waits (flagged, unflagged) when the unflagged gather priority `ratio` times as fast."""
    _demand_simple(setting)
    rho, flags = setting.traffic, setting.flag_rate
    fifo = bounds(setting).fifo
    unflagged = fifo / (1 - rho * flags * (1 - ratio))
    return fifo - rho * (1 - flags) * (1 - ratio) * unflagged, unflagged


def _demand_simple(setting: Setting) -> None:
    if setting.interrupting or not setting.common_read_time:
        raise Unprocessable(
            "no-closed-form",
            "The oracle's share is known exactly only with one reading time and nobody interrupting.",
        )
