"""The shipped bundles on a pair of phantom films: the pattern after the flag, into the report, the same every time."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pydicom
import pytest

from tests import report_cast as cast
from tests.integration.workers.test_real_child import STARTED, orders, spooled
from triage.domain.analysis import InstanceForAnalysis
from triage.domain.finding import CurvePattern, TriageOutcome
from triage.spool import Spool
from workers.child import wire
from workers.child.warm import WarmChild
from workers.child.wire import StudyReply, StudyRequest
from workers.models.bundle import BUNDLES
from workers.training.demo import textbook_curve
from workers.training.phantom.anatomy import Patient
from workers.training.phantom.radiograph import WHOLE, Exposure, render
from workers.training.phantom_dicom import FilmHeader, Identity, film_dataset

BORN, TAKEN = datetime.date(2012, 5, 4), datetime.datetime(2026, 11, 20, 8, 0, tzinfo=datetime.UTC)
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def spool(tmp_path_factory: pytest.TempPathFactory) -> Spool:
    return Spool(tmp_path_factory.mktemp("spool"))


@pytest.fixture(scope="module")
def child(spool: Spool) -> Iterator[WarmChild]:
    warm = WarmChild(orders(spool.root, BUNDLES))
    yield warm
    warm.kill()


def films(
    spool: Spool, patient: Patient, folder: Path, views: Sequence[str], born: datetime.date = BORN
) -> StudyRequest:
    identity = Identity(f"pair {folder.name}", 3, "PHANTOM^PAIR", "F", born, TAKEN, "XR SPINE SCOLIOSIS 2V")
    folder.mkdir(exist_ok=True)
    kept: list[InstanceForAnalysis] = []
    for number, view in enumerate(views, 1):
        film = render(patient, Exposure(view, WHOLE, rows=640, width_ratio=0.5))
        position = {"AP": "AP", "LATERAL": "LL"}[view]
        header = FilmHeader(number, "DX", view, position, film.spacing_mm)
        data = film_dataset(film.pixels, identity, header)
        kept.append(spooled(spool, data, folder))
    study = str(identity.study_uid)
    return StudyRequest(7, study, 1, STARTED, tuple(kept))


def asked(
    child: WarmChild, request: StudyRequest, notices: list[wire.Message] | None = None
) -> tuple[StudyReply, CurvePattern]:
    heard: list[wire.Message] = [] if notices is None else notices
    answer = child.ask({"analyse": request.to_json()}, 300, notice=heard.append)
    reply = StudyReply.from_json(answer["reply"])
    assert reply.outcome.pattern is not None
    return reply, reply.outcome.pattern


def report(reply: StudyReply, spool: Spool) -> pydicom.Dataset:
    (draft,) = [one for one in reply.evidence if one.kind == "SR-A"]
    return pydicom.dcmread(BytesIO(spool.path(draft.spool_name).read_bytes()))


def test_a_textbook_curve_is_flagged_after_the_study_got_its_place_and_written_down(
    child: WarmChild, spool: Spool, tmp_path: Path
) -> None:
    request = films(spool, textbook_curve(930_020_000), tmp_path, ("LATERAL", "AP"))
    notices: list[wire.Message] = []
    reply, pattern = asked(child, request, notices)
    assert len(notices) == 1, "the order does not wait for the pattern"
    lateral, frontal = (one.sop_instance_uid for one in request.instances)
    assert (pattern.frontal_uid, pattern.lateral_uid) == (frontal, lateral)
    assert pattern.answer.outcome is TriageOutcome.FLAGGED
    assert "pair-pattern" in [model.name for model in reply.outcome.models]
    group = cast.group(report(reply, spool), "Curve pattern")
    assert cast.values(group, "TRIAGE-FLAG") == ["FLAGGED"]
    again, _ = asked(child, request)
    assert [one.digest for one in again.evidence] == [one.digest for one in reply.evidence]


def test_what_is_no_pair_for_the_network_says_why(child: WarmChild, spool: Spool, tmp_path: Path) -> None:
    patient = textbook_curve(930_020_000)
    alone, pattern = asked(child, films(spool, patient, tmp_path / "alone", ("LATERAL",)))
    assert pattern.answer.reason == "NO_FRONTAL" and pattern.answer.outcome is TriageOutcome.ABSTAINED
    assert cast.values(cast.group(report(alone, spool), "Curve pattern"), "TRIAGE-FLAG") == ["373068000"]
    grown = films(spool, patient, tmp_path / "grown", ("AP", "LATERAL"), born=datetime.date(1970, 1, 1))
    _, pattern = asked(child, grown)
    assert pattern.answer.reason == "NOT_A_CHILD"
    _, pattern = asked(child, replace(grown, measure=False))
    assert pattern.answer.reason == "NOT_TRIED"
