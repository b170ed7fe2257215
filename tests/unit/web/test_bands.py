"""Every reason the domain can give has its band and its words; a flag stays in sight."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from tests.worklist_rows import NOW, row
from triage.domain.finding import TriageOutcome
from triage.domain.policy import ATYPICAL_CURVE, FindingWeight, OrderPolicy
from triage.domain.priority import (
    AiStatus,
    Counted,
    Lowered,
    Pin,
    Position,
    RequestedPriority,
    Standing,
    Tier,
    guarded_reason,
    position,
)
from triage.domain.worklist import WorklistRow
from triage.web import order_words, words

ANSWERS = (None, *TriageOutcome)
COUNTED = (None, Counted(True, {}), Counted(False, {}), Counted(False, {ATYPICAL_CURVE: 0.9}))
# With every rule that a site may have, so that every reason is met.
POLICY = OrderPolicy(findings=(*OrderPolicy().findings, FindingWeight(ATYPICAL_CURVE, 0.2, {})))
YES_NO = (False, True)


def _standings() -> Iterator[Standing]:
    """Yield every combination of what a reason depends on."""
    told = product(RequestedPriority, AiStatus, ANSWERS, COUNTED)
    people = product((None, Pin("Dr A")), (None, Lowered("Dr B", "seen")), ("", "ED"), YES_NO, YES_NO)
    for (requested, status, outcome, counted), (pin, lowered, rule, read, before) in product(
        told, list(people)
    ):
        yield Standing(requested, NOW, status, "", outcome, counted, pin, lowered, rule, read, before)


def _rows() -> Iterator[tuple[Standing, Position, WorklistRow]]:
    for standing in _standings():
        at = position(standing, POLICY)
        reasons = [(at.reason_code, at.sentence)]
        if at.tier is Tier.REST:
            reasons.append(guarded_reason(at.reason_code, at.sentence))
        for code, sentence in reasons:
            seen = Position(at.tier, at.key, code, sentence)
            shown = row(
                tier=at.tier, reason_code=code, reason=sentence, requested_priority=standing.requested
            )
            yield standing, seen, shown


def test_every_reason_of_the_domain_has_words_and_a_band() -> None:
    codes: dict[str, set[str]] = {}
    for _, at, shown in _rows():
        codes.setdefault(at.reason_code, set()).add(words.band(shown).word)
        assert order_words.reason(at.reason_code).removeprefix("overtaken") != at.reason_code
    plain = {code.removeprefix(order_words.GUARDED) for code in codes}
    assert plain == set(order_words.REASONS), "a code without words, or words without a code"
    guarded = {code: bands for code, bands in codes.items() if code.startswith(order_words.GUARDED)}
    assert guarded
    for code, bands in guarded.items():
        assert bands <= {"Overtaken", "Sooner"}, code
    assert codes["flag-withdrawn"] == {"Was sooner", "Urgent"}


def test_whoever_asks_to_be_looked_at_sooner_is_seen_to_ask() -> None:
    for _, at, shown in _rows():
        if "Look sooner" in at.sentence and at.tier is Tier.REST:
            assert words.band(shown).word == "Sooner", at.reason_code


def test_an_answer_without_a_flag_always_says_what_that_is_not() -> None:
    said = {code for _, at, shown in _rows() if words.unflagged(shown) for code in [at.reason_code]}
    assert said == {"no-flag", "flag-withdrawn", "guarded-no-flag", "guarded-flag-withdrawn"}


def test_every_band_is_told_apart_without_its_colour() -> None:
    bands = {words.band(shown) for _, _, shown in _rows()}
    for cue in ("name", "shape", "word"):
        assert len({getattr(band, cue) for band in bands}) == len(bands)
