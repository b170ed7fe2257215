"""What one study passes through the child with: its networks, its stopwatch, what is known of it so far."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from triage.domain.finding import ImageView, ModelIdentity, NotAnalysedImage
from triage.domain.model import MAGNETIC, PAIR
from triage.domain.reading import KeyImage
from workers.decode import Radiograph
from workers.infer import BUCKETS, Served
from workers.interpret import flag
from workers.interpret.measures import Film
from workers.interpret.pairing import Candidate
from workers.models import ood
from workers.models.preprocess import Prepared


@dataclass
class Stopwatch:
    """Milliseconds per stage of one study."""

    clock: Callable[[], float] = time.perf_counter
    milliseconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the block's time to its stage."""
        started = self.clock()
        try:
            yield
        finally:
            spent = (self.clock() - started) * 1000.0
            self.milliseconds[name] = self.milliseconds.get(name, 0.0) + spent


def buckets_of(name: str) -> tuple[int, ...]:
    """Return the batch sizes to warm a bundle for: a study has one pair, and many images."""
    return (1,) if name == PAIR else BUCKETS


@dataclass(frozen=True)
class Networks:
    """The three bundles of the algorithm and, where the site has them, those that look after the flag; frozen and warm."""

    gate: Served
    locator: Served
    fresh: Served
    alignment: Served | None = None
    pair: Served | None = None
    mr_locator: Served | None = None
    mr_vertebra: Served | None = None

    @classmethod
    def of(cls, served: Mapping[str, Served]) -> Networks:
        """Return the networks from what is served by name."""
        required = (served["view-gate"], served["vertebra-locator"], served["vertebra-fresh"])
        optional = (served.get(name) for name in ("alignment", PAIR, *MAGNETIC))
        return cls(*required, *optional)

    def identities(self) -> tuple[ModelIdentity, ...]:
        """Return what a report on radiographs must say about them."""
        return _identities(self.gate, self.locator, self.fresh, self.alignment, self.pair)

    def mr_identities(self) -> tuple[ModelIdentity, ...]:
        """Return what a report on MR must say about them."""
        return _identities(self.mr_locator, self.mr_vertebra)


def _identities(*served: Served | None) -> tuple[ModelIdentity, ...]:
    return tuple(
        ModelIdentity(
            one.bundle.name, one.bundle.version, one.bundle.digest, one.bundle.data_origin, one.numerics
        )
        for one in served
        if one is not None
    )


@dataclass(frozen=True, slots=True)
class Waiting:
    """One image with its view; the network's input [height, width, 1] only where it may become one of a pair."""

    candidate: Candidate
    array: NDArray[np.float32] | None


@dataclass
class Found:
    """What is known of the study so far."""

    watch: Stopwatch
    views: list[ImageView] = field(default_factory=list)
    laterals: list[flag.LateralAnswer] = field(default_factory=list)
    not_analysed: list[NotAnalysedImage] = field(default_factory=list)
    pictures: dict[str, KeyImage] = field(default_factory=dict)
    attention: dict[str, bytes] = field(default_factory=dict)
    films: list[tuple[Film, Prepared]] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)


@dataclass
class Shown:
    """One decoded image on its way: why its pixels were refused, its network input, its view."""

    uid: str
    radiograph: Radiograph
    refused: ood.Abstention | None = None
    prepared: Prepared | None = None
    view: ImageView | None = None
