"""What serving is worth: worker against bare graphs and against a naive worker; batches; bf16; start time and memory.

A naive worker is what one writes first: for each study load the networks, then `model.predict` on one image at a time.
Everything is timed interleaved in one process, so that a noisy neighbour hits all alike; quote the ratios.
Run: taskset -c 0 python -m tests.bench.serving [--rounds N] [--cpu]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench import inference
from triage.spool import Spool
from workers import report
from workers.child.warm import Orders, WarmChild
from workers.child.wire import Configuration
from workers.infer import BF16, FP32, Served, configure_runtime
from workers.models.bundle import BUNDLES, NAMES, load_pinned

BATCHES = (1, 2, 4, 8, 16)
Clock = Callable[[], float]


def resident(pid: int | str = "self") -> int:
    """Return a process's resident memory in MiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") >> 20


def start(root: Path) -> Mapping[str, Any]:
    """Time a child from its birth to its first answer; its memory then and after a study."""
    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(Path(folder) / "spool")
        request = inference.request_for(spool, inference.radiograph(Path(folder) / "image.dcm"))
        configuration = Configuration(str(spool.root), str(root), 1, "triage", 4 * 1024**3)
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environment["PYTHONPATH"] = str(Path(__file__).parents[2])
        child = WarmChild(Orders(configuration, environment))
        try:
            began = time.perf_counter()
            child.start()
            warm = time.perf_counter() - began
            assert child.pid is not None
            before = resident(child.pid)
            began = time.perf_counter()
            child.ask({"analyse": request.to_json()}, 120)
            first = time.perf_counter() - began
            return {
                "seconds to warm": round(warm, 2),
                "seconds of the first study": round(first, 3),
                "MiB warm": before,
                "MiB after a study": resident(child.pid),
            }
        finally:
            child.kill()


def naive(batches: inference.Batches, root: Path, clock: Clock) -> tuple[float, float]:
    """Return milliseconds of (loading, predicting) of one study the naive way."""
    began = clock()
    models = {name: load_pinned(name, root).build_model() for name in NAMES}
    loaded = clock()
    for served, batch in batches:
        for image in batch:
            models[served.bundle.name].predict(image[None], verbose=0)
    return (loaded - began) * 1000, (clock() - loaded) * 1000


def predicted(batches: inference.Batches, models: Mapping[str, Any], clock: Clock) -> float:
    """Return milliseconds of `model.predict` on one image at a time, models loaded before."""
    began = clock()
    for served, batch in batches:
        for image in batch:
            models[served.bundle.name].predict(image[None], verbose=0)
    return (clock() - began) * 1000


def batched(served: Served, rounds: int, clock: Clock) -> dict[str, float]:
    """Return milliseconds per image by batch size."""
    shape = (served.bundle.preprocessing.height, served.bundle.preprocessing.width, 1)
    inputs = np.random.default_rng(0).normal(size=(max(BATCHES), *shape)).astype(np.float32)
    times: dict[int, list[float]] = {size: [] for size in BATCHES}
    for _ in range(rounds):
        for size in BATCHES:
            began = clock()
            served.run(inputs[:size])
            times[size].append((clock() - began) * 1000 / size)
    return {str(size): round(statistics.median(values), 2) for size, values in times.items()}


def reduced(name: str, root: Path, rounds: int, clock: Clock) -> dict[str, Any]:
    """Return milliseconds of one call in float32 and in half precision, and which of them would serve."""
    served = {numerics: Served(load_pinned(name, root), numerics=numerics) for numerics in (FP32, BF16)}
    spec = served[FP32].bundle.preprocessing
    count = BATCHES[-1] if spec.spacing_mm else 1
    inputs = np.random.default_rng(0).normal(size=(count, spec.height, spec.width, 1)).astype(np.float32)
    times: dict[str, list[float]] = {FP32: [], BF16: []}
    for _ in range(rounds):
        for numerics, one in served.items():
            one.run(inputs)
            began = clock()
            one.run(inputs)
            times[numerics].append((clock() - began) * 1000)
    middle = {numerics: round(statistics.median(values), 2) for numerics, values in times.items()}
    return {**middle, "batch": count, "serves": served[BF16].numerics}


def worker_and_naive(root: Path, rounds: int, clock: Clock) -> dict[str, Any]:
    """Return the networks' part of one study: bare graphs, worker, predict with loaded models, naive worker."""
    from workers.child.study import Analyst

    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(Path(folder) / "spool")
        request = inference.request_for(spool, inference.radiograph(Path(folder) / "image.dcm"))
        analyst = Analyst(inference.networks(root), spool, report.Mode.TRIAGE, clock)
        with inference.recorded(None) as batches:
            analyst.analyse(request)
        models = {name: load_pinned(name, root).build_model() for name in NAMES}
        predicted(batches, models, clock)
        times: dict[str, list[float]] = {}
        for number in range(rounds):
            times.setdefault("bare graphs", []).append(inference.bare(batches, clock))
            timings = analyst.analyse(request).outcome.timings_ms
            times.setdefault("worker", []).append(timings["networks"])
            times.setdefault("predict, loaded", []).append(predicted(batches, models, clock))
            if number < max(1, rounds // 5):
                loading, predicting = naive(batches, root, clock)
                times.setdefault("naive: load", []).append(loading)
                times.setdefault("naive: load and predict", []).append(loading + predicting)
        images = sum(len(batch) for _, batch in batches)
    middle = {name: statistics.median(values) for name, values in times.items()}
    return {
        "network inputs of the study": images,
        "milliseconds, median": {name: round(value, 1) for name, value in middle.items()},
        "images per second": {name: round(1000 * images / value, 1) for name, value in middle.items()},
        "worker against bare graphs": round(middle["bare graphs"] / middle["worker"], 3),
        "worker against predict": round(middle["predict, loaded"] / middle["worker"], 1),
        "worker against naive": round(middle["naive: load and predict"] / middle["worker"], 1),
    }


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--cpu", action="store_true", help="CPU milliseconds instead of wall")
    options = parser.parse_args()
    clock = time.process_time if options.cpu else time.perf_counter
    started = start(BUNDLES)
    configure_runtime(1)
    inference.every_image_is_lateral(None)
    figures = {
        "child": started,
        "networks": worker_and_naive(BUNDLES, options.rounds, clock),
        "milliseconds per image by batch": {
            name: batched(Served(load_pinned(name, BUNDLES)), options.rounds, clock) for name in NAMES
        },
        "half precision, milliseconds per call": {
            name: reduced(name, BUNDLES, options.rounds, clock) for name in NAMES
        },
        "MiB of this process": resident(),
        "cores": len(os.sched_getaffinity(0)),
        "load": os.getloadavg(),
        "clock": clock.__name__,
    }
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
