"""An outbox in the hands of a test: its clock is moved, its dice are loaded, everything else is real."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from tests.peers import HOST
from triage.evidence.breaker import Backoff
from triage.evidence.outbox import OutboxPolicy, PeerOutbox
from triage.evidence.pacs import RemoteAE, StorageSCU
from triage.spool import Spool
from triage.store import evidence as store
from triage.store.evidence import DeliveryFilter


@dataclass
class Clock:
    """A monotonic clock that a test moves."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def outbox(
    engine: Engine,
    spool: Spool,
    scu: StorageSCU,
    port: int,
    name: str = "pacs",
    title: str = "PACS",
    timeout_s: float = 5.0,
    first_s: float = 5.0,
) -> PeerOutbox:
    peer = RemoteAE(name, title, HOST, port, "TRIAGE", timeout_s)
    policy = OutboxPolicy(Backoff(first_s, 600.0), breaker_failures=3, lease_s=2.0, drain_s=1.0, poll_s=0.2)
    return PeerOutbox(engine, spool.path, peer, policy, clock=Clock(), dice=lambda: 0.0, scu=scu)


def work_through(one: PeerOutbox, steps: int = 40) -> None:
    """Let the outbox work until it has nothing due; the breaker's waits pass by the clock."""
    for _ in range(steps):
        wait_s = one.step()
        assert isinstance(one.clock, Clock)
        one.clock.now += wait_s
        if wait_s == one.policy.poll_s:
            return
    raise AssertionError("the outbox did not come to rest")


def states(engine: Engine, peer: str = "pacs") -> dict[str, str]:
    rows = store.list_deliveries(engine, DeliveryFilter(peer=peer))
    return {row.sop_instance_uid: row.state for row in rows}


def row(engine: Engine, uid: str) -> store.DeliveryRow:
    (found,) = [one for one in store.list_deliveries(engine) if one.sop_instance_uid == uid]
    return found
