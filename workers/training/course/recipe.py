"""A recipe: what decides a training besides the images and the weights it may begin from, as a small TOML file that goes into the bundle.

Promise: what is written is the whole recipe, defaults included, and reading it gives the same recipe.
Refuses (ConfigError, naming the key): an unknown key, a value of another kind, a value out of its range.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage.domain.errors import ConfigError, Refused
from triage.domain.model import parse_name, parse_version
from workers.models import architectures
from workers.training.course.subjects import SUBJECTS, Subject

LOSSES = ("plain", "weighted", "focal")
CORNERS, ANCHORED, UNET = "corners", "corners-anchored", "unet"
READ_BODIES = (CORNERS, ANCHORED, UNET)
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


@dataclass(frozen=True)
class Recipe:
    """Sizes in pixels; spacing_mm 0 means the whole image. patience counts epochs without a better
    validation loss, from the middle of the training on.

    widths and stem describe our own small networks and are ignored by published ones, but that stem is the number of
    channels a U-Net begins with (64 in the publication). augment scales how much images
    are varied; 0 shows them as they are.
    """

    task: str
    backbone: str
    name: str
    version: str = "1.0.0"
    seed: int = 2
    height: int = 0
    width: int = 0
    spacing_mm: float = 0.0
    stem: int = 12
    widths: tuple[int, ...] = (24, 32, 64, 96)
    epochs: int = 30
    batch: int = 16
    learning_rate: float = 0.003
    weight_decay: float = 0.002
    smoothing: float = 0.05
    loss: str = "weighted"
    patience: int = 8
    precision: str = "float32"
    augment: float = 1.0
    false_reject: float = 0.02
    target_sensitivity: float = 0.85

    @property
    def subject(self) -> Subject:
        return SUBJECTS[self.task]

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.to_toml().encode()).hexdigest()

    def to_toml(self) -> str:
        """Every key in the order of the class; strings as JSON writes them, which TOML reads."""
        lines = [f"{field.name} = {_toml(getattr(self, field.name))}" for field in dataclasses.fields(self)]
        return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)


def wrong(key: str, problem: str) -> ConfigError:
    return ConfigError(f"recipe.{key}", problem, "Correct the recipe")


def read_recipe(path: Path | None, task: str, **chosen: Any) -> Recipe:
    """The recipe of a file over the task's defaults; chosen, where not None, wins over both."""
    data: dict[str, Any] = {}
    if path is not None:
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise wrong("file", f"{path} cannot be read: {error}") from error
    if data.get("task", task) != task:
        raise wrong("task", f"{path} is for the task {data['task']}, not {task}")
    return recipe_of(
        data | {"task": task} | {key: value for key, value in chosen.items() if value is not None}
    )


def recipe_of(data: Mapping[str, Any]) -> Recipe:
    """A checked recipe from a table."""
    subject = SUBJECTS.get(str(data.get("task")))
    if subject is None:
        raise wrong("task", f"{data.get('task')!r} is none of {', '.join(SUBJECTS)}")
    backbone = str(data.get("backbone", subject.backbone))
    height, width = _size(subject, backbone)
    defaults = {
        "backbone": backbone, "name": f"site-{subject.name}", "height": height, "width": width,
        "spacing_mm": subject.spacing_mm or 0.0, **_stem(backbone),
    }  # fmt: skip
    fields = {field.name: field for field in dataclasses.fields(Recipe)}
    strangers = sorted(set(data) - set(fields))
    if strangers:
        raise wrong(strangers[0], f"unknown key; known: {', '.join(fields)}")
    merged = defaults | dict(data)
    recipe = Recipe(**{key: _value(key, str(fields[key].type), value) for key, value in merged.items()})
    _check(recipe)
    return recipe


def is_ours(backbone: str) -> bool:
    """Small networks of this project, which read what the task prefers; published ones read their own size."""
    return backbone.startswith(("spinenet", "corners", "locator"))


def _size(subject: Subject, backbone: str) -> tuple[int, int]:
    try:
        preset = architectures.of(f"{backbone}/1").preset
    except architectures.UnknownArchitecture as error:
        raise wrong("backbone", str(error)) from error
    return subject.size if is_ours(backbone) else (int(preset["height"]), int(preset["width"]))


def _stem(backbone: str) -> dict[str, int]:
    preset = architectures.of(f"{backbone}/1").preset
    return {"stem": int(preset["base"])} if backbone == UNET else {}


def _value(key: str, kind: str, value: Any) -> Any:
    if kind.startswith("tuple"):
        if not isinstance(value, list | tuple) or not all(type(one) is int for one in value):
            raise wrong(key, f"{value!r} is no list of whole numbers")
        return tuple(value)
    if kind == "float" and type(value) in (int, float):
        return float(value)
    if type(value).__name__ != kind:
        raise wrong(key, f"{value!r} is no {kind}")
    return value


_LEAST = {"height": 16, "width": 16, "epochs": 1, "batch": 1, "patience": 1, "stem": 1, "seed": 0}
_RANGES = {
    "learning_rate": (1e-7, 1.0),
    "weight_decay": (0.0, 1.0),
    "smoothing": (0.0, 0.5),
    "augment": (0.0, 2.0),
    "false_reject": (0.001, 0.5),
    "target_sensitivity": (0.5, 0.999),
}


def _check(recipe: Recipe) -> None:
    for key, least in _LEAST.items():
        if getattr(recipe, key) < least:
            raise wrong(key, f"{getattr(recipe, key)} is less than {least}")
    for key, (low, high) in _RANGES.items():
        if not low <= getattr(recipe, key) <= high:
            raise wrong(key, f"{getattr(recipe, key)} is not in {low}..{high}")
    for key, known in (("loss", LOSSES), ("precision", PRECISIONS)):
        if getattr(recipe, key) not in known:
            raise wrong(key, f"{getattr(recipe, key)!r} is none of {', '.join(known)}")
    for key, parse in (("name", parse_name), ("version", parse_version)):
        try:
            parse(getattr(recipe, key))
        except Refused as error:
            raise wrong(key, error.sentence) from error
    if recipe.spacing_mm and recipe.subject.spacing_mm is None:
        raise wrong("spacing_mm", f"the task {recipe.task} reads whole images")
