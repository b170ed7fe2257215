"""Every test of one process shares TensorFlow, and TensorFlow its thread pools: whoever comes first must set them."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def runtime() -> None:
    """TensorFlow with the product's pools; for every module that lets a network compute."""
    from workers.infer import configure_runtime

    configure_runtime(1)
