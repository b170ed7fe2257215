"""The product's programs, from its settings: what runs, what waits for what, and the order of stopping."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

from triage.config import Settings
from triage.embedded import postgres, valkey
from triage.embedded.places import Places
from triage.embedded.service import Service
from triage.supervisor.claim import answers
from triage.supervisor.program import Program

UPGRADE = "upgrade"
# The wire stops first so that nothing new comes in; then whoever writes rows; the database last.
RANKS = {"receiver": 0, "worker": 0, "web": 0, "registrar": 1, "closer": 1, "outbox": 1}
SERVICE_RANK = {"valkey": 3, "postgres": 4}
WORKER_GRACE_SECONDS = 20.0


def programs(settings: Settings) -> list[Program]:
    """Return the whole tree: embedded services where no address is set, migrations, every process."""
    services = _services(settings)
    names = tuple(service.name for service in services)
    found = [_of_service(service) for service in services]
    found.append(command(settings, UPGRADE, ("db", "upgrade"), after=names, runs_once=True))
    receivers = [f"receiver-{n}" if n else "receiver" for n in range(settings.dicom.receivers)]
    for name in (*receivers, "registrar", "closer", "web", "outbox"):
        found.append(_product_program(settings, name))
    # TensorFlow's import takes the machine for seconds: the page comes first.
    found.append(_product_program(settings, "worker", after=(UPGRADE, "web", *receivers)))
    return found


def command(
    settings: Settings,
    name: str,
    words: tuple[str, ...],
    *,
    after: tuple[str, ...] = (),
    runs_once: bool = False,
    stop_rank: int = 2,
) -> Program:
    """Return a program that is one of this product's own commands."""
    return Program(
        name=name,
        # -P: the folder we happen to stand in must not shadow the installed product.
        argv=(sys.executable, "-P", "-m", "triage", *words),
        folder=settings.home,
        after=after,
        runs_once=runs_once,
        stop_rank=stop_rank,
        environment=environment(settings),
    )


def environment(settings: Settings) -> dict[str, str]:
    """Return what every process of the tree gets beside our own environment."""
    variables = {"TRIAGE_HOME": str(settings.home), "PYTHONUNBUFFERED": "1"}
    if not os.access(Path(__file__).parent, os.W_OK):
        # Installed by root: byte code is kept with the data, or every start would compile anew.
        variables["PYTHONPYCACHEPREFIX"] = str(settings.home / "cache" / "bytecode")
        variables["NUMBA_CACHE_DIR"] = str(settings.home / "cache" / "numba")
    return variables


def _services(settings: Settings) -> list[Service]:
    places = Places(settings.home)
    found = []
    if not settings.database.url.get_secret_value():
        found.append(postgres.prepare(places))
    if not settings.redis.url.get_secret_value():
        found.append(valkey.prepare(places))
    return found


def _of_service(service: Service) -> Program:
    return Program(
        name=service.name,
        argv=service.argv,
        folder=service.folder,
        ready=service.ready,
        running=service.running,
        environment=service.environment,
        stop_signal=service.stop_signal,
        stop_rank=SERVICE_RANK[service.name],
        grace_seconds=60.0,
    )


def _product_program(settings: Settings, name: str, after: tuple[str, ...] = (UPGRADE,)) -> Program:
    kind = name.partition("-")[0]
    program = command(settings, name, ("run", kind), after=after, stop_rank=RANKS[kind])
    if kind == "worker":
        return replace(program, grace_seconds=WORKER_GRACE_SECONDS)
    if kind == "web":
        host, port = settings.web.host, settings.web.port
        words = f"Worklist    http://{host}:{port}/"
    elif kind == "receiver":
        host, port = settings.dicom.host, settings.dicom.port
        words = f"DICOM       {settings.dicom.ae_title}@{host}:{port}"
    else:
        return program
    return replace(program, ready=lambda: answers(host, port), announcement=words)
