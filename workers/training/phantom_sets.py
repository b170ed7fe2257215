"""Who is in a phantom data set for a task: patients, films, labels; a function of the task, the seed and the number.

Difficulty "easy" has no mimics and no mild findings; "hard" has both, and is what figures should be quoted on. "mixed"
draws one of the three for each patient, so that figures by difficulty come from one training and one test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from workers.training.phantom.anatomy import (
    BRACE,
    FUSION,
    GROWTH,
    STANDING,
    TETHER,
    Patient,
    sample_fracture,
    sample_patient,
)
from workers.training.phantom.mimics import MIMICS, NONE, milder, with_mimic
from workers.training.phantom.patterns import NO_OVERLAP, PATTERNS, Overlap, sample_pattern
from workers.training.phantom.radiograph import LUMBAR, THORACIC, THORACOLUMBAR, WHOLE, Exposure
from workers.training.phantom.signal import MarrowPatient, sample_marrow
from workers.training.tasks import STATES, VIEWS

EASY, STANDARD, HARD = "easy", "standard", "hard"
DIFFICULTIES = (EASY, STANDARD, HARD)
MIXED = "mixed"
# Share of patients with a mimic, and of fractures that are mild.
_OVERLAPS = {EASY: NO_OVERLAP, STANDARD: Overlap(0.12, 14.0, 8.0), HARD: Overlap(0.25, 10.0, 10.0)}
_SHARES = {EASY: (0.0, 0.0), STANDARD: (0.35, 0.15), HARD: (0.65, 0.35)}
# Of alignment films, the share of parts of the spine.
_PARTIAL = {EASY: 0.15, STANDARD: 0.25, HARD: 0.4}
_STATE_KEYS = (STANDING, BRACE, FUSION, GROWTH, TETHER)
# Part of every seed: never change one.
_NUMBERS = {"view": 1, "fracture": 2, "marrow": 3, "pair": 4, "alignment": 5, "implant": 6, "vertebra": 7,
            "mr-locator": 8, "mr-vertebra": 8}  # fmt: skip
OBESE = 30.0
Rng = np.random.Generator


@dataclass(frozen=True)
class Member:
    """One phantom patient with its films, or its MR slice so far from the middle; label None: read from the truth."""

    index: int
    task: str
    patient: Patient
    exposures: tuple[Exposure, ...]
    label: str | None = None
    groups: Mapping[str, str] = field(default_factory=dict)
    sick: MarrowPatient | None = None
    offset_mm: float = 0.0


def members(task: str, seed: int, patients: int, difficulty: str) -> list[Member]:
    """The patients of a set, each from numbers of its own: a longer set begins with the shorter one."""
    number = _NUMBERS[task]
    found = []
    for index in range(patients):
        rng = np.random.default_rng([seed, 41, number, index])
        own = _drawn(seed, number, index) if difficulty == MIXED else difficulty
        member = SAMPLERS[task](rng, _seed_of(seed, number, index), index, own)
        patient = member.patient
        groups = {
            "difficulty": own,
            "build": "obese" if patient.body_mass_index >= OBESE else "not obese",
            "age": "child" if patient.child else "adult",
            "hardware": "none" if patient.state in (STANDING, BRACE) else patient.state.lower(),
        }
        found.append(replace(member, groups={**groups, **member.groups}))
    return found


def _seed_of(seed: int, number: int, index: int) -> int:
    return 3_000_000_000 + seed * 10_000_000 + number * 1_000_000 + index


def _drawn(seed: int, number: int, index: int) -> str:
    """A difficulty for one patient of a mixed set, from numbers of its own."""
    return DIFFICULTIES[int(np.random.default_rng([seed, 43, number, index]).integers(len(DIFFICULTIES)))]


def _view(rng: Rng, seed: int, index: int, difficulty: str) -> Member:
    """The ten categories in turn."""
    view, state = VIEWS[index % 2], _STATE_KEYS[index // 2 % len(_STATE_KEYS)]
    child = bool(rng.random() < (1.0 if state in (GROWTH, TETHER) else 0.6))
    patient = sample_patient(
        seed, state=state, child=child, fractures=0 if child else int(rng.integers(0, 2))
    )
    field_name = (
        WHOLE if state in (GROWTH, TETHER) or rng.random() < 0.6 else str(rng.choice([LUMBAR, THORACOLUMBAR]))
    )
    ratio = float(rng.uniform(0.8, 1.0)) if state == BRACE and field_name != WHOLE else None
    name = STATES[_STATE_KEYS.index(state)][0]
    label = f"{'AP' if view == 'AP' else 'LAT'}_{name}"
    return Member(index, "view", patient, (Exposure(view, field_name, rows=480, width_ratio=ratio),), label)


def _fracture(rng: Rng, seed: int, index: int, difficulty: str) -> Member:
    """Lateral films of adults: no fracture, old ones only, or at least one fresh; mimics as difficult as wanted."""
    kind = str(rng.choice(["none", "old", "fresh"], p=[0.35, 0.25, 0.40]))
    mimics, mild = _SHARES[difficulty]
    count = 0 if kind == "none" else int(rng.choice([1, 2, 3], p=[0.6, 0.3, 0.1]))
    # As many fractures in the fresh as in the old: their number must not tell.
    patient = sample_patient(seed, fractures=count - (kind == "fresh"), fresh_share=0.0)
    field_name = str(rng.choice([LUMBAR, THORACOLUMBAR, THORACIC], p=[0.4, 0.45, 0.15]))
    if kind == "fresh":
        level = str(rng.choice({LUMBAR: ["L1", "L2", "L3"], THORACOLUMBAR: ["T11", "T12", "L1", "L2"],
                                THORACIC: ["T7", "T8", "T9"]}[field_name]))  # fmt: skip
        patient = replace(patient, deformities={**patient.deformities, level: sample_fracture(rng, "fresh")})
    mimic = str(rng.choice(MIMICS[1:])) if rng.random() < mimics else NONE
    patient = milder(with_mimic(patient, mimic, rng), mild, rng)
    exposure = Exposure("LATERAL", field_name, rows=640)
    return Member(index, "fracture", patient, (exposure,), None, {"mimic": mimic})


def _vertebra(rng: Rng, seed: int, index: int, difficulty: str) -> Member:
    """The same patients as for the film, at the resolution that a body is cut out at."""
    member = _fracture(rng, seed, index, difficulty)
    field_name = member.exposures[0].field
    exposure = Exposure("LATERAL", field_name, pixel_mm=float(rng.uniform(0.6, 0.8)))
    return replace(member, task="vertebra", exposures=(exposure,))


def _pair(rng: Rng, seed: int, index: int, difficulty: str) -> Member:
    pattern = PATTERNS[index % len(PATTERNS)]
    patient = sample_pattern(seed, pattern, overlap=_OVERLAPS[difficulty])
    films = (Exposure("AP", WHOLE, rows=512), Exposure("LATERAL", WHOLE, rows=512))
    return Member(index, "pair", patient, films, pattern, {"coverage": WHOLE})


def _alignment(rng: Rng, seed: int, index: int, difficulty: str) -> Member:
    """Straight and crooked backs, both views; a share with implants, which the gate must refuse, and of parts of the spine."""
    state = STANDING if rng.random() < {EASY: 1.0, STANDARD: 0.9, HARD: 0.8}[difficulty] else FUSION
    if rng.random() < 0.6:
        patient = sample_pattern(seed, str(rng.choice(PATTERNS)), state=state)
    else:
        patient = sample_patient(seed, state=state, fractures=int(rng.integers(0, 2)))
    field_name, rows = WHOLE, 768
    if rng.random() < _PARTIAL[difficulty]:
        field_name, rows = str(rng.choice([LUMBAR, THORACOLUMBAR, THORACIC], p=[0.45, 0.35, 0.2])), 640
    films = (Exposure("AP", field_name, rows=rows), Exposure("LATERAL", field_name, rows=rows))
    coverage = {"coverage": WHOLE if field_name == WHOLE else "PARTIAL"}
    return Member(index, "alignment", patient, films, None, coverage)


IMPLANTS = ("none", "cement", "fusion", "loosened", "broken", "growth", "tether")
_STATE_OF = {"growth": GROWTH, "tether": TETHER, "fusion": FUSION, "loosened": FUSION, "broken": FUSION}


def _implant(rng: Rng, seed: int, index: int, difficulty: str) -> Member:
    """The kinds in turn; adults get cement and failures, children rods that grow and tethers."""
    label = IMPLANTS[index % len(IMPLANTS)]
    state = _STATE_OF.get(label, STANDING)
    child = state in (GROWTH, TETHER) or (label in ("none", "fusion") and bool(rng.random() < 0.4))
    patient = sample_patient(seed, state=state, child=child)
    if label in ("loosened", "broken"):
        patient = replace(patient, failure=label.upper())
    if label == "cement":
        levels = rng.choice(
            np.array(["T11", "T12", "L1", "L2", "L3"]), int(rng.integers(1, 3)), replace=False
        )
        filled = {str(level): replace(sample_fracture(rng, "old"), cement=True) for level in levels}
        patient = replace(patient, deformities={**patient.deformities, **filled})
    view = str(rng.choice(["AP", "LATERAL"]))
    field_name = WHOLE if state in (GROWTH, TETHER) or rng.random() < 0.4 else THORACOLUMBAR
    hardware = {"hardware": label}
    return Member(index, "implant", patient, (Exposure(view, field_name, rows=480),), label, hardware)


def _marrow(rng: Rng, seed: int, index: int, difficulty: str) -> Member:
    fractures = int(rng.choice([1, 2, 3], p=[0.4, 0.35, 0.25]))
    sick = sample_marrow(seed, fractures=fractures, fresh_share=0.45, difficulty=difficulty)
    return Member(index, "marrow", sick.patient, (), None, {"mimic": sick.mimic}, sick)


# No body is scanned exactly through its middle: a slice is as far off it as a series' middle one may be.
_MOST_OFFSET_MM = 8.0


def _sagittal(task: str) -> Sampler:
    """Every body of a slice, normal ones and those of patients without a fracture too: what is found on a whole image."""

    def sample(rng: Rng, seed: int, index: int, difficulty: str) -> Member:
        fractures = int(rng.choice([0, 1, 2, 3], p=[0.2, 0.25, 0.3, 0.25]))
        sick = sample_marrow(seed, fractures=fractures, fresh_share=0.45, difficulty=difficulty)
        offset = float(np.clip(rng.normal(0, 4), -_MOST_OFFSET_MM, _MOST_OFFSET_MM))
        return Member(index, task, sick.patient, (), None, {"mimic": sick.mimic}, sick, offset)

    return sample


Sampler = Callable[[Rng, int, int, str], Member]
SAMPLERS: Mapping[str, Sampler] = {
    "view": _view,
    "fracture": _fracture,
    "vertebra": _vertebra,
    "marrow": _marrow,
    "mr-locator": _sagittal("mr-locator"),
    "mr-vertebra": _sagittal("mr-vertebra"),
    "pair": _pair,
    "alignment": _alignment,
    "implant": _implant,
}
