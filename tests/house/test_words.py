"""Words and names: what the code says, and what it never says."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.house.source import CODE, ROOT, kept_files, module, name, python_files, tree

TEXT = {".py", ".md", ".toml", ".html", ".css", ".js", ".sh", ".txt", ".json", ".sql", ""}
VENDORED = ROOT / "triage" / "web" / "static" / "vendor"
# Spelt in pieces, so that this file does not contain what it forbids.
MACHINE = re.compile(
    "|".join(["/" + "work/(main|shared|plan)", "/" + "root/", "/" + "farm/", "/" + "opt/pypi"])
)
UNDONE = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")
# "item" is missing on purpose: a Sequence Item (PS3.5 7.5) and a Content Item (PS3.3 C.17.3) are terms.
VAGUE = {"process", "manage", "manager", "helper", "helpers", "util", "utils", "misc", "common"}
# Each is the body of a service loop with its reason and its test.
BROAD_EXCEPT = {
    "triage.arrival",
    "triage.dispatch.closer",
    "triage.evidence.outbox",
    "triage.evidence.scu",
    "triage.web.live",
    "triage.worklist.feed",
    "workers.child",
    "workers.__main__",
    "workers.pipeline",
}


def written() -> list[Path]:
    """Return the text files that people write here."""
    return [
        path
        for path in kept_files()
        if path.suffix in TEXT and VENDORED not in path.parents and path.name != "uv.lock"
    ]


@pytest.mark.parametrize("path", written(), ids=name)
def test_no_file_names_a_machine_or_leaves_work_undone(path: Path) -> None:
    text = path.read_text(encoding="utf-8", errors="replace")
    assert not MACHINE.search(text)
    assert not UNDONE.search(text)


@pytest.mark.parametrize("path", python_files(*CODE), ids=name)
def test_a_module_opens_by_saying_what_it_is(path: Path) -> None:
    assert ast.get_docstring(tree(path)) or not path.read_text().strip()


@pytest.mark.parametrize("path", python_files(*CODE), ids=name)
def test_a_module_or_function_is_not_named_vaguely(path: Path) -> None:
    names = {path.stem}
    names |= {
        node.name.strip("_")
        for node in ast.walk(tree(path))
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
    }
    assert not {found.lower() for found in names} & VAGUE


@pytest.mark.parametrize("path", python_files("tests"), ids=name)
def test_the_name_of_a_test_is_a_sentence(path: Path) -> None:
    short = [
        node.name
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and node.name.count("_") < 3
    ]
    assert not short


@pytest.mark.parametrize("path", python_files(*CODE), ids=name)
def test_a_broad_except_stands_only_in_a_service_loop(path: Path) -> None:
    broad = [
        node.lineno for node in ast.walk(tree(path)) if isinstance(node, ast.ExceptHandler) and is_broad(node)
    ]
    where = module(path)
    allowed = any(where == home or where.startswith(f"{home}.") for home in BROAD_EXCEPT)
    assert not broad or allowed, f"{name(path)}:{broad}"


def is_broad(handler: ast.ExceptHandler) -> bool:
    """Tell whether the handler swallows everything: those that raise again do not."""
    if any(isinstance(node, ast.Raise) and node.exc is None for node in ast.walk(handler)):
        return False
    return handler.type is None or ast.unparse(handler.type) in ("Exception", "BaseException")


READERS_TEXT = [
    path
    for path in kept_files()
    if path.suffix == ".html"
    or path.parent.parts[-2:] == ("workers", "report")
    or path.name in ("words.py", "priority.py")
]
# What a triage aid must never say of a study (the lexicon of the page and the SR).
FORBIDDEN_CLAIM = re.compile(
    r"\b(no (acute )?fracture|fracture detected|normal study|is normal|all clear|cleared by|ruled out|diagnosed with)\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize("path", READERS_TEXT, ids=name)
def test_what_readers_see_never_clears_a_study(path: Path) -> None:
    assert not FORBIDDEN_CLAIM.search(path.read_text(encoding="utf-8"))
