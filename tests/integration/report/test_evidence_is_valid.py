"""Everything we write passes four foreign validators with zero errors, and they do see planted defects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    XRayAngiographicImageStorage,
    XRayRadiofluoroscopicImageStorage,
)

from tests import measure_cast as measures
from tests import pattern_cast as pairs
from tests import report_cast as cast
from tests import validators
from triage.domain.finding import NotAnalysedImage, TriageOutcome
from workers.report import Kind, Mode, Predecessor, ReportRequest, build

# GBK is in PS3.3 C.12.1.1.2 but unknown to dciodvfy: a source under it fails there as well.
JUDGED_PATIENTS = tuple(patient for patient in cast.PATIENTS if patient.character_set != "GBK")
REPORTS = frozenset({Kind.IMAGE_REPORT, Kind.LOCALISED_REPORT})


@dataclass
class Bench:
    """All objects of the matrix on disk, by case."""

    folder: Path
    sources: cast.Sources
    cases: dict[str, tuple[list[Path], list[Path]]] = field(default_factory=dict)
    reports: list[Path] = field(default_factory=list)

    def add(self, name: str, request: ReportRequest, used: list[str]) -> None:
        """Build one case and write its objects down."""
        results = []
        for number, built in enumerate(build(request, self.sources.files)):
            path = self.folder / f"{name}-{number}-{built.kind}.dcm"
            path.write_bytes(built.payload)
            results.append(path)
            if built.kind in REPORTS:
                self.reports.append(path)
        self.cases[name] = (results, [self.sources.files[uid] for uid in used])

    def results(self) -> list[Path]:
        """Return every object."""
        return [path for results, _ in self.cases.values() for path in results]


def _bare(ds: Dataset) -> None:
    for keyword in (
        "PatientOrientation",
        "ImagerPixelSpacing",
        "WindowWidth",
        "BodyPartExamined",
        "Manufacturer",
    ):
        delattr(ds, keyword)


def _paired_part(ds: Dataset) -> None:
    ds.BodyPartExamined, ds.Laterality = "HAND", "L"


def _add_flagged(bench: Bench) -> None:
    classes = (ComputedRadiographyImageStorage, DigitalXRayImageStorageForPresentation)
    for index, patient in enumerate(JUDGED_PATIENTS):
        photometric = "MONOCHROME1" if index % 2 else "MONOCHROME2"
        name = f"flagged-{patient.label}"
        uid = bench.sources.add(
            name,
            patient=patient,
            photometric=photometric,
            sop_class=classes[index // 2 % 2],
            implicit=index % 3 == 0,
        )
        bench.add(name, cast.flagged_request(uid), [uid])
    edits: dict[str, Callable[[Dataset], None]] = {"bare": _bare, "paired": _paired_part}
    for name, edit in edits.items():
        uid = bench.sources.add(name, edit=edit, photometric="MONOCHROME1")
        bench.add(name, cast.flagged_request(uid), [uid])
    for name, sop_class in (("xa", XRayAngiographicImageStorage), ("rf", XRayRadiofluoroscopicImageStorage)):
        uid = bench.sources.add(name, sop_class=sop_class)
        bench.add(name, cast.flagged_request(uid), [uid])


def _add_others(bench: Bench) -> None:
    one, two, three = (bench.sources.add(f"several-{number}") for number in range(3))
    bench.add("triage-mode", cast.flagged_request(one, Mode.TRIAGE), [one])
    bench.add("not-flagged", cast.request(cast.outcome((cast.lateral(one),)), Mode.TRIAGE), [one])
    bench.add(
        "abstained",
        cast.request(cast.outcome((cast.abstained(two),), flag=TriageOutcome.ABSTAINED), Mode.TRIAGE),
        [two],
    )
    unreadable = NotAnalysedImage(three, "undecodable", "The pixels could not be decoded.")
    views = (cast.anteroposterior(one), cast.lateral(two))
    found = (cast.vertebra(one, "T12", 90.0, 60.0, 0.7), cast.vertebra(two, "L2", 100.0, 80.0, 0.8))
    several = cast.outcome(views, found, TriageOutcome.FLAGGED, (unreadable,))
    first = build(cast.request(several), bench.sources.files)[0]
    earlier = Predecessor(first.sop_instance_uid, first.series_instance_uid)
    bench.add("several", cast.request(several, revision=2, predecessor=earlier), [one, two, three])
    bench.cases["several"][1].append(bench.folder / "predecessor.dcm")
    bench.cases["several"][1][-1].write_bytes(first.payload)
    nothing = cast.outcome((), (), TriageOutcome.ABSTAINED, (unreadable,))
    bench.add("nothing-analysed", cast.request(nothing, Mode.TRIAGE), [three])
    for mode in Mode:
        bench.add(f"measured-{mode}", cast.request(measures.measured(one, two), mode), [one, two])
        bench.add(f"pattern-{mode}", cast.request(pairs.patterned(one, two), mode), [one, two])
    bench.add("unpaired", cast.request(pairs.unpaired(two), Mode.TRIAGE), [two])
    bench.add("unmeasurable", cast.request(measures.unmeasurable(one), Mode.TRIAGE), [one])


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """The matrix: kinds, outcomes, polarities, character sets, source classes and odd headers."""
    folder = tmp_path_factory.mktemp("evidence")
    (folder / "sources").mkdir()
    made = Bench(folder, cast.Sources(folder / "sources"))
    _add_flagged(made)
    _add_others(made)
    return made


def test_the_matrix_holds_every_kind_of_object(bench: Bench) -> None:
    names = [path.stem for path in bench.results()]
    for kind in Kind:
        assert any(name.endswith(f"-{kind}") for name in names), kind
    assert len(bench.cases["triage-mode"][0]) == 1
    assert len(bench.cases["several"][0]) == 6


def test_the_synthetic_sources_are_valid_themselves(bench: Bench) -> None:
    judged = [path for path in bench.sources.files.values() if path.stem.startswith(("flagged", "several"))]
    assert {path.name: errors for path, errors in validators.dciodvfy(judged).items() if errors} == {}


def test_dciodvfy_finds_no_error(bench: Bench) -> None:
    found = validators.dciodvfy(bench.results())
    assert {path.name: errors for path, errors in found.items() if errors} == {}


def test_dcentvfy_finds_each_result_to_belong_to_its_study(bench: Bench) -> None:
    found = {name: validators.dcentvfy(results, sources) for name, (results, sources) in bench.cases.items()}
    assert {name: errors for name, errors in found.items() if errors} == {}


def test_dsrdump_reads_every_report(bench: Bench) -> None:
    found = validators.dsrdump(bench.reports)
    assert {path.name: errors for path, errors in found.items() if errors} == {}


def _without_patient(ds: Dataset) -> None:
    del ds.PatientID


def _without_device(ds: Dataset) -> None:
    ds.ContentSequence = [
        item for item in ds.ContentSequence if item.ConceptNameCodeSequence[0].CodeValue != "121012"
    ]


def _mutated(bench: Bench, name: str, edit: Callable[[Dataset], None]) -> Path:
    ds = pydicom.dcmread(bench.reports[0])
    edit(ds)
    path = bench.folder / f"{name}.dcm"
    ds.save_as(path)
    return path


@pytest.mark.timeout(600)
def test_pixelmed_finds_no_error_but_sees_a_device_without_uid(bench: Bench) -> None:
    planted = _mutated(bench, "planted-device", _without_device)
    # Templates know nothing of character sets and source classes: one case of each kind will do here.
    cases = (
        "flagged-default",
        "bare",
        "several",
        "triage-mode",
        "not-flagged",
        "abstained",
        "nothing-analysed",
        "measured-assist",
        "unmeasurable",
        "pattern-assist",
        "unpaired",
    )
    judged = [path for path in bench.reports if path.name.startswith(cases)]
    found = validators.pixelmed([*judged, planted])
    assert found.pop(planted) != []
    assert {path.name: errors for path, errors in found.items() if errors} == {}


def test_dciodvfy_sees_a_planted_missing_patient(bench: Bench) -> None:
    planted = _mutated(bench, "planted-patient", _without_patient)
    assert validators.dciodvfy([planted])[planted] != []
