"""The real child with small untrained bundles: from spooled files to evidence, warm, quiet, bounded and repeatable."""

from __future__ import annotations

import hashlib
import os
import resource
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest

from tests.integration.workers.cast import ROOT
from tests.unit.workers import made
from triage.domain.analysis import InstanceForAnalysis
from triage.domain.finding import TriageOutcome
from triage.spool import Spool
from workers.child.warm import ChildDied, ModelsRejected, Orders, WarmChild
from workers.child.wire import Configuration, StudyReply, StudyRequest

STARTED = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def orders(spool: Path, bundles: Path, memory_bytes: int = 4 * 2**30) -> Orders:
    """Return orders for the real child."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(spool)}
    configuration = Configuration(str(spool), str(bundles), 1, "assist", memory_bytes)
    return Orders(configuration, environment)


@pytest.fixture(scope="module")
def spool(tmp_path_factory: pytest.TempPathFactory) -> Spool:
    """One spool for the module."""
    return Spool(tmp_path_factory.mktemp("spool"))


@pytest.fixture(scope="module")
def child(spool: Spool, bundles: Path) -> Iterator[WarmChild]:
    """One warm child for the module."""
    warm = WarmChild(orders(spool.root, bundles))
    warm.start()
    yield warm
    warm.kill()


def spooled(spool: Spool, ds: pydicom.Dataset, folder: Path) -> InstanceForAnalysis:
    """Put one object into the spool and return it as an analysis names it."""
    content = made.written(ds, folder / "image.dcm").read_bytes()
    part = spool.new_part()
    part.write(content)
    incoming = part.commit()
    return InstanceForAnalysis(
        sop_instance_uid=str(ds.SOPInstanceUID),
        sop_class_uid=str(ds.SOPClassUID),
        transfer_syntax_uid=str(ds.file_meta.TransferSyntaxUID),
        series_instance_uid=str(ds.SeriesInstanceUID),
        spool_name=spool.keep(incoming),
        digest=hashlib.sha256(content).hexdigest(),
        modality="CR",
        view_position="",
        body_part="",
        rows=int(ds.Rows),
        columns=int(ds.Columns),
        frames=1,
    )


def request(*instances: InstanceForAnalysis) -> StudyRequest:
    """Return a study of these images."""
    return StudyRequest(7, "1.2.3", 1, STARTED, instances)


def image(number: int = 1, seed: int = 0) -> pydicom.Dataset:
    """Return a radiograph-like object."""
    pixels = made.radiograph(300, 200, seed=seed)
    ds = made.dataset(pixels, BitsStored=12, ImagerPixelSpacing=[0.5, 0.5], ViewPosition="LL")
    ds.SOPInstanceUID = f"1.2.3.4.{number}"
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    return ds


def test_a_study_becomes_views_and_evidence_and_a_second_run_the_same_bytes(
    child: WarmChild, spool: Spool, tmp_path: Path
) -> None:
    instances = [spooled(spool, image(number, seed=number), tmp_path) for number in (1, 2, 3)]
    first, second = (
        StudyReply.from_json(child.ask({"analyse": request(*instances).to_json()}, 120)["reply"])
        for _ in range(2)
    )
    assert len(first.outcome.views) == 3
    assert {model.data_origin for model in first.outcome.models} == {"untrained"}
    assert first.outcome.triage.outcome in TriageOutcome
    assert first.evidence[0].kind == "SR-A"
    assert first.key_image is not None and first.key_image == second.key_image
    assert first.key_image.sop_instance_uid in {view.sop_instance_uid for view in first.outcome.views}
    assert first.key_image.content.startswith(b"\xff\xd8") and first.key_image.height <= 256
    assert [draft.digest for draft in first.evidence] == [draft.digest for draft in second.evidence]
    assert set(first.outcome.timings_ms) >= {"decode", "prepare", "networks", "interpret", "report"}
    for draft in first.evidence:
        assert hashlib.sha256(spool.path(draft.spool_name).read_bytes()).hexdigest() == draft.digest


def test_an_image_that_cannot_be_decoded_is_told_beside_those_that_can(
    child: WarmChild, spool: Spool, tmp_path: Path
) -> None:
    broken = image(5)
    broken.PixelData = broken.PixelData[:100]
    instances = [spooled(spool, image(4), tmp_path), spooled(spool, broken, tmp_path)]
    reply = StudyReply.from_json(child.ask({"analyse": request(*instances).to_json()}, 120)["reply"])
    assert [one.reason for one in reply.outcome.not_analysed if one.sop_instance_uid == "1.2.3.4.5"] == [
        "truncated"
    ]
    assert [view.sop_instance_uid for view in reply.outcome.views] == ["1.2.3.4.4"]


def test_a_study_of_which_nothing_can_be_decoded_is_unprocessable(
    child: WarmChild, spool: Spool, tmp_path: Path
) -> None:
    broken = image(6)
    broken.PixelData = broken.PixelData[:100]
    answer = child.ask({"analyse": request(spooled(spool, broken, tmp_path)).to_json()}, 120)
    assert answer["unprocessable"]["reason"] == "truncated"


@pytest.mark.parametrize("value", [0, 2000])
def test_a_picture_without_structure_is_an_abstention_and_never_flagged(
    value: int, child: WarmChild, spool: Spool, tmp_path: Path
) -> None:
    ds = image(7)
    ds.PixelData = np.full((300, 200), value, np.uint16).tobytes()
    answer = child.ask({"analyse": request(spooled(spool, ds, tmp_path)).to_json()}, 120)
    reply = StudyReply.from_json(answer["reply"])
    assert [view.abstained for view in reply.outcome.views] == ["CONSTANT"]
    assert reply.outcome.triage.outcome is TriageOutcome.ABSTAINED


def test_a_request_that_makes_no_sense_does_not_end_the_child(child: WarmChild) -> None:
    starts = child.starts
    answer = child.ask({"analyse": {"analysis_id": "x"}}, 30)
    assert "failed" in answer
    assert child.pid is not None and child.starts == starts


def test_the_child_holds_no_database_and_no_network(child: WarmChild) -> None:
    import psutil

    child.start()
    process = psutil.Process(child.pid)
    assert process.net_connections(kind="inet") == []
    limit = process.rlimit(psutil.RLIMIT_AS)[1]
    assert limit not in (resource.RLIM_INFINITY, -1)


def test_a_changed_byte_in_a_bundle_stops_the_child_with_the_files_name(
    bundles: Path, spool: Spool, tmp_path: Path
) -> None:
    import shutil

    copy = tmp_path / "bundles"
    shutil.copytree(bundles, copy)
    weights = copy / "view-gate" / "weights.npz"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(bytes(content))
    warm = WarmChild(orders(spool.root, copy))
    with pytest.raises(ModelsRejected, match=r"weights\.npz"):
        warm.start()
    warm.kill()


def test_a_study_that_wants_more_memory_than_it_may_have_ends_and_the_next_one_is_answered(
    bundles: Path, spool: Spool, tmp_path: Path
) -> None:
    large = image(9)
    large.Rows, large.Columns = 6000, 8000
    large.PixelData = np.random.default_rng(0).integers(0, 4096, 48_000_000, np.uint16).tobytes()
    warm = WarmChild(orders(spool.root, bundles, memory_bytes=256 * 2**20))
    try:
        try:
            answer = warm.ask({"analyse": request(spooled(spool, large, tmp_path)).to_json()}, 120)
            assert answer.get("unprocessable", {}).get("reason") == "too-large" or "failed" in answer
            if "failed" in answer:
                warm.kill()  # as the pipeline does
        except ChildDied:
            assert warm.pid is None
        small = warm.ask({"analyse": request(spooled(spool, image(10), tmp_path)).to_json()}, 120)
        assert "reply" in small
    finally:
        warm.kill()


def test_nothing_of_the_child_reaches_stdout(
    bundles: Path, spool: Spool, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    warm = WarmChild(orders(spool.root, bundles))
    try:
        warm.ask({"analyse": request(spooled(spool, image(8), tmp_path)).to_json()}, 120)
    finally:
        warm.kill()
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "SENTINEL" not in captured.err


def test_the_parents_modules_import_neither_tensorflow_nor_a_decoder() -> None:
    import subprocess

    heavy = "{'tensorflow', 'keras', 'highdicom', 'pydicom', 'imagecodecs', 'numpy'}"
    code = f"import sys, workers.__main__; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
