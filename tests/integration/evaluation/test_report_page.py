"""The report in a real browser: nothing keeps anybody out, nothing is asked of the network."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.prediction_tables import write_readers, write_table
from tests.web_browser import Seat, chromium
from workers.evaluation.run import PAGE, Wanted, run


@pytest.mark.parametrize("width", [1280, 360])
def test_the_report_opens_without_barriers_complaints_or_requests(tmp_path: Path, width: int) -> None:
    table = write_table(tmp_path / "a.csv")
    other, calls = (
        write_table(tmp_path / "b.csv", skill=1.0, scored_by=1),
        write_readers(tmp_path / "r.csv", table),
    )
    run(tmp_path, Wanted(rounds=200, compare=other, readers=calls), predictions=table)
    address = (tmp_path / PAGE).as_uri()
    with chromium() as browser:
        seat = Seat(browser, address, width=width)
        assert seat.barriers() == []
        assert seat.complaints == []
        assert {asked for asked in seat.addresses if not asked.startswith("data:")} == {address}
        drawn = seat.page.eval_on_selector_all("img", "all => all.map(one => one.naturalWidth)")
        assert len(drawn) == 5
        assert min(drawn) > 200
        assert seat.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert "Not for clinical use" in seat.page.inner_text("header")
