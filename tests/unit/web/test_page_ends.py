"""The end of a page as an address carries it: whole, sealed, and of this installation alone."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st

from triage.domain.errors import Unprocessable
from triage.domain.worklist import Tab
from triage.store.paging import PageEnd
from triage.web.page_ends import MOST_LETTERS, PageEnds

SECRET = b"0" * 32
ENDS = st.builds(
    PageEnd,
    tab=st.sampled_from(list(Tab)),
    study_id=st.integers(1, 2**62),
    moment=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    part=st.integers(0, 3),
    key=st.floats(-1e9, 1e9),
)


@trials(deadline=None)
@given(ENDS)
def test_a_page_s_end_comes_back_to_the_last_bit(end: PageEnd) -> None:
    spoken = PageEnds(SECRET).written(end)
    assert PageEnds(SECRET).read(spoken) == end
    assert len(spoken) <= MOST_LETTERS and spoken.replace("=", "").replace("-", "").replace("_", "").isalnum()


def test_nobody_reads_a_place_out_of_an_address() -> None:
    end = PageEnd(Tab.UNREAD, 7, datetime(2026, 11, 24, tzinfo=UTC), key=12345.678)
    assert b"12345.678" not in base64.urlsafe_b64decode(PageEnds(SECRET).written(end))


@pytest.mark.parametrize(
    "spoken",
    ["", "7", "é", "\x00", "\ud800", PageEnds(b"1" * 32).written(PageEnd(Tab.ALL, 1, datetime.now(UTC)))],
)
def test_what_this_installation_did_not_seal_is_refused(spoken: str) -> None:
    with pytest.raises(Unprocessable, match="begin again"):
        PageEnds(SECRET).read(spoken)
    assert PageEnds(SECRET).read(None) is None
