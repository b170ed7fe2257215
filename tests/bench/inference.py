"""Milliseconds per stage for one 3000 x 2500 12-bit lateral radiograph, warm, on one core; and the networks' yield.

The same run times the worker's network part (Served.run as the child calls it) against the bare frozen graphs on arrays
that were prepared before: the ratio is what serving costs. Medians and minima are printed with the load average,
because the machine is rarely alone. Full-size bundles with random weights take as long as trained ones, so
`--untrained` stands in where none is shipped. Run: taskset -c 0 python -m tests.bench.inference [--cpu]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from tests.unit.workers import made
from triage.domain.analysis import InstanceForAnalysis
from triage.spool import Spool
from workers import report
from workers.infer import Served, configure_runtime
from workers.models.bundle import BUNDLES, NAMES, load_pinned

ROWS, COLUMNS = 3000, 2500
BODIES = 17
Batches = list[tuple[Served, np.ndarray]]


def radiograph(path: Path) -> Path:
    """Write a spine-like picture: body, column of brighter bodies, background, noise; 12 bits, 0.12 mm."""
    down, across = np.mgrid[:ROWS, :COLUMNS].astype(np.float32)
    centre = COLUMNS / 2 + 250 * np.sin(down / 700)
    body = np.exp(-(((across - COLUMNS / 2) / 900) ** 2))
    column = np.exp(-(((across - centre) / 160) ** 2)) * (0.6 + 0.4 * (np.sin(down / 165 * np.pi) > -0.6))
    noise = np.random.default_rng(0).normal(0, 0.01, body.shape)
    pixels = np.clip((0.5 * body + 0.4 * column + noise) * 4095, 0, 4095).astype(np.uint16)
    spacing: dict[str, Any] = {"ImagerPixelSpacing": [0.12, 0.12]}
    return made.written(made.dataset(pixels, BitsStored=12, **spacing), path)


def networks(root: Path) -> Any:
    """Return the three bundles served."""
    from workers.child.known import Networks

    return Networks(*(Served(load_pinned(name, root)) for name in NAMES))


def every_image_is_lateral(found: Any) -> None:
    """Steer random weights onto the longest path: what is timed must not depend on what they answer."""
    from triage.domain.finding import ImageView, View
    from workers.interpret import vertebrae, views

    real_view, real_located = views.view_of, vertebrae.located

    def view_of(*arguments: Any) -> ImageView:
        seen = real_view(*arguments)
        return ImageView(
            seen.sop_instance_uid,
            "LAT",
            View.LATERAL,
            "PARTIAL",
            "PREOP",
            "NONE",
            1.0,
            None,
            "",
            None,
            False,
            0.0,
        )

    def located(logits: Any, features: Any, image: Any, back: Any, whole: bool, locator: Any) -> Any:
        real_located(logits, features, image, back, whole, locator)
        down = np.linspace(150, ROWS - 150, BODIES)
        centres = np.stack([down, COLUMNS / 2 + 250 * np.sin(down / 700)], axis=1)
        box = np.array([[-60, -80], [-60, 80], [60, 80], [60, -80]], float)
        return vertebrae.Located(
            centres, np.zeros(BODIES), centres[:, None, :] + box, image.spacing_mm, (None,) * BODIES
        )

    views.view_of, vertebrae.located = view_of, located  # type: ignore[assignment]  # the benchmark's detour


def request_for(spool: Spool, file: Path) -> Any:
    """Return a study of one image in the spool."""
    from workers.child.wire import StudyRequest

    part = spool.new_part()
    part.write(file.read_bytes())
    name = spool.keep(part.commit())
    image = InstanceForAnalysis(
        "1.2.3.4.5",
        made.CR_CLASS,
        "1.2.840.10008.1.2.1",
        "1.2.3.4",
        name,
        name[-68:-4],
        "CR",
        "LL",
        "",
        ROWS,
        COLUMNS,
        1,
    )
    return StudyRequest(1, "1.2.3", 1, datetime(2026, 11, 21, tzinfo=UTC), (image,))


@contextmanager
def recorded(served: Any) -> Iterator[Batches]:
    """Yield the batches that the worker hands to each graph."""
    seen: Batches = []
    real: Callable[..., Any] = Served.run

    def run(self: Served, batch: np.ndarray) -> Any:
        seen.append((self, batch.copy()))
        return real(self, batch)

    Served.run = run  # type: ignore[method-assign]  # the benchmark's wire-tap
    try:
        yield seen
    finally:
        Served.run = real  # type: ignore[method-assign]  # put back


def bare(batches: Batches, clock: Callable[[], float]) -> float:
    """Return the milliseconds of the graphs alone on tensors that are ready."""
    import tensorflow as tf

    ready = [(served.graph, tf.constant(batch)) for served, batch in batches]
    began = clock()
    for graph, tensor in ready:
        for value in graph(tensor).values():
            value.numpy()
    return (clock() - began) * 1000


def measure(root: Path, rounds: int, clock: Callable[[], float]) -> dict[str, Any]:
    """Return the figures of one run."""
    from workers.child.study import Analyst

    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(Path(folder) / "spool")
        request = request_for(spool, radiograph(Path(folder) / "image.dcm"))
        served = networks(root)
        analyst = Analyst(served, spool, report.Mode.TRIAGE, clock)
        with recorded(served) as batches:
            analyst.analyse(request)
        stages: dict[str, list[float]] = {}
        for _ in range(rounds):
            # Interleaved, so that a noisy neighbour hits both alike.
            stages.setdefault("bare graphs", []).append(bare(batches, clock))
            for stage, value in analyst.analyse(request).outcome.timings_ms.items():
                stages.setdefault(stage, []).append(value)
    images = sum(len(batch) for _, batch in batches)
    return {
        "image": f"{COLUMNS} x {ROWS}, 12 bits, {BODIES} vertebrae, {images} network inputs",
        "bundles": {
            one.name: one.version for one in (s.bundle for s in (served.gate, served.locator, served.fresh))
        },
        "rounds": rounds,
        "clock": clock.__name__,
        "milliseconds": {
            name: {"median": round(statistics.median(values), 1), "min": round(min(values), 1)}
            for name, values in stages.items()
        },
        "networks against bare graphs": {
            how: round(pick(stages["bare graphs"]) / pick(stages["networks"]), 3)
            for how, pick in (("median", statistics.median), ("min", min))
        },
        "images per second, worker": round(1000 * images / statistics.median(stages["networks"]), 1),
        "images per second, bare": round(1000 * images / statistics.median(stages["bare graphs"]), 1),
        "cores": len(os.sched_getaffinity(0)),
        "load": os.getloadavg(),
    }


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--untrained", action="store_true")
    parser.add_argument(
        "--cpu", action="store_true", help="CPU milliseconds, which a busy machine does not stretch"
    )
    options = parser.parse_args()
    configure_runtime(1)
    every_image_is_lateral(None)
    with tempfile.TemporaryDirectory() as folder:
        root = BUNDLES
        if options.untrained:
            from workers.models import bundle_write
            from workers.training.untrained import write_untrained

            root = Path(folder)
            bundle_write.write_pins(root, {name: write_untrained(root, name, small=False) for name in NAMES})
        print(
            json.dumps(
                measure(root, options.rounds, time.process_time if options.cpu else time.perf_counter),
                indent=1,
            )
        )


if __name__ == "__main__":
    main()
