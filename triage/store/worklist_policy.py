"""The policy of order as rows: the newest is the one every process uses, in its own transaction.

Promises: a change says who, when and why, is audited, and gives every waiting study its new key before
anybody sees it; it is refused where the person who decided on it had seen another version. Whoever writes a place holds the policy's lock shared until its commit; a change holds it
alone: no row can slip between the old policy and the new. Without a recorded version the site's settings
count. The rules about senders (`stat_calling_aes`) always come from the settings.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, desc, func, insert, select, text

from triage.domain.errors import Conflict, Refused, Unavailable
from triage.domain.policy import (
    GUARDED,
    OrderPolicy,
    PolicyChange,
    PolicyName,
    PolicyStands,
    PolicyVersion,
)
from triage.domain.spoken import one_line
from triage.domain.stop_rule import StopDecision
from triage.store import audit
from triage.store.engine import lock_within, transaction
from triage.store.worklist_rekey import follows, rekey
from triage.store.worklist_tables import worklist_policy

_P = worklist_policy.c
_LOCK = 0x5350_0001  # one number for the whole product (pg_advisory)
# Whoever writes a place queues behind a change that waits for its lock, and gives up after LOCK_TIMEOUT_MS: so a
# change waits a little, lets them all pass, and tries again.
TRY_MS, PAUSE_S, TRIES = 1_000, 0.2, 16
STOP_RULE = "stop rule"


def hold(connection: Connection) -> None:
    """Keep the policy as it is until this transaction ends; taken before any row of the worklist is locked."""
    connection.execute(select(func.pg_advisory_xact_lock_shared(_LOCK)))


def in_force(connection: Connection, site: OrderPolicy) -> PolicyVersion:
    """Return the policy in force under its lock; `site` is what the settings say."""
    hold(connection)
    return newest(connection, site)


def newest(connection: Connection, site: OrderPolicy) -> PolicyVersion:
    """Return the newest version without its lock: for reading alone."""
    query = select(worklist_policy).order_by(desc(_P.id)).limit(1)
    found = connection.execute(query).mappings().one_or_none()
    return PolicyVersion(site) if found is None else _version(found, site)


def current(engine: Engine, site: OrderPolicy) -> PolicyVersion:
    """Return the policy in force."""
    with transaction(engine) as connection:
        return newest(connection, site)


def stands(engine: Engine, site: OrderPolicy) -> PolicyStands:
    """Return the policy in force and what a stop put aside, if any."""
    with transaction(engine) as connection:
        version = newest(connection, site)
        stopped = version.policy.name == PolicyName.HUMAN
        return PolicyStands(version, _put_aside(connection, version, site) if stopped else None)


def machine_since(engine: Engine, site: OrderPolicy) -> datetime | None:
    """Return since when an order in which an answer moves a study is in force without a break; None = always."""
    last = select(func.max(_P.id)).where(_P.name.not_in(GUARDED))
    with transaction(engine) as connection:
        without = connection.execute(last).scalar_one()
        if without is None and site.name in GUARDED:
            return None
        begun = select(func.min(_P.at)).where(_P.id > (without or 0))
        found: datetime | None = connection.execute(begun).scalar_one()
    return found


def history(
    engine: Engine, site: OrderPolicy, limit: int = 100, before: int | None = None
) -> list[PolicyVersion]:
    """Return the recorded versions, the newest first; `before` goes on after the version of that id."""
    query = select(worklist_policy).order_by(desc(_P.id)).limit(limit)
    if before is not None:
        query = query.where(_P.id < before)
    with transaction(engine) as connection:
        return [_version(found, site) for found in connection.execute(query).mappings()]


def change(
    engine: Engine,
    site: OrderPolicy,
    policy: OrderPolicy,
    actor: str,
    reason: str,
    *,
    seen: int | None = None,
    dry_run: bool = False,
) -> PolicyChange:
    """Set the policy and re-key every waiting study in one transaction; raises Refused without a reason, Conflict.

    `site` is what the settings say, `seen` the number of the version that the person decided on (None: whatever
    is in force). A dry run does it all and takes it back.
    """
    words = _reason(reason)
    with transaction(engine) as connection:
        _alone(connection)
        before = newest(connection, site)
        _compare(before, seen)
        tried = connection.begin_nested()
        done = _change(connection, before, policy, actor, words, dry_run=dry_run)
        tried.rollback() if dry_run else tried.commit()
    return done


def follow_settings(engine: Engine, site: OrderPolicy) -> int:
    """Give every open row the key the settings ask for, where no version was recorded; return how many changed.

    Called at start: keys of two settings cannot be compared, and nobody records a change of a file. Where the keys
    are what the settings ask for, nobody is made to wait.
    """
    with transaction(engine) as connection:
        if newest(connection, site).id is not None or follows(connection, site):
            return 0
    with transaction(engine) as connection:
        _alone(connection)
        if newest(connection, site).id is not None:
            return 0
        _, rekeyed, _ = rekey(connection, site, site)
    return rekeyed


def stop(
    engine: Engine, site: OrderPolicy, actor: str, reason: str, *, seen: int | None = None
) -> PolicyChange:
    """Kill switch: order by requested class and arrival from now on, with the other figures kept.

    Raises Conflict when that is the order already, or when version `seen` is in force no more.
    """
    words = _reason(reason)
    with transaction(engine) as connection:
        _alone(connection)
        before = newest(connection, site)
        if before.policy.name == PolicyName.HUMAN:
            raise Conflict("policy", f"the order is by requested class already ({_who(before)})")
        _compare(before, seen)
        return _change(connection, before, _named(before.policy, PolicyName.HUMAN), actor, words)


def resume(
    engine: Engine, site: OrderPolicy, actor: str, reason: str, *, seen: int | None = None
) -> PolicyChange:
    """End a stop: back to the newest order that was not `human`, with the figures that are in force now.

    Raises Conflict when nothing was stopped, or when version `seen` is in force no more.
    """
    words = _reason(reason)
    with transaction(engine) as connection:
        _alone(connection)
        before = newest(connection, site)
        if before.policy.name != PolicyName.HUMAN:
            raise Conflict("policy", f"the order is {before.policy.describe()}: nothing was stopped")
        policy = _put_aside(connection, before, site)
        if policy is None:
            raise Conflict("policy", "no other policy was ever in force: set one by its name")
        _compare(before, seen)
        return _change(connection, before, policy, actor, words)


def stop_on(
    engine: Engine, site: OrderPolicy, decision: StopDecision, seen: int | None = None
) -> PolicyChange | None:
    """Act on the stop rule's decision; None when it says go on, or the order judged (`seen`) is in force no more."""
    if not decision.stop:
        return None
    try:
        return stop(engine, site, audit.SYSTEM, f"{STOP_RULE}: {decision.reason}", seen=seen)
    except Conflict:
        return None


