"""The white list of network architectures: a bundle names one by id and gives its parameters as data.

Promise: a network is built by this code alone; no graph, layer class or function ever comes out of a bundle file.
Refuses: an unknown id, an unknown or missing parameter, sizes beyond what a worker may allocate.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from workers.models.networks.locator import build_locator
from workers.models.networks.spinenet import build_spinenet

ARCHITECTURES: Mapping[str, Callable[..., Any]] = {
    "spinenet/1": build_spinenet,
    "locator/1": build_locator,
}
_MAX_EXTENT = 2048
_MAX_CHANNELS = 1024


class UnknownArchitecture(ValueError):
    """The id is not on the list, or its parameters do not fit."""


def _check_sizes(params: Mapping[str, Any]) -> None:
    for name, value in params.items():
        numbers = value if isinstance(value, list | tuple) else [value]
        limit = _MAX_EXTENT if name in ("height", "width") else _MAX_CHANNELS
        for number in numbers:
            if not isinstance(number, int) or isinstance(number, bool) or not 0 < number <= limit:
                raise UnknownArchitecture(
                    f"parameter {name}: {value!r} is not a whole number from 1 to {limit}"
                )


def build(architecture_id: str, params: Mapping[str, Any]) -> Any:
    """A keras.Model over float32 [n, height, width, 1] with outputs {"logits", "features", "last_map"}."""
    builder = ARCHITECTURES.get(architecture_id)
    if builder is None:
        known = ", ".join(sorted(ARCHITECTURES))
        raise UnknownArchitecture(f"unknown architecture {architecture_id!r}; known: {known}")
    expected = set(inspect.signature(builder).parameters)
    if set(params) != expected:
        raise UnknownArchitecture(f"{architecture_id} takes {sorted(expected)}, not {sorted(params)}")
    _check_sizes(params)
    return builder(**params)
