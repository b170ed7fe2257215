"""Writes the configuration and command-line references from the code, so that they cannot lie.

`python ops/reference.py` rewrites ops/configuration.md, ops/cli.md and ops/models-cli.md; a house test compares them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from triage import config
from triage.cli.root import root
from triage.config import Section, Settings
from workers.training.cli import main as models

HERE = Path(__file__).parent


def sections(model: type[BaseModel], path: str = "") -> list[tuple[str, type[BaseModel]]]:
    """Return every section below `model` with its dotted path."""
    found: list[tuple[str, type[BaseModel]]] = []
    for name, field in model.model_fields.items():
        kinds = getattr(field.annotation, "__args__", (field.annotation,))
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, Section):
                inner = f"{path}{name}" + ("[]" if "tuple" in str(field.annotation) else "")
                found += [(inner, kind), *sections(kind, f"{inner}.")]
    return found


def _default(value: Any) -> str:
    if value is PydanticUndefined:
        return "required"
    return "" if "SecretStr" in type(value).__name__ else f"`{value!r}`"


def _rows(path: str, model: type[BaseModel]) -> list[str]:
    below = {name.split(".")[-1].removesuffix("[]") for name, _ in sections(model)}
    rows = []
    for name, field in model.model_fields.items():
        if name in below or (not path and name == "home"):
            continue
        default = field.default_factory() if field.default_factory else field.default  # type: ignore[call-arg]  # no argument
        kind = str(field.annotation).replace("typing.", "").replace("pathlib.", "").replace("|", "\\|")
        kind = kind.removeprefix("<class '").removesuffix("'>")
        rows.append(f"| `{path}.{name}` | {kind} | {_default(default)} |")
    return rows


def configuration() -> str:
    """Return the configuration reference as Markdown."""
    lines = [
        "# Configuration reference",
        "",
        "Written by `python ops/reference.py` from the code; do not edit.",
        "",
        (config.__doc__ or "").strip(),
        "",
        "`TRIAGE_HOME` names the folder that holds everything; `TRIAGE_CONFIG` names another TOML file.",
    ]
    for path, model in sections(Settings):
        rows = _rows(path, model)
        if rows:
            lines += ["", f"## {path}", "", (model.__doc__ or "").strip(), ""]
            lines += ["| key | type | default |", "|---|---|---|", *rows]
    return "\n".join(lines) + "\n"


def _commands(command: click.Command, name: str) -> list[str]:
    context = click.Context(command, info_name=name, max_content_width=100, terminal_width=100)
    lines = ["", f"## {name}", "", "```", command.get_help(context).rstrip(), "```"]
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            inner = command.get_command(context, child)
            if inner is not None:
                lines += _commands(inner, f"{name} {child}")
    return lines


def command_line() -> str:
    """Return the command-line reference as Markdown."""
    head = [
        "# Command-line reference",
        "",
        "Written by `python ops/reference.py` from the code; do not edit.",
    ]
    return "\n".join([*head, *_commands(root, "triage")]) + "\n"


def models_command_line() -> str:
    """Return the reference of the scientist's command as Markdown."""
    head = [
        "# Command-line reference: triage-models",
        "",
        "Written by `python ops/reference.py` from the code; do not edit. In context: [models-guide.md](models-guide.md).",
    ]
    return "\n".join([*head, *_commands(models, "triage-models")]) + "\n"


REFERENCES = {
    "configuration.md": configuration,
    "cli.md": command_line,
    "models-cli.md": models_command_line,
}

if __name__ == "__main__":
    for file, write in REFERENCES.items():
        (HERE / file).write_text(write())
