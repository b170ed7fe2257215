"""When is a study complete enough to analyse? Pure rules over values and a given `now`.

A study closes for the first reason that holds: exactly the expected instances are here, an AP and a lateral
radiograph are both here and nothing came for a short while, nothing came for the quiet period, or the
ceiling passed. A late image is not a mistake: it reopens the study as the next revision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from triage.domain.study import ClosingView

AP_POSITIONS = frozenset({"AP", "PA"})
LATERAL_POSITIONS = frozenset({"LL", "RL", "LAT", "LLD", "RLD"})


class ClosingReason(StrEnum):
    """Why a revision was closed, as recorded in its row."""

    EXPECTED_COUNT = "expected-count"
    PAIR_COMPLETE = "ap-lateral-pair"
    QUIET_PERIOD = "quiet-period"
    CEILING = "ceiling"


@dataclass(frozen=True, slots=True)
class ClosingRules:
    """Seconds to wait, by modality and by calling AE title (which wins)."""

    quiet_seconds: Mapping[str, float] = field(
        default_factory=lambda: {"CR": 30.0, "DX": 30.0, "RF": 30.0, "XA": 30.0, "MR": 90.0}
    )
    default_quiet_seconds: float = 30.0
    peer_quiet_seconds: Mapping[str, float] = field(default_factory=dict)
    pair_seconds: float = 5.0
    ceiling_seconds: float = 900.0


def quiet_period(view: ClosingView, rules: ClosingRules) -> timedelta:
    """Return how long this study must be silent: the peer's own figure, else the slowest modality's."""
    own = rules.peer_quiet_seconds.get(view.calling_ae)
    if own is not None:
        return timedelta(seconds=own)
    slowest = max(
        (rules.quiet_seconds.get(name, rules.default_quiet_seconds) for name in view.modalities),
        default=rules.default_quiet_seconds,
    )
    return timedelta(seconds=slowest)


def closing_reason(view: ClosingView, rules: ClosingRules, now: datetime) -> ClosingReason | None:
    """Return why the study closes at `now`, or None while it is still being received."""
    silent = now - view.last_arrival
    # More than announced: the count was wrong, and closing at once would make a revision of every late image.
    if view.instances == view.expected_instances and view.instances > 0:
        return ClosingReason.EXPECTED_COUNT
    wait = quiet_period(view, rules)
    if silent >= wait:
        return ClosingReason.QUIET_PERIOD
    if _pair_seen(view) and silent >= min(wait, timedelta(seconds=rules.pair_seconds)):
        return ClosingReason.PAIR_COMPLETE
    if now - view.opened_at >= timedelta(seconds=rules.ceiling_seconds):
        return ClosingReason.CEILING
    return None


def _pair_seen(view: ClosingView) -> bool:
    return bool(view.view_positions & AP_POSITIONS) and bool(view.view_positions & LATERAL_POSITIONS)
