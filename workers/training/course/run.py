"""The whole course: images, preparation, epochs, curves, bundle. The same command again goes on where it stopped.

Below the folder: recipe.toml, prepared/, state.npz and best.npz (after each epoch), effort.jsonl, curves.csv and .png, and when it is
finished bundles/NAME with pins.json, and predictions.csv for `triage-models evaluate --predictions`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage.domain.errors import Conflict
from workers.dataset.examples import gather
from workers.dataset.load import Dataset
from workers.training.course.curves import write_curves
from workers.training.course.effort import sitting
from workers.training.course.material import Material, Watch, material, unwatched
from workers.training.course.network import task_of
from workers.training.course.recipe import Recipe
from workers.training.fit import one_thread

Echo = Callable[[str], None]
RECIPE = "recipe.toml"


@dataclass(frozen=True)
class Result:
    """What a course came to; packaged is None while epochs are left."""

    epochs: int
    best_epoch: int
    finished: bool
    packaged: Any


def course(
    recipe: Recipe,
    data: Path,
    out: Path,
    *,
    start: Path | None = None,
    stop_after: int | None = None,
    threads: int | None = None,
    watch: Watch = unwatched,
    echo: Echo,
) -> Result:
    """Train the recipe on a dataset; raises Conflict when the folder holds another recipe."""
    # Before TensorFlow is imported: its thread pools cannot be set later.
    one_thread(threads)
    out.mkdir(parents=True, exist_ok=True)
    _keep_recipe(out / RECIPE, recipe)
    with sitting(out):
        return _sit(recipe, Dataset(data), out, start, stop_after, watch, echo)


def _sit(
    recipe: Recipe, dataset: Dataset, out: Path, start: Path | None, stop_after: int | None, watch: Watch, echo: Echo
) -> Result:  # fmt: skip
    gathered = gather(dataset, recipe.subject.reads)
    classes = recipe.subject.ordered(one.label for one in gathered.examples if one.label)
    task = task_of(recipe, classes)
    ready = material(dataset, gathered, classes, task.preprocessing, out / "prepared", watch)
    for line in _about(ready, recipe):
        echo(line)
    from workers.training.course.loop import learn
    from workers.training.course.package import package

    learnt = learn(
        task, recipe, ready, out, start=start, stop_after=stop_after, watch=watch, echo=echo
    )  # fmt: skip
    write_curves(out, learnt.state.history, f"{recipe.name}: {recipe.backbone}")
    best = learnt.state.best
    done = package(task, recipe, ready, out, learnt.begun_from) if learnt.finished else None
    return Result(len(learnt.state.history), best.epoch if best else 0, learnt.finished, done)


def _keep_recipe(path: Path, recipe: Recipe) -> None:
    text = recipe.to_toml()
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise Conflict(
            "training", f"{path} is another recipe than this: name another folder, or change it back"
        )
    path.write_text(text, encoding="utf-8")


def _about(ready: Material, recipe: Recipe) -> Sequence[str]:
    shares = ", ".join(f"{name} {len(ready.rows(name))}" for name in ("train", "tune", "calibrate", "test"))
    lines = [f"{recipe.task}: {shares}; {recipe.backbone} at {recipe.height} x {recipe.width}"]
    if ready.classes:
        train = ready.labels[ready.rows("train")]
        counted = ", ".join(
            f"{name} {int((train == place).sum())}" for place, name in enumerate(ready.classes)
        )
        lines.append(f"training examples: {counted}; loss {recipe.loss}")
    lines += [f"left out: {reason} ({count})" for reason, count in sorted(ready.left_out.items())]
    return lines
