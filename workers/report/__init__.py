"""Hop 9: an analysis' outcome becomes DICOM objects (SR-A always; SR-B, SEG and GSPS on a flag, if switched on;
of an MR slice SR-B and SEG of all its bodies, flag or none, if switched on).

Promise: pure; the same request on the same sources gives the same bytes; whatever leaves repeats the study's own
identity byte for byte and passes the validators named in the tests. Refuses, with Unprocessable, sources that no
result could be filed under.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from triage.domain.finding import TriageOutcome
from workers.report.case import Case
from workers.report.image_report import image_report
from workers.report.localised_report import localised_report
from workers.report.mr_report import is_mr, mr_objects
from workers.report.presentation import presentation_state
from workers.report.segmentation import vertebral_segmentation
from workers.report.values import BuiltObject, Kind, Mode, Predecessor, ReportRequest

__all__ = ["BuiltObject", "Kind", "Mode", "Predecessor", "ReportRequest", "build"]


def build(request: ReportRequest, sources: Mapping[str, Path]) -> tuple[BuiltObject, ...]:
    """Return the objects that record `request`, SR-A first.

    `sources` maps SOP Instance UIDs to Part 10 files and holds at least every image the outcome speaks of.
    """
    case = Case.of(request, sources)
    built = [image_report(case)]
    if is_mr(case):
        return (*built, *(mr_objects(case) if request.mode is Mode.ASSIST else ()))
    flagged = case.flagged()
    if request.mode is Mode.ASSIST and request.outcome.triage.outcome is TriageOutcome.FLAGGED and flagged:
        built.append(localised_report(case))
        for number, (uid, vertebrae) in enumerate(flagged.items(), start=1):
            image = case.images[uid]
            made = (
                vertebral_segmentation(case, image, vertebrae, number),
                presentation_state(case, image, vertebrae, number),
            )
            built.extend(one for one in made if one is not None)
    return tuple(built)