def _put_aside(connection: Connection, now: PolicyVersion, site: OrderPolicy) -> OrderPolicy | None:
    """Return the order that `human` replaced; its figures are those in force: a stop keeps them, a change may not."""
    earlier = select(_P.name).where(_P.name != PolicyName.HUMAN).order_by(desc(_P.id)).limit(1)
    name = PolicyName(connection.execute(earlier).scalar_one_or_none() or site.name)
    return None if name is PolicyName.HUMAN else _named(now.policy, name)


def _compare(now: PolicyVersion, seen: int | None) -> None:
    if seen is not None and seen != now.number:
        said = f"the order changed meanwhile: it is {now.policy.describe()} now ({_who(now)})"
        raise Conflict("policy-changed", f"{said}; look at it and decide again")


def _change(
    connection: Connection,
    before: PolicyVersion,
    policy: OrderPolicy,
    actor: str,
    reason: str,
    *,
    dry_run: bool = False,
) -> PolicyChange:
    version = _record(connection, policy, actor, reason)
    waiting, rekeyed, moved = rekey(connection, before.policy, policy)
    figures: Mapping[str, Any] = {
        "from": before.policy.describe(),
        "to": policy.describe(),
        "reason": reason,
        "waiting": waiting,
        "moved": moved,
    }
    audit.record(connection, actor, "worklist.policy", f"policy:{version.id}", detail=figures)
    return PolicyChange(version, before, waiting, rekeyed, moved, dry_run)


def _alone(connection: Connection) -> None:
    connection.execute(text("SET LOCAL statement_timeout = 60000"))
    for _ in range(TRIES):
        if lock_within(connection, select(func.pg_advisory_xact_lock(_LOCK)), TRY_MS):
            return
        time.sleep(PAUSE_S)
    raise Unavailable("policy-busy", "the list is written to without a pause: try again")


def _record(connection: Connection, policy: OrderPolicy, actor: str, reason: str) -> PolicyVersion:
    values = {"name": policy.name, "parameters": policy.parameters(), "actor": actor, "reason": reason}
    row = connection.execute(insert(worklist_policy).values(values).returning(worklist_policy))
    return _version(row.mappings().one(), policy)


def _version(found: RowMapping, site: OrderPolicy) -> PolicyVersion:
    policy = OrderPolicy.from_parameters(found["name"], found["parameters"], site.stat_calling_aes)
    return PolicyVersion(policy, found["id"], found["at"], found["actor"], found["reason"])


def _named(policy: OrderPolicy, name: PolicyName) -> OrderPolicy:
    return OrderPolicy.from_parameters(name, policy.parameters(), policy.stat_calling_aes)


def _reason(spoken: str) -> str:
    words = one_line(spoken, 500)
    if not words:
        raise Refused("policy", "a change of the order needs a reason")
    return words


def _who(version: PolicyVersion) -> str:
    return f"{version.reason}, by {version.actor}" if version.id is not None else "by the settings"
