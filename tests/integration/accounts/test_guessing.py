"""Guesses at the door, guesses at a locked page, and what they cost the person they are aimed at."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text

from tests.accounts_cast import ANOTHER, PASSWORD, Member, idle_for, person
from triage.accounts import passwords
from triage.domain.attempts import By, counted_by
from triage.store import accounts, tries
from triage.store.engine import transaction

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


def guess(browser: Open, peer: str, times: int, name: str = "Dr Ito") -> list[int]:
    stranger = browser(peer=peer)
    return [stranger.sign_in(name, ANOTHER).status_code for _ in range(times)]


def guessed_everywhere(engine: Engine, key: str) -> None:
    """Let ten strangers guess once each at a name, without the work of hashing."""
    for host in range(10):
        place = f"10.6.6.{host}"
        assert tries.take(engine, counted_by(key, place, "", familiar=False), key, None, place) is None


def counted(engine: Engine, key: str) -> int:
    """Return how many tries are remembered against a name, wherever they came from."""
    with transaction(engine) as connection:
        query = text("SELECT count FROM tries WHERE digest = :d")
        found: int = connection.execute(query, {"d": tries.digest_of(By.ACCOUNT, key)}).scalar_one()
    return found


def test_guesses_from_everywhere_slow_strangers_and_not_the_person_at_their_desk(
    engine: Engine, browser: Open
) -> None:
    person(engine)
    desk = browser(peer="10.0.0.9")
    desk.sign_in("Dr Ito")
    desk.post("/sign-out", token=desk.token())
    guessed_everywhere(engine, "dr ito")
    assert guess(browser, "10.7.7.7", 1) == [429], "a place where nobody tried yet waits with the others"
    assert guess(browser, "10.7.7.8", 1, "Dr Nobody") == [403]
    assert browser(peer="10.0.0.9").sign_in("Dr Ito").status_code == 303
    assert counted(engine, "dr ito") == 10, "and that success takes nothing back for the strangers"


def test_a_name_that_nobody_has_is_slowed_everywhere_in_the_same_way(engine: Engine, browser: Open) -> None:
    guessed_everywhere(engine, "dr nobody")
    assert guess(browser, "10.7.7.7", 1, "Dr Nobody") == [429]


def test_a_neighbours_guesses_do_not_keep_out_a_browser_with_a_session_of_its_own(
    engine: Engine, browser: Open
) -> None:
    person(engine)
    reader = browser(peer="10.0.0.9")
    reader.sign_in("Dr Ito")
    idle_for(engine, 16)
    assert guess(browser, "10.0.0.9", 6) == [403] * 5 + [429], "behind the same address"
    assert reader.sign_in("Dr Ito").status_code == 303


def test_the_many_addresses_of_one_ipv6_host_are_one_place(engine: Engine, browser: Open) -> None:
    person(engine)
    statuses = [guess(browser, f"2001:db8:1:2::{host}", 1)[0] for host in range(6)]
    assert statuses == [403] * 5 + [429]
    assert browser(peer="2001:db8:1:3::1").sign_in("Dr Ito").status_code == 303


def test_an_admin_ends_the_wait_wherever_it_came_from(engine: Engine, browser: Open) -> None:
    person(engine)
    guessed_everywhere(engine, "dr ito")
    accounts.set_disabled(engine, "Dr Ito", False, "admin")
    assert browser(peer="10.6.6.0").sign_in("Dr Ito").status_code == 303


def test_names_of_nobody_leave_no_rows_while_their_address_waits(engine: Engine, browser: Open) -> None:
    with transaction(engine) as connection:
        digest = tries.digest_of("address", "10.9.9.9")
        query = text("INSERT INTO tries VALUES (:d, 30, now(), now() + interval '1 minute')")
        connection.execute(query, {"d": digest})
    for number in range(3):
        assert guess(browser, "10.9.9.9", 1, f"Dr {number}") == [429]
    with transaction(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM tries")).scalar_one() == 1
