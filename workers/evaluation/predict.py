"""A bundle as it is served, over a dataset: the table of predictions that everything else works on.

Promise: the same decoder, preparation, frozen graph, calibration and abstentions as in the worker; a case that the
worker would decline is declined here, with the worker's own code.
Refuses: a bundle whose answer is no class of an image (the locator), labels that the bundle does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from triage.domain.errors import Refused, Unprocessable
from triage.domain.finding import View
from workers.dataset.examples import IMAGE, LEVEL, PAIR, Example, gather, see
from workers.dataset.load import Case, Dataset
from workers.decode import Radiograph
from workers.evaluation.table import GROUP, P, Predictions, from_columns
from workers.infer import Served
from workers.interpret import flag, vertebrae, views
from workers.models import calibrate, ood
from workers.models.bundle import Bundle, load_pinned
from workers.models.preprocess import Prepared, prepare, scale_unit

GATE, LOCATOR, FRESH = "view-gate", "vertebra-locator", "vertebra-fresh"
WHOLE = "WHOLE"
_GROUP_SIZE = 8


@dataclass(frozen=True, slots=True)
class Answer:
    """One case: probabilities in the order of the columns, or why there are none."""

    probabilities: tuple[float, ...]
    declined: str = ""


@dataclass(frozen=True)
class Columns:
    """Which probabilities the table has: names, and for each the bundle's labels that add up to it."""

    names: tuple[str, ...]
    parts: tuple[tuple[int, ...], ...]

    def of(self, probabilities: NDArray[np.float64]) -> tuple[float, ...]:
        """Return the columns of one case."""
        return tuple(float(sum(probabilities[index] for index in part)) for part in self.parts)


def identity(bundle: Bundle) -> dict[str, Any]:
    """Return what a report says of a bundle."""
    return {
        "name": bundle.name,
        "version": bundle.version,
        "digest": bundle.digest,
        "data_origin": bundle.data_origin,
        "scope": bundle.scope.get("text", ""),
        "thresholds": {point.name: point.threshold for point in bundle.operating_points},
        "positive": bundle.positive,
    }


class Judge(Protocol):
    """A bundle, warm, that answers images a few at a time. Not thread-safe."""

    bundle: Bundle
    columns: Columns

    def answers(self, cases: Sequence[Case], films: Sequence[Radiograph]) -> list[Answer]:
        """Return an answer per film."""


def opened(name: str, root: Path, classes: Sequence[str]) -> Judge:
    """Return the judge of a bundle for a dataset's classes; imports TensorFlow."""
    bundle = load_pinned(name, root)
    if name == FRESH:
        return FlagChain(root)
    reads = str(bundle.description.get("reads", IMAGE))
    if reads in (PAIR, LEVEL):
        return ExampleJudge(Served(bundle), columns_for(bundle, classes), reads)
    if bundle.preprocessing.spacing_mm is not None or len(bundle.labels) < 2:
        raise Refused(
            "bundle", f"{name} does not classify whole images; evaluate the chain that it serves, {FRESH}"
        )
    columns = columns_for(bundle, classes)
    return ImageJudge(Served(bundle), columns)


def predict(
    judge: Judge, dataset: Dataset, splits: Sequence[str], watch: Callable[[Sequence[Case]], Any] = iter
) -> Predictions:
    """Return the table of a judge's answers over some splits of a dataset."""
    if isinstance(judge, ExampleJudge):
        return judge.table(dataset, splits, watch)
    cases = dataset.of_split(*splits)
    if not cases:
        raise Unprocessable("no-cases", f"the dataset has no case in {', '.join(splits)}")
    answered: list[Answer] = []
    for group in grouped(watch(cases)):
        answered += judge.answers(group, [dataset.radiograph(case) for case in group])
    return table_of(cases, judge.columns.names, answered)


