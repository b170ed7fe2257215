"""The whole state of a training after an epoch, as plain arrays in one file that appears at once or not at all.

Promise: network, optimizer and random state are restored to the bit; nothing is pickled.
Refuses (Conflict): a state of another recipe, of other images, or begun from other weights.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.domain.errors import Conflict

Array = NDArray[Any]
STATE, BEST = "state.npz", "best.npz"


@dataclass(frozen=True)
class Epoch:
    """One row of the learning curve; score is AUC, balanced accuracy, or nothing for corners."""

    epoch: int
    train_loss: float
    tune_loss: float
    tune_score: float
    learning_rate: float
    seconds: float


@dataclass
class State:
    """What has been done; key names recipe, images and the weights it began from."""

    key: str
    history: list[Epoch] = field(default_factory=list)

    @property
    def best(self) -> Epoch | None:
        return min(self.history, key=lambda row: row.tune_loss, default=None)

    def over(self, patience: int, epochs: int) -> bool:
        """Tell whether no epoch is left to do."""
        return len(self.history) >= epochs or self.stale(patience, epochs)

    def stale(self, patience: int, epochs: int) -> bool:
        """Tell whether the validation loss has not fallen for `patience` epochs; never in the first half of them.

        While the rate warms up and the batch statistics settle, a network that has learnt nothing is the best so far.
        """
        best = self.best
        done = len(self.history)
        return best is not None and 2 * done >= epochs and done - best.epoch >= patience


def save(folder: Path, state: State, model: Any, optimizer: Any) -> None:
    """Write STATE; and BEST when the last epoch is the best so far, before it."""
    if state.best is state.history[-1]:
        _write(folder / BEST, {variable.path: np.asarray(variable, np.float32) for variable in model.weights})
    arrays = {f"model/{i}": np.asarray(v) for i, v in enumerate(model.variables)}
    arrays |= {f"optimizer/{i}": np.asarray(v) for i, v in enumerate(optimizer.variables)}
    rows = [list(vars(row).values()) for row in state.history]
    arrays |= {"history": np.array(rows, np.float64), "key": np.array(json.dumps(state.key))}
    _write(folder / STATE, arrays)


def _write(path: Path, arrays: Mapping[str, Array]) -> None:
    partial = path.with_suffix(".new")
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the names for keyword options
    with partial.open("wb") as file:
        file.write(stream.getvalue())
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def restore(folder: Path, key: str, model: Any, optimizer: Any) -> State:
    """The state to go on from: a new one where the folder holds none."""
    path = folder / STATE
    if not path.exists():
        return State(key)
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    if json.loads(str(arrays["key"])) != key:
        raise Conflict(
            "training",
            f"{folder} holds a training of another recipe, of other images or from other weights: name another folder",
        )
    _assign(model.variables, arrays, "model")
    _assign(optimizer.variables, arrays, "optimizer")
    history = [_epoch(row) for row in arrays["history"]]
    return State(key, history)


def _epoch(row: Sequence[float]) -> Epoch:
    return Epoch(int(row[0]), *(float(value) for value in row[1:]))


def _assign(variables: Sequence[Any], arrays: Mapping[str, Array], what: str) -> None:
    for index, variable in enumerate(variables):
        variable.assign(arrays[f"{what}/{index}"])


def best_weights(folder: Path) -> dict[str, Array]:
    """The network's arrays by path, of the epoch with the least validation loss."""
    with np.load(folder / BEST, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}
