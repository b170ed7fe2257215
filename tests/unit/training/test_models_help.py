"""The help of every `triage-models` command: quick, complete, ending in an example that the command accepts."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from workers.training.cli import main


def commands(
    group: click.Group, words: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield words, group
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from commands(command, (*words, name))
        else:
            yield (*words, name), command


EVERY = list(commands(main))
NAMES = [" ".join(words) or "triage-models" for words, _ in EVERY]


@pytest.mark.parametrize(("words", "command"), EVERY, ids=NAMES)
def test_the_help_ends_in_an_example_that_the_command_line_accepts(
    words: tuple[str, ...], command: click.Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(click.Path, "convert", lambda self, value, param, ctx: value)  # no such folder here
    example = (command.epilog or "").removeprefix("Example: ")
    shown = shlex.split(example)
    assert shown[: 1 + len(words)] == ["triage-models", *words]
    assert command.help
    leaf: click.Command = main
    rest = shown[1:]
    while isinstance(leaf, click.Group):
        leaf = leaf.commands[rest.pop(0)]
    leaf.make_context(" ".join(words), rest)


def test_every_option_of_the_models_command_says_what_it_does() -> None:
    silent = [
        f"{' '.join(words)} {parameter.name}"
        for words, command in EVERY
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.help
    ]
    assert not silent


@pytest.mark.parametrize("words", [["evaluate"], ["calibrate"], ["threshold"], ["dataset", "build"]])
def test_help_of_the_models_command_imports_nothing_heavy(words: list[str]) -> None:
    heavy = {"tensorflow", "keras", "numpy", "scipy", "sklearn", "matplotlib", "pydicom", "sqlalchemy"}
    code = (
        "import sys, atexit\n"
        f"atexit.register(lambda: sys.stderr.write(repr(sorted({heavy!r} & sys.modules.keys()))))\n"
        f"sys.argv = ['triage-models', *{words!r}, '--help']\n"
        "from workers.training.cli import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "[]")
