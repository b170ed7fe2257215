"""A site's own weights, or ImageNet's, from a file on its disk into a network of the white list.

Promise: numbers are read and nothing else; what was loaded and what was left as it was is said by name.
Accepts: .npz with arrays by variable path (as a bundle's weights.npz); .weights.h5 as Keras 3 writes them and the .h5 of
keras.applications, for one trunk (`into`); of EfficientNet only the first kind, the older counts a layer that is constant here. HDF5 links and data outside the file are refused before Keras opens it.
Refuses (WeightsRejected, naming the variable): a name or shape that does not fit, numbers that are not finite, pickled
arrays, a whole model (.keras or an .h5 that describes layers): building one could run code.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.domain.errors import ConfigError

Array = NDArray[Any]


class WeightsRejected(ConfigError):
    """A weights file that does not fit or must not be read; the message names the file and the trouble."""

    def __init__(self, problem: str) -> None:
        super().__init__("weights", problem, "Name a file of arrays made for this architecture")


@dataclass(frozen=True)
class Loaded:
    """Paths of the variables that came from the file, and of those that keep their values (a head of other classes)."""

    loaded: tuple[str, ...]
    kept: tuple[str, ...]


def load(model: Any, path: Path, *, into: Sequence[str] = ()) -> Loaded:
    """Read a file into the model, or into its nested trunks named; a trunk must be filled whole."""
    if not path.is_file():
        raise WeightsRejected(f"{path}: no such file")
    if path.suffix == ".npz":
        return _load_arrays(model, path)
    if path.suffix == ".h5":
        return _load_hdf5(model, path, into)
    raise WeightsRejected(f"{path}: {path.suffix or 'no suffix'} is not .npz, .weights.h5 or .h5")


def trunks(model: Any) -> tuple[str, ...]:
    """Names of the nested backbones, e.g. "resnet50", or "coronal_trunk" and "sagittal_trunk"."""
    return tuple(layer.name for layer in model.layers if hasattr(layer, "layers"))


def _load_arrays(model: Any, path: Path) -> Loaded:
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: np.asarray(archive[name]) for name in archive.files}
    except (ValueError, OSError, KeyError) as error:
        raise WeightsRejected(f"{path}: {error}") from error
    variables = {variable.path: variable for variable in model.weights}
    strangers = sorted(set(arrays) - set(variables))
    if strangers:
        raise WeightsRejected(f"{path}: no variable is called {', '.join(strangers[:3])}")
    tops = {name for name in variables if "logits/" in name}
    missing = sorted(set(variables) - set(arrays) - tops)
    if missing:
        raise WeightsRejected(f"{path}: nothing for {', '.join(missing[:3])} ({len(missing)} in all)")
    _check(path, variables, arrays)
    for name, values in arrays.items():
        variables[name].assign(np.asarray(values, np.float32))
    return Loaded(tuple(sorted(arrays)), tuple(sorted(set(variables) - set(arrays))))


def _check(path: Path, variables: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
    for name, values in arrays.items():
        wanted = tuple(variables[name].shape)
        if values.shape != wanted:
            raise WeightsRejected(f"{path}: {name} is {values.shape}, the network has {wanted}")
        if values.dtype.kind not in "fiu" or not np.isfinite(values).all():
            raise WeightsRejected(f"{path}: {name} holds what is no finite number")


def _load_hdf5(model: Any, path: Path, into: Sequence[str]) -> Loaded:
    known = trunks(model)
    if not into or not set(into) <= set(known):
        raise WeightsRejected(f"{path}: say which trunk it fills, of: {', '.join(known) or 'none here'}")
    inspect_hdf5(path)
    filled = []
    for name in into:
        trunk = model.get_layer(name)
        _fill(trunk, path)
        filled += [variable.path for variable in trunk.weights]
    return Loaded(tuple(sorted(filled)), tuple(sorted({v.path for v in model.weights} - set(filled))))


def _fill(trunk: Any, path: Path) -> None:
    """Every variable of the trunk from the file, or none.

    Keras passes over what it does not find with no more than a warning, so all variables are made NaN first: what is
    still no number afterwards was not in the file.
    """
    before = [np.array(variable) for variable in trunk.weights]
    for variable in trunk.weights:
        variable.assign(np.full(variable.shape, np.nan, np.float32))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            trunk.load_weights(str(path))
        _check(path, {v.path: v for v in trunk.weights}, {v.path: np.asarray(v) for v in trunk.weights})
    except (ValueError, KeyError, OSError, WeightsRejected) as error:
        for variable, values in zip(trunk.weights, before, strict=True):
            variable.assign(values)
        reason = str(error).splitlines()[0]
        raise WeightsRejected(f"{path}: does not fit {trunk.name}: {reason}") from error


def inspect_hdf5(path: Path) -> None:
    """Refuse a file with a model's description, links, or data that lies elsewhere."""
    import h5py

    def visit(group: Any, prefix: str) -> None:
        for name in group:
            link = group.get(name, getlink=True)
            where = f"{prefix}/{name}"
            if not isinstance(link, h5py.HardLink):
                raise WeightsRejected(f"{path}: {where} is a link")
            item = group[name]
            if isinstance(item, h5py.Group):
                visit(item, where)
            elif item.external or item.is_virtual or item.dtype.kind not in "fiu":
                raise WeightsRejected(f"{path}: {where} is no plain array of numbers")

    try:
        with h5py.File(path, "r") as file:
            if "model_config" in file.attrs:
                raise WeightsRejected(f"{path}: describes a whole model; save its weights alone")
            visit(file, "")
    except OSError as error:
        raise WeightsRejected(f"{path}: {error}") from error
