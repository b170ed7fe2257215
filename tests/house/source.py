"""The repository's own source, as the house rules look at it."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = ("triage", "workers", "migrations")


@cache
def kept_files() -> tuple[Path, ...]:
    """Return every file of the tree that git keeps, or would keep."""
    # A checkout may belong to another account than the one that tests.
    command = [
        "git",
        "-c",
        "safe.directory=*",
        "-C",
        str(ROOT),
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    listed = subprocess.run(command, capture_output=True, check=True).stdout.decode().split("\0")
    return tuple(ROOT / name for name in listed if name and (ROOT / name).is_file())


def python_files(*tops: str) -> list[Path]:
    """Return the Python files below the top folders named."""
    return [p for p in kept_files() if p.suffix == ".py" and p.relative_to(ROOT).parts[0] in tops]


@cache
def tree(path: Path) -> ast.Module:
    """Return the parsed file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def name(path: Path) -> str:
    """Return the path as a reader names it."""
    return str(path.relative_to(ROOT))


def module(path: Path) -> str:
    """Return the dotted name of a module."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the top package and line of each import that happens when the program runs."""
    for node in _running(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0], node.lineno


def _running(node: ast.AST) -> Iterator[ast.AST]:
    # What stands under `if TYPE_CHECKING:` is for the type checker alone.
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from _running(child)
