"""Sign-in at a real OpenID provider: what fits is let in once, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import Engine

from tests import worklist_cast as cast
from tests.accounts_cast import Member, idle_for, person
from tests.identity_provider import IdentityProvider, identity_provider, onward
from tests.web_site import settings_for
from triage.accounts import provider as accounts_provider
from triage.domain.account import Role
from triage.domain.errors import ConfigError
from triage.store import accounts, audit
from triage.web.server import check_address

Open = Callable[..., Member]


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with identity_provider() as running:
        running.person("u1", preferred_username="Dr Ito", groups=["staff", "pacs-readers"])
        running.person("u2", preferred_username="Dr Chief", groups=["pacs-readers", "pacs-leads"])
        running.person("u3", preferred_username="Visitor", groups=["staff"])
        yield running


def oidc(provider: IdentityProvider, **more: Any) -> dict[str, Any]:
    said = {
        "issuer": provider.address,
        "client_id": "spine-triage",
        "client_secret": "not-in-argv",
        "base_url": "http://127.0.0.1",
        "roles": {"pacs-readers": "reader", "pacs-leads": "lead"},
        **more,
    }
    return {"web": {"accounts": "oidc"}, "access": {"oidc": said}}


def to_provider(member: Member, place: str = "/") -> str:
    answer = member.get_without_following(f"/sign-in/provider?place={place}")
    assert answer.status_code == 303
    return str(answer.headers["location"])


def back(member: Member, location: str) -> Any:
    return member.get_without_following(location.removeprefix("http://127.0.0.1"))


def test_somebody_signs_in_by_the_provider_with_the_role_of_their_groups(
    engine: Engine, browser: Open, provider: IdentityProvider
) -> None:
    study_id = cast.image_arrives(engine, "one")
    member = browser(**oidc(provider))
    door = member.get(f"/?study={study_id}")
    assert door.status_code == 401 and "password" not in door.text and "SENTINEL" not in door.text
    there = to_provider(member)
    asked = parse_qs(urlsplit(there).query)
    assert asked["code_challenge_method"] == ["S256"] and asked["state"] and asked["nonce"]
    answer = back(member, provider.agree(there, "u1"))
    assert answer.status_code == 200 and onward(answer.text) == "/"
    assert "SameSite=strict" in answer.headers["set-cookie"]
    page = member.get()
    assert "SENTINEL" in page.text and "Dr Ito" in page.text
    assert accounts.find(engine, "Dr Ito").role is Role.READER
    opened = [entry for entry in audit.entries(engine) if entry.action == "session.open"]
    assert [(entry.actor, entry.detail["method"]) for entry in opened] == [("Dr Ito", "oidc")]
    chief = browser(**oidc(provider))
    back(chief, provider.agree(to_provider(chief), "u2"))
    assert accounts.find(engine, "Dr Chief").role is Role.LEAD


def test_an_answer_is_taken_once_and_from_the_browser_that_asked(
    engine: Engine, browser: Open, provider: IdentityProvider
) -> None:
    member, thief = browser(**oidc(provider)), browser(**oidc(provider))
    location = provider.agree(to_provider(member), "u1")
    to_provider(thief)
    assert back(thief, location).status_code == 403
    assert back(member, location).status_code == 200
    again = provider.agree(to_provider(member), "u1")
    assert back(member, again.replace("state=", "state=x")).status_code == 403
    assert back(member, again).status_code == 200
    assert back(member, again).status_code == 403, "a code is worth nothing the second time"
    assert provider.refused_verifiers == 0


def test_a_code_that_somebody_slipped_in_fails_by_its_verifier(
    engine: Engine, browser: Open, provider: IdentityProvider
) -> None:
    victim, attacker = browser(**oidc(provider)), browser(**oidc(provider))
    theirs = parse_qs(urlsplit(provider.agree(to_provider(attacker), "u2")).query)["code"][0]
    own = provider.agree(to_provider(victim), "u1")
    code = parse_qs(urlsplit(own).query)["code"][0]
    assert back(victim, own.replace(code, theirs)).status_code == 403
    assert provider.refused_verifiers == 1
    provider.refused_verifiers = 0


def test_a_nonce_an_audience_and_an_issuer_that_are_not_ours_are_refused(
    engine: Engine, browser: Open, provider: IdentityProvider
) -> None:
    member = browser(**oidc(provider))
    there = to_provider(member)
    nonce = parse_qs(urlsplit(there).query)["nonce"][0]
    assert back(member, provider.agree(there.replace(nonce, "another" * 6), "u1")).status_code == 403
    other = browser(**oidc(provider, client_id="another-client"))
    location = provider.agree(to_provider(other).replace("another-client", "spine-triage"), "u1")
    assert back(other, location).status_code == 403
    wrong = browser(**oidc(provider, issuer=provider.address + "/"))
    assert wrong.get_without_following("/sign-in/provider").status_code == 503
    assert wrong.get().status_code == 401


def test_the_providers_new_keys_are_asked_for_and_its_old_ones_are_nothing(
    engine: Engine, browser: Open, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts_provider, "KEYS_AGAIN_S", 0.0)
    member = browser(**oidc(provider))
    assert back(member, provider.agree(to_provider(member), "u1")).status_code == 200
    provider.rotate_keys()
    assert back(member, provider.agree(to_provider(member), "u1")).status_code == 200


def test_somebody_without_a_role_or_with_a_closed_account_stays_outside(
    engine: Engine, browser: Open, provider: IdentityProvider
) -> None:
    visitor = browser(**oidc(provider))
    answer = back(visitor, provider.agree(to_provider(visitor), "u3"))
    assert answer.status_code == 403 and "Nobody gave you a role here" in answer.text
    member = browser(**oidc(provider))
    back(member, provider.agree(to_provider(member), "u1"))
    accounts.set_disabled(engine, "Dr Ito", True, "admin")
    assert member.get().status_code == 401
    assert back(member, provider.agree(to_provider(member), "u1")).status_code == 403


def test_a_provider_never_takes_over_a_local_account_by_naming_it(
    engine: Engine, browser: Open, provider: IdentityProvider
) -> None:
    person(engine, "Dr Ito", Role.ADMIN)
    member = browser(**oidc(provider))
    assert back(member, provider.agree(to_provider(member), "u1")).status_code == 403
    assert accounts.find(engine, "Dr Ito").role is Role.ADMIN


def test_groups_that_changed_change_the_role_and_end_older_sessions(
    engine: Engine, browser: Open, provider: IdentityProvider
) -> None:
    provider.person("u4", preferred_username="Dr New", groups=["pacs-leads"])
    old, new = browser(**oidc(provider)), browser(**oidc(provider))
    back(old, provider.agree(to_provider(old), "u4"))
    provider.person("u4", preferred_username="Dr New", groups=["pacs-readers"])
    back(new, provider.agree(to_provider(new), "u4"))
    assert accounts.find(engine, "Dr New").role is Role.READER
    assert (old.get().status_code, new.get().status_code) == (401, 200)


def test_a_locked_page_asks_the_provider_again_and_signing_out_ends_both(
    engine: Engine, browser: Open, provider: IdentityProvider
) -> None:
    member = browser(**oidc(provider))
    back(member, provider.agree(to_provider(member), "u1"))
    idle_for(engine, 20)
    locked = member.get("/?tab=mine")
    assert locked.status_code == 401 and "/sign-in/provider?place=%2F%3Ftab%3Dmine" in locked.text
    there = to_provider(member, "/%3Ftab%3Dmine")
    asked = parse_qs(urlsplit(there).query)
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["0"])
    answer = back(member, provider.agree(there, "u1"))
    assert onward(answer.text) == "/?tab=mine"
    out = member.post("/sign-out", token=member.token())
    assert onward(out.text).startswith(f"{provider.address}/oauth2/end_session?client_id=spine-triage")
    assert member.get().status_code == 401


@pytest.fixture
def deaf(provider: IdentityProvider) -> Iterator[IdentityProvider]:
    """The same provider, one that lets its people through whatever it is asked."""
    provider.obeys = False
    yield provider
    provider.obeys = True


def left_alone(engine: Engine, member: Member, provider: IdentityProvider) -> None:
    """Let Dr Ito sign in and go; twenty minutes later the page is locked and the provider's session lives."""
    back(member, provider.agree(to_provider(member), "u1"))
    idle_for(engine, 20)
    provider.sessions["u1"] -= 20 * 60
    assert member.get().status_code == 401


