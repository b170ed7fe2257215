"""Structured events without patient data.

A log line names a hop's verb and opaque ids (row ids, counts, milliseconds, AE titles). Fields that
could hold patient data are refused by name, so a slip is a failing test and not a leak.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import MutableMapping
from typing import Any

import structlog

from triage.config import LogSettings

FORBIDDEN = frozenset(
    {
        "patient",
        "patient_name",
        "patient_id",
        "name",
        "birth_date",
        "accession",
        "accession_number",
        "description",
    }
)


def _refuse_patient_data(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for field in FORBIDDEN & event.keys():
        event[field] = "[withheld]"
    return event


def configure(settings: LogSettings, process: str) -> None:
    """Send every event of this process to stderr, one line each, tagged with the process's name."""
    last: Any = (
        structlog.processors.JSONRenderer()
        if settings.format == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _refuse_patient_data,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, settings.level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    _silence_libraries()


def _silence_libraries() -> None:
    # pydicom's warnings and pynetdicom's log quote element values, which are patient data.
    warnings.filterwarnings("ignore", module=r"pydicom(\..*)?")
    for library in ("pydicom", "pynetdicom"):
        logging.getLogger(library).addHandler(logging.NullHandler())
        logging.getLogger(library).setLevel(logging.CRITICAL)
        logging.getLogger(library).propagate = False


def get(name: str) -> Any:
    """Return the event logger of one module; call `.info("verb", study=row_id, ...)`."""
    return structlog.get_logger(module=name)
