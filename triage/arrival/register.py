"""Hop 3: durable files in incoming/ become rows of the catalogue.

Order that a crash at any point leaves repeatable: link into kept/ (durable), commit the rows, drop the
incoming name. Refuses, into refused/ with the reason, what no row can be made of. With Postgres away it
raises Unavailable and has changed nothing that the next try would mind.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine

from triage.arrival.header import read_header
from triage.arrival.part10 import read_meta
from triage.arrival.source import Reader
from triage.domain.errors import Unavailable, Unprocessable
from triage.domain.priority import OrderPolicy
from triage.domain.study import ArrivedInstance
from triage.log import get
from triage.metrics import INSTANCES_REGISTERED
from triage.spool import Spool, digest_of, hash_from
from triage.store import catalogue

LOG = get(__name__)
BATCH = 200


@contextmanager
def _opened(path: Path, offset: int) -> Iterator[tuple[Reader, int]]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        size = os.fstat(descriptor).st_size - offset
        yield (lambda at, length: os.pread(descriptor, length, offset + at)), size
    finally:
        os.close(descriptor)


def is_whole(path: Path, digest: str) -> bool:
    """Return whether a file's data set still hashes to the digest in its name."""
    try:
        _, offset = read_meta(path)
    except Unprocessable:
        return False
    return hash_from(path, offset) == digest


def read_arrival(path: Path) -> ArrivedInstance:
    """Return what a row needs of one incoming file; `spool_name` is still empty.

    Raises Unprocessable when no row can be made of it, FileNotFoundError when another registrar took it.
    """
    meta, offset = read_meta(path)
    with _opened(path, offset) as (read, size):
        header = read_header(read, size, meta.transfer_syntax_uid)
    return ArrivedInstance(header, digest_of(path), size, "", meta.calling_ae)


class Register:
    """Registers files in batches and remembers which ones the catalogue would not take."""

    def __init__(self, engine: Engine, spool: Spool, policy: OrderPolicy) -> None:
        self._engine = engine
        self._spool = spool
        self._policy = policy
        self.troubled: set[str] = set()

    def files(self, paths: Sequence[Path]) -> int:
        """Register the files; return how many are in the catalogue now. Raises Unavailable."""
        arrivals = [(path, arrival) for path in paths if (arrival := self._read(path)) is not None]
        if not arrivals:
            return 0
        names = self._spool.keep_all([path for path, _ in arrivals])
        batch = [
            (path, ArrivedInstance(it.header, it.digest, it.size, name, it.calling_ae))
            for (path, it), name in zip(arrivals, names, strict=True)
        ]
        return self._enter(batch)

    def refuse(self, path: Path, reason: str) -> None:
        """Put a file aside for a person."""
        LOG.error("register-refused", reason=reason, digest=digest_of(path)[:12])
        INSTANCES_REGISTERED.labels("refused").inc()
        self._spool.refuse(path, reason)

    def _read(self, path: Path) -> ArrivedInstance | None:
        try:
            return read_arrival(path)
        except FileNotFoundError:
            return None
        except Unprocessable as refusal:
            self.refuse(path, refusal.reason)
        except OSError as trouble:
            raise Unavailable("spool-broken", "the spool cannot be read") from trouble
        return None

    def _enter(self, batch: Sequence[tuple[Path, ArrivedInstance]]) -> int:
        try:
            outcomes = catalogue.register(self._engine, [arrival for _, arrival in batch], self._policy)
        except Unavailable:
            raise
        # One row that the database will not take must not hold up the others, whatever it raises.
        except Exception as fault:  # noqa: BLE001
            return self._enter_alone(batch, fault)
        for (path, _), registered in zip(batch, outcomes, strict=True):
            INSTANCES_REGISTERED.labels(registered.outcome).inc()
            self.troubled.discard(path.name)
            self._spool.discard(path)
        return len(batch)

    def _enter_alone(self, batch: Sequence[tuple[Path, ArrivedInstance]], fault: Exception) -> int:
        if len(batch) > 1:
            return sum(self._enter([one]) for one in batch)
        path, arrival = batch[0]
        # The file stays in incoming/ and is tried again: the fault may be the database's schema, not the file.
        self.troubled.add(path.name)
        LOG.error("register-failed", error=type(fault).__name__, digest=arrival.digest[:12])
        return 0
