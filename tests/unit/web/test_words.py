"""The page's vocabulary: what must never be said, and that what is shipped is what was taken."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.worklist_rows import NOW, row
from triage.domain import priority
from triage.domain.finding import ImageView, ModelIdentity, View
from triage.domain.worklist import HistoryEntry, WorklistEvent
from triage.store.situation import Situation
from triage.web import circumstances, labels, words
from triage.web.room import STATIC
from triage.web.words import NO_FLAG_NOTE

OWN = ("session.js", "feed.js", "feed-worker.js", "hold.js", "page.js", "keys.js", "palette.js", "page.css")
NEVER = re.compile(
    r"\b(positive|negative|normal|abnormal|cleared|clear|diagnos\w*|detected|confidence|explanation|"
    r"explain\w*|absent|healthy|unremarkable)\b",
    re.IGNORECASE,
)
# The three sentences that have to name what they deny.
ALLOWED = (NO_FLAG_NOTE, words.FOOTER, labels.PREVIEW_NOTE)


def _texts() -> dict[str, str]:
    templates = STATIC.parent / "templates"
    own = [STATIC / name for name in OWN if name.endswith(".js")]
    files = [
        *templates.glob("*.html"),
        *own,
        STATIC.parent / "words.py",
        STATIC.parent / "labels.py",
        STATIC.parent / "circumstances.py",
        STATIC.parent / "order_words.py",
        STATIC.parent / "finding_words.py",
    ]
    return {path.name: path.read_text() for path in files} | {"priority.py": _sentences()}


def _sentences() -> str:
    return "\n".join(
        value for value in vars(priority).values() if isinstance(value, str) and value != priority.__doc__
    )


def _said(text: str) -> str:
    for sentence in ALLOWED:
        text = text.replace(sentence, "")
    # Comments and docstrings are read by programmers only.
    return re.sub(r'""".*?"""|\{#.*?#\}|//[^\n]*', "", text, flags=re.DOTALL)


@pytest.mark.parametrize("name", sorted(_texts()))
def test_no_verdict_is_ever_written(name: str) -> None:
    found = NEVER.findall(_said(_texts()[name]))
    assert not found, f"{name} says {found}"


def test_the_lint_would_catch_a_verdict() -> None:
    assert (
        NEVER.search("94 % positive") and NEVER.search("looks Normal") and not NEVER.search("No triage flag")
    )


def test_the_vendored_scripts_are_the_ones_that_were_recorded() -> None:
    recorded = dict(
        re.findall(r"^(\S+\.js)\s.*\s([0-9a-f]{64})$", (STATIC / "VENDORED.txt").read_text(), re.M)
    )
    vendored = {path.name for path in STATIC.glob("*.js")} - set(OWN)
    assert vendored == set(recorded)
    for name, digest in recorded.items():
        assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == digest


def test_the_page_loads_nothing_from_elsewhere() -> None:
    for name, text in _texts().items():
        assert not re.search(r"(src|href|url)\s*[=(]\s*[\"']?(https?:)?//", text), name


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("SATO^HANA", "SATO, HANA"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada, Tarou · 山田, 太郎 · やまだ, たろう"),
        ("Müller", "Müller"),
        ("^^", "(no name)"),
        ("", "(no name)"),
        ("A^B^C^Dr", "A, B C Dr"),
    ],
)
def test_person_names_are_shown_in_every_script_they_have(stored: str, shown: str) -> None:
    assert words.person_name(stored) == shown


def test_waits_are_hours_and_minutes() -> None:
    assert words.waited(NOW - timedelta(minutes=42, seconds=59), NOW) == "0:42"
    assert words.waited(NOW - timedelta(hours=30, minutes=5), NOW) == "30:05"
    assert words.waited(NOW + timedelta(minutes=5), NOW) == "0:00"


@pytest.mark.parametrize(
    ("born", "shown"),
    [("19500102", "F 76"), ("20261120", "F 0"), ("", "F"), ("1950", "F"), ("18000101", "F")],
)
def test_sex_and_age_are_shown_as_far_as_they_are_known(born: str, shown: str) -> None:
    assert words.sex_and_age(row(patient_birth_date=born), date(2026, 11, 21)) == shown


def test_three_cues_tell_the_bands_apart() -> None:
    bands = [
        words.band(row(tier=0)),
        words.band(row(tier=1)),
        words.band(row(reason="Look sooner: possible recent vertebral fracture")),
        words.band(row()),
    ]
    for cue in ("name", "shape", "word"):
        assert len({getattr(band, cue) for band in bands}) == len(bands)


def test_why_there_is_no_answer_is_said_once_and_always() -> None:
    told = row(
        ai_status="not-analysed", ai_sentence="no model for CT", reason="Not analysed: no model for CT"
    )
    untold = replace(told, reason="Ordered STAT")
    assert words.ai_status(told) == "Not analysed"
    assert words.ai_status(untold) == "Not analysed: no model for CT"
    assert words.ai_status(replace(untold, ai_sentence="")) == "Not analysed: no reason was given"


def test_results_on_their_way_are_counted() -> None:
    assert words.sent(row()) == ""
    assert words.sent(row(results_sent=1, results_pending=2)) == "1 of 3 sent"
    assert words.sent(row(results_sent=2)) == "✓ 2 sent"
    assert words.sent(row(results_refused=1, results_sent=1)) == "✕ 1 of 2 refused"


def test_a_view_that_the_header_disputes_is_said() -> None:
    lateral = ImageView("1.2", "x", View.LATERAL, "WHOLE", "PRE_OP", None, 0.9, None, "", View.AP, True, None)
    assert words.view(lateral) == "lateral, whole, pre op (header says AP)"
    assert words.view(replace(lateral, abstained="ood", sentence="not a spine")) == "not used: not a spine"


def test_every_act_on_the_worklist_has_its_words() -> None:
    assert {f"worklist.{event}" for event in WorklistEvent} <= set(words.PAST)
    assert words.past(HistoryEntry(NOW, "Dr A", "worklist.claim")) == "Claimed, Dr A"
    assert words.past(HistoryEntry(NOW, "algorithm:spine", "analysis.succeed")) == "Analysed"


def _situation(waiting: int, oldest: float, workers: int) -> Situation:
    return Situation(datetime(2026, 11, 21, tzinfo=UTC), None, waiting, oldest, workers, ())


def test_the_banner_speaks_only_when_the_analysis_cannot_keep_up() -> None:
    assert circumstances.condition(_situation(3, 20, 1)) == ""
    assert circumstances.condition(_situation(14, 400, 1)).startswith(
        "Analysis is behind: 14 waiting, oldest 6 min."
    )
    assert circumstances.condition(_situation(2, 4, 0)).startswith("Analysis is not running, 2 waiting.")


def test_unknown_models_count_as_synthetic() -> None:
    assert words.synthetic(_situation(0, 0, 1)) == words.SYNTHETIC


@pytest.mark.parametrize(
    ("data_origin", "banner", "line"),
    [
        ("synthetic-phantom", words.SYNTHETIC, "trained on phantoms"),
        (
            "synthetic-phantom-from-given-weights",
            words.PARTLY_SYNTHETIC,
            "trained on synthetic-phantom-from-given-weights",
        ),
        ("site", "", "trained on site"),
    ],
)
def test_only_a_model_of_phantoms_alone_is_said_to_be_one(data_origin: str, banner: str, line: str) -> None:
    model = ModelIdentity("view-gate", "1.0.0", "0" * 64, data_origin)
    assert words.synthetic(replace(_situation(0, 0, 1), models=(model,))) == banner
    assert words.origin(model) == line
