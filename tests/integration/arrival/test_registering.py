"""Hop 3 on a real PostgreSQL: durable files become rows, whatever happens in between."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from sqlalchemy import Engine, text

from tests import services
from tests.integration.arrival.objects import EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, SR, encoded, radiograph
from tests.integration.arrival.receiving import wait_until
from triage.arrival import registrar
from triage.arrival.part10 import FileMeta, preface
from triage.arrival.register import Register
from triage.arrival.sweeper import Sweeper
from triage.config import Settings, UrlSettings
from triage.domain.own_results import FIRST_SERIES_NUMBER, MANUFACTURER
from triage.domain.priority import OrderPolicy
from triage.spool import Spool
from triage.store import catalogue
from triage.store import engine as database


@pytest.fixture
def spool(spool_root: Path) -> Spool:
    """An empty spool."""
    return Spool(spool_root)


@pytest.fixture
def sweeper(engine: Engine, spool: Spool) -> Sweeper:
    """A sweeper on an empty spool and an empty catalogue."""
    return sweeper_on(engine, spool)


def sweeper_on(engine: Engine, spool: Spool) -> Sweeper:
    """Return the registrar's inside, as after its start."""
    return Sweeper(spool, Register(engine, spool, OrderPolicy()))


def arrive(spool: Spool, image: Dataset, syntax: str = EXPLICIT_LE, data: bytes | None = None) -> Path:
    """Put one data set into incoming/, as the receiver does."""
    meta = FileMeta(str(image.SOPClassUID), str(image.SOPInstanceUID), syntax, "MODALITY", "TRIAGE")
    part = spool.new_part(preface(meta))
    part.write(encoded(image, syntax) if data is None else data)
    return part.commit()


def rows(engine: Engine, query: str) -> list[Any]:
    """Return the rows of a query."""
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_an_arrived_image_becomes_study_series_and_instance(
    engine: Engine, spool: Spool, sweeper: Sweeper
) -> None:
    image = radiograph()
    arrive(spool, image)
    assert sweeper.tick() == 1
    assert list(spool.incoming()) == []
    digest = hashlib.sha256(encoded(image)).hexdigest()
    ((sop, found, name, calling),) = rows(
        engine, "SELECT sop_instance_uid, digest, spool_name, calling_ae FROM instance"
    )
    assert (sop, found, calling) == (image.SOPInstanceUID, digest, "MODALITY")
    assert name == f"kept/{digest[:2]}/{digest[2:4]}/{digest}.dcm"
    assert spool.path(name).read_bytes().endswith(encoded(image))
    assert rows(engine, "SELECT study_instance_uid, patient_name FROM study") == [
        (image.StudyInstanceUID, "SENTINEL^PATIENT")
    ]


@pytest.mark.parametrize("syntax", [IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE])
def test_the_header_is_read_in_every_byte_order(
    engine: Engine, spool: Spool, sweeper: Sweeper, syntax: str
) -> None:
    image = radiograph(side=96, BodyPartExamined="LSPINE", ViewPosition="LL")
    arrive(spool, image, syntax)
    sweeper.tick()
    query = "SELECT rows, columns, frames, body_part, view_position, photometric, problem FROM instance"
    assert rows(engine, query) == [(96, 96, 1, "LSPINE", "LL", "MONOCHROME2", "")]


def test_the_same_file_twice_is_one_row_and_one_kept_file(
    engine: Engine, spool: Spool, sweeper: Sweeper
) -> None:
    image = radiograph()
    for _ in range(3):
        arrive(spool, image)
    sweeper.tick()
    arrive(spool, image)
    sweeper.tick()
    assert rows(engine, "SELECT count(*) FROM instance") == [(1,)]
    assert sum(1 for path in (spool.root / "kept").rglob("*.dcm")) == 1
    assert list(spool.incoming()) == []


def test_other_bytes_under_the_same_uid_are_both_kept_and_the_first_stays_current(
    engine: Engine, spool: Spool, sweeper: Sweeper
) -> None:
    image = radiograph()
    arrive(spool, image)
    first = hashlib.sha256(encoded(image)).hexdigest()
    image.ImageComments = "changed"
    arrive(spool, image)
    sweeper.tick()
    assert sorted(rows(engine, "SELECT current, digest = '%s' FROM instance" % first)) == [  # noqa: UP031
        (False, False),
        (True, True),
    ]
    assert rows(engine, "SELECT conflict FROM study") == [(True,)]
    assert sum(1 for path in (spool.root / "kept").rglob("*.dcm")) == 2


def test_our_own_result_coming_back_is_kept_and_marked(
    engine: Engine, spool: Spool, sweeper: Sweeper
) -> None:
    image = radiograph(
        SOPClassUID=SR,
        SOPInstanceUID="2.25.1234567",
        Modality="SR",
        Manufacturer=MANUFACTURER,
        SeriesNumber=FIRST_SERIES_NUMBER,
    )
    arrive(spool, image)
    arrive(spool, radiograph(Manufacturer=MANUFACTURER))
    sweeper.tick()
    assert sorted(rows(engine, "SELECT own_result FROM instance")) == [(False,), (True,)]


