"""A PACS for the demonstration: a Storage SCP that keeps every object as one file. Not for clinical use.

Promise: 0000 only after the file is complete under its final name; the first content of a UID stays.
Refuses UIDs outside PS3.5 9.1: a name on disk is only ever made of checked UIDs and words of our own.
"""

from __future__ import annotations

import os
import re
import secrets
import threading
from io import BytesIO
from pathlib import Path

import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made at import time
from pynetdicom.transport import ThreadedAssociationServer

from triage import log
from triage.config import Destination, Settings
from triage.domain.errors import ConfigError, Refused
from triage.domain.identity import parse_uid

NAME = "DEMO-PACS"
STORED, OUT_OF_RESOURCES, CANNOT_UNDERSTAND = 0x0000, 0xA700, 0xC000
# Everything a result or a phantom is sent in; a demonstration needs no more.
SYNTAXES = [
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.91",
]
_WORD = re.compile(r"[A-Z0-9-]{1,16}")
_KINDS = {"SR": "SR", "SEG": "SEG", "PR": "GSPS"}
logger = log.get(__name__)


class Archive:
    """A folder of studies: <root>/<Study Instance UID>/<kind>-<SOP Instance UID>.dcm."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(mode=0o700, parents=True, exist_ok=True)

    def keep(self, file: bytes) -> Path:
        """Store one Part 10 file and return its path; the same UID again changes nothing.

        Raises Refused for UIDs that are not UIDs, InvalidDicomError and ValueError for other bytes.
        """
        wanted = ["StudyInstanceUID", "SOPInstanceUID", "Modality"]
        header = pydicom.dcmread(BytesIO(file), stop_before_pixels=True, specific_tags=wanted)
        study = parse_uid(str(header.get("StudyInstanceUID", "")))
        instance = parse_uid(str(header.get("SOPInstanceUID", "")))
        modality = str(header.get("Modality", ""))
        kind = _KINDS.get(modality, modality if _WORD.fullmatch(modality) else "OT")
        final = self.root / study / f"{kind}-{instance}.dcm"
        if not final.exists():
            _write(final, file)
        return final


def _write(final: Path, content: bytes) -> None:
    final.parent.mkdir(mode=0o700, exist_ok=True)
    temporary = final.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with temporary.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.rename(final)
    finally:
        temporary.unlink(missing_ok=True)


def _store(event: evt.Event, archive: Archive) -> int:
    try:
        path = archive.keep(event.encoded_dataset())
    except (Refused, InvalidDicomError, ValueError):
        return CANNOT_UNDERSTAND
    except OSError as trouble:
        logger.error("demo PACS cannot write", errno=trouble.errno)
        return OUT_OF_RESOURCES
    logger.info("stored", kind=path.name.split("-")[0])
    return STORED


def start(archive: Archive, ae_title: str, host: str, port: int) -> ThreadedAssociationServer:
    """Start listening in the background; return the server, which has `shutdown()`."""
    ae = AE(ae_title=ae_title)
    ae.maximum_associations = 10
    ae.acse_timeout, ae.dimse_timeout, ae.network_timeout = 10, 30, 30
    ae.supported_contexts = [
        *(build_context(UID(str(one.abstract_syntax)), SYNTAXES) for one in AllStoragePresentationContexts),
        build_context(Verification),
    ]
    server = ae.start_server((host, port), block=False, evt_handlers=[(evt.EVT_C_STORE, _store, [archive])])
    assert server is not None  # only a blocking start returns None
    return server


def destination(settings: Settings) -> Destination:
    """Return the destination that the demonstration PACS plays; raises ConfigError when there is none."""
    for one in settings.results.destinations:
        if one.name == NAME:
            return one
    raise ConfigError(
        "results.destinations",
        f"none is named {NAME}",
        "Start with `triage up --demo`.",
    )


def serve(settings: Settings, stop: threading.Event) -> None:
    """Play the PACS named DEMO-PACS until `stop` is set."""
    ours = destination(settings)
    server = start(Archive(settings.home / "demo-pacs"), ours.ae_title, ours.host, ours.port)
    logger.info("started", port=ours.port)
    stop.wait()
    server.shutdown()
    logger.info("stopped")
