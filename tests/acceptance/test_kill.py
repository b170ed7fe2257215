"""Kill -9 of each process at work: nothing acknowledged is lost, each study is settled once, one current SR each."""

from __future__ import annotations

import copy
import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import FileDataset
from pynetdicom import AE

from tests.acceptance.product import AE_TITLE, Product, wait_for
from tests.phantom_files import fracture_pair
from triage.domain.identity import derived_uid

VICTIMS = ("receiver", "registrar", "closer", "worker", "child", "outbox", "web", "valkey", "postgres")
COMPREHENSIVE_3D_SR = "1.2.840.10008.5.1.4.1.1.88.34"
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    """A running product; whatever a test killed is back before the next one starts."""
    running = Product()
    try:
        running.start()
        yield running
    finally:
        running.remove()


class Modality:
    """Sends copies of phantom images as new studies and keeps a ledger of what was acknowledged."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.ledger: dict[str, str] = {}
        self.images = fracture_pair()

    def study(self, name: str) -> list[FileDataset]:
        """Return an AP and lateral study of its own UIDs."""
        copies = []
        for number, source in enumerate(self.images):
            image = copy.deepcopy(source)
            image.StudyInstanceUID = derived_uid("kill study", name)
            image.SeriesInstanceUID = derived_uid("kill series", name, number)
            image.SOPInstanceUID = derived_uid("kill image", name, number)
            image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
            image.AccessionNumber = hashlib.sha256(name.encode()).hexdigest()[:12]
            copies.append(image)
        return copies

    def send(self, name: str, seconds: float = 60) -> None:
        """Send a study until every image is acknowledged, as a modality does."""
        waiting = self.study(name)
        end = time.monotonic() + seconds
        while waiting and time.monotonic() < end:
            waiting = [image for image in waiting if not self._store(image)]
            if waiting:
                time.sleep(0.3)
        assert not waiting, f"{len(waiting)} images of {name} were never acknowledged"

    def _store(self, image: FileDataset) -> bool:
        client = AE(ae_title="MODALITY")
        client.acse_timeout = client.dimse_timeout = client.network_timeout = 10
        client.add_requested_context(image.SOPClassUID, image.file_meta.TransferSyntaxUID)
        association = client.associate("127.0.0.1", self.port, ae_title=AE_TITLE)
        if not association.is_established:
            return False
        try:
            status = association.send_c_store(image)
        finally:
            association.release()
        if "Status" in status and status.Status == 0x0000:
            self.ledger[str(image.SOPInstanceUID)] = hashlib.sha256(image.PixelData).hexdigest()
            return True
        return False


@pytest.fixture(scope="module")
def modality(product: Product) -> Modality:
    """A modality that repeats until it is acknowledged."""
    return Modality(product.port)


def kept_pixels(product: Product) -> dict[str, str]:
    """Return the digest of the pixels of every image in the spool, by SOP Instance UID."""
    found = {}
    for path in (product.home / "spool").rglob("*.dcm"):
        data = pydicom.dcmread(path)
        if "PixelData" in data:
            found[str(data.SOPInstanceUID)] = hashlib.sha256(data.PixelData).hexdigest()
    return found


def reports(product: Product) -> list[pydicom.Dataset]:
    """Return every study-level SR the demonstration PACS holds."""
    paths = sorted((product.home / "demo-pacs").rglob("SR-*.dcm"))
    found = [pydicom.dcmread(path) for path in paths]
    return [data for data in found if data.SOPClassUID == COMPREHENSIVE_3D_SR and data.InstanceNumber == 1]


@pytest.mark.parametrize("victim", VICTIMS)
def test_a_study_survives_the_death_of(product: Product, modality: Modality, victim: str) -> None:
    before = len(product.rows("study", "list"))
    modality.send(f"{victim} before")
    if victim in ("worker", "child", "outbox"):
        # The study must be at work: wait until it was closed and handed on.
        wait_for(
            lambda: any(row["state"] != "receiving" for row in product.rows("study", "list")[:1]),
            30,
            "no closing",
        )
    pid = product.kill(victim)
    modality.send(f"{victim} after", seconds=90)
    wait_for(lambda: (product.pid_of(victim) or pid) != pid, 60, f"{victim} did not come back")
    wait_for(
        lambda: product.settled(before + 2), 150, f"after the death of {victim} not every study was settled"
    )


def test_nothing_acknowledged_was_lost(product: Product, modality: Modality) -> None:
    kept = kept_pixels(product)
    assert {uid: kept.get(uid) for uid in modality.ledger} == modality.ledger


def test_each_study_has_one_current_report_at_the_pacs(product: Product) -> None:
    studies = {row["study_instance_uid"] for row in product.rows("study", "list")}
    # A study is settled before its result is delivered, and the outbox was killed on the way.
    wait_for(
        lambda: {str(report.StudyInstanceUID) for report in reports(product)} >= studies,
        90,
        "not every result was delivered",
    )
    by_study: dict[str, list[str]] = {}
    for report in reports(product):
        by_study.setdefault(str(report.StudyInstanceUID), []).append(str(report.SOPInstanceUID))
    assert set(by_study) == studies
    assert {uid: len(set(found)) for uid, found in by_study.items()} == dict.fromkeys(studies, 1)


def test_each_study_was_analysed_once(product: Product) -> None:
    for row in product.rows("study", "list"):
        (shown,) = product.ask("study", "show", row["study_instance_uid"])["items"]
        states = [analysis["state"] for analysis in shown["analyses"]]
        assert states.count("succeeded") == 1, states


def test_no_patient_is_named_in_logs(product: Product) -> None:
    logs = [path for path in product.home.rglob("*.log") if "postgres/" not in str(path)]
    assert logs
    for path in logs:
        assert "PHANTOM^" not in path.read_text(errors="replace"), path


def test_an_interrupt_stops_everything_and_leaves_no_process(product: Product) -> None:
    product.stop()
    left: list[str] = [
        " ".join(process.cmdline())
        for process in product.processes()
        if process.pid != getattr(product.pacs, "pid", 0)
    ]
    assert left == []
    assert Path(product.home / "spool").is_dir()
