"""The conformance statement says what the code does."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from triage.arrival.status import STATUS
from triage.evidence.judgement import judge
from workers.report import Kind

OPS = Path(__file__).parents[2] / "ops"


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("conformance", OPS / "conformance.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_statement_is_what_the_tables_of_the_code_say() -> None:
    written = (OPS / "conformance-statement.md").read_text()
    assert written == generator().statement(), "run `python ops/conformance.py`"
    assert "{" not in written


def test_the_statement_lists_every_class_of_result_that_the_product_builds() -> None:
    from tests.evidence_objects import CLASS_OF

    assert {kind.value for kind in Kind} == CLASS_OF.keys()
    assert {uid for uid, _ in generator().RESULTS} == set(CLASS_OF.values())


def test_no_status_of_our_own_would_make_our_sender_do_other_than_its_class_says() -> None:
    transient = {status.code for status in STATUS.values() if judge(status.code)[0] == "later"}
    assert transient == {status.code for status in STATUS.values() if 0xA700 <= status.code <= 0xA7FF}
