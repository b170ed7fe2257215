"""A small adversarial step (FGSM, Goodfellow 2015): each input pixel moved by a budget against the true label.

Promise: the gradient is of the loss of the dataset's own label, through the served weights; the answer to the moved
input goes through the served calibration and abstention. White-box: no film turns out like this by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.decode import Radiograph
from workers.evaluation.predict import Answer, ImageJudge
from workers.models import ood
from workers.models.preprocess import prepare_unit, scale_unit

Floats = NDArray[np.float32]
BUDGETS = (1 / 255, 2 / 255, 4 / 255)


def attacked(
    judge: ImageJudge, labels: Sequence[str], films: Sequence[Radiograph], budget: float
) -> list[Answer]:
    """Return the answers to films whose prepared pixels (0..1) were moved by at most `budget`."""
    spec = judge.bundle.preprocessing
    sound = [index for index, film in enumerate(films) if ood.check_pixels(film.image) is None]
    found = [Answer((), "refused") for _ in films]
    if not sound:
        return found
    units = np.stack([prepare_unit(films[index].image, spec)[0] for index in sound])
    hot = np.stack([_target(judge, labels[index]) for index in sound])
    # Scaling is affine and rising, so the sign of the gradient is that of the unscaled pixel.
    inputs = np.stack([scale_unit(unit, spec) for unit in units])[..., None]
    moved = np.clip(units + np.float32(budget) * _signs(judge, inputs, hot)[..., 0], 0, 1)
    answers = judge.of_inputs(np.stack([scale_unit(unit, spec) for unit in moved])[..., None])
    for index, answer in zip(sound, answers, strict=True):
        found[index] = answer
    return found


def _target(judge: ImageJudge, label: str) -> Floats:
    """Return the bundle's labels that add up to a dataset's label, as one row."""
    row = np.zeros(len(judge.bundle.labels), np.float32)
    row[list(judge.columns.parts[judge.columns.names.index(label)])] = 1
    return row


def _signs(judge: ImageJudge, inputs: Floats, hot: Floats) -> Floats:
    import tensorflow as tf

    model = judge.model()
    images: Any = tf.convert_to_tensor(inputs)
    with tf.GradientTape() as tape:
        tape.watch(images)
        chances = tf.nn.softmax(model(images, training=False)["logits"])
        loss = -tf.reduce_sum(tf.math.log(tf.reduce_sum(chances * hot, axis=1) + 1e-9))
    signs: Floats = np.sign(tape.gradient(loss, images).numpy()).astype(np.float32)
    return signs
