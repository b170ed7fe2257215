"""Which series of an MR study is the sagittal T1-weighted one: by plane, sequence and geometry, never by a description.

Promise: pure; every series gets a verdict, and every "no" its reason. Series Description, Protocol Name and Body Part
Examined are not looked at: they are free text, and wrong too often.
Refuses what the networks have not seen: other planes and weightings, inversion recovery (STIR and T1 FLAIR alike),
gradient echo and Dixon, saturated fat, contrast agent, diffusion, derived images, localisers, enhanced multi-frame objects.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

MR = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED = frozenset(
    {"1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.4.3", "1.2.840.10008.5.1.4.1.1.4.4"}
)
# Plane: normal within 25 degrees of left-right; a scoliotic back is scanned along itself.
LEAST_SAGITTAL = math.cos(math.radians(25))
# T1-weighted spin echo at 0.2 to 3 T; a proton density image has a longer TR, a T2-weighted one a longer TE.
REPETITION_MS, ECHO_MS = (200.0, 1100.0), (3.0, 30.0)
# Coverage: the shortest field that shows enough of a spine, and enough slices to look for its middle.
LEAST_LENGTH_MM, LEAST_ACROSS_MM, FEWEST_SLICES = 150.0, 16.0, 5
LARGEST_PIXEL_MM, LARGEST_STEP_MM = 1.6, 9.0
_STEP_SHARE, _PARALLEL = 0.25, 1e-3
_DERIVED = frozenset(
    {"LOCALIZER", "PROJECTION IMAGE", "MPR", "MIP", "ADC", "TRACEW", "FA", "SUBTRACTION", "REFORMATTED"}
    | {"WATER", "FAT", "IN_PHASE", "OPP_PHASE", "OUT_PHASE", "DIXON", "P", "PHASE MAP", "R", "I"}
    | {"W", "F", "IP", "OP", "IN", "OPP", "OUT"}
)  # fmt: skip
# As options begin: vendors write FS_GEMS, FATSAT, FAT_SAT, SPIR.
_FAT_SATURATION = ("FS", "FATSAT", "FAT_SAT", "SPAIR", "SPIR")
Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class MrImage:
    """The header facts of one MR object; lengths in mm, times in ms, None where the header has none."""

    sop_instance_uid: str
    series_instance_uid: str
    sop_class_uid: str
    rows: int = 0
    columns: int = 0
    along_row: Vector | None = None
    along_column: Vector | None = None
    position: Vector | None = None
    spacing: tuple[float, float] | None = None
    repetition: float | None = None
    echo: float | None = None
    inversion: float | None = None
    b_value: float | None = None
    scanning: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    image_type: tuple[str, ...] = ()
    contrast: bool = False

    @property
    def normal(self) -> Vector | None:
        """Unit vector across the image plane; None where the two directions are missing or not perpendicular units."""
        if self.along_row is None or self.along_column is None:
            return None
        (a, b, c), (d, e, f) = self.along_row, self.along_column
        across = (b * f - c * e, c * d - a * f, a * e - b * d)
        length = math.sqrt(sum(one * one for one in across))
        return (
            None if not 0.9 < length < 1.1 else (across[0] / length, across[1] / length, across[2] / length)
        )

    @property
    def place(self) -> float:
        """Distance along the plane's normal, growing to the patient's left; needs geometry."""
        assert self.normal is not None and self.position is not None
        along = sum(n * p for n, p in zip(self.normal, self.position, strict=True))
        return along if self.normal[0] >= 0 else -along


@dataclass(frozen=True, slots=True)
class SeriesVerdict:
    """Whether a series may be analysed, and why not; `images` in the order of their places where it may."""

    series_instance_uid: str
    images: tuple[MrImage, ...]
    reason: str
    sentence: str

    @property
    def fits(self) -> bool:
        """Tell whether it is a sagittal T1-weighted series."""
        return self.reason == ""


@dataclass(frozen=True, slots=True)
class Choice:
    """The series to analyse, or None, and the verdict on every other one."""

    chosen: SeriesVerdict | None
    others: tuple[SeriesVerdict, ...]

    @property
    def sentence(self) -> str:
        """Why nothing is analysed, in one sentence."""
        if not self.others:
            return "the study holds no MR series"
        said = sorted({other.sentence for other in self.others})
        return f"no sagittal T1-weighted series: {'; '.join(said)}"


def choose(images: Iterable[MrImage]) -> Choice:
    """Return the series to analyse: of several that fit, the one that shows most of the spine."""
    by_series: dict[str, list[MrImage]] = defaultdict(list)
    for image in images:
        by_series[image.series_instance_uid].append(image)
    verdicts = [judge(by_series[uid]) for uid in sorted(by_series)]
    fitting = sorted((one for one in verdicts if one.fits), key=_rank)
    if not fitting:
        return Choice(None, tuple(verdicts))
    best = fitting[0]
    others = (
        SeriesVerdict(one.series_instance_uid, one.images, "another-series", "another series shows more of the spine")
        if one.fits
        else one
        for one in verdicts
        if one is not best
    )  # fmt: skip
    return Choice(best, tuple(others))


def judge(images: Sequence[MrImage]) -> SeriesVerdict:
    """Return the verdict on one series; the first rule that fails gives the reason."""
    first = images[0]
    objections = (_objection(image) for image in images)
    reason, sentence = next((found for found in objections if found[0]), ("", ""))
    ordered: tuple[MrImage, ...] = tuple(images)
    if not reason:
        ordered = tuple(sorted(images, key=lambda image: (image.place, image.sop_instance_uid)))
        reason, sentence = _coverage(ordered)
    return SeriesVerdict(first.series_instance_uid, ordered, reason, sentence)


def _rank(verdict: SeriesVerdict) -> tuple[float, int, float, str]:
    image = verdict.images[0]
    assert image.spacing is not None
    return (-_length(image), -len(verdict.images), image.spacing[0], verdict.series_instance_uid)


def _objection(image: MrImage) -> tuple[str, str]:
    """The first reason against one image of a series."""
    if image.sop_class_uid in ENHANCED:
        return "enhanced", "enhanced multi-frame MR is not read"
    if image.sop_class_uid != MR:
        return "not-mr", "not an MR image"
    return _kind(image) or _weighting(image) or _plane(image) or ("", "")


def _kind(image: MrImage) -> tuple[str, str] | None:
    words = {word.strip().upper() for word in image.image_type}
    if image.image_type and image.image_type[0].strip().upper() != "ORIGINAL":
        return "derived", "the images are derived from others"
    if words & _DERIVED:
        return "derived", "a localiser, a map or one part of a separated signal"
    if image.b_value:
        return "diffusion", "diffusion-weighted"
    if image.contrast:
        return "contrast", "taken with a contrast agent"
    return None


def _weighting(image: MrImage) -> tuple[str, str] | None:
    scanning = {word.strip().upper() for word in image.scanning}
    if "IR" in scanning or (image.inversion or 0) > 0:
        return "inversion-recovery", "inversion recovery"
    if "GR" in scanning or "EP" in scanning:
        return "not-spin-echo", "gradient echo or echo-planar"
    if any(word.strip().upper().startswith(_FAT_SATURATION) for word in image.options):
        return "fat-saturated", "the signal of fat is suppressed"
    if image.repetition is None or image.echo is None:
        return "no-times", "repetition or echo time is missing"
    short_tr = REPETITION_MS[0] <= image.repetition <= REPETITION_MS[1]
    if not (short_tr and ECHO_MS[0] <= image.echo <= ECHO_MS[1]):
        return "not-t1", f"not T1-weighted (TR {image.repetition:.0f} ms, TE {image.echo:.0f} ms)"
    return None


def _plane(image: MrImage) -> tuple[str, str] | None:
    normal = image.normal
    if (
        normal is None
        or image.position is None
        or image.spacing is None
        or not image.rows
        or not image.columns
    ):
        return "no-geometry", "position, orientation or pixel spacing is missing"
    if abs(normal[0]) < LEAST_SAGITTAL:
        return "not-sagittal", "not sagittal"
    if max(image.spacing) > LARGEST_PIXEL_MM:
        return "too-coarse", f"pixels larger than {LARGEST_PIXEL_MM} mm"
    if _length(image) < LEAST_LENGTH_MM:
        return "too-short", f"shows less than {LEAST_LENGTH_MM:.0f} mm from head to foot"
    return None


def _length(image: MrImage) -> float:
    """Extent from head to foot."""
    assert image.spacing is not None and image.along_row is not None and image.along_column is not None
    down = image.rows * image.spacing[0] * abs(image.along_column[2])
    return max(down, image.columns * image.spacing[1] * abs(image.along_row[2]))


def _coverage(ordered: Sequence[MrImage]) -> tuple[str, str]:
    """One volume: parallel, of one size, evenly spaced, thick enough to hold the middle of the spine."""
    if len(ordered) < FEWEST_SLICES:
        return "too-few-slices", f"fewer than {FEWEST_SLICES} slices"
    first = ordered[0]
    for image in ordered:
        assert image.normal is not None and first.normal is not None
        apart = sum((a - b) ** 2 for a, b in zip(image.normal, first.normal, strict=True))
        if apart > _PARALLEL or (image.rows, image.columns) != (first.rows, first.columns):
            return "uneven", "the slices are not one parallel stack"
    steps = [after.place - before.place for before, after in pairwise(ordered)]
    usual = sorted(steps)[len(steps) // 2]
    if (
        usual <= 0
        or usual > LARGEST_STEP_MM
        or any(abs(step - usual) > _STEP_SHARE * usual for step in steps)
    ):
        return "uneven", "the slices are not evenly spaced"
    if ordered[-1].place - ordered[0].place < LEAST_ACROSS_MM:
        return "too-thin", f"covers less than {LEAST_ACROSS_MM:.0f} mm from side to side"
    return "", ""