def columns_for(bundle: Bundle, classes: Sequence[str]) -> Columns:
    """Return the columns that the dataset's labels ask for: the bundle's categories, or one of their attributes.

    A gate of ten categories can so be judged by view, by operation or by device; their probabilities add up.
    """
    if set(classes) <= set(bundle.label_ids):
        return Columns(bundle.label_ids, tuple((index,) for index in range(len(bundle.labels))))
    for attribute in sorted({key for label in bundle.labels for key in label} - {"id"}):
        values = [str(label.get(attribute)) for label in bundle.labels]
        if set(classes) <= set(values):
            names = tuple(dict.fromkeys(values))
            return Columns(
                names, tuple(tuple(i for i, value in enumerate(values) if value == name) for name in names)
            )
    known = ", ".join(bundle.label_ids)
    raise Refused("labels", f"the dataset's labels {', '.join(classes)} are none of {bundle.name}'s: {known}")


def grouped(cases: Iterable[Case]) -> Iterator[list[Case]]:
    """Yield a few cases at a time, so that memory does not grow with the dataset."""
    group: list[Case] = []
    for case in cases:
        group.append(case)
        if len(group) == _GROUP_SIZE:
            yield group
            group = []
    if group:
        yield group


class ImageJudge:
    """A classifier of whole images: prepare, network, calibration, abstention."""

    def __init__(self, served: Served, columns: Columns) -> None:
        self._served, self.bundle, self.columns = served, served.bundle, columns
        self._model: Any = None

    def answers(self, cases: Sequence[Case], films: Sequence[Radiograph]) -> list[Answer]:
        """Return an answer per film."""
        refused = [ood.check_pixels(film.image) for film in films]
        found = [Answer((), "" if why is None else why.code) for why in refused]
        sound = [index for index, why in enumerate(refused) if why is None]
        if not sound:
            return found
        inputs = [prepare(films[index].image, self.bundle.preprocessing).array for index in sound]
        for index, answer in zip(sound, self.of_inputs(np.stack(inputs)), strict=True):
            found[index] = answer
        return found

    def of_inputs(self, inputs: NDArray[np.float32]) -> list[Answer]:
        """Return an answer per network input [n, height, width, 1]."""
        seen = self._served.run(inputs)
        outside = self.bundle.reference.scores(seen.features)
        probabilities = calibrate.apply(seen.logits, self.bundle.calibration)
        judged = [ood.judge(float(score), self.bundle.ood_threshold) for score in outside]
        return [
            Answer((), why.code) if why else Answer(self.columns.of(row))
            for why, row in zip(judged, probabilities, strict=True)
        ]

    def model(self) -> Any:
        """Return the Keras model, which unlike the frozen graph has gradients; built once."""
        if self._model is None:
            self._model = self.bundle.build_model()
        return self._model


class ExampleJudge(ImageJudge):
    """A classifier of pairs or of single levels: the same network, calibration and abstention, another input."""

    def __init__(self, served: Served, columns: Columns, reads: str) -> None:
        super().__init__(served, columns)
        self._reads = reads

    def answers(self, cases: Sequence[Case], films: Sequence[Radiograph]) -> list[Answer]:
        """Refuse: one film is not what this network is shown."""
        raise Refused("bundle", f"{self.bundle.name} reads a {self._reads}, not one image after another")

    def table(
        self, dataset: Dataset, splits: Sequence[str], watch: Callable[[Sequence[Any]], Any]
    ) -> Predictions:
        """Return the answers on some splits of a dataset; a pair goes by its study."""
        chosen = [one for one in gather(dataset, self._reads).examples if one.split in splits]
        if not chosen:
            raise Unprocessable("no-cases", f"the dataset has no {self._reads} in {', '.join(splits)}")
        answered: list[Answer] = []
        for one in watch(chosen):
            answered.append(self._answer(dataset, one))
        named = [replace(one.cases[0], sop_instance_uid=one.name, level="") for one in chosen]
        return table_of(named, self.columns.names, answered)

    def _answer(self, dataset: Dataset, example: Example) -> Answer:
        spec = self.bundle.preprocessing
        try:
            seen = see(dataset, example, spec)
        except Unprocessable as error:
            return Answer((), error.reason)
        for film in seen.films:
            refused = ood.check_pixels(film.image)
            if refused is not None:
                return Answer((), refused.code)
        channels = np.moveaxis(seen.unit.astype(np.float32) / np.float32(255), -1, 0)
        scaled = np.stack([scale_unit(channel, spec) for channel in channels], axis=-1)
        return self.of_inputs(scaled[None])[0]


