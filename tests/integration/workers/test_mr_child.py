"""An MR study in the real child with the shipped bundles: chosen by physics, flagged with its reason, never on anything else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from tests import mr_cast, validators
from tests.integration.workers.real_files import files
from tests.integration.workers.test_real_child import orders
from triage.domain.finding import Outcome, TriageOutcome
from triage.spool import Spool
from workers.__main__ import BUNDLES
from workers.child.warm import WarmChild
from workers.child.wire import StudyReply, StudyRequest

STARTED = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def spool(tmp_path_factory: pytest.TempPathFactory) -> Spool:
    return Spool(tmp_path_factory.mktemp("spool"))


@pytest.fixture(scope="module")
def child(spool: Spool) -> Iterator[WarmChild]:
    warm = WarmChild(orders(spool.root, BUNDLES))
    warm.start()
    yield warm
    warm.kill()


def asked(child: WarmChild, spool: Spool, objects: list[Dataset], folder: Path) -> StudyReply:
    instances = mr_cast.spooled(spool, objects, folder)
    request = StudyRequest(7, str(objects[0].StudyInstanceUID), 1, STARTED, tuple(instances))
    return StudyReply.from_json(child.ask({"analyse": request.to_json()}, 300)["reply"])


def plain(_: Dataset) -> None:
    """Change nothing."""


def test_a_fresh_fracture_on_sagittal_t1_is_flagged_with_its_reason_and_every_body_is_written_down(
    child: WarmChild, spool: Spool, tmp_path: Path
) -> None:
    first, second = (asked(child, spool, mr_cast.edited(plain), tmp_path) for _ in range(2))
    triage = first.outcome.triage
    assert (triage.outcome, triage.reason) == (TriageOutcome.FLAGGED, "POSSIBLE_RECENT_FRACTURE_MR")
    assert triage.sentence.startswith("Look sooner: possible recent vertebral fracture on MR.")
    assert "levels not named" in triage.sentence
    assert {model.name for model in first.outcome.models} == {"mr-locator", "mr-vertebra"}
    numbers = [body.counted for body in first.outcome.vertebrae]
    assert numbers == list(range(len(numbers), 0, -1)) and len(numbers) >= 6
    assert {body.level for body in first.outcome.vertebrae} == {None}
    assert [draft.kind for draft in first.evidence] == ["SR-A", "SR-B", "SEG"]
    assert [draft.digest for draft in first.evidence] == [draft.digest for draft in second.evidence]
    assert first.key_image is not None
    assert first.key_image.sop_instance_uid == first.outcome.vertebrae[0].sop_instance_uid
    _judge(first, spool, tmp_path)


def _judge(reply: StudyReply, spool: Spool, folder: Path) -> None:
    """Foreign validators, and a reader that finds each body where the segmentation says it is."""
    sources = list(mr_cast.fresh_series())
    results = _valid(reply, spool, folder, sources)
    segmentation = pydicom.dcmread(results[2])
    slice_ = next(
        data
        for data in map(pydicom.dcmread, sources)
        if data.SOPInstanceUID == reply.outcome.vertebrae[0].sop_instance_uid
    )
    assert segmentation.FrameOfReferenceUID == slice_.FrameOfReferenceUID
    bodies = reply.outcome.vertebrae
    assert len(segmentation.SegmentSequence) == len(bodies) == len(segmentation.pixel_array)
    position = segmentation.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0].ImagePositionPatient
    assert np.allclose(np.array(position, float), np.array(slice_.ImagePositionPatient, float))
    for mask, body in zip(segmentation.pixel_array, bodies, strict=True):
        column, row = body.centre
        assert mask[int(row), int(column)] == 1 and 50 < mask.sum() < 5000


def _valid(reply: StudyReply, spool: Spool, folder: Path, sources: list[Path]) -> list[Path]:
    """Return the results as files once every validator has found no error in them."""
    results = []
    for draft in reply.evidence:
        path = folder / f"result-{draft.kind}.dcm"
        path.write_bytes(spool.path(draft.spool_name).read_bytes())
        results.append(path)
    reports = [path for path in results if "SR-" in path.name]
    assert not [error for errors in validators.dciodvfy(results).values() for error in errors]
    assert not validators.dcentvfy(results, sources)
    assert not [error for errors in validators.dsrdump(reports).values() for error in errors]
    assert not [error for errors in validators.pixelmed(reports).values() for error in errors]
    return results


def test_the_answer_does_not_hang_on_how_the_slices_are_stored(
    child: WarmChild, spool: Spool, tmp_path: Path
) -> None:
    def turn(data: Dataset) -> None:
        pixels = data.pixel_array.T[::-1]
        data.Rows, data.Columns = pixels.shape
        data.PixelData = np.ascontiguousarray(pixels).tobytes()
        # The stored rows now lead from head to foot and the columns to the front.
        data.ImageOrientationPatient = ["0", "0", "-1", "0", "-1", "0"]
        spacing, far = float(data.PixelSpacing[0]), float(data.ImagePositionPatient[1])
        data.ImagePositionPatient[1] = f"{far + (pixels.shape[0] - 1) * spacing:.4f}"

    upright = asked(child, spool, mr_cast.edited(plain), tmp_path).outcome
    turned = asked(child, spool, mr_cast.edited(turn), tmp_path).outcome
    assert turned.triage.probability == pytest.approx(upright.triage.probability, abs=1e-4)
    rows = mr_cast.edited(turn)[0].Rows
    for one, other in zip(upright.vertebrae, turned.vertebrae, strict=True):
        assert other.centre == pytest.approx((one.centre[1], rows - one.centre[0]), abs=0.1)


def _t2(data: Dataset) -> None:
    data.RepetitionTime, data.EchoTime = "3500", "110"


def _axial(data: Dataset) -> None:
    data.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]


def _stir(data: Dataset) -> None:
    data.ScanningSequence, data.InversionTime = ["SE", "IR"], "160"


@pytest.mark.parametrize(
    ("edit", "reason"), [(_t2, "not-t1"), (_axial, "not-sagittal"), (_stir, "inversion-recovery")]
)
def test_what_is_no_sagittal_t1_series_is_not_analysed_with_its_reason_and_never_flagged(
    edit: Callable[[Dataset], None], reason: str, child: WarmChild, spool: Spool, tmp_path: Path
) -> None:
    reply = asked(child, spool, mr_cast.edited(edit), tmp_path)
    outcome = reply.outcome
    assert [draft.kind for draft in reply.evidence] == ["SR-A"]
    _valid(reply, spool, tmp_path, sorted(tmp_path.glob("[0-9]*.dcm")))
    assert (outcome.triage.outcome, outcome.triage.reason) == (TriageOutcome.ABSTAINED, "NO_SAGITTAL_T1")
    assert [one.reason for one in outcome.not_analysed] == [reason]
    assert not outcome.vertebrae


def test_of_several_series_one_is_used_and_the_others_are_told_in_a_valid_report(
    child: WarmChild, spool: Spool, tmp_path: Path
) -> None:
    def another(data: Dataset) -> None:
        _t2(data)
        data.SeriesInstanceUID, data.SeriesNumber = f"{data.SeriesInstanceUID[:60]}.2", 2
        data.SOPInstanceUID = f"{data.SOPInstanceUID[:60]}.2"
        data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID

    reply = asked(child, spool, [*mr_cast.edited(another), *mr_cast.edited(plain)], tmp_path)
    assert reply.outcome.triage.outcome is TriageOutcome.FLAGGED
    assert [one.reason for one in reply.outcome.not_analysed] == ["not-t1"]
    _valid(reply, spool, tmp_path, sorted(tmp_path.glob("[0-9]*.dcm")))


def test_pixels_that_are_no_spine_are_never_flagged_whatever_their_header_says(
    child: WarmChild, spool: Spool, tmp_path: Path
) -> None:
    rng = np.random.default_rng(3)

    def discs(data: Dataset) -> None:
        rows, columns = np.mgrid[: data.Rows, : data.Columns]
        picture = rng.normal(300, 20, rows.shape)
        for _ in range(6):
            row, column = rng.uniform(60, data.Rows - 60), rng.uniform(60, data.Columns - 60)
            picture[np.hypot(rows - row, columns - column) < rng.uniform(20, 60)] += rng.uniform(300, 900)
        data.PixelData = np.clip(picture, 0, 4095).astype("<u2").tobytes()

    outcome = asked(child, spool, mr_cast.edited(discs), tmp_path).outcome
    assert outcome.triage.outcome is TriageOutcome.ABSTAINED, outcome.triage


def test_real_mr_files_are_never_flagged(child: WarmChild, spool: Spool, tmp_path: Path) -> None:
    real = [path for path in files("spine") if "_mr_" in path.name]
    assert real
    for path in real:
        outcome = asked(child, spool, [pydicom.dcmread(BytesIO(path.read_bytes()))], tmp_path).outcome
        assert _silent(outcome), (path.name, outcome.triage)


def _silent(outcome: Outcome) -> bool:
    return outcome.triage.outcome is TriageOutcome.ABSTAINED and bool(outcome.triage.sentence)
