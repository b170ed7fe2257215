"""Hop 9, the case: one request with its sources, names and times, handed to each builder.

Promise: whatever a builder returns leaves through `finish`, which puts the study's identity, our times, our
equipment and our series in, so no object can differ from its siblings in those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from triage import __version__
from triage.domain.errors import Unprocessable
from triage.domain.finding import ModelIdentity, VertebraFinding
from triage.domain.identity import derived_uid
from triage.domain.own_results import FIRST_SERIES_NUMBER, MANUFACTURER
from workers.report import codes, equipment, header, identity, wire
from workers.report.naming import Naming, Stamp, parse_offset
from workers.report.source import Radiograph, read, restore_class
from workers.report.values import BuiltObject, Kind, ReportRequest

SERIES_NUMBER = {
    "SR": FIRST_SERIES_NUMBER + 1,
    "PR": FIRST_SERIES_NUMBER + 2,
    "SEG": FIRST_SERIES_NUMBER + 20,
}
_IMPLEMENTATION = (
    derived_uid("implementation", MANUFACTURER),
    f"SPINETRIAGE_{__version__.replace('.', '_')}"[:16],
)
_TIMEZONE = header.tag("TimezoneOffsetFromUTC")
FRESH = "fresh"


@dataclass(frozen=True, slots=True)
class Case:
    """Everything the builders share."""

    request: ReportRequest
    images: Mapping[str, Radiograph]
    names: Naming
    stamp: Stamp

    @classmethod
    def of(cls, request: ReportRequest, sources: Mapping[str, Path]) -> Case:
        """Read the sources that the outcome speaks of; raises Unprocessable as `source.read` does."""
        images = _read_all(request, sources)
        identity.demand_one_patient(image.header for image in images.values())
        first = next(iter(images.values()))
        offset = header.text(first.header, "TimezoneOffsetFromUTC")
        stamp = Stamp.of(request.analysis_started_at, offset)
        names = Naming.of(request, (image.digest for image in images.values()), stamp)
        return cls(request, images, names, stamp)

    @property
    def models(self) -> tuple[ModelIdentity, ...]:
        """Return the models that took part."""
        return self.request.outcome.models

    @property
    def first(self) -> Radiograph:
        """Return the image whose header lends the study's identity."""
        return next(iter(self.images.values()))

    def flagged(self) -> dict[str, list[VertebraFinding]]:
        """Return image -> vertebrae that carry the flag: those called fresh, else the one likeliest to be.

        A study can be flagged by the sum of its vertebrae without one of them alone being called fresh.
        """
        found = self.request.outcome.vertebrae
        chosen = [vertebra for vertebra in found if vertebra.label == FRESH]
        if not chosen and found:
            chosen = [max(found, key=lambda vertebra: vertebra.p_fresh)]
        by_image: dict[str, list[VertebraFinding]] = {}
        for vertebra in chosen:
            by_image.setdefault(vertebra.sop_instance_uid, []).append(vertebra)
        return by_image

    def arguments(self, kind: Kind, modality: str, number: int, about: str = "") -> dict[str, Any]:
        """Return the constructor arguments that all highdicom objects share."""
        return {
            "sop_instance_uid": self.names.instance(kind, about),
            "series_instance_uid": self.names.series(modality),
            "series_number": SERIES_NUMBER[modality],
            "instance_number": number,
            **equipment.equipment_arguments(self.models),
        }

    def finish(self, kind: Kind, built: Dataset, source: Radiograph) -> BuiltObject:
        """Fix what a library drew from the clock, restore the identity of `source`, and encode."""
        self._fix_times(built)
        restore_class(built, self.images)
        kept = dict(identity.verbatim(source.header))
        if parse_offset(header.text(source.header, "TimezoneOffsetFromUTC")) is None:
            kept.pop(_TIMEZONE, None)
        if "SpecificCharacterSet" in built:
            del built.SpecificCharacterSet
        kept[equipment.CONTRIBUTING] = equipment.contributing(self.models, source.header, self.stamp)
        meta = wire.file_meta(str(built.SOPClassUID), str(built.SOPInstanceUID), _IMPLEMENTATION)
        return BuiltObject(
            kind=kind,
            sop_class_uid=str(built.SOPClassUID),
            sop_instance_uid=str(built.SOPInstanceUID),
            series_instance_uid=str(built.SeriesInstanceUID),
            transfer_syntax_uid=str(meta.TransferSyntaxUID),
            payload=wire.part10(meta, built, kept),
        )

    def _fix_times(self, built: Dataset) -> None:
        pairs = [("InstanceCreationDate", "InstanceCreationTime"), ("SeriesDate", "SeriesTime")]
        if "ContentDate" in built:
            pairs.append(("ContentDate", "ContentTime"))
        if "PresentationCreationDate" in built:
            pairs.append(("PresentationCreationDate", "PresentationCreationTime"))
        for day, clock in pairs:
            setattr(built, day, self.stamp.date)
            setattr(built, clock, self.stamp.time)


def _read_all(request: ReportRequest, sources: Mapping[str, Path]) -> dict[str, Radiograph]:
    outcome = request.outcome
    analysed = _distinct([*outcome.views, *outcome.vertebrae])
    images = {uid: read(uid, _path(uid, sources)) for uid in analysed}
    for uid in _distinct(outcome.not_analysed):
        if uid not in images:
            images.update(_readable(uid, sources))
    if not images:
        raise Unprocessable("no-source", "none of the study's images can be referred to")
    for image in images.values():
        if image.study_instance_uid != request.study_instance_uid:
            raise Unprocessable("source-mismatch", "an image belongs to another study")
    return images


def _distinct(rows: Sequence[object]) -> list[str]:
    return list(dict.fromkeys(str(getattr(row, "sop_instance_uid")) for row in rows))  # noqa: B009


def _path(uid: str, sources: Mapping[str, Path]) -> Path:
    if uid not in sources:
        raise Unprocessable("no-source", "the outcome speaks of an image that was not handed over")
    return sources[uid]


def _readable(uid: str, sources: Mapping[str, Path]) -> dict[str, Radiograph]:
    """An image that could not be analysed may well have a header that cannot be read: then it is only counted."""
    try:
        return {uid: read(uid, _path(uid, sources))}
    except Unprocessable:
        return {}


def comment(text: str) -> str:
    """Return a sentence for a TEXT item."""
    return wire.plain(text) or codes.UNDETERMINED.meaning
