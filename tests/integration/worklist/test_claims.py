"""Claims in real Postgres: one reader per study, by compare-and-set, with a lease that ends by itself."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text

from tests import worklist_cast as cast
from triage.domain.errors import Conflict, NotFound
from triage.domain.worklist import Tab, WorklistState
from triage.store import audit, worklist
from triage.store.engine import transaction


def _let_it_lapse(engine: Engine, study_id: int) -> None:
    with transaction(engine) as connection:
        connection.execute(
            text("UPDATE worklist_item SET claimed_until = now() - interval '1 s' WHERE study_id = :id"),
            {"id": study_id},
        )


def test_of_two_claimers_exactly_one_wins_and_the_other_is_told_who_and_when(engine: Engine) -> None:
    study_id = cast.image_arrives(engine, "wanted")
    version = worklist.row(engine, study_id).version
    start = threading.Barrier(2)

    def try_claim(reader: str) -> str:
        start.wait()
        try:
            return worklist.claim(engine, study_id, reader, version).claimed_by
        except Conflict as conflict:
            return conflict.sentence

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(try_claim, ["Dr A", "Dr B"]))
    assert answers[0] in ("Dr A", "Dr B")
    assert re.fullmatch(rf"taken by {answers[0]} at \d\d:\d\d", answers[1])


def test_next_never_hands_one_study_to_two_readers(engine: Engine) -> None:
    for number in range(12):
        cast.closed(engine, cast.image_arrives(engine, f"n{number}"))
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda n: worklist.next_row(engine, f"Dr {n}"), range(12)))
    ids = [row.study_id for row in taken if row is not None]
    assert len(ids) == len(set(ids)) == 12
    assert worklist.next_row(engine, "Dr X") is None


def test_next_follows_the_order_and_waits_for_studies_still_arriving(engine: Engine) -> None:
    cast.image_arrives(engine, "arriving", requested="STAT")
    whole = cast.image_arrives(engine, "whole")
    cast.closed(engine, whole)
    taken = worklist.next_row(engine, "Dr A")
    assert taken is not None and taken.study_id == whole
    assert worklist.next_row(engine, "Dr A") is None


def test_a_claim_that_ran_out_gives_the_study_back(engine: Engine) -> None:
    study_id = cast.image_arrives(engine, "forgotten")
    worklist.claim(engine, study_id, "Dr A")
    assert worklist.expire_claims(engine) == 0
    _let_it_lapse(engine, study_id)
    assert worklist.expire_claims(engine) == 1
    row = worklist.row(engine, study_id)
    assert (row.state, row.claimed_by) == (WorklistState.SCHEDULED, "")


def test_another_reader_may_take_over_a_claim_that_ran_out(engine: Engine) -> None:
    study_id = cast.image_arrives(engine, "over")
    worklist.claim(engine, study_id, "Dr A")
    _let_it_lapse(engine, study_id)
    assert worklist.claim(engine, study_id, "Dr B").claimed_by == "Dr B"
    actions = [entry.action for entry in audit.entries(engine, study_id=study_id)]
    assert actions[:3] == ["worklist.claim", "worklist.expire", "worklist.claim"]


def test_claiming_again_lengthens_ones_own_claim(engine: Engine) -> None:
    study_id = cast.image_arrives(engine, "mine")
    first = worklist.claim(engine, study_id, "Dr A", minutes=1)
    second = worklist.claim(engine, study_id, "Dr A", minutes=20)
    assert first.claimed_until and second.claimed_until and second.claimed_until > first.claimed_until
    assert second.claimed_at == first.claimed_at


def test_only_the_holder_releases_or_completes_unless_an_administrator_overrides(engine: Engine) -> None:
    study_id = cast.image_arrives(engine, "held")
    worklist.claim(engine, study_id, "Dr A")
    for act in (worklist.release, worklist.complete, worklist.cancel):
        with pytest.raises(Conflict, match="taken by Dr A"):
            act(engine, study_id, "Dr B")
    assert worklist.release(engine, study_id, "admin", override=True).state is WorklistState.SCHEDULED


def test_an_act_on_an_old_version_is_refused_and_changes_nothing(engine: Engine) -> None:
    study_id = cast.image_arrives(engine, "stale")
    old = worklist.row(engine, study_id).version
    worklist.pin(engine, study_id, "Dr A")
    with pytest.raises(Conflict, match="changed meanwhile"):
        worklist.complete(engine, study_id, "Dr B", old)
    assert worklist.row(engine, study_id).state is WorklistState.SCHEDULED


def test_an_answer_in_between_does_not_refuse_a_claim(engine: Engine) -> None:
    study_id = cast.image_arrives(engine, "between")
    version = worklist.row(engine, study_id).version
    cast.answer(engine, study_id, cast.flagged())
    assert worklist.claim(engine, study_id, "Dr A", version).claimed_by == "Dr A"


def test_a_read_study_can_be_reopened_and_says_who_read_it_meanwhile(engine: Engine) -> None:
    study_id = cast.image_arrives(engine, "done")
    worklist.complete(engine, study_id, "Dr A")
    with pytest.raises(Conflict, match=r"completed by Dr A at \d\d:\d\d"):
        worklist.claim(engine, study_id, "Dr B")
    assert [row.study_id for row in worklist.page(engine, Tab.READ)] == [study_id]
    reopened = worklist.reopen(engine, study_id, "Dr A")
    assert (reopened.state, reopened.reason) == (WorklistState.SCHEDULED, "Waiting for analysis")


def test_every_act_is_audited_in_the_transaction_that_does_it(engine: Engine) -> None:
    study_id = cast.image_arrives(engine, "audited")
    worklist.claim(engine, study_id, "Dr A")
    worklist.complete(engine, study_id, "Dr A")
    worklist.reopen(engine, study_id, "Dr A")
    worklist.cancel(engine, study_id, "Dr A")
    entries = audit.entries(engine, study_id=study_id)
    done = [entry.action.removeprefix("worklist.") for entry in entries]
    assert done[:4] == ["cancel", "reopen", "complete", "claim"]
    assert not any("SENTINEL" in str(entry) for entry in entries)


def test_the_counts_of_the_tabs_agree_with_their_rows(engine: Engine) -> None:
    ids = [cast.image_arrives(engine, f"c{n}") for n in range(4)]
    worklist.claim(engine, ids[0], "Dr A")
    worklist.complete(engine, ids[1], "Dr B")
    cast.answer(engine, ids[2], cast.abstained())
    counts = worklist.counts(engine, "Dr A")
    assert counts == {tab: len(worklist.page(engine, tab, reader="Dr A")) for tab in Tab}
    assert counts[Tab.UNREAD] == 3 and counts[Tab.MINE] == 1 and counts[Tab.NOT_ANALYSED] == 1


def test_a_study_that_nobody_knows_is_not_found(engine: Engine) -> None:
    with pytest.raises(NotFound):
        worklist.claim(engine, 999_999, "Dr A")
    with pytest.raises(NotFound):
        worklist.standing(engine, 999_999)
    assert worklist.find(engine, "1.2.3") == []


def test_a_study_is_found_by_uid_accession_or_row_id(engine: Engine) -> None:
    study_id = cast.image_arrives(engine, "sought")
    uid = worklist.row(engine, study_id).study_instance_uid
    for name in (uid, f"{cast.ACCESSION}-sought", str(study_id)):
        assert [row.study_id for row in worklist.find(engine, name)] == [study_id]


def test_nobody_completes_a_study_over_images_they_have_not_seen(engine: Engine) -> None:
    study_id = cast.image_arrives(engine, "open")
    seen = worklist.claim(engine, study_id, "Dr A")
    cast.image_arrives(engine, "open", 2)
    with pytest.raises(Conflict, match="more images"):
        worklist.complete(engine, study_id, "Dr A", seen.version)
    again = worklist.row(engine, study_id)
    assert again.state is WorklistState.IN_PROGRESS and again.claimed_by == "Dr A"
    assert worklist.complete(engine, study_id, "Dr A", again.version).state is WorklistState.COMPLETED


def test_a_pins_note_holds_only_what_can_be_printed(engine: Engine) -> None:
    study_id = cast.image_arrives(engine, "pinned")
    assert worklist.pin(engine, study_id, "Dr A", note="surgeon\0 waits\n").pin_reason == "surgeon waits"
