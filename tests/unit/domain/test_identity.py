"""Names are parsed once; hostile text never becomes a UID or an AE title."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.domain.errors import Refused
from triage.domain.identity import derived_uid, parse_ae_title, parse_uid


@pytest.mark.parametrize("text", ["1.2.840.10008.1.2", "2.25.0", "1.2.3\0", "1.02.3", "1." + "2" * 62])
def test_a_uid_is_digits_and_dots(text: str) -> None:
    assert parse_uid(text) == text.rstrip("\0")


@pytest.mark.parametrize(
    "text",
    ["", "../../etc", "1.2.3;rm -rf", "a.b", "1..2", ".1", "1.", "1.2\n3", "1." + "2" * 63, "1.2\0.3", "١.٢"],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        parse_uid(text)


@given(st.text())
def test_no_text_at_all_gets_a_path_separator_through(text: str) -> None:
    try:
        uid = parse_uid(text)
    except Refused:
        return
    assert set(uid) <= set("0123456789.") and ".." not in uid


@given(st.lists(st.text(), min_size=1))
def test_derived_uids_are_legal_and_stable(parts: list[str]) -> None:
    assert derived_uid(*parts) == derived_uid(*parts)
    assert parse_uid(derived_uid(*parts)) and len(derived_uid(*parts)) <= 44


def test_an_ae_title_has_up_to_sixteen_printable_characters() -> None:
    assert parse_ae_title(" TRIAGE  ") == "TRIAGE"
    for text in ("", " " * 16, "X" * 17, "A\\B", "A\nB", "É"):
        with pytest.raises(Refused):
            parse_ae_title(text)
