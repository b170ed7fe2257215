"""`triage user`: passwords by prompt, standard input or once; never a word on the command line, never in a log."""

from __future__ import annotations

import json

from sqlalchemy import Engine

from tests.accounts_cast import ANOTHER
from tests.command_line import Triage
from triage.accounts import passwords
from triage.demo import people
from triage.domain.password import check_new
from triage.store import accounts, audit


def test_an_account_is_made_with_a_password_that_is_shown_once(engine: Engine, triage: Triage) -> None:
    done = triage("user", "add", "Dr Ito", "--role", "lead", "--once", "--as", "boss", "--json")
    (made,) = json.loads(done.stdout)["items"]
    once = made["password_once"]
    known = accounts.known(engine, "dr ito")
    assert known is not None and known.account.must_change and passwords.fits(known.password_hash, once)
    (line,) = audit.entries(engine)
    assert (line.actor, line.action, line.subject) == ("boss", "account.create", "Dr Ito")
    assert once not in str(line) and once not in triage("user", "show", "Dr Ito", "--json").stdout
    assert triage("user", "add", "DR ITO", "--once").returncode == 4


def test_a_password_comes_on_standard_input_and_must_be_a_good_one(engine: Engine, triage: Triage) -> None:
    assert triage("user", "add", "admin", "--role", "admin", typed=ANOTHER).returncode == 2
    short = triage("user", "add", "admin", "--role", "admin", "--stdin", typed="short\n")
    assert short.returncode == 1 and "at least 15 characters" in short.stderr
    assert triage("user", "add", "admin", "--role", "admin", "--stdin", typed=f"{ANOTHER}\n").returncode == 0
    known = accounts.known(engine, "admin")
    assert (
        known is not None and passwords.fits(known.password_hash, ANOTHER) and not known.account.must_change
    )


def test_accounts_are_looked_after_from_the_command_line(engine: Engine, triage: Triage) -> None:
    assert triage("user", "role", "nobody here", "lead").returncode == 3
    triage("user", "add", "Dr Ito", "--once")
    assert triage("user", "role", "Dr Ito", "lead").returncode == 0
    assert triage("user", "disable", "Dr Ito").returncode == 0
    assert accounts.find(engine, "Dr Ito").disabled
    assert triage("user", "enable", "Dr Ito").returncode == 0
    assert triage("user", "end-sessions", "Dr Ito").returncode == 0
    assert json.loads(triage("user", "sessions", "Dr Ito", "--json").stdout)["items"] == []
    assert "lead" in triage("user", "list").stdout
    said = [line.action for line in audit.entries(engine)]
    assert said == ["session.end-all", "account.enable", "account.disable", "account.role", "account.create"]


def test_the_demonstration_invites_until_its_people_have_their_own_passwords(engine: Engine) -> None:
    first, second = people.lines(engine), people.lines(engine)
    assert [line.split()[-4] for line in first] == ["reader", "lead", "admin"]
    once = second[0].split()[-1]
    assert first[0].split()[-1] != once and check_new(once, "reader")
    known = accounts.known(engine, "reader")
    assert known is not None and passwords.fits(known.password_hash, once)
    accounts.set_password(engine, "reader", passwords.hashed(ANOTHER), "reader", must_change=False)
    assert people.lines(engine)[0] == "Sign in     user reader  with the password you chose"
