"""A dataset out of the product's own spool, by query, against a real database."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, text

from tests.cast import header
from tests.dataset_files import by_patient, film, write_labels
from triage.domain.priority import OrderPolicy
from triage.domain.study import ArrivedInstance
from triage.spool import Spool
from triage.store import audit, catalogue
from triage.store.images import ImageQuery, choose
from workers.training.cli import main


def receive(engine: Engine, spool: Spool, patient: int, modality: str) -> str:
    """Spool one film as an association would have left it, and register it; return its spool name."""
    data = film(patient)
    stream = io.BytesIO()
    data.save_as(stream, enforce_file_format=True)
    part = spool.new_part()
    part.write(stream.getvalue())
    incoming = part.commit()
    name = spool.keep(incoming)
    head = replace(
        header(f"p{patient}"),
        study_instance_uid=data.StudyInstanceUID,
        series_instance_uid=data.SeriesInstanceUID,
        sop_instance_uid=data.SOPInstanceUID,
        patient_id=data.PatientID,
        modality=modality,
    )
    catalogue.register(engine, [ArrivedInstance(head, name[-68:-4], 1000, name, "MODALITY")], OrderPolicy())
    return name


@pytest.fixture
def names(engine: Engine, spool_root: Path) -> list[str]:
    spool = Spool(spool_root)
    return [receive(engine, spool, patient, "DX" if patient % 2 else "CR") for patient in range(1, 7)]


def test_a_query_chooses_images_and_is_audited_without_a_patient(engine: Engine, names: list[str]) -> None:
    assert choose(engine, ImageQuery(), "ito") == names
    assert choose(engine, ImageQuery(modalities=("DX",)), "ito") == names[::2]
    newest = audit.entries(engine, limit=1)[0]
    assert (newest.actor, newest.action, newest.detail["images"]) == ("ito", "choose-images", 3)
    with engine.begin() as connection:
        arrived = connection.execute(text("SELECT max(arrived_at) FROM instance")).scalar_one()
    assert choose(engine, ImageQuery(since=arrived), "ito") == names[-1:]
    assert choose(engine, ImageQuery(until=arrived), "ito") == names[:-1]


def test_a_dataset_is_built_out_of_the_spool(
    engine: Engine, names: list[str], spool_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIAGE_DATABASE__URL", engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("TRIAGE_SPOOL__ROOT", str(spool_root))
    labels = write_labels(tmp_path / "labels.csv", by_patient({1: "old", 3: "fresh", 5: "old"}))
    words = ["dataset", "build", "--spool", "--labels", str(labels), "--out", str(tmp_path / "out"), "--json"]
    done = CliRunner().invoke(main, [*words, "--modality", "DX", "--as", "ito"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["items"][0]["cases"] == 3
    files = json.loads((tmp_path / "out" / "files.json").read_text())
    assert sorted(files["files"].values()) == sorted(names[::2])
    nothing = CliRunner().invoke(main, [*words, "--modality", "NM"])
    assert (nothing.exit_code, "no image that the query asks for" in nothing.output) == (3, True)
    assert (
        CliRunner().invoke(main, ["dataset", "build", "--labels", str(labels), "--out", "x"]).exit_code == 2
    )
