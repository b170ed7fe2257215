"""The recipe: whole, checked, and the same after a round trip."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from triage.domain.errors import ConfigError
from workers.training.course.network import task_of
from workers.training.course.recipe import Recipe, read_recipe, recipe_of
from workers.training.course.subjects import SUBJECTS
from workers.training.phantom_sets import DIFFICULTIES, MIXED, SAMPLERS
from workers.training.run import ORDER
from workers.training.train_commands import DIFFICULTIES as OFFERED
from workers.training.train_commands import SHIPPED, TASKS


def test_the_command_offers_what_there_is() -> None:
    assert set(TASKS) == set(SUBJECTS) == set(SAMPLERS)
    assert SHIPPED == ORDER
    assert (*DIFFICULTIES, MIXED) == OFFERED


@pytest.mark.parametrize("task", TASKS)
def test_a_recipe_is_the_same_after_it_was_written(task: str, tmp_path: Path) -> None:
    recipe = recipe_of({"task": task, "seed": 7})
    path = tmp_path / "recipe.toml"
    path.write_text(recipe.to_toml())
    assert read_recipe(path, task) == recipe
    assert tomllib.loads(recipe.to_toml())["epochs"] == 30


@pytest.mark.parametrize(
    ("task", "backbone", "size"),
    [
        ("view", "efficientnet-b6", (528, 528)),
        ("fracture", "mnasnet-1.0", (224, 224)),
        ("marrow", "xception", (299, 299)),
        ("pair", "resnet50-bilinear", (224, 224)),
        ("alignment", "corners", (512, 256)),
        ("alignment", "corners-anchored", (512, 256)),
        ("fracture", "spinenet", (384, 192)),
    ],
)
def test_a_published_network_reads_its_own_size(task: str, backbone: str, size: tuple[int, int]) -> None:
    recipe = recipe_of({"task": task, "backbone": backbone})
    assert (recipe.height, recipe.width) == size
    made = task_of(recipe, ("a", "b"))
    assert made.architecture == f"{backbone}/1"
    assert made.preprocessing.height == size[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epoch": 3}, "recipe.epoch: unknown key"),
        ({"epochs": "3"}, "recipe.epochs: '3' is no int"),
        ({"epochs": True}, "recipe.epochs: True is no int"),
        ({"epochs": 0}, "recipe.epochs: 0 is less than 1"),
        ({"loss": "dice"}, "recipe.loss: 'dice' is none of"),
        ({"backbone": "resnet999"}, "recipe.backbone: unknown architecture"),
        ({"widths": [4, "x"]}, "recipe.widths"),
        ({"name": "../up"}, "recipe.name"),
        ({"learning_rate": 9}, "recipe.learning_rate: 9.0 is not in"),
        ({"spacing_mm": 0.5}, "recipe.spacing_mm: the task fracture reads whole images"),
    ],
)
def test_a_wrong_recipe_is_refused_by_its_key(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        recipe_of({"task": "fracture", **change})


@pytest.mark.parametrize(
    ("task", "backbone"), [("pair", "resnet50"), ("fracture", "spinenet-dual"), ("view", "corners"), ("alignment", "locator"), ("fracture", "unet")]
)  # fmt: skip
def test_a_network_that_does_not_read_the_task_is_refused(task: str, backbone: str) -> None:
    with pytest.raises(ConfigError, match=r"recipe\.backbone"):
        task_of(recipe_of({"task": task, "backbone": backbone}), ("a", "b"))


def test_a_recipe_of_another_task_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(recipe_of({"task": "view"}).to_toml())
    with pytest.raises(ConfigError, match="is for the task view"):
        read_recipe(path, "fracture")


def test_two_recipes_have_two_digests() -> None:
    one: Recipe = recipe_of({"task": "view"})
    assert one.digest == recipe_of({"task": "view"}).digest
    assert one.digest != recipe_of({"task": "view", "seed": 3}).digest


def test_a_u_net_begins_with_as_many_channels_as_published_unless_the_recipe_says_otherwise() -> None:
    published = recipe_of({"task": "alignment", "backbone": "unet"})
    assert task_of(published, ()).params == {"height": 512, "width": 512, "classes": 1, "base": 64}
    assert task_of(recipe_of({"task": "alignment", "backbone": "unet", "stem": 16}), ()).params["base"] == 16
