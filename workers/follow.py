"""The worker follows what was promoted: between studies, without a restart.

Promise: what serves is what the database says at the moment a study is taken; a study in hand is finished by the models
it began with. A folder that is gone or changed is for the child to refuse: nothing else is served in its stead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Engine

from triage import log
from triage.domain.model import Model
from triage.store import models
from workers.child.warm import Orders, WarmChild

logger = log.get(__name__)


def placed_in(store: Path, promoted: Mapping[str, Model]) -> dict[str, tuple[str, str]]:
    """Return name -> (folder, digest) of promoted bundles."""
    return {name: (str(store / one.reference), one.digest) for name, one in promoted.items()}


def with_models(orders: Orders, placed: Mapping[str, tuple[str, str]]) -> Orders:
    """Return the same orders for other bundles."""
    return replace(orders, configuration=replace(orders.configuration, placed=dict(placed)))


@dataclass
class Follower:
    """Keeps one child on the models in force. `orders` are the installation's, without any promotion."""

    engine: Engine
    child: WarmChild
    orders: Orders
    store: Path

    def follow(self) -> bool:
        """Look what was promoted; return whether the child was replaced. Raises Unavailable."""
        promoted = models.live(self.engine)
        changed = self.child.follow(with_models(self.orders, placed_in(self.store, promoted)))
        if changed:
            logger.info("models follow", models=sorted(one.reference for one in promoted.values()))
        return changed