def test_sign_in_as_somebody_else_does_not_open_a_lock_by_the_providers_session(
    engine: Engine, browser: Open, provider: IdentityProvider
) -> None:
    member = browser(**oidc(provider))
    left_alone(engine, member, provider)
    assert member.post("/sign-out", token=member.door_token()).status_code == 200
    assert provider.glide(to_provider(member), "u1") == "", "the provider must ask, session or not"
    assert back(member, provider.agree(to_provider(member), "u1")).status_code == 200


def test_a_provider_that_does_not_ask_again_is_not_believed(
    engine: Engine, browser: Open, deaf: IdentityProvider
) -> None:
    member = browser(**oidc(deaf))
    left_alone(engine, member, deaf)
    member.post("/sign-out", token=member.door_token())
    answer = back(member, deaf.glide(to_provider(member), "u1"))
    assert answer.status_code == 403 and "without asking who you are" in answer.text
    assert member.get().status_code == 401


def test_a_provider_that_does_not_say_when_it_asked_is_refused_in_words(
    engine: Engine, browser: Open, provider: IdentityProvider
) -> None:
    member = browser(**oidc(provider))
    provider.tells = False
    try:
        answer = back(member, provider.agree(to_provider(member), "u1"))
    finally:
        provider.tells = True
    assert answer.status_code == 403 and "auth_time" in answer.text
    assert member.get().status_code == 401


def test_a_provider_on_plain_http_or_without_settings_is_refused_at_start(tmp_path: Any) -> None:
    with pytest.raises(ConfigError, match=r"access\.oidc"):
        check_address(settings_for(tmp_path, "", web={"accounts": "oidc"}))
    said = {"issuer": "http://idp.example", "client_id": "x", "base_url": "https://triage.example"}
    with pytest.raises(ConfigError, match=r"access\.oidc\.issuer: is not https"):
        check_address(settings_for(tmp_path, "", web={"accounts": "oidc"}, access={"oidc": said}))
