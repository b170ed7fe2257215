"""Signing in and out through the door, on real Postgres."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text

from tests import worklist_cast as cast
from tests.accounts_cast import ANOTHER, PASSWORD, Member, idle_for, older_by, person
from triage.domain.account import Role
from triage.store import accounts, audit, sessions
from triage.store.engine import transaction

Open = Callable[..., Member]
NO = "That name and password do not belong together."


def test_nobody_sees_a_patient_before_signing_in(engine: Engine, browser: Open) -> None:
    study_id = cast.image_arrives(engine, "one")
    stranger = browser()
    for path in ("/", "/list", f"/?study={study_id}", "/feed", "/account"):
        answer = stranger.get(path)
        assert answer.status_code == 401 and "SENTINEL" not in answer.text, path
    assert stranger.post(f"/studies/{study_id}/claim", version=1).status_code == 401
    assert stranger.get("/livez").status_code == 200


def test_somebody_signs_in_reads_and_signs_out(engine: Engine, browser: Open) -> None:
    study_id = cast.image_arrives(engine, "one")
    person(engine)
    reader = browser()
    answer = reader.sign_in("dr  ITO", place=f"/?tab=unread&study={study_id}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/?tab=unread&study={study_id}")
    assert "SENTINEL" in reader.get().text and "Dr Ito" in reader.get().text
    assert reader.act("claim", study_id, 1).status_code == 303
    assert audit.entries(engine, study_id=study_id)[0].actor == "Dr Ito"
    kept = reader.cookie
    assert reader.post("/sign-out", token=reader.token()).status_code == 303
    assert reader.get().status_code == 401
    reader.client.cookies.set("triage_session", kept)
    assert reader.get().status_code == 401, "the id is worth nothing afterwards"
    said = [entry.action for entry in audit.entries(engine) if entry.action.startswith("session")]
    assert said == ["session.end", "session.open"]


def test_the_session_id_is_random_and_never_stored(engine: Engine, browser: Open) -> None:
    person(engine)
    first, second = browser(), browser()
    first.sign_in("Dr Ito")
    second.sign_in("Dr Ito")
    assert len(first.cookie) >= 43 and first.cookie != second.cookie
    with transaction(engine) as connection:
        dump = json.dumps([str(row) for row in connection.execute(text("SELECT * FROM session")).all()])
    assert first.cookie not in dump


@pytest.mark.parametrize(
    ("base", "name"), [("http://127.0.0.1", "triage_session"), ("https://127.0.0.1", "__Host-triage_session")]
)
def test_the_cookie_is_out_of_reach_of_scripts_other_sites_and_plain_http(
    engine: Engine, browser: Open, base: str, name: str
) -> None:
    person(engine)
    cookie = browser(base=base).sign_in("Dr Ito").headers["set-cookie"]
    assert cookie.startswith(f"{name}=") and "HttpOnly" in cookie and "SameSite=strict" in cookie
    assert ("Secure" in cookie) is base.startswith("https") and "Path=/" in cookie and "Domain" not in cookie


def test_an_id_that_somebody_planted_is_replaced_at_sign_in(engine: Engine, browser: Open) -> None:
    person(engine)
    person(engine, "Dr Evil")
    theirs = browser()
    theirs.sign_in("Dr Evil")
    victim = browser()
    victim.client.cookies.set("triage_session", theirs.cookie)
    victim.client.cookies.set("triage_session", "planted" * 6)
    victim.sign_in("Dr Ito")
    assert victim.client.cookies.get("triage_session", domain="127.0.0.1") not in (
        "planted" * 6,
        theirs.cookie,
    )
    with transaction(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM session")).scalar_one() == 2


def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(engine: Engine, browser: Open) -> None:
    person(engine)
    person(engine, "Dr Gone")
    accounts.set_disabled(engine, "Dr Gone", True, "test")
    answers = [
        browser().sign_in(name, password)
        for name, password in (("Dr Ito", ANOTHER), ("Dr Nobody", ANOTHER), ("Dr Gone", PASSWORD), ("", ""))
    ]
    assert {answer.status_code for answer in answers} == {403}
    assert {answer.text for answer in answers} == {answers[0].text} and NO in answers[0].text
    lines = [entry for entry in audit.entries(engine) if entry.action == "session.refuse"]
    assert {(line.actor, line.subject) for line in lines} == {("unknown", "session")}
    assert all(set(line.detail) == {"method", "account", "address"} for line in lines)
    assert ANOTHER not in str(lines) and "Dr Nobody" not in str(lines)


def test_a_wrong_name_takes_as_long_as_a_wrong_password(engine: Engine, browser: Open) -> None:
    for number in range(4):
        person(engine, f"Dr {number}")
    spent: dict[bool, list[float]] = {True: [], False: []}
    reader = browser()
    for turn in range(12):
        for known in (True, False):
            name = f"Dr {turn % 4}" if known else f"Nobody {turn}"
            began = time.perf_counter()
            assert reader.sign_in(name, ANOTHER).status_code == 403
            spent[known].append(time.perf_counter() - began)
    ratio = statistics.median(spent[True]) / statistics.median(spent[False])
    assert 0.5 < ratio < 2, ratio


def test_tries_are_counted_for_all_processes_together(engine: Engine, browser: Open) -> None:
    person(engine)
    one, other = browser(peer="10.0.0.1"), browser(peer="10.0.0.1")
    for turn in range(5):
        assert (one, other)[turn % 2].sign_in("Dr Ito", ANOTHER).status_code == 403
    for process in (one, other):
        answer = process.sign_in("Dr Ito")
        assert answer.status_code == 429 and "Too many tries" in answer.text, "even the right password waits"
    assert any(entry.action == "session.lock-out" for entry in audit.entries(engine))
    accounts.set_disabled(engine, "Dr Ito", False, "admin")
    assert one.sign_in("Dr Ito").status_code == 303


def test_a_name_that_nobody_has_is_locked_out_in_the_same_words(engine: Engine, browser: Open) -> None:
    person(engine)
    texts = []
    for name in ("Dr Ito", "Dr Nobody"):
        reader = browser(peer=f"10.0.1.{len(name)}")
        statuses = [reader.sign_in(name, ANOTHER).status_code for _ in range(6)]
        assert statuses == [403] * 5 + [429]
        texts.append(reader.sign_in(name, ANOTHER).text.partition("Try again at")[0])
    assert texts[0] == texts[1]


def test_an_address_that_tries_many_names_has_to_wait(engine: Engine, browser: Open) -> None:
    person(engine)
    reader = browser(peer="10.9.9.9")
    with transaction(engine) as connection:
        from triage.store import tries

        connection.execute(
            text("INSERT INTO tries VALUES (:d, 30, now(), now() + interval '1 minute')"),
            {"d": tries.digest_of("address", "10.9.9.9")},
        )
    assert reader.sign_in("Dr Ito").status_code == 429
    assert browser(peer="10.9.9.8").sign_in("Dr Ito").status_code == 303


def test_a_page_that_nobody_used_is_locked_and_opens_where_it_was(engine: Engine, browser: Open) -> None:
    study_id = cast.image_arrives(engine, "one")
    person(engine)
    reader = browser()
    reader.sign_in("Dr Ito")
    token, before = reader.token(), reader.cookie
    idle_for(engine, 16)
    locked = reader.get(f"/?tab=unread&study={study_id}")
    assert locked.status_code == 401 and "Locked" in locked.text and "SENTINEL" not in locked.text
    assert reader.act_with(token, study_id).status_code == 401
    part = reader.client.get("/list", headers={"hx-request": "true"})
    assert part.status_code == 401 and part.headers["hx-refresh"] == "true" and "SENTINEL" not in part.text
    place = f"/?tab=unread&amp;study={study_id}"
    assert place in locked.text
    assert reader.post("/session/unlock", password=ANOTHER, place="/").status_code == 403
    back = reader.post("/session/unlock", password=PASSWORD, place=f"/?tab=unread&study={study_id}")
    assert back.headers["location"] == f"/?tab=unread&study={study_id}"
    assert reader.cookie != before and "SENTINEL" in reader.get().text


def test_what_the_page_asks_by_itself_is_no_sign_of_life(engine: Engine, browser: Open) -> None:
    person(engine)
    reader = browser()
    reader.sign_in("Dr Ito")
    idle_for(engine, 10)
    for path, element in (("/list", "refresh"), ("/", "operations"), ("/list", "renewal")):
        renewed = reader.client.get(path, headers={"hx-request": "true", "hx-trigger": element})
        assert renewed.status_code == 200
    idle_for(engine, 6)
    assert reader.get().status_code == 401
    reader.sign_in("Dr Ito")
    idle_for(engine, 10)
    assert reader.post("/session/seen").status_code == 204
    idle_for(engine, 10)
    assert reader.get().status_code == 200


def test_both_lifetimes_end_a_session_whatever_the_cookie_says(engine: Engine, browser: Open) -> None:
    person(engine)
    reader = browser(access={"lock_minutes": 0})
    reader.sign_in("Dr Ito")
    idle_for(engine, 3.9 * 60)
    assert reader.get().status_code == 200
    idle_for(engine, 4.1 * 60)
    assert reader.get().status_code == 401
    reader.sign_in("Dr Ito")
    older_by(engine, 12.1)
    assert "Sign in" in reader.get().text


def test_an_unlocked_session_keeps_its_absolute_end(engine: Engine, browser: Open) -> None:
    person(engine)
    reader = browser()
    reader.sign_in("Dr Ito")
    older_by(engine, 11)
    ends = sessions.of_account(engine, accounts.find(engine, "Dr Ito").id)[0]["ends_at"]
    idle_for(engine, 20)
    reader.post("/session/unlock", password=PASSWORD)
    assert sessions.of_account(engine, accounts.find(engine, "Dr Ito").id)[0]["ends_at"] == ends


def test_a_password_that_an_admin_set_must_be_changed_first(engine: Engine, browser: Open) -> None:
    person(engine, must_change=True)
    reader, elsewhere = browser(), browser()
    reader.sign_in("Dr Ito")
    elsewhere.sign_in("Dr Ito")
    page = reader.get()
    assert page.status_code == 403 and "Choose a password" in page.text
    token = reader.door_token()
    for new in ("short", PASSWORD, "passwordpassword"):
        assert reader.post("/account/password", token=token, old=PASSWORD, new=new).status_code == 403
    assert reader.post("/account/password", token=token, old=PASSWORD, new=ANOTHER).status_code == 303
    assert reader.get().status_code == 200
    assert elsewhere.get().status_code == 401, "every other session has ended"
    assert browser().sign_in("Dr Ito", PASSWORD).status_code == 403
    assert browser().sign_in("Dr Ito", ANOTHER).status_code == 303


def test_another_role_or_a_closed_account_ends_its_sessions_at_once(engine: Engine, browser: Open) -> None:
    person(engine)
    reader = browser()
    assert reader.sign_in("Dr Ito").status_code == 303
    accounts.set_role(engine, "Dr Ito", Role.VIEWER, "admin")
    assert reader.get().status_code == 401
    assert reader.sign_in("Dr Ito").status_code == 303
    accounts.set_disabled(engine, "Dr Ito", True, "admin")
    assert reader.get().status_code == 401


def test_signing_out_everywhere_ends_every_session(engine: Engine, browser: Open) -> None:
    person(engine)
    one, other = browser(), browser()
    for reader in (one, other):
        reader.sign_in("Dr Ito")
    assert one.post("/account/end-sessions", token="forged").status_code == 403
    assert one.post("/account/end-sessions", token=one.token()).status_code == 303
    assert one.get().status_code == other.get().status_code == 401


@pytest.mark.parametrize(
    "place",
    ["//evil.example", "https://evil.example", "/\\evil.example", "/%0d%0aset-cookie:x", "javascript:1"],
)
def test_nobody_is_sent_elsewhere_after_signing_in(engine: Engine, browser: Open, place: str) -> None:
    person(engine)
    assert browser().sign_in("Dr Ito", place=place).headers["location"] == "/"


def test_a_hash_of_older_parameters_is_renewed_at_sign_in(engine: Engine, browser: Open) -> None:
    from argon2 import PasswordHasher

    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    accounts.create(engine, "Dr Old", Role.READER, old, "test")
    assert browser().sign_in("Dr Old").status_code == 303
    known = accounts.known(engine, "Dr Old")
    assert known is not None and known.password_hash != old
    assert old not in repr(known) and known.password_hash not in repr(known)
    assert browser().sign_in("Dr Old").status_code == 303


def test_the_first_page_says_how_the_first_account_is_made(engine: Engine, browser: Open) -> None:
    assert "triage user add" in browser().get().text
    person(engine, "admin", Role.ADMIN)
    assert "triage user add" not in browser().get().text
