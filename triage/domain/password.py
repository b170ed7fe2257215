"""What a password must be: long, and none of the commonest. No rule about its composition.

NIST SP 800-63B-4 3.1.1.2: at least 15 characters where the password is the only factor, at least 64
accepted, every printable character and space taken, nothing cut off, no composition rules, a list of the
commonest refused. Plain values; nothing here stores or hashes one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence

from triage.domain.account import name_key
from triage.domain.errors import Refused

SHORTEST = 15
LONGEST = 256
FEWEST_DIFFERENT = 5
# No two that are mistaken for each other on paper: no 0 o 1 l i.
ONE_TIME_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
ONE_TIME_GROUPS = 4
ONE_TIME_GROUP_LENGTH = 4
# The heads of the commonest lists; a password that repeats or lengthens one of them is as common.
COMMONEST = frozenset(
    [
        "123456789",
        "1234567890",
        "password",
        "password1",
        "qwertyuiop",
        "qwerty123",
        "iloveyou",
        "letmein",
        "welcome",
        "admin",
        "administrator",
        "abc123",
        "monkey",
        "dragon",
        "sunshine",
        "princess",
        "football",
        "baseball",
        "master",
        "shadow",
        "superman",
        "trustno1",
        "passw0rd",
        "p@ssw0rd",
        "changeme",
        "secret",
        "hospital",
        "radiology",
        "radiologist",
        "spine",
        "triage",
        "spinetriage",
        "worklist",
        "doctor",
        "xray",
        "correcthorsebatterystaple",
        "1q2w3e4r",
        "1q2w3e4r5t",
        "zaq12wsx",
        "qazwsxedc",
        "asdfghjkl",
        "zxcvbnm",
        "987654321",
        "0987654321",
        "111111",
        "000000",
        "121212",
        "654321",
        "666666",
        "112233",
        "123123",
        "aaaaaa",
        "abcdef",
        "abcdefgh",
        "abcdefghijklmno",
        "123456789012345",
    ]
)


def normalised(spoken: str) -> str:
    """Return the password as it is hashed: NFKC, so that every keyboard gives the same bytes."""
    return unicodedata.normalize("NFKC", spoken)


def check_new(spoken: str, name: str, shortest: int = SHORTEST) -> str:
    """Return the normalised password that may be set; raises Refused saying what is wrong with it."""
    password = normalised(spoken)
    if len(password) < shortest:
        raise Refused("password-short", f"a password has at least {shortest} characters; a sentence is good")
    if len(password) > LONGEST:
        raise Refused("password-long", f"a password has at most {LONGEST} characters")
    bare = "".join(letter for letter in password.casefold() if not letter.isspace())
    if len(set(bare)) < FEWEST_DIFFERENT or _is_common(bare) or _is_of_the_name(bare, name):
        raise Refused("password-common", "that password is among the first that somebody would try")
    return password


def _is_common(bare: str) -> bool:
    plain = bare.strip("0123456789!?.,-_*#") or bare
    return any(
        word in (bare, plain)
        or bare == (word * len(bare))[: len(bare)]
        or plain == (word * len(plain))[: len(plain)]
        for word in COMMONEST
    )


def _is_of_the_name(bare: str, name: str) -> bool:
    own = "".join(name_key(name).split())
    return len(own) >= 3 and len(bare.replace(own, "")) < 6


def one_time(choose: Callable[[Sequence[str]], str]) -> str:
    """Return a password to be used once: four groups of four, 79 bits when `choose` is unpredictable."""
    groups = (
        "".join(choose(ONE_TIME_LETTERS) for _ in range(ONE_TIME_GROUP_LENGTH))
        for _ in range(ONE_TIME_GROUPS)
    )
    return "-".join(groups)
