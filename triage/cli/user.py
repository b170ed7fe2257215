"""`triage user`: the accounts of this installation. Passwords come by prompt or standard input, never as a word."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from triage.cli.output import say, write_fields, write_rows
from triage.cli.session import Session, acting, opened
from triage.cli.shape import ExampleCommand, ExampleGroup, actor_option, json_option

ROLES = ("viewer", "reader", "lead", "admin")
COLUMNS = {
    "name": "NAME",
    "role": "ROLE",
    "origin": "BY",
    "disabled": "CLOSED",
    "must_change": "MUST CHANGE",
    "last_sign_in_at": "LAST SIGN-IN",
}
SESSION_COLUMNS = {"opened_at": "SINCE", "seen_at": "LAST SEEN", "ends_at": "ENDS", "address": "FROM"}
once_option = click.option(
    "--once", is_flag=True, help="Make a password that must be changed at the first sign-in, and show it now."
)
stdin_option = click.option(
    "--stdin", "from_stdin", is_flag=True, help="Read the password from standard input."
)


@click.group(cls=ExampleGroup, example="triage user list")
def user() -> None:
    """Accounts: add, list, show, role, password, disable, enable, sessions, end-sessions."""


@user.command(cls=ExampleCommand, example='triage user add "Dr Ito" --role reader --once')
@click.argument("name")
@click.option(
    "--role", type=click.Choice(ROLES), default="reader", show_default=True, help="What they may do."
)
@once_option
@stdin_option
@actor_option
@json_option
def add(*, name: str, role: str, once: bool, from_stdin: bool, actor: str | None, as_json: bool) -> None:
    """Make an account. The name is what they sign in with, what others see, and what the audit keeps."""
    from triage.domain.account import parse_role, person_name
    from triage.store import accounts

    with opened() as session:
        person = person_name(name)
        password, hashed = chosen(session, person, once=once, from_stdin=from_stdin)
        made = accounts.create(
            session.engine, person, parse_role(role), hashed, acting(actor), must_change=once
        )
    shown = asdict(made) | ({"password_once": password} if once else {})
    write_fields("Account", shown, as_json=as_json)


@user.command("list", cls=ExampleCommand, example="triage user list --json")
@json_option
def list_(*, as_json: bool) -> None:
    """List the accounts."""
    from triage.store import accounts

    with opened() as session:
        found = [asdict(account) for account in accounts.everyone(session.engine)]
    write_rows("Account", found, COLUMNS, as_json=as_json, nothing="There is no account yet.")


@user.command(cls=ExampleCommand, example='triage user show "Dr Ito"')
@click.argument("name")
@json_option
def show(*, name: str, as_json: bool) -> None:
    """Show one account."""
    from triage.store import accounts

    with opened() as session:
        write_fields("Account", asdict(accounts.find(session.engine, name)), as_json=as_json)


@user.command(cls=ExampleCommand, example='triage user role "Dr Ito" lead')
@click.argument("name")
@click.argument("role", type=click.Choice(ROLES))
@actor_option
@json_option
def role(*, name: str, role: str, actor: str | None, as_json: bool) -> None:
    """Give an account another role; its sessions end."""
    from triage.domain.account import parse_role
    from triage.store import accounts

    with opened() as session:
        changed = accounts.set_role(session.engine, name, parse_role(role), acting(actor))
    write_fields("Account", asdict(changed), as_json=as_json)


@user.command(cls=ExampleCommand, example='triage user password "Dr Ito" --once')
@click.argument("name")
@once_option
@stdin_option
@actor_option
@json_option
def password(*, name: str, once: bool, from_stdin: bool, actor: str | None, as_json: bool) -> None:
    """Set an account's password; it must be changed at the next sign-in. Its sessions and its lock-out end."""
    from triage.store import accounts

    with opened() as session:
        person = accounts.find(session.engine, name).name
        spoken, hashed = chosen(session, person, once=once, from_stdin=from_stdin)
        changed = accounts.set_password(session.engine, person, hashed, acting(actor), must_change=True)
    shown = asdict(changed) | ({"password_once": spoken} if once else {})
    write_fields("Account", shown, as_json=as_json)


@user.command(cls=ExampleCommand, example='triage user disable "Dr Ito"')
@click.argument("name")
@actor_option
def disable(*, name: str, actor: str | None) -> None:
    """Close an account; its sessions end at once, its name stays in the audit trail."""
    from triage.store import accounts

    with opened() as session:
        accounts.set_disabled(session.engine, name, True, acting(actor))
    say(f"{name} is closed. Open it again: triage user enable")


@user.command(cls=ExampleCommand, example='triage user enable "Dr Ito"')
@click.argument("name")
@actor_option
def enable(*, name: str, actor: str | None) -> None:
    """Open a closed account again, and forget its failed tries."""
    from triage.store import accounts

    with opened() as session:
        accounts.set_disabled(session.engine, name, False, acting(actor))
    say(f"{name} may sign in.")


@user.command("sessions", cls=ExampleCommand, example='triage user sessions "Dr Ito"')
@click.argument("name")
@json_option
def sessions_(*, name: str, as_json: bool) -> None:
    """List where an account is signed in."""
    from triage.store import accounts, sessions

    with opened() as session:
        found = sessions.of_account(session.engine, accounts.find(session.engine, name).id)
    write_rows("Session", found, SESSION_COLUMNS, as_json=as_json, nothing="Not signed in.")


@user.command("end-sessions", cls=ExampleCommand, example='triage user end-sessions "Dr Ito"')
@click.argument("name")
@actor_option
def end_sessions(*, name: str, actor: str | None) -> None:
    """Sign an account out everywhere."""
    from triage.store import sessions

    with opened() as session:
        ended = sessions.end_all(session.engine, name, acting(actor))
    say(f"{ended} sessions ended.")


def chosen(session: Session, name: str, *, once: bool, from_stdin: bool) -> tuple[str, str]:
    """Return the password that was chosen or made, and its hash; raises Refused for one that may not be set."""
    from triage.accounts import passwords
    from triage.domain.password import check_new

    if once:
        spoken = passwords.one_time()
    elif from_stdin:
        spoken = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        spoken = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        raise click.UsageError("Nobody can be asked here: use --once, or --stdin with the password on it.")
    return spoken, passwords.hashed(check_new(spoken, name, session.settings.access.password_length))
