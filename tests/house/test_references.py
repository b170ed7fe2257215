"""The generated references say what the code says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

OPS = Path(__file__).parents[2] / "ops"


def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", OPS / "reference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("file", ["configuration.md", "cli.md", "models-cli.md"])
def test_the_reference_is_what_the_code_says(file: str) -> None:
    written = (OPS / file).read_text()
    assert written == reference().REFERENCES[file](), "run `python ops/reference.py`"
