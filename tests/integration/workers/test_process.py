"""The whole worker as a process: real services, real spool, real child, from a ring to rows and evidence."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from tests.cast import SENTINEL_ID, header
from tests.integration.workers.cast import POLICY, ROOT, state_of
from tests.unit.workers import made
from triage.dispatch import queue
from triage.domain.closing import ClosingReason
from triage.domain.study import ArrivedInstance
from triage.spool import Spool
from triage.store import catalogue, presence, studies


def received(engine: Engine, spool: Spool, folder: Path, name: str, broken: bool = False) -> int:
    """Put one image into the spool and the catalogue, close its study, return its analysis's id."""
    head = header(name)
    ds = made.dataset(made.radiograph(300, 200), BitsStored=12, ImagerPixelSpacing=[0.5, 0.5])
    ds.StudyInstanceUID, ds.SeriesInstanceUID = str(head.study_instance_uid), str(head.series_instance_uid)
    ds.SOPInstanceUID = str(head.sop_instance_uid)
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    if broken:
        ds.PixelData = ds.PixelData[:64]
    content = made.written(ds, folder / "image.dcm").read_bytes()
    part = spool.new_part()
    part.write(content)
    spool_name = spool.keep(part.commit())
    arrival = ArrivedInstance(
        replace(head, rows=300, columns=200),
        hashlib.sha256(content).hexdigest(),
        len(content),
        spool_name,
        "CR1",
    )
    catalogue.register(engine, [arrival], POLICY)
    for seen in studies.receiving(engine):
        studies.close(engine, seen, ClosingReason.QUIET_PERIOD, POLICY)
    with engine.begin() as connection:
        return int(connection.execute(text("SELECT max(id) FROM analysis")).scalar_one())


@contextmanager
def running(engine: Engine, redis_url: str, home: Path, bundles: Path) -> Iterator[subprocess.Popen[str]]:
    """Run `python -m workers` on these services."""
    settings = {
        "TRIAGE_HOME": str(home),
        "TRIAGE_DATABASE__URL": engine.url.render_as_string(hide_password=False),
        "TRIAGE_REDIS__URL": redis_url,
        "TRIAGE_MODELS__ROOT": str(bundles),
    }
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(home), **settings}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "workers"],
        env=environment,
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.timeout(300)
def test_a_rung_study_ends_as_rows_and_durable_evidence_and_no_word_of_the_patient(
    engine: Engine, redis_url: str, tmp_path: Path, bundles: Path
) -> None:
    spool = Spool(tmp_path / "spool")
    good = received(engine, spool, tmp_path, "a")
    bad = received(engine, spool, tmp_path, "b", broken=True)
    with running(engine, redis_url, tmp_path, bundles) as process:
        queue.ring(queue.connect(redis_url), [bad, good], 60)
        deadline = time.monotonic() + 200
        while {state_of(engine, one)[0] for one in (good, bad)} & {"queued", "running"}:
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.2)
        assert [one.kind for one in presence.everyone(engine)] == ["worker"]
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert state_of(engine, good) == ("succeeded", "", 1, False)
    assert state_of(engine, bad) == ("failed", "truncated", 1, False)
    with engine.begin() as connection:
        (evidence,) = connection.execute(
            text("SELECT kind, spool_name, digest, analysis_id FROM evidence")
        ).all()
    assert (evidence.kind, evidence.analysis_id) == ("SR-A", good)
    assert hashlib.sha256(spool.path(evidence.spool_name).read_bytes()).hexdigest() == evidence.digest
    assert out == ""
    assert "SENTINEL" not in err and SENTINEL_ID not in err and "2.25." not in err


def test_a_wrong_address_is_refused_at_start_with_the_keys_name(
    engine: Engine, tmp_path: Path, bundles: Path
) -> None:
    with running(engine, "not-an-address", tmp_path, bundles) as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 78
    assert "redis.url" in err
