"""Passwords: length counts, composition does not, the commonest are refused."""

from __future__ import annotations

import secrets

import pytest

from triage.domain.errors import Refused
from triage.domain.password import ONE_TIME_LETTERS, check_new, normalised, one_time


@pytest.mark.parametrize(
    "spoken",
    [
        "a quiet reading room at night",
        "日本語でも長い合言葉は良いものです",
        "x7#kLm!20pQz9Wv",
        "mmm aaa nnn bbb ccc ddd",
    ],
)
def test_any_long_password_is_taken_as_it_is(spoken: str) -> None:
    assert check_new(spoken, "Dr Ito") == normalised(spoken)


@pytest.mark.parametrize("spoken", ["", "short", "fourteen chars", "x" * 257])
def test_too_short_or_absurdly_long_is_refused(spoken: str) -> None:
    with pytest.raises(Refused, match="characters"):
        check_new(spoken, "Dr Ito")


@pytest.mark.parametrize(
    "spoken",
    [
        "passwordpassword",
        "PasswordPassword1!",
        "123456789012345",
        "aaaaaaaaaaaaaaaaaaaa",
        "abcabcabcabcabcabc",
        "correct horse battery staple",
        "radiology2026!!!!!!!",
        "qwertyuiopqwertyuiop",
        "Dr Ito Dr Ito Dr Ito",
    ],
)
def test_what_somebody_would_try_first_is_refused(spoken: str) -> None:
    with pytest.raises(Refused, match="among the first"):
        check_new(spoken, "Dr Ito")


def test_a_site_with_a_second_factor_may_ask_for_less() -> None:
    assert check_new("k7 pm x3", "Dr Ito", shortest=8)


def test_two_keyboards_give_one_password() -> None:
    assert normalised("cafe\u0301 au lait") == normalised("caf\u00e9 au lait")


def test_a_one_time_password_may_be_set_and_never_repeats() -> None:
    made = {one_time(secrets.choice) for _ in range(200)}
    assert len(made) == 200
    for spoken in made:
        assert check_new(spoken, "Dr Ito") == spoken
        assert set(spoken) <= set(ONE_TIME_LETTERS) | {"-"}
