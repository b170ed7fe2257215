"""No study stays unsettled: whatever its images are, it closes once and the list says what became of it."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from tests.cast import COMPREHENSIVE_3D_SR, arrived, header, outcome
from tests.integration.arrival.objects import EXPLICIT_LE, encoded, radiograph
from triage.arrival.part10 import FileMeta, preface
from triage.arrival.register import Register
from triage.arrival.sweeper import Sweeper
from triage.domain.closing import ClosingReason
from triage.domain.errors import Conflict, Refused
from triage.domain.identity import derived_uid
from triage.domain.priority import AiStatus, OrderPolicy
from triage.domain.study import ArrivedInstance
from triage.spool import Spool
from triage.store import analyses, catalogue, requeue, studies, worklist

POLICY = OrderPolicy()
KEY_OBJECTS = "1.2.840.10008.5.1.4.1.1.88.59"


def register(engine: Engine, *batch: ArrivedInstance) -> None:
    catalogue.register(engine, batch, POLICY)


def close_all(engine: Engine) -> None:
    for seen in studies.receiving(engine):
        assert studies.close(engine, seen, ClosingReason.QUIET_PERIOD, POLICY) is not None


def unsettled(engine: Engine) -> list[str]:
    with engine.begin() as connection:
        return list(connection.execute(text("SELECT state FROM study WHERE state <> 'analysed'")).scalars())


def test_a_study_whose_only_image_bears_another_studys_uid_is_settled_and_flagged(engine: Engine) -> None:
    register(engine, arrived("a"))
    close_all(engine)
    taken = header("a").sop_instance_uid
    register(engine, arrived("b", content="other", sop_instance_uid=taken))
    close_all(engine)
    found = studies.find(engine, derived_uid("study", "b"))
    assert found.state == "analysed" and found.conflict
    (row,) = worklist.find(engine, "ACC-b")
    assert row.ai_status is AiStatus.NOT_ANALYSED and row.ai_reason == "identifiers-in-use"
    register(engine, arrived("b", image="2"))
    assert studies.find(engine, found.study_instance_uid).state == "receiving"


def test_a_study_known_from_our_own_result_is_settled_when_only_a_key_object_follows(engine: Engine) -> None:
    register(engine, arrived("a", "ours", own_result=True, sop_class_uid=COMPREHENSIVE_3D_SR))
    assert worklist.page(engine) == [] and unsettled(engine) == []
    register(engine, arrived("a", "ko", sop_class_uid=KEY_OBJECTS, modality="KO"))
    close_all(engine)
    assert unsettled(engine) == []
    assert [row.ai_status for row in worklist.page(engine)] == [AiStatus.NOT_ANALYSED]


def test_an_own_result_that_a_pacs_changed_puts_nothing_on_the_list(engine: Engine) -> None:
    for content in ("", "coerced"):
        ours = arrived("a", "ours", content, own_result=True, sop_class_uid=COMPREHENSIVE_3D_SR)
        register(engine, ours)
    assert worklist.page(engine) == [] and unsettled(engine) == []


def long_text() -> str:
    """Return characters that fill three bytes each and cannot be compressed."""
    dice = random.Random(1)
    return "".join(chr(dice.randrange(0x4E00, 0x9FFF)) for _ in range(1024))


def test_a_header_of_long_foreign_text_is_catalogued_all_the_same(engine: Engine, spool_root: Path) -> None:
    image = radiograph(SpecificCharacterSet="ISO_IR 192", AccessionNumber="", PatientID="")
    image.AccessionNumber = image.PatientID = long_text()
    spool = Spool(spool_root)
    meta = FileMeta(str(image.SOPClassUID), str(image.SOPInstanceUID), EXPLICIT_LE, "MODALITY", "TRIAGE")
    part = spool.new_part(preface(meta))
    part.write(encoded(image))
    part.commit()
    assert Sweeper(spool, Register(engine, spool, POLICY)).tick() == 1
    assert studies.find(engine, str(image.StudyInstanceUID)).accession_number == long_text()[:341]


def test_a_value_too_long_for_its_index_is_no_absent_database(engine: Engine) -> None:
    with pytest.raises(OperationalError):
        register(engine, arrived("a", accession_number=long_text()))


def test_an_answer_and_a_late_image_at_once_both_get_through(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(engine, arrived("a"))
    close_all(engine)
    lease = analyses.start(engine, 1, "w1", POLICY, lease_seconds=60, max_attempts=3)
    settle, locked = studies.settle, threading.Event()

    def slowly(connection: Connection, study_id: int) -> None:
        locked.set()
        time.sleep(0.5)
        settle(connection, study_id)

    monkeypatch.setattr(studies, "settle", slowly)
    with ThreadPoolExecutor() as both:
        answer = both.submit(analyses.succeed, engine, lease, outcome(), [], [], POLICY)
        locked.wait(5)
        late = both.submit(register, engine, arrived("a", image="2"))
        answer.result()
        late.result()
    assert studies.find(engine, "ACC-a").state == "receiving"
    assert [row.reason_code for row in worklist.page(engine)] == ["flagged-earlier"]


def test_a_pattern_that_only_python_knows_is_refused_in_words(engine: Engine) -> None:
    register(engine, arrived())
    with pytest.raises(Refused, match="is not a regular expression"):
        requeue.select_studies(engine, requeue.Selection(reason="(?P<word>a)"))


def test_a_name_that_two_studies_share_is_a_conflict_that_names_both(engine: Engine) -> None:
    register(engine, arrived("a"), arrived("b", accession_number="ACC-a"))
    with pytest.raises(Conflict, match=derived_uid("study", "b")):
        studies.find(engine, "ACC-a")
    assert studies.find(engine, derived_uid("study", "a")).instances == 1
