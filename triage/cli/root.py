"""The root command, and the one place where an error becomes an exit code.

0 done, 1 failed, 2 wrong usage, 3 not found, 4 conflict, 5 something we depend on is away, 6 only partly
done, 7 not confirmed, 9 a setting is wrong, 10 the check found trouble, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import click

from triage.cli.shape import LazyGroup
from triage.domain.errors import (
    ConfigError,
    Conflict,
    NotFound,
    Refused,
    TriageError,
    Unavailable,
    Unprocessable,
)

FAILED, NOT_FOUND, CONFLICT, AWAY, PARTLY, UNCONFIRMED, BAD_SETTING, TROUBLE = 1, 3, 4, 5, 6, 7, 9, 10
INTERRUPTED = 130
EXIT_CODES: dict[type[TriageError], int] = {
    Refused: FAILED,
    Unprocessable: FAILED,
    NotFound: NOT_FOUND,
    Conflict: CONFLICT,
    Unavailable: AWAY,
    ConfigError: BAD_SETTING,
}
ADVICE = {
    "database": "Is the product running? Start it with `triage up`; `triage check` says what is away.",
    "schema": "Run `triage db upgrade`.",
    "redis": "Is the product running? `triage check` says what is away; analyses only start later meanwhile.",
}

NOUNS = {
    "up": ("triage.cli.up:up", "Start everything here, in the foreground."),
    "run": ("triage.cli.run:run", "Run one process of the product."),
    "check": ("triage.cli.check:check", "Ask every question about this installation's health."),
    "status": ("triage.cli.status:status", "Show what runs and what waits."),
    "worklist": ("triage.cli.worklist:worklist", "The reading worklist: list, next, why, claim and so on."),
    "study": ("triage.cli.study:study", "Studies: list, show, events."),
    "requeue": ("triage.cli.requeue:requeue", "Ask for analyses again."),
    "evidence": ("triage.cli.evidence:evidence", "Results on their way to the PACS: list, retry."),
    "model": ("triage.cli.model:model", "Model bundles: import, promote, roll back, shadow, list, verify."),
    "dicom": ("triage.cli.dicom:dicom", "DICOM peers: echo, send."),
    "db": ("triage.cli.db:db", "The database's schema: upgrade, current."),
    "user": ("triage.cli.user:user", "Accounts: add, list, role, password, disable and so on."),
    "token": ("triage.cli.token:token", "API tokens: create, list, revoke."),
    "audit": ("triage.cli.audit:audit", "The audit trail: list."),
    "config": ("triage.cli.config:config", "Settings: show."),
}


@click.group(
    cls=LazyGroup,
    nouns=NOUNS,
    example="triage up --demo",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="spine-triage", prog_name="triage")
def root() -> None:
    """Spine triage: receives spine radiographs, puts the ones to look at first on top, says why.

    A triage aid, not for clinical use. Unflagged studies are not cleared.
    """


def exit_code(error: TriageError) -> int:
    """Return the exit code of an error's class."""
    return next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), FAILED)


def main() -> NoReturn:
    """Run the command line; a known error is one line on stderr and its exit code."""
    try:
        result = root.main(prog_name="triage", standalone_mode=False)
    except TriageError as error:
        click.echo(f"triage: {error.sentence}", err=True)
        if error.reason in ADVICE:
            click.echo(ADVICE[error.reason], err=True)
        sys.exit(exit_code(error))
    except click.ClickException as mistake:
        mistake.show()
        sys.exit(mistake.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # `triage ... | head` closed our stdout; Python would complain again while closing it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    sys.exit(result if isinstance(result, int) else 0)
