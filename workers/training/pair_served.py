"""What becomes of phantom pairs on the way they are served: gate, pairing, abstention, answer; and of pairs not trained on.

Counts alone leave this module; the networks run as the child runs them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.dataset.examples import PAIR as READS
from workers.dataset.examples import Example, gather
from workers.dataset.load import Dataset
from workers.decode import Radiograph
from workers.evaluation.statistics import Estimate, proportion
from workers.infer import Served
from workers.interpret import pairing, patterns, views
from workers.interpret.pairing import Candidate
from workers.models import ood
from workers.models.bundle import Bundle, load_pinned
from workers.models.preprocess import GrayImage, prepare
from workers.training.phantom.anatomy import BRACE, FUSION, GROWTH, TETHER, Patient, sample_patient
from workers.training.phantom.patterns import PATTERNS, sample_pattern
from workers.training.phantom.radiograph import LUMBAR, WHOLE, Exposure, render

Float = NDArray[np.float32]
_FIRST_STRANGER = 7_500_000_000


@dataclass
class Fates:
    """Answers and refusals by reason; answered holds (truly atypical, flagged) of each answer."""

    reasons: Counter[str] = field(default_factory=Counter)
    answered: list[tuple[bool, bool]] = field(default_factory=list)

    def sensitivity(self) -> Estimate:
        return self._share(True)

    def specificity(self) -> Estimate:
        return self._share(False)

    def _share(self, atypical: bool) -> Estimate:
        right = [flagged == atypical for truth, flagged in self.answered if truth == atypical]
        return proportion(sum(right), len(right))


def fates(data: Path, bundle: Bundle) -> Fates:
    """What the product would say of each test pair of a dataset with this bundle behind the shipped gate."""
    gate, pair = (Served(one, (1,)) for one in (load_pinned("view-gate"), bundle))
    dataset, found = Dataset(data), Fates()
    for example in gather(dataset, READS).examples:
        if example.split == "test":
            _one(example, dataset, gate, pair, found)
    return found


def _one(example: Example, dataset: Dataset, gate: Served, pair: Served, found: Fates) -> None:
    films = {case.sop_instance_uid: dataset.radiograph(case) for case in example.cases}
    chosen = pairing.pair_of([_seen(uid, film, gate) for uid, film in films.items()])
    if isinstance(chosen, ood.Abstention):
        found.reasons[chosen.code] += 1
        return
    sides = (chosen.frontal, chosen.lateral)
    inputs = [_input(films[side.view.sop_instance_uid].image, pair) for side in sides]
    answers = pair.run(np.concatenate(inputs, axis=-1)[None])
    answer = patterns.pattern_of(chosen, answers.logits[0], answers.features[0], pair.bundle).answer
    found.reasons[answer.reason] += 1
    if answer.probability is not None and answer.threshold is not None:
        found.answered.append((example.label == pair.bundle.positive, answer.probability >= answer.threshold))


def _seen(uid: str, film: Radiograph, gate: Served) -> Candidate:
    refused = ood.check_pixels(film.image)
    answers = gate.run(_input(film.image, gate)[None])
    row = views.GateAnswer(answers.logits[0], answers.features[0])
    view = views.view_of(uid, film.header_view, row, refused, gate.bundle)
    return Candidate(view, film.taken_at, film.age_years)


def _input(image: GrayImage, served: Served) -> Float:
    return prepare(image, served.bundle.preprocessing).array


def strangers(bundle: Bundle, count: int) -> Mapping[str, Estimate]:
    """The share of pairs that the network's own abstention refuses, by what they are; nothing else looks at them here."""
    pair = Served(bundle, (1,))
    limit, refused = pair.bundle.ood_threshold, Counter[str]()
    for index in range(count):
        for kind, inputs in _kinds(index, pair):
            features = pair.run(inputs[None]).features
            refused[kind] += int(float(pair.bundle.reference.scores(features)[0]) > limit)
    return {kind: proportion(number, count) for kind, number in refused.items()}


def _kinds(index: int, pair: Served) -> Iterator[tuple[str, Float]]:
    seed = _FIRST_STRANGER + index
    child = sample_pattern(seed, PATTERNS[index % len(PATTERNS)])
    front, side = _films(child, pair)
    yield "like those trained on", _joined(front, side)
    yield "frontal and lateral swapped", _joined(side, front)
    yield "two frontals", _joined(front, front)
    yield "upside down", _joined(front[::-1], side[::-1])
    yield "inverted grey", _joined(-front, -side)
    rng = np.random.default_rng(seed)
    yield "noise", rng.uniform(-1, 1, (*front.shape[:2], 2)).astype(np.float32)
    yield "lumbar spine alone", _joined(*_films(child, pair, LUMBAR))
    for state in (BRACE, TETHER, GROWTH, FUSION):
        yield (
            f"children, {state.lower()}",
            _joined(*_films(sample_pattern(seed, PATTERNS[1], state=state), pair)),
        )
    yield "adults", _joined(*_films(sample_patient(seed), pair))


def _films(patient: Patient, pair: Served, field_name: str = WHOLE) -> tuple[Float, Float]:
    taken = [render(patient, Exposure(view, field_name, rows=512)) for view in ("AP", "LATERAL")]
    front, side = (_input(GrayImage(film.pixels, None, 12), pair) for film in taken)
    return front, side


def _joined(front: Any, side: Any) -> Float:
    return np.concatenate([front, side], axis=-1).astype(np.float32)
