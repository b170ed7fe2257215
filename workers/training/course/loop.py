"""Epochs: train, judge on the tuning patients, keep the whole state; stop early; go on where it stopped.

Promise: a training that was stopped and resumed gives the same weights to the bit as one that was not, on the same machine,
number of threads and libraries (held by a test). The seed decides initial weights, order, augmentation and dropout; weights
that were given to begin from are part of what is resumed, by their digest.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from triage.domain.errors import Unprocessable
from workers.dataset.examples import BODIES
from workers.evaluation import statistics
from workers.models import architectures
from workers.models.calibrate import softmax
from workers.training.course import checkpoint
from workers.training.course.batches import order_of, plain, varied
from workers.training.course.checkpoint import Epoch, State
from workers.training.course.losses import Loss, loss_of
from workers.training.course.material import Material, Watch
from workers.training.course.recipe import Recipe
from workers.training.tasks import Task

Echo = Callable[[str], None]
_WARM_SHARE = 1 / 15


@dataclass(frozen=True)
class Learnt:
    """state says how far it came; finished that nothing is left to do; begun_from is the SHA-256 of given weights."""

    state: State
    finished: bool
    begun_from: str | None


def learn(
    task: Task,
    recipe: Recipe,
    material: Material,
    folder: Path,
    *,
    start: Path | None = None,
    stop_after: int | None = None,
    watch: Watch,
    echo: Echo,
) -> Learnt:
    """Train below the folder until done, or for stop_after epochs; start is a weights file to begin from."""
    import keras

    folder.mkdir(parents=True, exist_ok=True)
    keras.mixed_precision.set_global_policy(recipe.precision)
    try:
        keras.utils.set_random_seed(recipe.seed)
        model = architectures.build(task.architecture, task.params)
        begun_from = None if start is None else _begin(model, start, echo)
        trained, loss = _compiled(model, recipe, material, task)
        key = " ".join(part for part in (recipe.digest, material.digest, begun_from) if part)
        state = checkpoint.restore(folder, key, model, trained.optimizer)
        if state.history:
            echo(f"going on after epoch {len(state.history)}")
        last = recipe.epochs if stop_after is None else len(state.history) + stop_after
        while len(state.history) < last and not state.over(recipe.patience, recipe.epochs):
            row = _epoch(trained, loss, task, recipe, material, len(state.history) + 1, watch)
            if not math.isfinite(row.tune_loss):
                raise Unprocessable(
                    "diverged", f"epoch {row.epoch}: the loss is no number; lower learning_rate"
                )
            state.history.append(row)
            checkpoint.save(folder, state, model, trained.optimizer)
            echo(_sentence(state.history[-1], state, recipe))
        return Learnt(state, state.over(recipe.patience, recipe.epochs), begun_from)
    finally:
        keras.mixed_precision.set_global_policy("float32")


def _begin(model: Any, path: Path, echo: Echo) -> str:
    """Load the file and return its SHA-256."""
    from workers.models import site_weights

    found = site_weights.load(model, path, into=site_weights.trunks(model) if path.suffix == ".h5" else ())
    echo(f"{path.name}: {len(found.loaded)} variables loaded, {len(found.kept)} as they were")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _compiled(model: Any, recipe: Recipe, material: Material, task: Task) -> tuple[Any, Loss]:
    """The same network with its logits alone, ready to train, and the loss."""
    import keras

    steps = len(order_of(material, recipe, 1)) * recipe.epochs
    warm = max(1, round(steps * _WARM_SHARE))
    schedule = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate / 20, max(1, steps - warm), 0.01,
        warmup_target=recipe.learning_rate, warmup_steps=warm,
    )  # fmt: skip
    classes = [str(label["id"]) for label in task.labels]
    train = [material.examples[row].label for row in material.rows("train")]
    loss = loss_of(recipe, classes, train)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=recipe.weight_decay, clipnorm=2.0)
    trained = keras.Model(model.input, {"logits": model.output["logits"]})
    # XLA on a CPU compiles for longer than it saves here (models.md 3).
    trained.compile(optimizer=optimizer, loss={"logits": loss}, jit_compile=False)
    trained.optimizer.build(trained.trainable_variables)
    return trained, loss


def _epoch(
    model: Any, loss: Loss, task: Task, recipe: Recipe, material: Material, epoch: int, watch: Watch
) -> Epoch:
    begun = time.monotonic()
    losses = []
    for rows in watch(list(order_of(material, recipe, epoch)), f"epoch {epoch}/{recipe.epochs}"):
        inputs, targets = varied(material, task, recipe, rows, epoch)
        losses.append(float(model.train_on_batch(inputs, {"logits": targets}, return_dict=True)["loss"]))
    rate = float(np.asarray(model.optimizer.learning_rate))
    tune_loss, score = _judged(model, loss, task, recipe, material)
    return Epoch(epoch, float(np.mean(losses)), tune_loss, score, rate, time.monotonic() - begun)


def _judged(model: Any, loss: Loss, task: Task, recipe: Recipe, material: Material) -> tuple[float, float]:
    """Loss on the tuning patients with the training's weights but hard targets, and the score."""
    losses, logits = [], []
    for inputs, targets in plain(material, task, recipe, recipe.batch, "tune"):
        answer = np.asarray(model.predict_on_batch(inputs)["logits"], np.float32)
        losses.append(np.asarray(loss(targets, answer)))
        logits.append(answer)
    if recipe.subject.reads == BODIES:
        return float(np.concatenate(losses).mean()), math.nan
    truth = material.labels[material.rows("tune")]
    return float(np.concatenate(losses).mean()), score_of(task, np.concatenate(logits), truth)


def score_of(task: Task, logits: Any, truth: Any) -> float:
    """AUC of the positive class, else of two classes the second's, else balanced accuracy."""
    probability = softmax(logits)
    names = [str(label["id"]) for label in task.labels]
    if task.positive is not None or len(names) == 2:
        index = names.index(task.positive) if task.positive is not None else 1
        return statistics.auc(probability[:, index], truth == index)
    guess = probability.argmax(axis=1)
    return float(np.mean([np.mean(guess[truth == value] == value) for value in np.unique(truth)]))


def _sentence(row: Epoch, state: State, recipe: Recipe) -> str:
    score = "" if math.isnan(row.tune_score) else f", score {row.tune_score:.3f}"
    best = state.best
    mark = " (best)" if best is row else f" (best was epoch {best.epoch})" if best is not None else ""
    return (
        f"epoch {row.epoch}/{recipe.epochs}: loss {row.train_loss:.4f}, tune {row.tune_loss:.4f}{score}, "
        f"{row.seconds:.1f} s{mark}"
    )
