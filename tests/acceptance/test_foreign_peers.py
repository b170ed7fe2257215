"""dcmtk and Orthanc as hospitals run them: they find us, send to us, and keep our SR and SEG as their PACS."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom import Dataset
from pydicom.uid import DigitalXRayImageStorageForPresentation
from pynetdicom.dsutils import split_dataset
from sqlalchemy import Engine, text

from tests import report_cast, services
from tests.integration.evidence.owing import owe_drafts
from tests.peers import HOST, Orthanc, dcmtk_run, dcmtk_store_scp, free_port, listening, orthanc, wait_for
from triage.config import Settings, build
from triage.domain.finding import EvidenceDraft
from triage.evidence import pacs as pacs_scu
from triage.evidence.judgement import Verdict
from triage.evidence.outbox import PeerOutbox
from triage.evidence.pacs import RemoteAE
from triage.evidence.service import peer_outboxes
from triage.spool import Spool
from triage.store import engine as store_engine
from triage.store import evidence as store
from workers import report

AE_TITLE = "TRIAGE"
CHECKOUT = Path(__file__).parents[2]
DATA = Path(os.environ.get("TRIAGE_TEST_DATA", CHECKOUT.parent / "shared" / "data"))
LARGEST_REAL_FILE = 1_000_000
# Its SOP Class UID has VR UN, which storescu does not read.
UNREADABLE_TO_DCMTK = {"S24_mr_lspine_sag_t2_hitachi.dcm"}
# storescu's option that proposes each transfer syntax.
PROPOSING = {
    "1.2.840.10008.1.2": "-xi",
    "1.2.840.10008.1.2.1": "-xe",
    "1.2.840.10008.1.2.4.50": "-xy",
    "1.2.840.10008.1.2.4.70": "-xs",
    "1.2.840.10008.1.2.4.90": "-xv",
    "1.2.840.10008.1.2.4.91": "-xw",
}


def lost(sent: Dataset, kept: Dataset) -> list[str]:
    """Return the elements whose value changed on the way; dcmtk pads pixel data of odd length (PS3.5 7.1.1)."""
    return [
        one.keyword for one in sent if one.tag not in kept or bare(kept[one.tag].value) != bare(one.value)
    ]


def bare(value: object) -> object:
    return value.rstrip(b"\0") if isinstance(value, bytes) else value


class Reception:
    """Receiver and registrar as processes of their own, on a home of their own."""

    def __init__(self, home: Path, url: str) -> None:
        self.home, self.port = home, free_port()
        home.mkdir(exist_ok=True)
        peers = ", ".join(f'{{ae_title = "{title}", address = "{HOST}"}}' for title in ("DCMTK", "ORTHANC"))
        (home / "triage.toml").write_text(
            f'[dicom]\nae_title = "{AE_TITLE}"\nport = {self.port}\npeers = [{peers}]\n'
            "[spool]\nlow_water_bytes = 1000000\n"
        )
        environment = {"PATH": os.defpath, "TRIAGE_HOME": str(home), "TRIAGE_DATABASE__URL": url}
        log = (home / "log").open("wb")
        self.processes = [
            subprocess.Popen(
                [sys.executable, "-P", "-m", "triage", "run", process],
                env=environment,
                stdout=log,
                stderr=log,
            )
            for process in ("receiver", "registrar")
        ]
        self.engine = store_engine.connect(url)
        wait_for(lambda: listening(self.port), "the receiver listens", 60)

    def registered(self) -> dict[str, Path]:
        """Return where each catalogued instance lies, by SOP Instance UID."""
        with self.engine.begin() as connection:
            rows = connection.execute(text("SELECT sop_instance_uid, spool_name FROM instance"))
            return {uid: self.home / "spool" / name for uid, name in rows}

    def holds(self, files: list[Path]) -> bool:
        """Return whether every one of these files is catalogued with the content that was sent."""
        kept = self.registered()
        sent = {str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID): path for path in files}
        if not sent.keys() <= kept.keys():
            return False
        for uid, path in sent.items():
            assert lost(pydicom.dcmread(path), pydicom.dcmread(kept[uid])) == [], path.name
        return True

    def close(self) -> None:
        """Stop both in good order."""
        for process in self.processes:
            process.terminate()
        assert [process.wait(20) for process in self.processes] == [0, 0]
        self.engine.dispose()


@pytest.fixture(scope="module")
def reception(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reception]:
    with services.database() as url:
        running = Reception(tmp_path_factory.mktemp("reception") / "home", url)
        yield running
        running.close()


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory, reception: Reception) -> Iterator[Orthanc]:
    modalities = {"triage": (AE_TITLE, reception.port)}
    with orthanc(tmp_path_factory.mktemp("orthanc"), modalities) as running:
        yield running


def radiographs(folder: Path, name: str) -> list[Path]:
    """Return one CR and one DX file."""
    sources = report_cast.Sources(folder)
    sources.add(f"{name}-cr", photometric="MONOCHROME1")
    sources.add(
        f"{name}-dx", sop_class=DigitalXRayImageStorageForPresentation, patient=report_cast.PATIENTS[5]
    )
    return list(sources.files.values())


def real_files() -> list[Path]:
    """Return the small real files; their absence is only tolerated outside our own machines."""
    found = [
        path for path in sorted((DATA / "spine").glob("*.dcm")) if path.stat().st_size <= LARGEST_REAL_FILE
    ]
    if not found:
        pytest.skip(f"no real files below {DATA}: set TRIAGE_TEST_DATA")
    return found


def test_dcmtk_finds_us_by_echo(reception: Reception) -> None:
    assert "Received Echo Response (Success)" in dcmtk_run("echoscu", reception.port, called=AE_TITLE)


def test_a_stranger_is_told_so(reception: Reception) -> None:
    with pytest.raises(AssertionError, match="Calling AE Title Not Recognized"):
        dcmtk_run("echoscu", reception.port, called=AE_TITLE, calling="STRANGER")


def test_what_dcmtk_sends_is_kept_and_catalogued(reception: Reception, tmp_path: Path) -> None:
    files = radiographs(tmp_path, "dcmtk")
    dcmtk_run("storescu", reception.port, *map(str, files), called=AE_TITLE)
    wait_for(lambda: reception.holds(files), "everything dcmtk sent is catalogued", 30)


def test_real_files_sent_by_dcmtk_in_their_own_syntax_are_kept_as_they_are(reception: Reception) -> None:
    files = [path for path in real_files() if path.name not in UNREADABLE_TO_DCMTK]
    for path in files:
        syntax = str(pydicom.dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID)
        # -R: propose the needed context alone, in the file's own transfer syntax.
        dcmtk_run("storescu", reception.port, "-R", PROPOSING[syntax], str(path), called=AE_TITLE)
    wait_for(lambda: reception.holds(files), "every real file is catalogued", 60)


def test_real_files_sent_by_our_own_scu_are_kept_byte_for_byte(reception: Reception) -> None:
    files = real_files()
    report = pacs_scu.send(RemoteAE("self", AE_TITLE, HOST, reception.port, "DCMTK", 20.0), files)
    assert [answer.reason for answer in report.answers] == ["stored"] * len(files)
    wait_for(lambda: reception.holds(files), "every real file is catalogued", 60)
    kept = {data_set(path) for path in reception.registered().values()}
    assert {data_set(path) for path in files} <= kept


def test_every_broken_file_is_answered_by_name_and_none_stops_the_others(reception: Reception) -> None:
    files = sorted(path for path in (DATA / "malformed").rglob("*") if path.is_file())
    if not files:
        pytest.skip(f"no broken files below {DATA}: set TRIAGE_TEST_DATA")
    ourselves = RemoteAE("self", AE_TITLE, HOST, reception.port, "DCMTK", 20.0)
    report = pacs_scu.send(ourselves, files)
    assert (len(report.answers), report.fault) == (len(files), None)
    assert {answer.verdict for answer in report.answers} == {Verdict.SENT, Verdict.REFUSED}
    assert pacs_scu.echo(ourselves) < 2000


def data_set(path: Path) -> str:
    """Return the digest of the encoded data set of a Part 10 file."""
    with path.open("rb") as stream:
        stream.seek(split_dataset(path)[1])
        return hashlib.file_digest(stream, "sha256").hexdigest()


def test_orthanc_echoes_us_and_sends_to_us(reception: Reception, pacs: Orthanc, tmp_path: Path) -> None:
    files = radiographs(tmp_path, "orthanc")
    pacs.echo("triage")
    pacs.send([pacs.upload(path) for path in files], "triage")
    wait_for(lambda: reception.holds(files), "everything Orthanc sent is catalogued", 30)


def drafts_of_a_flagged_study(spool: Spool, folder: Path) -> list[EvidenceDraft]:
    """Return SR-A, SR-B, SEG and GSPS as the product builds them, durable in the spool."""
    sources = report_cast.Sources(folder)
    uid = sources.add("flagged", photometric="MONOCHROME1")
    built = report.build(report_cast.flagged_request(uid), sources.files)
    return [
        EvidenceDraft(
            kind=one.kind.value,
            sop_class_uid=one.sop_class_uid,
            sop_instance_uid=one.sop_instance_uid,
            series_instance_uid=one.series_instance_uid,
            transfer_syntax_uid=one.transfer_syntax_uid,
            spool_name=spool.put_evidence(one.payload),
            digest=hashlib.sha256(one.payload).hexdigest(),
            size=len(one.payload),
        )
        for one in built
    ]


def settings_for(home: Path, peers: dict[str, tuple[str, int]]) -> Settings:
    destinations = [
        {"name": name, "ae_title": title, "host": HOST, "port": port} for name, (title, port) in peers.items()
    ]
    return build(home, {"results": {"destinations": destinations}, "dicom": {"ae_title": AE_TITLE}})


def deliver(outboxes: list[PeerOutbox], engine: Engine) -> None:
    for one in outboxes:
        while one.step() == 0.0:
            pass
        one.scu.close()
    assert {row.state for row in store.list_deliveries(engine)} == {"sent"}


def forget_that_anything_was_sent(engine: Engine) -> None:
    """Leave the deliveries as an outbox leaves them that dies before it can note the answers."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET state = 'pending', next_at = now()"))


