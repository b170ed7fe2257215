"""Help: complete, quick, and ending in an example."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Iterator

import click
import pytest

from triage.cli.root import root
from triage.cli.shape import ExampleCommand, ExampleGroup, LazyGroup

QUICK_SECONDS = 0.5


def commands(
    group: click.Group, words: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield words, group
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*words, name))
        else:
            yield (*words, name), command


EVERY = list(commands(root))


@pytest.mark.parametrize(("words", "command"), EVERY, ids=[" ".join(words) or "triage" for words, _ in EVERY])
def test_the_help_of_every_command_ends_in_an_example_of_that_command(
    words: tuple[str, ...], command: click.Command
) -> None:
    assert isinstance(command, (ExampleCommand, ExampleGroup))
    text = command.get_help(click.Context(command, info_name=" ".join(("triage", *words))))
    last = text.strip().splitlines()[-1].strip()
    assert last.startswith(" ".join(("triage", *words)))
    assert command.help


@pytest.mark.parametrize(("words", "command"), EVERY, ids=[" ".join(words) or "triage" for words, _ in EVERY])
def test_an_example_is_accepted_by_the_command_line(
    words: tuple[str, ...], command: click.Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(click.Path, "convert", lambda self, value, param, ctx: value)  # no such folder here
    typed, _, _ = getattr(command, "example", "").partition(" < ")  # the shell takes what follows
    shown = shlex.split(typed)[1:]
    leaf: click.Command = root
    while isinstance(leaf, click.Group):
        found = leaf.get_command(click.Context(leaf), shown.pop(0))
        assert found is not None
        leaf = found
    leaf.make_context(" ".join(words), shown)


def test_every_option_says_what_it_does() -> None:
    silent = [
        f"{' '.join(words)} {parameter.name}"
        for words, command in EVERY
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.help and parameter.name != "help"
    ]
    assert not silent


@pytest.mark.parametrize("words", [(), ("worklist",), ("requeue",), ("model", "verify"), ("up",), ("run",)])
def test_help_is_quick_and_imports_nothing_heavy(words: tuple[str, ...]) -> None:
    heavy = (
        "{'tensorflow', 'keras', 'sqlalchemy', 'pydicom', 'pynetdicom', 'pydantic', 'numpy', 'rq', 'workers'}"
    )
    code = (
        "import sys, atexit\n"
        f"sys.argv = ['triage', *{list(words)!r}, '--help']\n"
        f"atexit.register(lambda: sys.stderr.write(repr(sorted({heavy} & sys.modules.keys()))))\n"
        "from triage.cli.root import main\n"
        "main()\n"
    )
    seconds = []
    for _ in range(3):
        began = time.monotonic()
        done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=30)
        seconds.append(time.monotonic() - began)
        assert (done.returncode, done.stderr) == (0, "[]")
    assert min(seconds) < QUICK_SECONDS


def test_the_list_of_commands_needs_no_command_file() -> None:
    assert isinstance(root, LazyGroup)
    assert set(root.list_commands(click.Context(root))) == {words[0] for words, _ in EVERY if words}
