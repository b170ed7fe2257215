"""What several rooms of the integration tests stand on."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped set: small bundles with random weights and their pins."""
    from workers.infer import configure_runtime

    configure_runtime(1)
    from workers.training.untrained import write_all_untrained

    folder = tmp_path_factory.mktemp("bundles")
    write_all_untrained(folder)
    return folder
