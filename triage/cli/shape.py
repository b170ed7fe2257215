"""The shape every command has: help that ends in an example, groups that import a noun only when asked for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import click


class ExampleCommand(click.Command):
    """A command whose help ends in an example."""

    def __init__(self, *arguments: Any, example: str, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.example = example

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the example last."""
        write_example(formatter, self.example)


class ExampleGroup(click.Group):
    """A group whose help ends in an example."""

    command_class = ExampleCommand

    def __init__(self, *arguments: Any, example: str, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.example = example

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the example last."""
        write_example(formatter, self.example)


class LazyGroup(ExampleGroup):
    """A group that knows its commands' first sentences, and imports a command's file only to run it."""

    def __init__(self, *arguments: Any, nouns: Mapping[str, tuple[str, str]], **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.nouns = nouns

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of the table."""
        return list(self.nouns)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the file that holds the command."""
        if cmd_name not in self.nouns:
            return None
        module, _, attribute = self.nouns[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, sentence) for name, (_, sentence) in self.nouns.items()])


def write_example(formatter: click.HelpFormatter, example: str) -> None:
    """Write the last section of a help text."""
    with formatter.section("Example"):
        for line in example.splitlines():
            formatter.write(f"  {line}\n")


Decorator = Callable[[Any], Any]

json_option: Decorator = click.option(
    "--json", "as_json", is_flag=True, help="Write JSON instead of a table."
)
limit_option: Decorator = click.option(
    "--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="The most rows."
)
actor_option: Decorator = click.option(
    "--as", "actor", metavar="NAME", help="Who acts, for the audit trail (default: your account here)."
)
reason_option: Decorator = click.option(
    "--reason", required=True, metavar="TEXT", help="Why: recorded with the change."
)
dry_run_option: Decorator = click.option(
    "--dry-run", is_flag=True, help="Say what would be done; change nothing."
)
yes_option: Decorator = click.option("--yes", is_flag=True, help="Do it without asking.")
