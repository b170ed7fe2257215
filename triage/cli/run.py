"""`triage run`: one process of the product, as the supervisor or systemd starts it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

import click

from triage.cli.shape import ExampleCommand

if TYPE_CHECKING:
    from triage.config import Settings

# Each is called with the settings and an event; it returns in good order once the event is set.
PROCESSES = {
    "receiver": "triage.arrival.receiver:run",
    "registrar": "triage.arrival.registrar:run",
    "closer": "triage.watch:beside_the_closer",
    "outbox": "triage.evidence.service:serve",
    "web": "triage.web.server:serve",
    "demo-pacs": "triage.evidence.demo_pacs:serve",
}
WORKER = "worker"


@click.command(cls=ExampleCommand, example="triage run receiver")
@click.argument("process", type=click.Choice([*PROCESSES, WORKER]))
def run(process: str) -> None:
    """Run one process of the product until it is told to stop (SIGTERM).

    Every process may be killed at any time: what was acknowledged is kept, and the next start goes on.
    """
    from triage import log
    from triage.config import load_settings
    from triage.embedded.places import with_addresses

    settings = with_addresses(load_settings())
    os.umask(0o077)
    if process == WORKER:
        become_the_worker(settings)
    log.configure(settings.log, process)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    module, _, function = PROCESSES[process].partition(":")
    getattr(import_module(module), function)(settings, stop)


def become_the_worker(settings: Settings) -> NoReturn:
    """Turn into the worker process: it may import TensorFlow, this one must not."""
    os.environ["TRIAGE_HOME"] = str(settings.home)
    os.environ["TRIAGE_DATABASE__URL"] = settings.database.url.get_secret_value()
    os.environ["TRIAGE_REDIS__URL"] = settings.redis.url.get_secret_value()
    os.execv(sys.executable, [sys.executable, "-P", "-m", "workers"])
