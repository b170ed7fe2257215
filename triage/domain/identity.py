"""Names of things, parsed once at the door and typed ever after.

Refuses anything that is not a DICOM UID (PS3.5 9.1) or AE title (PS3.5 6.2): hostile text never
travels further than this module.
"""

from __future__ import annotations

import re
import uuid
from typing import NewType

from triage.domain.errors import Refused

UID = NewType("UID", str)
AETitle = NewType("AETitle", str)

_UID = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*")
# Real archives hold UIDs with leading zeros in a component (forbidden by PS3.5 9.1, harmless as a name).
_TOLERATED_UID = re.compile(r"[0-9]+(\.[0-9]+)+")
_NAMESPACE = uuid.UUID("3f0c4b9e-6d8a-5b61-9a55-0c1d2f7e8a10")
MAX_UID_LENGTH = 64
MAX_AE_LENGTH = 16


def parse_uid(text: str) -> UID:
    """Return `text` as a UID.

    Trailing NUL and space padding is dropped. Components with leading zeros are tolerated because
    senders produce them; anything else outside digits and dots raises Refused('illegal-uid').
    """
    bare = text.rstrip("\0 ")
    if len(bare) > MAX_UID_LENGTH or not (_UID.fullmatch(bare) or _TOLERATED_UID.fullmatch(bare)):
        raise Refused("illegal-uid", "a UID holds up to 64 digits and dots, nothing else")
    return UID(bare)


def parse_ae_title(text: str) -> AETitle:
    """Return `text` as an AE title: 1-16 printable ASCII characters, no backslash, outer spaces dropped."""
    bare = text.strip(" ")
    printable = all(" " <= letter <= "~" and letter != "\\" for letter in bare)
    if not 1 <= len(bare) <= MAX_AE_LENGTH or not printable:
        raise Refused("illegal-ae-title", "an AE title has 1 to 16 printable ASCII characters")
    return AETitle(bare)


def derived_uid(*parts: object) -> UID:
    """Return the UID that these parts always name: 2.25.<UUIDv5> (PS3.5 B.2), at most 44 characters."""
    joined = "|".join(str(part) for part in parts)
    return UID(f"2.25.{uuid.uuid5(_NAMESPACE, joined).int}")
