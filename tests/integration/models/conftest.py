"""Real small bundles for the tests of their life."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def candidate(bundles: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another vertebra-fresh, version 1.1.0, with other random weights."""
    from tests.model_cast import untrained

    return untrained(tmp_path_factory.mktemp("candidate"), "vertebra-fresh", "1.1.0", seed=5)
