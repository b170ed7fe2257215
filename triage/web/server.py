"""`triage run web`: serve until told to stop; open live feeds end at once."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn
from fastapi import FastAPI
from sqlalchemy import Engine

from triage import log
from triage.config import Settings
from triage.domain.errors import ConfigError, Unavailable
from triage.store import engine as database
from triage.store import presence
from triage.web.app import create_app
from triage.web.guard import host_name, is_loopback

LOG = log.get(__name__)
POOL_SIZE = 8
STOP_SECONDS = 5
HEARTBEAT_SECONDS = 5.0


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling: the process decides when to stop, and open feeds end first."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the process."""
        yield


def serve(settings: Settings, stop: threading.Event) -> None:
    """Serve the page until `stop` is set; raises ConfigError for a public address that nobody allowed."""
    check_address(settings)
    logging.getLogger("uvicorn.error").addFilter(_withhold)
    door = _bind(settings.web.host, settings.web.port)
    engine = database.connect(settings.database.url.get_secret_value(), pool_size=POOL_SIZE)
    app = create_app(settings, engine)
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # who may forward is this site's setting: see entry.forwarded
            timeout_graceful_shutdown=STOP_SECONDS,
        )
    )
    watch = threading.Thread(target=_watch, args=(server, app, engine, stop), name="web-watch")
    watch.start()
    LOG.info("started", port=settings.web.port)
    try:
        server.run(sockets=[door])
    finally:
        stop.set()
        watch.join()
        engine.dispose()
    LOG.info("stopped")


def _withhold(record: logging.LogRecord) -> bool:
    """Keep an error's class and drop its text, which may quote a patient's name; the guard has said where it was."""
    if record.exc_info and record.exc_info[0]:
        record.msg, record.args = f"{record.getMessage().strip()}: {record.exc_info[0].__name__}", ()
        record.exc_info = None
    return True


def check_address(settings: Settings) -> None:
    """Refuse to offer patients' names to a network unless the site said so and people have to say who they are."""
    web = settings.web
    if web.accounts == "name" and (not is_loopback(web.host) or web.allowed_hosts or web.trusted_proxies):
        raise ConfigError(
            "web.accounts",
            'is "name", which proves nothing, and the page can be reached from other machines',
            'Write "local", "oidc" or "proxy"; or web.host = "127.0.0.1" without allowed_hosts and trusted_proxies.',
        )
    if not web.allow_remote and not is_loopback(web.host):
        raise ConfigError(
            "web.host",
            f"{web.host} can be reached from other machines, and the page itself does no TLS",
            "Write 127.0.0.1, or set web.allow_remote = true where only a TLS proxy can reach it.",
        )
    for mode, section in (("oidc", settings.access.oidc), ("proxy", settings.access.proxy)):
        if web.accounts == mode and section is None:
            raise ConfigError(
                "web.accounts", f'is "{mode}" and [access.{mode}] is missing', "Add that section."
            )

    oidc = settings.access.oidc
    if oidc is not None:
        for key, address in (("issuer", oidc.issuer), ("base_url", oidc.base_url)):
            if not address.startswith("https://") and not is_loopback(
                host_name(address.partition("://")[2].partition("/")[0])
            ):
                raise ConfigError(f"access.oidc.{key}", "is not https", "Write an https address.")


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=256)
    except OSError as trouble:
        raise ConfigError(
            "web.port", f"cannot listen on {host} port {port} ({trouble.strerror})", "Choose a free port."
        ) from trouble


def _watch(server: uvicorn.Server, app: FastAPI, engine: Engine, stop: threading.Event) -> None:
    """Report this process as alive, and end it when told to: the open feeds first, then the server."""
    process = presence.process_name("web")
    waiting = True
    while waiting:
        with suppress(Unavailable):
            presence.seen(engine, process, "web")
        waiting = not stop.wait(HEARTBEAT_SECONDS)
    app.state.end_feeds()
    server.should_exit = True
    with suppress(Unavailable):
        presence.gone(engine, process)
