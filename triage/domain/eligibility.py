"""Which instances may be analysed by which algorithm, with the reason for every "no".

The header decides only what can be neither a radiograph nor an MR slice; what is in the picture is decided from its
pixels by the view gate, and which MR series it is from all their headers together (mr_series.py), by the worker. A header's BodyPartExamined or ViewPosition is never a reason (they are wrong
in one study of seven).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from triage.domain.analysis import SPINE_MR_TRIAGE, SPINE_XR_TRIAGE
from triage.domain.mr_series import ENHANCED, MR

RADIOGRAPH_CLASSES: dict[str, str] = {
    "1.2.840.10008.5.1.4.1.1.1": "Computed Radiography Image Storage",
    "1.2.840.10008.5.1.4.1.1.1.1": "Digital X-Ray Image Storage - For Presentation",
    "1.2.840.10008.5.1.4.1.1.1.1.1": "Digital X-Ray Image Storage - For Processing",
    "1.2.840.10008.5.1.4.1.1.12.1": "X-Ray Angiographic Image Storage",
    "1.2.840.10008.5.1.4.1.1.12.2": "X-Ray Radiofluoroscopic Image Storage",
}
MAX_FRAMES = 1
MIN_SIDE_PIXELS = 128


@dataclass(frozen=True, slots=True)
class CandidateInstance:
    """The header facts eligibility may look at."""

    sop_instance_uid: str
    sop_class_uid: str
    modality: str
    frames: int
    rows: int | None
    columns: int | None
    own_result: bool
    problem: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one instance may be analysed, and why not."""

    sop_instance_uid: str
    eligible: bool
    reason: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run on a closed revision: algorithms, per-instance verdicts, and the study's own reason."""

    algorithms: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    reason: str
    sentence: str


def judge(candidate: CandidateInstance) -> Verdict:
    """Return the verdict on one instance; the first rule that fails gives the reason."""
    reason, sentence = _objection(candidate)
    return Verdict(candidate.sop_instance_uid, reason == "", reason, sentence)


def _objection(candidate: CandidateInstance) -> tuple[str, str]:
    if candidate.own_result:
        return "own-result", "this object is a result of this product"
    if candidate.problem:
        return "header-problem", f"the header could not be read: {candidate.problem}"
    if candidate.sop_class_uid in ENHANCED:
        return "enhanced-mr", "enhanced multi-frame MR is not read"
    if candidate.sop_class_uid not in RADIOGRAPH_CLASSES and candidate.sop_class_uid != MR:
        kind = candidate.modality or "this kind of object"
        return "not-a-radiograph", f"no model for {kind}"
    if candidate.frames > MAX_FRAMES:
        return "multi-frame", f"no model for a run of {candidate.frames} frames"
    if candidate.rows is None or candidate.columns is None:
        return "no-pixels", "the object has no image matrix"
    if min(candidate.rows, candidate.columns) < MIN_SIDE_PIXELS:
        return "too-small", f"the image is smaller than {MIN_SIDE_PIXELS} pixels on one side"
    return "", ""


def plan(candidates: Sequence[CandidateInstance]) -> Plan:
    """Return what to run on these instances; an empty plan says why nothing is analysed."""
    verdicts = tuple(judge(candidate) for candidate in candidates)
    if any(verdict.eligible for verdict in verdicts):
        return _planned(candidates, verdicts)
    if not verdicts:
        return Plan((), (), "identifiers-in-use", "its images bear the UIDs of other images stored before")
    foreign = [verdict for verdict in verdicts if verdict.reason != "own-result"]
    if not foreign:
        return Plan((), verdicts, "only-own-results", "only results of this product have arrived")
    reasons = sorted({verdict.reason for verdict in foreign})
    sentences = sorted({verdict.sentence for verdict in foreign})
    return Plan((), verdicts, reasons[0] if len(reasons) == 1 else "nothing-eligible", "; ".join(sentences))


def _planned(candidates: Sequence[CandidateInstance], verdicts: Sequence[Verdict]) -> Plan:
    """One algorithm a study: its radiographs where it has one, else its MR slices."""
    radiographs = {c.sop_instance_uid for c in candidates if c.sop_class_uid in RADIOGRAPH_CLASSES}
    if not any(verdict.eligible and verdict.sop_instance_uid in radiographs for verdict in verdicts):
        return Plan((SPINE_MR_TRIAGE,), tuple(verdicts), "", "")
    kept = tuple(
        Verdict(verdict.sop_instance_uid, False, "beside-radiographs", "the study's radiographs are analysed")
        if verdict.eligible and verdict.sop_instance_uid not in radiographs
        else verdict
        for verdict in verdicts
    )
    return Plan((SPINE_XR_TRIAGE,), kept, "", "")


# Objects that accompany images. They are catalogued, but they neither open nor reopen a study for analysis.
_COMPANION_PREFIXES = (
    "1.2.840.10008.5.1.4.1.1.88.",  # structured reports, key object selections
    "1.2.840.10008.5.1.4.1.1.11.",  # presentation states
    "1.2.840.10008.5.1.4.1.1.66",  # registrations, fiducials, segmentations, raw data
    "1.2.840.10008.5.1.4.1.1.104.",  # encapsulated documents
    "1.2.840.10008.5.1.4.1.1.9.",  # waveforms
    "1.2.840.10008.5.1.4.1.1.481.",  # radiotherapy objects
)


def is_companion(sop_class_uid: str) -> bool:
    """Return whether an object of this class accompanies images instead of being one."""
    return sop_class_uid.startswith(_COMPANION_PREFIXES)
