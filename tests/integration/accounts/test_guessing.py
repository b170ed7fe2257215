"""Guesses at the door, guesses at a locked page, and what they cost the person they are aimed at."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from tests.accounts_cast import ANOTHER, PASSWORD, Member, idle_for, person
from triage.accounts import passwords
from triage.store import accounts

Open = Callable[..., Member]


def test_a_strangers_guesses_do_not_keep_a_person_from_their_own_locked_page(
    engine: Engine, browser: Open
) -> None:
    person(engine)
    reader, stranger = browser(), browser(peer="10.6.6.6")
    reader.sign_in("Dr Ito")
    idle_for(engine, 16)
    assert [stranger.sign_in("Dr Ito", ANOTHER).status_code for _ in range(6)][-1] == 429
    assert reader.post("/session/unlock", password=PASSWORD, place="/").status_code == 303


def test_guesses_at_a_locked_page_are_slowed_down_as_well(engine: Engine, browser: Open) -> None:
    person(engine)
    reader = browser()
    reader.sign_in("Dr Ito")
    idle_for(engine, 16)
    tried = [reader.post("/session/unlock", password=ANOTHER, place="/").status_code for _ in range(6)]
    assert tried == [403] * 5 + [429]


def test_a_password_that_was_reset_meanwhile_opens_nothing(
    engine: Engine, browser: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    person(engine)
    real = passwords.fits

    def fits_slowly(stored: str, spoken: str) -> bool:
        fits = real(stored, spoken)
        accounts.set_password(engine, "Dr Ito", passwords.hashed(ANOTHER), "admin", must_change=True)
        return fits

    monkeypatch.setattr(passwords, "fits", fits_slowly)
    assert browser().sign_in("Dr Ito").status_code == 403


def test_a_badly_chosen_new_password_costs_no_try(engine: Engine, browser: Open) -> None:
    person(engine)
    reader = browser()
    reader.sign_in("Dr Ito")
    token = reader.own_token()
    for _ in range(7):
        answer = reader.post("/account/password", token=token, old=PASSWORD, new="short")
        assert answer.status_code in (400, 403) and "Too many" not in answer.text
    assert reader.post("/account/password", token=token, old=PASSWORD, new=ANOTHER).status_code == 303
