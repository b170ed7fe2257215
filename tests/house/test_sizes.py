"""Cut evenly: a file is read in one go, a function in one look."""

from __future__ import annotations

import ast

from tests.house.source import CODE, name, python_files, tree

LONGEST_FILE = 300
LONGEST_FUNCTION = 40
EVERYTHING = (*CODE, "tests", "ops")


def test_a_file_is_no_longer_than_three_hundred_lines() -> None:
    lengths = {
        name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in python_files(*EVERYTHING)
    }
    assert not {where: length for where, length in lengths.items() if length > LONGEST_FILE}


def test_a_function_body_is_no_longer_than_forty_lines() -> None:
    too_long = [
        f"{name(path)}:{function.lineno} {function.name} has {length} lines"
        for path in python_files(*EVERYTHING)
        for function in ast.walk(tree(path))
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (length := body_lines(function)) > LONGEST_FUNCTION
    ]
    assert not too_long


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of the body without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    if not body:
        return 0
    return (body[-1].end_lineno or body[-1].lineno) - body[0].lineno + 1


def test_the_rule_itself_sees_a_long_function() -> None:
    lines = "\n".join(f"    x = {number}" for number in range(LONGEST_FUNCTION + 1))
    long = ast.parse(f"def long():\n{lines}\n").body[0]
    assert isinstance(long, ast.FunctionDef)
    assert body_lines(long) == LONGEST_FUNCTION + 1
