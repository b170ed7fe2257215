"""Words and names: what the code says, and what it never says."""

from __future__ import annotations

import ast
import re
from pathlib import Path

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


def test_no_file_names_a_machine_or_leaves_work_undone() -> None:
    odd = [
        f"{name(path)}: {found[0]}"
        for path in written()
        for pattern in (MACHINE, UNDONE)
        if (found := pattern.search(path.read_text(encoding="utf-8", errors="replace")))
    ]
    assert not odd


def test_a_module_opens_by_saying_what_it_is() -> None:
    silent = [
        name(p) for p in python_files(*CODE) if p.read_text().strip() and not ast.get_docstring(tree(p))
    ]
    assert not silent


def test_a_module_or_function_is_not_named_vaguely() -> None:
    names = {f"{name(path)}": path.stem for path in python_files(*CODE)}
    names |= {
        f"{name(path)}:{node.lineno}": node.name
        for path in python_files(*CODE)
        for node in ast.walk(tree(path))
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
    }
    assert not {where: found for where, found in names.items() if found.strip("_").lower() in VAGUE}


def test_the_name_of_a_test_is_a_sentence() -> None:
    short = [
        f"{name(path)}: {node.name}"
        for path in python_files("tests")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and node.name.count("_") < 3
    ]
    assert not short


def test_a_broad_except_stands_only_in_a_service_loop() -> None:
    broad = [
        f"{name(path)}:{node.lineno}"
        for path in python_files(*CODE)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler) and is_broad(node) and not in_service_loop(module(path))
    ]
    assert not broad


def in_service_loop(where: str) -> bool:
    """Tell whether the module is one of those with a service loop."""
    return any(where == home or where.startswith(f"{home}.") for home in BROAD_EXCEPT)


def is_broad(handler: ast.ExceptHandler) -> bool:
    """Tell whether the handler swallows everything: those that raise again do not."""
    if any(isinstance(node, ast.Raise) and node.exc is None for node in ast.walk(handler)):
        return False
    return handler.type is None or ast.unparse(handler.type) in ("Exception", "BaseException")


# What a triage aid must never say of a study (the lexicon of the page and the SR).
FORBIDDEN_CLAIM = re.compile(
    r"\b(no (acute )?fracture|fracture detected|normal study|is normal|all clear|cleared by|ruled out|diagnosed with)\b",
    re.IGNORECASE,
)


def test_what_readers_see_never_clears_a_study() -> None:
    claims = [
        f"{name(path)}: {found[0]}"
        for path in kept_files()
        if path.suffix == ".html"
        or path.parent.parts[-2:] == ("workers", "report")
        or path.name in ("words.py", "priority.py")
        if (found := FORBIDDEN_CLAIM.search(path.read_text(encoding="utf-8")))
    ]
    assert not claims
