"""Each framework has one home. The list is an allow-list: a new home is a decision, made here."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.house.source import CODE, imports, module, name, python_files, tree

HOMES: dict[str, tuple[str, ...]] = {
    "sqlalchemy": ("triage.store", "migrations"),
    "alembic": ("triage.store.schema", "migrations"),
    "psycopg2": ("triage.store", "triage.worklist.feed", "triage.embedded.postgres"),
    "pynetdicom": ("triage.arrival", "triage.evidence"),
    "rq": ("triage.dispatch.queue", "workers.__main__", "workers.queue_job"),
    "redis": ("triage.dispatch.queue", "workers.__main__", "workers.queue_job"),
    "fastapi": ("triage.web",),
    "starlette": ("triage.web",),
    "uvicorn": ("triage.web",),
    "jinja2": ("triage.web",),
    "sse_starlette": ("triage.web",),
    "itsdangerous": ("triage.web",),
    "cryptography": ("triage.web.page_ends",),
    "argon2": ("triage.accounts.passwords",),
    "authlib": ("triage.accounts.provider",),
    "joserfc": ("triage.accounts.provider",),
    "httpx2": ("triage.accounts.provider",),
    "click": ("triage.cli", "workers.training", "workers.dataset", "workers.evaluation"),
    "rich": ("triage.cli",),
    "pydantic": ("triage.config", "triage.embedded.places", "triage.web"),
    "pydantic_settings": ("triage.config",),
    "structlog": ("triage.log",),
    "prometheus_client": ("triage.metrics", "triage.web"),
    "tensorflow": ("workers.models", "workers.infer", "workers.training", "workers.evaluation.attack"),
    "keras": ("workers.models", "workers.infer", "workers.training"),
    "highdicom": ("workers.report",),
    "numba": ("workers.training",),
    "sklearn": ("workers.training", "workers.dataset", "workers.evaluation"),
    "matplotlib": ("workers.training", "workers.evaluation"),
    "platformdirs": ("triage.config",),
}
# A type of the framework in a signature is not a use of it; these stages pass the store's engine on.
TYPES_ONLY = {"sqlalchemy": {"Engine", "Connection"}, "redis": {"Redis"}}
ENVIRONMENT_READERS = {
    "triage.config.load",
    "triage.cli.config",
    "triage.cli.run",
    "triage.demo.story",
    "triage.supervisor.child",
    "triage.bundles.keep",
    "triage.supervisor.account",
}
PICKLES = {"pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def test_a_framework_is_used_only_at_home() -> None:
    strangers = [
        f"{name(path)}:{line} imports {package}"
        for path in python_files(*CODE)
        for package, line in imports(path)
        if package in HOMES and not at_home(package, module(path)) and not only_types(path, package)
    ]
    assert not strangers


def test_nothing_is_pickled() -> None:
    assert not [
        name(path) for path in python_files(*CODE) for package, _ in imports(path) if package in PICKLES
    ]


def test_only_the_settings_and_the_doors_to_the_system_read_the_environment() -> None:
    used = {
        module(path)
        for path in python_files("triage")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr == "environ"
    }
    assert used <= ENVIRONMENT_READERS


def at_home(package: str, where: str) -> bool:
    """Tell whether the module is, or is below, one of the package's homes."""
    return any(where == home or where.startswith(f"{home}.") for home in HOMES[package])


def only_types(path: Path, package: str) -> bool:
    """Tell whether the module imports nothing but types that pass through it."""
    allowed = TYPES_ONLY.get(package, set())
    taken: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == package:
            taken |= {alias.name for alias in node.names}
        if isinstance(node, ast.Import) and any(a.name.partition(".")[0] == package for a in node.names):
            return False
    return taken <= allowed


def test_no_two_locks_of_the_database_share_a_number() -> None:
    numbers = [
        node.value.value
        for path in python_files(*CODE)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and any(isinstance(to, ast.Name) and to.id.endswith("_LOCK") for to in node.targets)
        and isinstance(node.value.value, int)
    ]
    assert len(numbers) >= 3 and len(numbers) == len(set(numbers)), [hex(number) for number in numbers]
