"""Prove a bundle: `python -m workers.child.check FOLDER DIGEST`, a process for one question.

Promise: the last line of stdout is one JSON object: what the golden vectors said, or `rejected` with its sentence. It is
the same code that serves: same reader, same white list of architectures, same frozen graph, same role.
Refuses as the serving child does.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

MEMORY_BYTES = 16 * 1024**3


def prove(folder: Path, digest: str) -> dict[str, Any]:
    """Return the facts of a bundle that may be served; raises BundleRejected."""
    from workers.infer import Served, configure_runtime
    from workers.models import bundle, roles

    configure_runtime(1)
    loaded = bundle.load(folder, digest)
    roles.check(loaded)
    began = time.monotonic()
    served = Served(loaded)
    return {
        "name": loaded.name,
        "version": loaded.version,
        "digest": loaded.digest,
        "architecture": loaded.architecture,
        "golden_vectors": len(loaded.golden["inputs"]),
        "largest_difference": served.difference,
        "warm_seconds": round(time.monotonic() - began, 2),
    }


def main() -> None:
    """Answer on the stdout that was there at the start; whatever a library prints goes to stderr."""
    from workers.models.bundle import BundleRejected

    answers = os.dup(1)
    os.dup2(2, 1)
    # What a foreign file may make this process allocate; TensorFlow itself reserves some gigabytes of addresses.
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        said = prove(Path(sys.argv[1]), sys.argv[2])
    except BundleRejected as why:
        said = {"rejected": why.problem}
    os.write(answers, (json.dumps(said) + "\n").encode())


if __name__ == "__main__":
    main()
