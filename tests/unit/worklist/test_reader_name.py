"""A reader's name is shown and audited, so it has to be one."""

from __future__ import annotations

import pytest

from triage.domain.errors import Refused
from triage.worklist.actions import reader_name


@pytest.mark.parametrize("spoken", ["Dr Itō", "山田", "O'Brien-Müller, J.", "  Dr   A  "])
def test_real_names_are_taken_as_they_are(spoken: str) -> None:
    assert reader_name(spoken) == " ".join(spoken.split())


@pytest.mark.parametrize("spoken", ["", "   ", "a\x00b", "x" * 65, "system", "\u202eDr A"])
def test_what_is_no_name_is_refused(spoken: str) -> None:
    with pytest.raises(Refused):
        reader_name(spoken)
