"""The demonstration studies: a morning's list of phantoms as DICOM files, one folder per study.

Fractures and the atypical curve are chosen by the true strength of their signs (never by what a network says of them), so
that a person can see them too. One study cannot be decoded, one is no spine, one is STAT by its order, one is MR.
"""

from __future__ import annotations

import datetime
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless

from workers.training.demo_mr import write_series
from workers.training.phantom.anatomy import BRACE, FUSION, STANDING, Patient, sample_patient
from workers.training.phantom.patterns import ATYPICAL, sample_pattern
from workers.training.phantom.radiograph import LUMBAR, THORACOLUMBAR, WHOLE, Exposure, render
from workers.training.phantom.strangers import draw
from workers.training.phantom_dicom import FilmHeader, Identity, film_dataset

Echo = Callable[[str], None]
_FIRST = datetime.datetime(2026, 11, 20, 7, 40, tzinfo=datetime.UTC)
_ROWS = 1800
_MIN_CUE = 1.2
_CUT_AT_BYTES = 90
MAGNETIC = "14-back-pain-mr"


@dataclass(frozen=True)
class Film:
    """One file. patient None draws a stranger instead; broken leaves a JPEG 2000 stream that ends in its header."""

    header: FilmHeader
    exposure: Exposure
    patient: Patient | None
    broken: bool = False
    implicit: bool = False


@dataclass(frozen=True)
class Study:
    folder: str
    identity: Identity
    films: tuple[Film, ...]


def textbook_fracture(first_seed: int) -> Patient:
    """The first adult from a seed on whose single fresh fracture shows strong signs on a readable film."""
    seed = first_seed
    while True:
        patient = sample_patient(seed, fractures=1, fresh_share=1.0)
        level = patient.fresh_levels[0]
        change = patient.deformities[level]
        strong = change.fresh_cue >= _MIN_CUE and max(change.anterior, change.middle) >= 0.28
        if strong and level in ("T12", "L1", "L2", "L3") and patient.body_mass_index < 25:
            return patient
        seed += 1


def textbook_curve(first_seed: int) -> Patient:
    """The first child from a seed on with a long curve to the left, no counter-curve, a shifted trunk and a round back."""
    seed = first_seed
    while True:
        patient = sample_pattern(seed, ATYPICAL)
        main, *others = patient.curves
        lonely = len(others) == 1 and others[0][1] > 1
        strong = main[0] > 32 and main[2] > 0.16 and math.degrees(patient.kyphosis) > 40
        if lonely and strong and patient.body_mass_index < 22:
            return patient
        seed += 1


def _patient(first_seed: int, *, state: str = STANDING, child: bool = False, old: int = 0) -> Patient:
    """The first patient of a slim build, so that the demonstration shows readable films."""
    seed = first_seed
    while True:
        patient = sample_patient(seed, state=state, child=child, fractures=old, fresh_share=0.0)
        if patient.body_mass_index < 26 and not patient.cast:
            return patient
        seed += 1


def _film(number: int, view: str, field: str, patient: Patient | None, **header: object) -> Film:
    position = {"AP": "AP", "LATERAL": "LL"}[view]
    base = FilmHeader(number, "DX", view, position, None)
    rows = _ROWS if field == WHOLE else 1500
    ratio = 0.5 if field == WHOLE else 0.7
    return Film(replace(base, **header), Exposure(view, field, rows=rows, width_ratio=ratio), patient)  # type: ignore[arg-type]  # keyword names are FilmHeader's


def _identity(
    seed: int, index: int, given: str, sex: str, description: str, priority: str = "", *, child: bool = False
) -> Identity:
    birth = datetime.date(1940 + (seed * 7 + index * 11) % 60, 1 + index % 12, 3 + index)
    when = _FIRST + datetime.timedelta(minutes=17 * index)
    name = f"PHANTOM^{given}"
    if child:
        birth = birth.replace(year=2011 + index % 4)
    return Identity(f"{seed}/{index}", index + 1, name, sex, birth, when, description, priority)


def _routine(seed: int) -> Iterator[Study]:
    base = 900_000_000 + seed * 10_000
    adult, child = _patient(base), _patient(base + 1000, child=True)
    yield Study("01-routine-whole-spine", _identity(seed, 0, "ALMA", "F", "XR SPINE WHOLE 2V"),
                (_film(1, "AP", WHOLE, adult), _film(2, "LATERAL", WHOLE, adult, monochrome1=True)))  # fmt: skip
    yield Study("02-scoliosis-whole-spine", _identity(seed, 1, "BELA", "F", "XR SPINE SCOLIOSIS 2V", child=True),
                (_film(1, "AP", WHOLE, child, modality="CR"), _film(2, "LATERAL", WHOLE, child, modality="CR")))  # fmt: skip
    lumbar = _patient(base + 2000)
    yield Study("03-routine-lumbar", _identity(seed, 2, "CARL", "M", "XR LUMBAR SPINE 2V"),
                (_film(1, "AP", LUMBAR, lumbar, body_part="LSPINE"),
                 _film(2, "LATERAL", LUMBAR, lumbar, body_part="LSPINE", view_position=None)))  # fmt: skip