def test_text_that_postgres_cannot_hold_is_cleaned_not_refused(
    engine: Engine, spool: Spool, sweeper: Sweeper
) -> None:
    image = radiograph()
    data = encoded(image).replace(b"SENTINEL^PATIENT", b"A\0\x1b$B\xff\xfe^^\xed\xa0\x80 B \0")
    arrive(spool, image, data=data)
    for term, name in (
        ("ISO_IR 192", b"\xc3\x28"),
        ("GB18030", b"\x81"),
        ("nonsense", b"\xff"),
        ("\\ISO 2022 IR 87", b"\x1b$B"),
    ):
        spoilt = radiograph(SpecificCharacterSet="ISO_IR 100", PatientName="NAME")
        raw = encoded(spoilt).replace(b"NAME", name.ljust(4))
        field = term.encode().ljust(16)
        raw = raw.replace(b"CS\x0a\0ISO_IR 100", b"CS" + len(field).to_bytes(2, "little") + field)
        arrive(spool, spoilt, data=raw)
    long = radiograph(PatientComments="x", StudyDescription="D" * 60_000)
    arrive(spool, long)
    assert sweeper.tick() == 6
    assert list(spool.incoming()) == []
    assert rows(engine, "SELECT count(*) FROM study") == [(6,)]
    assert rows(engine, "SELECT max(length(study_description)) FROM study") == [(1024,)]


def test_a_file_without_what_a_row_needs_is_put_aside_with_its_reason(
    engine: Engine, spool: Spool, sweeper: Sweeper
) -> None:
    image = radiograph()
    del image.StudyInstanceUID
    path = arrive(spool, image)
    arrive(spool, radiograph())
    assert sweeper.tick() == 1
    refused = spool.root / "refused" / path.name
    assert refused.is_file()
    assert refused.with_suffix(".reason").read_text() == "missing-uid\n"


def test_a_torn_file_from_before_the_start_is_never_catalogued(engine: Engine, spool: Spool) -> None:
    torn, whole = arrive(spool, radiograph()), arrive(spool, radiograph())
    with torn.open("r+b") as stream:
        stream.seek(-10, os.SEEK_END)
        stream.write(b"\1" * 10)
    assert sweeper_on(engine, spool).tick() == 1
    assert (spool.root / "refused" / torn.name).with_suffix(".reason").read_text() == "torn-file\n"
    assert not whole.exists()
    assert rows(engine, "SELECT count(*) FROM instance") == [(1,)]


def test_a_crash_between_any_two_steps_is_made_good_by_the_next_start(
    engine: Engine, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """The process ends here."""

    def killed(*_: object) -> None:
        raise Killed

    for owner, name in ((Spool, "keep_all"), (catalogue, "register"), (Spool, "discard")):
        arrive(spool, radiograph())
        with monkeypatch.context() as broken, pytest.raises(Killed):
            broken.setattr(owner, name, killed)
            sweeper_on(engine, spool).tick()
        assert sweeper_on(engine, spool).tick() == 1
    assert rows(engine, "SELECT count(*) FROM instance") == [(3,)]
    assert list(spool.incoming()) == []


def test_a_row_the_database_will_not_take_holds_up_nothing_else(
    engine: Engine, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, poison = catalogue.register, radiograph()

    def choosy(engine: Engine, batch: Any, policy: OrderPolicy) -> Any:
        if any(arrived.header.sop_instance_uid == poison.SOPInstanceUID for arrived in batch):
            raise ValueError("not this one")
        return real(engine, batch, policy)

    sweeper = sweeper_on(engine, spool)
    monkeypatch.setattr(catalogue, "register", choosy)
    kept = arrive(spool, poison)
    for _ in range(5):
        arrive(spool, radiograph())
    assert sweeper.tick() == 5
    assert list(spool.incoming()) == [kept], "it stays for a later try"
    monkeypatch.setattr(catalogue, "register", real)
    assert sweeper_on(engine, spool).tick() == 1


def test_parts_of_a_dead_writer_go_and_those_of_a_living_one_stay(spool: Spool, sweeper: Sweeper) -> None:
    living = spool.new_part(b"")
    living.write(b"bytes")
    orphan = spool.root / "parts" / ("0" * 32 + ".part")
    orphan.write_bytes(b"half an object")
    assert spool.sweep_parts(0, lambda *_: False) == (1, 0)
    assert not orphan.exists()
    assert living.commit().exists()


@contextmanager
def registering(url: str, home: Path) -> Iterator[None]:
    """Run the registrar as a thread."""
    settings = Settings(home=home, database=UrlSettings.model_validate({"url": url}))
    stop = threading.Event()
    thread = threading.Thread(target=registrar.run, args=(settings, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)


def test_an_outage_of_postgres_loses_nothing_and_registering_resumes_by_itself(
    database_url: str, tmp_path: Path
) -> None:
    cluster, spool = services.postgres(), Spool(tmp_path / "spool")
    with registering(database_url, tmp_path):
        arrive(spool, radiograph())
        wait_until(lambda: not list(spool.incoming()), 10, "the first image is registered")
        cluster.stop()
        try:
            for _ in range(20):
                arrive(spool, radiograph())
            time.sleep(1.5)
            assert len(list(spool.incoming())) == 20
        finally:
            cluster.start()
        began = time.monotonic()
        wait_until(lambda: not list(spool.incoming()), 30, "everything is registered")
        assert time.monotonic() - began <= 15
    engine = database.connect(database_url)
    assert rows(engine, "SELECT count(*) FROM instance") == [(21,)]
    engine.dispose()


def test_two_registrars_on_one_spool_register_everything_once(
    database_url: str, engine: Engine, tmp_path: Path
) -> None:
    spool, study = Spool(tmp_path / "spool"), generate_uid()
    url = engine.url.render_as_string(hide_password=False)
    with registering(url, tmp_path), registering(url, tmp_path):
        for _ in range(60):
            arrive(spool, radiograph(StudyInstanceUID=study))
        wait_until(lambda: not list(spool.incoming()), 30, "everything is registered")
    assert rows(engine, "SELECT count(*), count(DISTINCT sop_instance_uid) FROM instance") == [(60, 60)]
    assert os.listdir(spool.root / "refused") == []
