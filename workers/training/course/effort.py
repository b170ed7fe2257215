"""What a training cost and on what: a line of effort.jsonl for each sitting, so that a report can name its hardware.

Promise: a sitting that was interrupted by an error counts too. One that was killed leaves no line: the epochs say so.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

EFFORT = "effort.jsonl"
_CPU_TABLE = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Sitting:
    """cpu_seconds counts all threads of the process; devices are the backend's names, as cpu:0 or gpu:0."""

    cpu_seconds: float
    wall_seconds: float
    processor: str
    cores: int
    threads: str
    devices: tuple[str, ...]
    keras: str
    backend: str


@contextmanager
def sitting(folder: Path) -> Iterator[None]:
    """Measure what is done inside and add it to the folder's record."""
    wall, cpu = time.monotonic(), time.process_time()
    try:
        yield
    finally:
        _note(folder, time.process_time() - cpu, time.monotonic() - wall)


def _note(folder: Path, cpu: float, wall: float) -> None:
    import keras

    line = Sitting(
        round(cpu, 1), round(wall, 1), processor(), os.cpu_count() or 0, os.environ.get("OMP_NUM_THREADS", "any"),
        tuple(keras.distribution.list_devices()), importlib.metadata.version("keras"), keras.backend.backend(),
    )  # fmt: skip
    with (folder / EFFORT).open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(asdict(line)) + "\n")


def sittings(folder: Path) -> list[Sitting]:
    """The record of a folder, oldest first; empty where none was kept."""
    path = folder / EFFORT
    if not path.exists():
        return []
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [Sitting(**record | {"devices": tuple(record["devices"])}) for record in records]


def processor() -> str:
    """The processor's name as the system tells it."""
    lines = _CPU_TABLE.read_text().splitlines() if _CPU_TABLE.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
