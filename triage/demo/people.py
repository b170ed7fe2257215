"""The demonstration's accounts, made at its first start: `python -m triage.demo.people`.

Each gets a password to be used once, printed here and kept nowhere; until its person has chosen their own,
every start prints a fresh one. What it prints never reaches a log file (see the supervisor's `tells_secrets`).
"""

from __future__ import annotations

import sys

from sqlalchemy import Engine

from triage.accounts import passwords
from triage.config import load_settings
from triage.domain.account import Role
from triage.domain.errors import TriageError
from triage.embedded.places import with_addresses
from triage.store import accounts
from triage.store.engine import connect

PEOPLE = {"reader": Role.READER, "lead": Role.LEAD, "admin": Role.ADMIN}
ACTOR = "demonstration"
FAILED = 1


def invite(engine: Engine, name: str, role: Role) -> str:
    """Return a fresh password for this account, made if there is none; empty once its person has their own."""
    known = accounts.known(engine, name)
    if known is not None and not known.account.must_change:
        return ""
    once = passwords.one_time()
    if known is None:
        accounts.create(engine, name, role, passwords.hashed(once), ACTOR, must_change=True)
    else:
        accounts.set_password(engine, name, passwords.hashed(once), ACTOR, must_change=True)
    return once


def lines(engine: Engine) -> list[str]:
    """Invite everybody; return what the person has to know."""
    told: list[str] = []
    for name, role in PEOPLE.items():
        once = invite(engine, name, role)
        said = f"password once: {once}" if once else "with the password you chose"
        told.append(f"{'' if told else 'Sign in':<12}user {name:<7} {said}")
    return told


def main() -> None:
    """Print the lines."""
    settings = with_addresses(load_settings())
    engine = connect(settings.database.url.get_secret_value(), pool_size=1)
    try:
        sys.stdout.write("\n".join(lines(engine)) + "\n")
    except TriageError as error:
        sys.stdout.write(f"triage: {error.sentence}\n")
        sys.exit(FAILED)
    finally:
        engine.dispose()


if __name__ == "__main__":
    main()
