"""Freeze an ensemble: trained members of one task become one network and one bundle, which is served like any other.

Promise: what it answers before its own calibration is the mean of its members' calibrated probabilities: a member's temperature
and class biases are folded into its last layer. Calibration, abstention, threshold and figures are made anew for the whole.
Refuses (Refused): members of unlike input or classes, a network that no ensemble may hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.domain.errors import Refused
from workers.dataset.examples import gather
from workers.dataset.load import Dataset
from workers.models.bundle import Bundle, load_pinned
from workers.models.networks.ensemble import NINE
from workers.training.course.checkpoint import BEST
from workers.training.course.material import material
from workers.training.course.network import task_of
from workers.training.course.package import BUNDLES, Packaged, package
from workers.training.course.recipe import Recipe, read_recipe, recipe_of
from workers.training.course.run import RECIPE

Echo = Callable[[str], None]
ENSEMBLE = "ensemble"
_LAST = "logits/"


def freeze(folder: Path, task: str, members: Sequence[str], data: Path, out: Path, *, echo: Echo) -> Packaged:
    """Write out/bundles/NAME-ensemble of the trainings folder/MEMBER; the weights stand in out/best.npz, too."""
    strangers = sorted(set(members) - set(NINE))
    if strangers or not members:
        raise Refused("ensemble", f"{', '.join(strangers) or 'nothing'} cannot be a member of an ensemble")
    recipes = [read_recipe(folder / member / RECIPE, task) for member in members]
    bundles = [
        load_pinned(recipe.name, folder / member / BUNDLES) for recipe, member in zip(recipes, members, strict=True)
    ]  # fmt: skip
    _alike(recipes, bundles)
    recipe = recipe_of(asdict(recipes[0]) | {"backbone": ENSEMBLE, "name": f"{recipes[0].name}-{ENSEMBLE}"})
    dataset = Dataset(data)
    if dataset.digest != bundles[0].provenance["data_manifest_sha256"]:
        # Another split would put images the members learnt from among those that judge them.
        raise Refused(
            "ensemble", f"{data} is not the dataset that its members were trained on: name that one"
        )
    classes = bundles[0].label_ids
    made = task_of(recipe, classes)
    made = replace(made, params={**made.params, "members": list(members)})
    out.mkdir(parents=True, exist_ok=True)
    weights = {
        name: array for pair in zip(members, bundles, strict=True) for name, array in _folded(*pair).items()
    }
    with (out / BEST).open("wb") as stream:
        np.savez(stream, **weights)  # type: ignore[arg-type]  # numpy's stub takes the names for keyword options
    (out / RECIPE).write_text(recipe.to_toml(), encoding="utf-8")
    ready = material(
        dataset, gather(dataset, recipe.subject.reads), classes, made.preprocessing, out / "prepared"
    )
    echo(f"{' + '.join(members)}: {recipe.height} x {recipe.width}, {len(weights)} arrays")
    digests = {member: bundle.digest for member, bundle in zip(members, bundles, strict=True)}
    return package(made, recipe, ready, out, origin={"members": digests})


def _alike(recipes: Sequence[Recipe], bundles: Sequence[Bundle]) -> None:
    first = bundles[0]
    for recipe, bundle in zip(recipes, bundles, strict=True):
        if bundle.preprocessing != first.preprocessing or bundle.label_ids != first.label_ids:
            raise Refused(
                "ensemble", f"{recipe.backbone} reads or answers otherwise than {recipes[0].backbone}"
            )
        if bundle.provenance["data_manifest_sha256"] != first.provenance["data_manifest_sha256"]:
            raise Refused(
                "ensemble", f"{recipe.backbone} was trained on other images than {recipes[0].backbone}"
            )


def _folded(member: str, bundle: Bundle) -> dict[str, NDArray[Any]]:
    """A member's arrays under their names in the ensemble, its calibration in the last layer."""
    prefix = f"{member.replace('-', '_')}_"
    temperature = float(bundle.calibration["temperature"])
    bias = np.asarray(bundle.calibration.get("bias", 0.0), np.float32)
    folded: dict[str, NDArray[Any]] = {}
    for name, array in bundle.weights.items():
        values = np.asarray(array, np.float32)
        if name.startswith(_LAST):
            values = values / np.float32(temperature)
            values = values + bias if name.endswith("bias") else values
            name = prefix + name
        folded[name] = values
    return folded
