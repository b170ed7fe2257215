"""From a recipe and the classes of a dataset to a task: architecture, preprocessing, labels, scope.

Refuses: a network that does not read what the task shows, or whose answer is not what the task asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workers.dataset.examples import BODIES, PAIR
from workers.models import architectures
from workers.models.preprocess import PreprocessSpec
from workers.training.course.recipe import READ_BODIES, UNET, Recipe, is_ours, wrong
from workers.training.tasks import Task


def task_of(recipe: Recipe, classes: Sequence[str]) -> Task:
    """The task as a bundle describes it; classes in the order of the network's answers."""
    subject, identifier = recipe.subject, f"{recipe.backbone}/1"
    architecture = architectures.of(identifier)
    channels = 2 if subject.reads == PAIR else 1
    if architecture.channels != channels:
        raise wrong(
            "backbone", f"{recipe.backbone} reads {architecture.channels} image(s), the task {channels}"
        )
    if (recipe.backbone in READ_BODIES) != (subject.reads == BODIES) or recipe.backbone == "locator":
        raise wrong("backbone", f"{recipe.backbone} does not answer what the task {recipe.task} asks")
    if subject.reads != BODIES and len(classes) < 2:
        raise wrong("task", f"the dataset has the classes {', '.join(classes) or 'none'}; two are needed")
    return Task(
        name=recipe.name,
        architecture=identifier,
        params=_params(recipe, architecture.preset, len(classes)),
        preprocessing=_preprocessing(recipe),
        labels=_labels(recipe, classes),
        positive=subject.positive if subject.positive in classes else None,
        scope={"modalities": list(subject.modalities), "views": list(subject.views), "text": subject.text},
    )


def _params(recipe: Recipe, preset: Mapping[str, Any], classes: int) -> dict[str, Any]:
    params = dict(preset) | {"height": recipe.height, "width": recipe.width}
    if recipe.backbone == UNET:
        return params | {"classes": 1, "base": recipe.stem}
    if recipe.backbone not in READ_BODIES:
        params["classes"] = classes
    if is_ours(recipe.backbone):
        params |= {"stem": recipe.stem, "widths": list(recipe.widths)}
    if "blocks" in params:
        params["blocks"] = [1] * len(params["widths"])
    return params


def _preprocessing(recipe: Recipe) -> PreprocessSpec:
    subject = recipe.subject
    # Published families scale from -1..1 themselves (networks/backbone.py).
    scaling = subject.scaling if is_ours(recipe.backbone) else "symmetric"
    return PreprocessSpec(recipe.height, recipe.width, subject.window, scaling, recipe.spacing_mm or None)


def _labels(recipe: Recipe, classes: Sequence[str]) -> tuple[Mapping[str, Any], ...]:
    """What is known of each class: all that the task's own labels say, else its name."""
    if recipe.subject.reads == BODIES:
        return ({"id": "VERTEBRAL_BODIES" if recipe.backbone == UNET else "VERTEBRAL_BODY_CORNERS"},)
    known = {str(label["id"]): label for label in recipe.subject.labels}
    return tuple(known.get(name, {"id": name}) for name in classes)
