"""Hop 9, names and times: everything in a result that another library would draw at random or from the clock.

Promise: the same analysis of the same bytes by the same models at the same start gives the same UIDs and the same
times; anything that could change a byte of the content changes the UID, so one UID never names two contents.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from triage import __version__
from triage.domain.identity import derived_uid
from workers.report.values import Kind, ReportRequest

_OFFSET = re.compile(r"([+-])(\d{2})(\d{2})")
_MAX_OFFSET = timedelta(hours=14)


@dataclass(frozen=True, slots=True)
class Naming:
    """The one key from which all UIDs of an analysis are derived."""

    key: str

    @classmethod
    def of(cls, request: ReportRequest, digests: Iterable[str], stamp: Stamp) -> Naming:
        """Return the names of this request, written at `stamp`, on sources with these digests."""
        outcome = request.outcome.to_json()
        del outcome["timings_ms"]  # measured, not concluded: two runs never agree on them
        content = {
            "study": request.study_instance_uid,
            "revision": request.revision,
            "analysis": request.analysis_id,
            # With its zone: the same moment is written differently where the site's clock differs.
            "started": stamp.date_time,
            "mode": request.mode,
            "predecessor": request.predecessor.sop_instance_uid if request.predecessor else "",
            "product": __version__,
            "sources": sorted(digests),
            "outcome": outcome,
        }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return cls(hashlib.sha256(text.encode()).hexdigest())

    def instance(self, kind: Kind, sop_instance_uid: str = "") -> str:
        """Return the SOP Instance UID of one object (about one source image where given)."""
        return derived_uid("instance", kind, sop_instance_uid, self.key)

    def series(self, modality: str) -> str:
        """Return the Series Instance UID of this analysis' objects of one modality."""
        return derived_uid("series", modality, self.key)

    def tracking(self, *what: object) -> str:
        """Return a Tracking UID: SR-B, SEG and GSPS share it for the same vertebra."""
        return derived_uid("tracking", self.key, *what)

    def dimensions(self, sop_instance_uid: str) -> str:
        """Return the Dimension Organization UID of a multi-frame object."""
        return derived_uid("dimensions", sop_instance_uid)


@dataclass(frozen=True, slots=True)
class Stamp:
    """The analysis' start as DICOM writes it."""

    date: str
    time: str
    date_time: str
    moment: datetime

    @classmethod
    def of(cls, started_at: datetime, source_offset: str) -> Stamp:
        """Return `started_at` on the wall clock of the source study.

        DA and TM carry no zone of their own: they mean the source's Timezone Offset From UTC where it has one,
        else the site's local time, as its study dates do. The DT value always carries its offset.
        """
        if started_at.tzinfo is None:
            raise ValueError("the start of an analysis is an aware time")
        local = started_at.astimezone(parse_offset(source_offset))
        day, clock = local.strftime("%Y%m%d"), local.strftime("%H%M%S.%f")
        return cls(day, clock, f"{day}{clock}{local:%z}"[:26], local)


def parse_offset(text: str) -> timezone | None:
    """Return a (0008,0201) value as a time zone; None when it is absent or impossible."""
    match = _OFFSET.fullmatch(text)
    if match is None or int(match[3]) > 59:
        return None
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    if offset > _MAX_OFFSET:
        return None
    return timezone(-offset if match[1] == "-" else offset)
