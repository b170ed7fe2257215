"""`triage token`: tokens for programs that use the JSON API. A token is shown once and kept nowhere.

One made in the name of an account (`--as`) goes no further than that account: it stops while the account is closed.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import click

from triage.cli.output import say, write_fields, write_rows
from triage.cli.session import acting, opened
from triage.cli.shape import ExampleCommand, ExampleGroup, actor_option, json_option

COLUMNS = {
    "name": "NAME",
    "scope": "SCOPE",
    "reach": "REACHES NOW",
    "created_by": "MADE BY",
    "expires_at": "EXPIRES",
    "last_used_at": "LAST USED",
    "revoked_at": "REVOKED",
}


@click.group(cls=ExampleGroup, example="triage token list")
def token() -> None:
    """API tokens: create, list, revoke."""


@token.command(cls=ExampleCommand, example="triage token create dashboard --scope read --days 90")
@click.argument("name")
@click.option(
    "--scope",
    type=click.Choice(["read", "act"]),
    default="read",
    show_default=True,
    help="How far it reaches.",
)
@click.option(
    "--days", type=click.IntRange(1, 366), default=90, show_default=True, help="How long it is good."
)
@actor_option
@click.option("--bare", is_flag=True, help="Write the token alone, for a pipe or a file.")
@json_option
def create(*, name: str, scope: str, days: int, actor: str | None, bare: bool, as_json: bool) -> None:
    """Make a token and show it, this once. `read` looks; `act` also claims, completes, pins and so on.

    Made in the name of an account (`--as`), it goes no further than that account does, and stops with it.
    """
    from triage.accounts import tokens as secrets
    from triage.domain.account import Scope, person_name
    from triage.store import tokens

    made = secrets.fresh()
    ends = datetime.now(UTC) + timedelta(days=days)
    with opened() as session:
        kept = tokens.create(
            session.engine, person_name(name), secrets.digest_of(made), Scope(scope), ends, acting(actor)
        )
    if bare:
        click.echo(made)
    else:
        write_fields("Token", asdict(kept) | {"token_once": made}, as_json=as_json)


@token.command("list", cls=ExampleCommand, example="triage token list --json")
@json_option
def list_(*, as_json: bool) -> None:
    """List the tokens, the newest first, those that ended too."""
    from triage.store import tokens

    with opened() as session:
        found = [asdict(one) for one in tokens.everyone(session.engine)]
    write_rows("Token", found, COLUMNS, as_json=as_json, nothing="There is no token.")


@token.command(cls=ExampleCommand, example="triage token revoke dashboard")
@click.argument("name")
@actor_option
def revoke(*, name: str, actor: str | None) -> None:
    """End a token at once."""
    from triage.store import tokens

    with opened() as session:
        tokens.revoke(session.engine, name, acting(actor))
    say(f"{name} is revoked.")
