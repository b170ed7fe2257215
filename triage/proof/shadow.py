"""What a candidate in the shadow would have done otherwise: flags, scores, and truth where a report told it.

Promise: counts first, then shares with their Wilson intervals; an abstention is no flag and no "negative", and is
counted as what it is. Two readers of the same studies are compared by their discordant ones (McNemar 1947, exact).
Says nothing of patients where no outcome was imported.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np

from triage.domain.outcome import OutcomeLabel
from triage.domain.shadow import ShadowPair
from triage.proof.figures import Share, share

FLAGGED, ABSTAINED = "FLAGGED", "ABSTAINED"
DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Scores:
    """How two scores of the same studies lie to each other: differences are shadow minus live."""

    studies: int
    mean_difference: float
    spread: float
    low: float
    high: float
    largest: float
    correlation: float | None


@dataclass(frozen=True, slots=True)
class Known:
    """Against reports: every study of a known outcome, an abstention counted as not flagged ("as served")."""

    fresh: int
    other: int
    live_sensitivity: Share
    shadow_sensitivity: Share
    live_specificity: Share
    shadow_specificity: Share
    sensitivity_chance: float | None
    specificity_chance: float | None


@dataclass(frozen=True, slots=True)
class ShadowReport:
    """One candidate's report. `silent` studies have no shadow answer; they count nowhere else."""

    candidate: str
    since: datetime
    until: datetime
    days: float
    studies: int
    silent: int
    both: int
    only_live: int
    only_shadow: int
    neither: int
    live_abstained: int
    shadow_abstained: int
    agreement: Share
    chance: float | None
    scores: Scores | None
    known: Known | None

    def lines(self) -> Iterator[tuple[str, str, str]]:
        """Yield (what, live, shadow) for a table."""
        live, shadow = self.both + self.only_live, self.both + self.only_shadow
        yield "flagged", str(live), str(shadow)
        yield "flagged per day", f"{live / self.days:.2f}", f"{shadow / self.days:.2f}"
        yield "flagged by this one alone", str(self.only_live), str(self.only_shadow)
        yield "abstained", str(self.live_abstained), str(self.shadow_abstained)
        if self.known is not None:
            one = self.known
            yield "sensitivity", _share(one.live_sensitivity), _share(one.shadow_sensitivity)
            yield "specificity", _share(one.live_specificity), _share(one.shadow_specificity)

    def sentences(self) -> Iterator[str]:
        """Yield what the table cannot hold."""
        yield f"The same answer in {_share(self.agreement)}; {self.silent} studies without a shadow answer."
        if self.chance is not None:
            yield f"Flags that differ: a chance of {self.chance:.3g} if both flagged alike (McNemar, exact)."
        if self.scores is not None:
            one = self.scores
            told = f"Scores, shadow minus live, {one.studies} studies: mean {one.mean_difference:+.3f}, "
            told += f"95 % between {one.low:+.3f} and {one.high:+.3f}, largest {one.largest:.3f}"
            yield told + (f", correlation {one.correlation:.3f}." if one.correlation is not None else ".")
        if self.known is None:
            yield "No outcome of these studies was imported: nothing is known of who is right."


def reports(pairs: Sequence[ShadowPair], since: datetime, until: datetime) -> list[ShadowReport]:
    """Return one report per candidate, by name."""
    names = sorted({pair.candidate for pair in pairs})
    return [_report(name, [p for p in pairs if p.candidate == name], since, until) for name in names]


def plain(report: ShadowReport) -> dict[str, Any]:
    """Return a report as plain values."""
    return asdict(report)


def _report(name: str, pairs: Sequence[ShadowPair], since: datetime, until: datetime) -> ShadowReport:
    told = [pair for pair in pairs if pair.shadow and pair.live]
    live = [pair.live == FLAGGED for pair in told]
    shadow = [pair.shadow == FLAGGED for pair in told]
    both, only_live, only_shadow = _crossed(live, shadow)
    # The time that was observed, not the time asked for: a shadow that began yesterday has no week.
    first = min((pair.at for pair in pairs), default=since)
    days = max((until - first).total_seconds(), 3600.0) / DAY_SECONDS
    return ShadowReport(
        candidate=name,
        since=since,
        until=until,
        days=days,
        studies=len(told),
        silent=len(pairs) - len(told),
        both=both,
        only_live=only_live,
        only_shadow=only_shadow,
        neither=len(told) - both - only_live - only_shadow,
        live_abstained=sum(pair.live == ABSTAINED for pair in told),
        shadow_abstained=sum(pair.shadow == ABSTAINED for pair in told),
        agreement=share(sum(pair.live == pair.shadow for pair in told), len(told)),
        chance=mcnemar(only_live, only_shadow),
        scores=_scores(told),
        known=_known(told),
    )


def _crossed(first: Sequence[bool], second: Sequence[bool]) -> tuple[int, int, int]:
    both = sum(a and b for a, b in zip(first, second, strict=True))
    return both, sum(first) - both, sum(second) - both


def mcnemar(one: int, other: int) -> float | None:
    """Return the exact two-sided probability of discordant counts at least this uneven; None without any."""
    total, fewer = one + other, min(one, other)
    if total == 0:
        return None
    tail: float = sum(math.comb(total, k) for k in range(fewer + 1)) / (1 << total)
    return min(1.0, 2 * tail)


def _scores(told: Sequence[ShadowPair]) -> Scores | None:
    scored = [
        (p.live_score, p.shadow_score)
        for p in told
        if p.live_score is not None and p.shadow_score is not None
    ]
    if not scored:
        return None
    live, shadow = np.array(scored, dtype=float).T
    apart = shadow - live
    varied = len(scored) > 2 and np.ptp(live) > 0 and np.ptp(shadow) > 0
    return Scores(
        studies=len(scored),
        mean_difference=float(apart.mean()),
        spread=float(apart.std(ddof=1)) if len(scored) > 1 else 0.0,
        low=float(np.percentile(apart, 2.5)),
        high=float(np.percentile(apart, 97.5)),
        largest=float(np.abs(apart).max()),
        correlation=float(np.corrcoef(live, shadow)[0, 1]) if varied else None,
    )


def _known(told: Sequence[ShadowPair]) -> Known | None:
    known = [pair for pair in told if pair.label not in (None, OutcomeLabel.UNKNOWN)]
    if not known:
        return None
    fresh = [pair for pair in known if pair.label is OutcomeLabel.FRESH]
    other = [pair for pair in known if pair.label is not OutcomeLabel.FRESH]
    hits = {who: sum(getattr(p, who) == FLAGGED for p in fresh) for who in ("live", "shadow")}
    spared = {who: sum(getattr(p, who) != FLAGGED for p in other) for who in ("live", "shadow")}
    return Known(
        fresh=len(fresh),
        other=len(other),
        live_sensitivity=share(hits["live"], len(fresh)),
        shadow_sensitivity=share(hits["shadow"], len(fresh)),
        live_specificity=share(spared["live"], len(other)),
        shadow_specificity=share(spared["shadow"], len(other)),
        sensitivity_chance=_discordant(fresh),
        specificity_chance=_discordant(other),
    )


def _discordant(pairs: Sequence[ShadowPair]) -> float | None:
    _, only_live, only_shadow = _crossed(
        [p.live == FLAGGED for p in pairs], [p.shadow == FLAGGED for p in pairs]
    )
    return mcnemar(only_live, only_shadow)


def _share(found: Share) -> str:
    if found.value is None:
        return "-"
    return f"{found.value:.1%} [{found.low:.1%}, {found.high:.1%}] ({found.hits} of {found.of})"
