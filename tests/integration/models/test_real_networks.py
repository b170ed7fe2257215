"""Real networks, real child: a promoted bundle answers, a changed byte refuses, the shadow judges, angles come last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pydicom
import pytest
from sqlalchemy import Engine, text

from tests.integration.workers import test_real_child as real
from tests.integration.workers.cast import settings_for, state_of, worker
from tests.integration.workers.test_process import received
from tests.model_cast import untrained_alignment
from tests.unit.workers import made
from triage.bundles import keep as keeping
from triage.domain.finding import ImageView, Triage, View
from triage.spool import Spool
from triage.store import models, shadows
from workers import report
from workers.__main__ import Worker
from workers.child.known import Networks
from workers.child.study import Analyst
from workers.child.warm import ModelsRejected
from workers.interpret import views

NAME = "vertebra-fresh"
ASKED = {"lease_seconds": 60.0, "study_timeout_seconds": 120.0}


@pytest.fixture
def ready(engine: Engine, redis_url: str, tmp_path: Path, bundles: Path) -> Iterator[Worker]:
    """A worker with the real child, not serving."""
    settings = settings_for(engine, redis_url, tmp_path, **ASKED)
    with worker(settings, real.orders(settings.spool_root, bundles)) as made_worker:
        yield made_worker


def used(engine: Engine, analysis_id: int) -> dict[str, str]:
    query = text("SELECT outcome->'models' FROM analysis WHERE id = :id")
    with engine.begin() as connection:
        said = connection.execute(query, {"id": analysis_id}).scalar_one()
    return {model["name"]: model["digest"] for model in said}


@pytest.mark.timeout(300)
def test_a_promoted_bundle_answers_and_a_changed_byte_refuses(
    engine: Engine, ready: Worker, tmp_path: Path, candidate: Path
) -> None:
    spool = Spool(tmp_path / "spool")
    store = tmp_path / "models"
    first = received(engine, spool, tmp_path, "a")
    assert ready.pipeline.analyse(first) == "succeeded"
    kept = keeping.keep(store, candidate, lambda *_: {})
    models.register(engine, kept.facts, "Dr A")
    shadows.begin(engine, NAME, "1.1.0", "Dr A", "new training")
    second = received(engine, spool, tmp_path, "b")
    assert ready.pipeline.analyse(second) == "succeeded"
    assert ready.shadow.step() is True
    ready.shadow.child.kill()
    (pair,) = shadows.pairs(engine, datetime.now(UTC) - timedelta(hours=1))
    assert pair.trouble == "" and pair.shadow
    with engine.begin() as connection:
        said = connection.execute(text("SELECT outcome->'models' FROM shadow_answer")).scalar_one()
        assert connection.execute(text("SELECT count(*) FROM evidence")).scalar_one() == 2, (
            "one SR a live answer"
        )
    assert {one["name"]: one["digest"] for one in said}[NAME] == kept.facts["digest"]
    assert used(engine, second)[NAME] != kept.facts["digest"]
    models.promote(engine, NAME, "1.1.0", "Dr A", "good")
    assert ready.follower.follow()
    third = received(engine, spool, tmp_path, "c")
    assert ready.pipeline.analyse(third) == "succeeded"
    assert used(engine, third) == {**used(engine, first), NAME: kept.facts["digest"]}
    _spoil(kept.folder / "weights.npz")
    ready.child.kill()
    fourth = received(engine, spool, tmp_path, "d")
    with pytest.raises(ModelsRejected, match=r"weights\.npz"):
        ready.pipeline.analyse(fourth)
    assert state_of(engine, fourth)[:3] == ("queued", "", 0)
    models.rollback(engine, "Dr B", "changed on disk")
    assert ready.follower.follow() and ready.pipeline.analyse(fourth) == "succeeded"


def _spoil(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def _seen(uid: str, *_: Any) -> ImageView:
    which = View.AP if uid.endswith("1") else View.LATERAL
    return ImageView(uid, "x", which, "PARTIAL", "PREOP", "NONE", 0.9, None, "", None, False, 0.1)


@pytest.fixture
def analyst(bundles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Analyst:
    """Real networks in this process; the untrained gate's answer is put in, so that there is something to measure."""
    from workers.infer import Served
    from workers.models.bundle import served

    digest = untrained_alignment(tmp_path / "alignment")
    loaded = served(bundles, {"alignment": (str(tmp_path / "alignment"), digest)})
    assert list(loaded) == ["view-gate", "vertebra-locator", NAME, "alignment"]
    monkeypatch.setattr(views, "view_of", _seen)
    networks = Networks.of({name: Served(bundle, (1, 2)) for name, bundle in loaded.items()})
    return Analyst(networks, Spool(tmp_path / "spool"), report.Mode.ASSIST)


def test_the_flag_is_told_before_anything_is_measured_and_the_report_holds_both(
    analyst: Analyst, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workers.child import measuring

    spool = Spool(tmp_path / "spool")
    request = real.request(*(real.spooled(spool, real.image(n, seed=n), tmp_path) for n in (1, 2)))
    order: list[str] = []
    real_measures = measuring.measures
    told: list[Triage] = []

    def in_order(*films: Any, **wanted: Any) -> Any:
        order.append("measure")
        return real_measures(*films, **wanted)

    monkeypatch.setattr(measuring, "measures", in_order)

    def notice(triage: Triage) -> None:
        order.append("flag")
        told.append(triage)

    reply = analyst.analyse(request, notice)
    assert order == ["flag", "measure"] and told == [reply.outcome.triage]
    assert [one.kind for one in reply.outcome.measures] == ["COBB", "KYPHOSIS", "LORDOSIS"]
    assert all(one.degrees is None and one.abstained for one in reply.outcome.measures), "untrained: withheld"
    assert reply.outcome.models[-1].name == "alignment"
    written = pydicom.dcmread(spool.path(reply.evidence[0].spool_name))
    names = [str(item) for item in written.iterall() if item.keyword == "CodeMeaning"]
    assert any("Measurement failure" in name for name in names)
    assert analyst.judge(request).measures == reply.outcome.measures


def test_after_an_interrupted_attempt_nothing_is_measured(analyst: Analyst, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    asked = replace(real.request(real.spooled(spool, real.image(1), tmp_path)), measure=False)
    reply = analyst.analyse(asked)
    assert {one.abstained for one in reply.outcome.measures} == {"NOT_TRIED"}


def test_the_side_a_patient_faces_is_read_from_the_header_and_never_costs_the_image(tmp_path: Path) -> None:
    from workers.decode import decode

    expected = {"P\\F": "left", "A\\F": "right", "L\\F": None, "": None, "nonsense" * 40: None}
    for number, (orientation, front) in enumerate(expected.items()):
        ds = made.dataset(made.radiograph(200, 150), BitsStored=12)
        ds.add_new("PatientOrientation", "CS", orientation)
        assert decode(made.written(ds, tmp_path / f"{number}.dcm")).front == front