def _fractures(seed: int) -> Iterator[Study]:
    base = 910_000_000 + seed * 10_000
    first, second, third = (textbook_fracture(base + 1000 * i) for i in range(3))
    yield Study("04-fall-thoracolumbar", _identity(seed, 3, "DORA", "F", "XR THORACOLUMBAR SPINE 2V"),
                (_film(1, "AP", THORACOLUMBAR, first), _film(2, "LATERAL", THORACOLUMBAR, first)))  # fmt: skip
    yield Study("05-back-pain-lumbar", _identity(seed, 4, "EMIL", "M", "XR LUMBAR SPINE LATERAL"),
                (_film(1, "LATERAL", LUMBAR, second, monochrome1=True, view_position="AP", body_part="LSPINE"),))  # fmt: skip
    yield Study("06-osteoporosis-thoracolumbar", _identity(seed, 5, "FRIDA", "F", "XR THORACOLUMBAR SPINE LATERAL"),
                (_film(1, "LATERAL", THORACOLUMBAR, third, modality="CR"),))  # fmt: skip
    old = _patient(base + 5000, old=1)
    yield Study("07-follow-up-old-fracture", _identity(seed, 6, "GRETA", "F", "XR LUMBAR SPINE LATERAL"),
                (_film(1, "LATERAL", LUMBAR, old, body_part="LSPINE"),))  # fmt: skip


def _special(seed: int) -> Iterator[Study]:
    base = 920_000_000 + seed * 10_000
    fused, braced = _patient(base, state=FUSION), _patient(base + 1000, state=BRACE, child=True)
    urgent, spoilt = _patient(base + 2000), _patient(base + 3000)
    yield Study("08-after-fusion", _identity(seed, 7, "HUGO", "M", "XR SPINE POSTOP 2V"),
                (_film(1, "AP", WHOLE, fused), _film(2, "LATERAL", WHOLE, fused)))  # fmt: skip
    yield Study(
        "09-in-brace", _identity(seed, 8, "IDA", "F", "XR SPINE IN BRACE"), (_film(1, "AP", WHOLE, braced),)
    )
    yield Study("10-stat-order", _identity(seed, 9, "JONAS", "M", "XR LUMBAR SPINE 2V", priority="STAT"),
                (_film(1, "AP", LUMBAR, urgent, body_part="LSPINE"),
                 replace(_film(2, "LATERAL", LUMBAR, urgent, body_part="LSPINE"), implicit=True)))  # fmt: skip
    yield Study("11-damaged-in-transfer", _identity(seed, 10, "KLARA", "F", "XR LUMBAR SPINE LATERAL"),
                (replace(_film(1, "LATERAL", LUMBAR, spoilt), broken=True),))  # fmt: skip
    hand = _film(1, "AP", LUMBAR, None, view_position="PA", body_part="HAND")
    yield Study("12-wrong-body-part", _identity(seed, 11, "LEO", "M", "XR HAND PA"), (hand,))


def _curves(seed: int) -> Iterator[Study]:
    child = textbook_curve(930_000_000 + seed * 10_000)
    yield Study("13-scoliosis-long-curve", _identity(seed, 12, "MILA", "F", "XR SPINE SCOLIOSIS 2V", child=True),
                (_film(1, "AP", WHOLE, child), _film(2, "LATERAL", WHOLE, child)))  # fmt: skip


def studies(seed: int) -> tuple[Study, ...]:
    """The demonstration list of a seed, in order of acquisition."""
    return (*_routine(seed), *_fractures(seed), *_special(seed), *_curves(seed))


def _write_film(task: tuple[Path, Study, Film, int]) -> str:
    root, study, film, seed = task
    if film.patient is None:
        picture, spacing, magnification = draw("hand", seed, 1400), 0.15, None
    else:
        taken = render(film.patient, film.exposure)
        picture, spacing = taken.pixels, taken.spacing_mm
        magnification = 1.15
    header = replace(film.header, spacing_mm=spacing, magnification=magnification)
    data = film_dataset(picture, study.identity, header, implicit=film.implicit)
    if film.broken:
        _break(data)
    path = root / study.folder / f"{film.header.number}-{film.header.view.lower()}.dcm"
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)
    return f"{study.folder}/{path.name}"


def _break(data: FileDataset) -> None:
    """Compress to JPEG 2000 and keep only the first bytes of the stream, as a torn transfer would."""
    import imagecodecs

    values = np.frombuffer(data.PixelData, "<u2").reshape(data.Rows, data.Columns)
    stream = bytes(imagecodecs.jpeg2k_encode(values, reversible=True, bitspersample=12, codecformat="j2k"))
    data.PixelData = encapsulate([stream[:_CUT_AT_BYTES]])
    data["PixelData"].VR = "OB"
    data["PixelData"].is_undefined_length = True
    data.file_meta.TransferSyntaxUID = JPEG2000Lossless


def write_demo(root: Path, *, seed: int, processes: int, echo: Echo) -> list[Path]:
    """Write every study below root; returns the study folders."""
    start = time.monotonic()
    plan = studies(seed)
    tasks = [(root, study, film, seed) for study in plan for film in study.films]
    with ProcessPoolExecutor(max(1, processes)) as pool:
        for done, name in enumerate(pool.map(_write_film, tasks), 1):
            echo(f"phantom {done}/{len(tasks)}: {name} ({time.monotonic() - start:.0f} s)")
    slices = write_series(root / MAGNETIC, _identity(seed, 13, "MARTHA", "F", "MR THORACOLUMBAR SPINE"), seed)
    echo(f"phantom series: {MAGNETIC}, {len(slices)} slices ({time.monotonic() - start:.0f} s)")
    return [*(root / study.folder for study in plan), root / MAGNETIC]