def test_our_sr_and_seg_reach_orthanc_and_dcmtk_unchanged_and_once(
    engine: Engine, pacs: Orthanc, tmp_path: Path
) -> None:
    with dcmtk_store_scp(tmp_path / "dcmtk") as second:
        settings = settings_for(
            tmp_path, {"orthanc": ("ORTHANC", pacs.port), "dcmtk": ("DCMTK", second.port)}
        )
        spool = Spool(settings.spool_root)
        drafts = drafts_of_a_flagged_study(spool, tmp_path)
        assert [draft.kind for draft in drafts] == ["SR-A", "SR-B", "SEG", "GSPS"]
        owe_drafts(engine, "a", drafts, flagged=True, peers=("orthanc", "dcmtk"))
        outboxes = peer_outboxes(settings, engine, threading.Event())
        deliver(outboxes, engine)
        forget_that_anything_was_sent(engine)
        deliver(outboxes, engine)
        ours = {draft.sop_instance_uid: spool.path(draft.spool_name) for draft in drafts}
        assert sorted(set(pacs.sop_instance_uids()) & ours.keys()) == sorted(ours)
        assert pacs.sop_instance_uids() == sorted(set(pacs.sop_instance_uids()))
        for uid, path in ours.items():
            assert pydicom.dcmread(pacs.file(uid)) == pydicom.dcmread(path)
        received = [pydicom.dcmread(path) for path in second.files()]
        assert {str(file.SOPInstanceUID): file for file in received} == {
            uid: pydicom.dcmread(path) for uid, path in ours.items()
        }
