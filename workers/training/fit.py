"""Fit a network: AdamW under a cosine, weights averaged over the last steps, batch statistics measured again at the end.

Backend-agnostic: numpy batches, keras layers and keras.ops only. Progress is printed; the seed fixes the run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from workers.training.batches import Batch
from workers.training.tasks import Task

# Tracing a graph takes as long as some dozen steps.
_WORTH_TRACING = 10
Echo = Callable[[str], None]


@dataclass(frozen=True)
class Recipe:
    """steps batches; weight of each output's loss."""

    steps: int
    learning_rate: float
    weight_decay: float
    loss_weights: dict[str, float]


def one_thread(threads: int | None = None) -> None:
    """Before the backend is imported: several trainings may share a machine. What the environment says goes first."""
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        inner = threads if threads is not None and name != "TF_NUM_INTEROP_THREADS" else 1
        os.environ.setdefault(name, str(inner))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def cross_entropy(target: Any, logits: Any) -> Any:
    """Soft targets; a row of zeros adds nothing."""
    from keras import ops

    return -ops.sum(target * ops.log_softmax(logits, axis=-1), axis=-1)


def binary(target: Any, logits: Any) -> Any:
    from keras import ops

    loss = ops.maximum(logits, 0.0) - logits * target + ops.log1p(ops.exp(-ops.abs(logits)))
    return ops.mean(loss, axis=-1)


def spots(target: Any, logits: Any) -> Any:
    """Binary loss per cell with the few bright cells weighted up against the many dark ones."""
    from keras import ops

    loss = ops.maximum(logits, 0.0) - logits * target + ops.log1p(ops.exp(-ops.abs(logits)))
    return ops.mean(loss * (1.0 + 12.0 * target), axis=(1, 2, 3))


def attach(model: Any, task: Task) -> tuple[Any, dict[str, Any]]:
    """The network with its training heads, and the loss of each output."""
    import keras
    from keras import layers

    outputs: dict[str, Any] = {"logits": model.output["logits"]}
    if task.name == "vertebra-locator":
        return keras.Model(model.input, outputs), {"logits": spots}
    losses: dict[str, Any] = {"logits": cross_entropy}
    if task.name == "view-gate":
        features = model.output["features"]
        outputs["coverage"] = layers.Dense(2, name="coverage")(features)
        outputs["outside"] = layers.Dense(1, name="outside")(features)
        losses |= {"coverage": cross_entropy, "outside": binary}
    return keras.Model(model.input, outputs), losses


def _schedule(recipe: Recipe) -> Any:
    import keras

    warm = max(1, recipe.steps // 15)
    return keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate / 20,
        recipe.steps - warm,
        0.01,
        warmup_target=recipe.learning_rate,
        warmup_steps=warm,
    )


def fit(model: Any, task: Task, batches: Iterator[Batch], recipe: Recipe, seed: int, echo: Echo) -> Any:
    """Train in place; returns the model with its training heads."""
    import keras

    keras.utils.set_random_seed(seed)
    trainable, losses = attach(model, task)
    optimizer = keras.optimizers.AdamW(
        _schedule(recipe), weight_decay=recipe.weight_decay, use_ema=True, ema_momentum=0.99, clipnorm=2.0
    )
    # XLA on a CPU compiles for longer than it saves here, and is slower on some layers (models.md 3).
    trainable.compile(
        optimizer=optimizer,
        loss=losses,
        loss_weights=recipe.loss_weights,
        jit_compile=False,
        run_eagerly=recipe.steps < _WORTH_TRACING,
    )
    started, cpu = time.monotonic(), time.process_time()
    average = 0.0
    for step in range(1, recipe.steps + 1):
        inputs, targets = next(batches)
        loss = float(trainable.train_on_batch(inputs, targets, return_dict=True)["loss"])
        average = loss if step == 1 else 0.97 * average + 0.03 * loss
        if step % max(1, recipe.steps // 25) == 0 or step == recipe.steps:
            seconds = time.monotonic() - started
            echo(
                f"{task.name}: step {step}/{recipe.steps}, loss {average:.4f}, {step * len(inputs) / seconds:.0f} "
                f"images/s, {time.process_time() - cpu:.0f} CPU-s"
            )
    optimizer.finalize_variable_values(trainable.trainable_variables)
    remeasure(model, batches)
    return trainable


def remeasure(model: Any, batches: Iterator[Batch], count: int = 40) -> None:
    """Batch statistics belong to the averaged weights, not to the last ones: run forward passes in training mode."""
    for _ in range(count):
        inputs, _ = next(batches)
        model(inputs, training=True)