class FlagChain:
    """The flag from pixels to one probability, image by image: gate, locator, classifier."""

    def __init__(self, root: Path) -> None:
        self._gate, self._locator, self._fresh = (
            Served(load_pinned(n, root)) for n in (GATE, LOCATOR, FRESH)
        )
        self.bundle: Bundle = self._fresh.bundle
        self.columns = Columns((str(self.bundle.positive),), ((0,),))

    def answers(self, cases: Sequence[Case], films: Sequence[Radiograph]) -> list[Answer]:
        """Return an answer per film."""
        return [self._answer(case, film) for case, film in zip(cases, films, strict=True)]

    def _answer(self, case: Case, film: Radiograph) -> Answer:
        """Return the image's calibrated probability, or the worker's reason for none."""
        refused = ood.check_pixels(film.image)
        if refused is not None:
            return Answer((), refused.code)
        shown = prepare(film.image, self._gate.bundle.preprocessing)
        seen = self._gate.run(shown.array[None])
        row = views.GateAnswer(seen.logits[0], seen.features[0])
        view = views.view_of(case.sop_instance_uid, film.header_view, row, None, self._gate.bundle)
        if view.abstained is not None:
            return Answer((), view.abstained)
        if view.view is not View.LATERAL:
            return Answer((), flag.NO_LATERAL.code)
        return self._lateral(case, film, shown, view.coverage == WHOLE)

    def _lateral(self, case: Case, film: Radiograph, shown: Prepared, whole: bool) -> Answer:
        gate, locator, fresh = self._gate.bundle, self._locator.bundle, self._fresh.bundle
        if gate.preprocessing != locator.preprocessing:
            shown = prepare(film.image, locator.preprocessing)
        found = self._locator.run(shown.array[None])
        chain = vertebrae.located(
            found.logits[0], found.features[0], film.image, shown.to_source, whole, locator
        )
        if isinstance(chain, ood.Abstention):
            return Answer((), chain.code)
        crops = np.stack([one.array for one in vertebrae.crops(film.image, chain, fresh)])
        seen = self._fresh.run(crops)
        bodies = vertebrae.findings(
            case.sop_instance_uid, film.image, chain, seen.logits, seen.features, fresh
        )
        if isinstance(bodies, ood.Abstention):
            return Answer((), bodies.code)
        return Answer((flag.image_probability(bodies, fresh),))


def table_of(cases: Sequence[Case], names: Sequence[str], answers: Sequence[Answer]) -> Predictions:
    """Return the answers as a table."""
    columns: dict[str, NDArray[np.str_]] = {
        "case": np.array([case.name for case in cases]),
        "patient": np.array([case.patient for case in cases]),
        "label": np.array([case.label for case in cases]),
        "split": np.array([case.split for case in cases]),
        "declined": np.array([answer.declined for answer in answers]),
    }
    for index, name in enumerate(names):
        values = [f"{one.probabilities[index]:.9g}" if one.probabilities else "" for one in answers]
        columns[P + name] = np.array(values)
    for group in sorted({name for case in cases for name in case.groups}):
        columns[GROUP + group] = np.array([case.groups.get(group, "") for case in cases])
    return from_columns(columns)


def dataset_identity(dataset: Dataset) -> Mapping[str, Any]:
    """Return what a report says of a dataset."""
    return {"digest": dataset.digest, "seed": dataset.manifest["seed"]}
