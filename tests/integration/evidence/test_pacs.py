"""The SCU under its wall clock, against real peers: scripted, frozen, dripping, dcmtk, TLS."""

from __future__ import annotations

import hashlib
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest

from tests.evidence_objects import IMPLICIT_LE, SR_CLASS, result_file
from tests.peers import HOST, dcmtk_store_scp, free_port
from tests.scripted_pacs import ScriptedPacs, dripping_peer, scripted_pacs
from triage.domain.errors import Unavailable
from triage.domain.identity import derived_uid
from triage.evidence import pacs
from triage.evidence.judgement import Verdict
from triage.evidence.pacs import RemoteAE, StorageSCU, TlsFiles


@pytest.fixture(scope="module")
def scu() -> Iterator[StorageSCU]:
    """One warm child for the module: starting Python anew for each test would be most of the time."""
    with StorageSCU() as warm:
        yield warm


def peer(port: int, timeout_s: float = 10.0, title: str = "PACS") -> RemoteAE:
    return RemoteAE("pacs", title, HOST, port, "TRIAGE", timeout_s)


def files(folder: Path, *names: str, kind: str = "SR-A", rows: int = 16) -> list[Path]:
    paths = [folder / f"{name}.dcm" for name in names]
    for path in paths:
        path.write_bytes(result_file(path.stem, kind=kind, rows=rows))
    return paths


def uid(name: str) -> str:
    return str(derived_uid("evidence", name))


def data_set_digest(path: Path) -> str:
    content = path.read_bytes()
    meta_length = int.from_bytes(content[140:144], "little")
    return hashlib.sha256(content[144 + meta_length :]).hexdigest()


def verdicts(report: pacs.SendReport) -> list[str]:
    return [answer.verdict.value for answer in report.answers]


def test_results_arrive_byte_for_byte_over_one_association(scu: StorageSCU, tmp_path: Path) -> None:
    sent = files(tmp_path, "a", "b") + files(tmp_path, "c", kind="SEG")
    with scripted_pacs() as archive:
        report = scu.send(peer(archive.port), sent)
    assert (verdicts(report), report.fault, archive.associations) == (["sent"] * 3, None, 1)
    assert archive.kept == {uid(path.stem): data_set_digest(path) for path in sent}


@pytest.mark.parametrize(
    ("did", "verdict", "reason"),
    [
        ("A700", "later", "out-of-resources"),
        ("0110", "later", "processing-failure"),
        ("0213", "later", "resource-limitation"),
        ("B000", "sent-with-warning", "warning-B000"),
        ("C000", "refused", "status-C000"),
        ("0122", "refused", "status-0122"),
        ("A900", "refused", "status-A900"),
        ("abort", "later", "aborted"),
        ("reset", "later", "aborted"),
    ],
)
def test_each_instance_is_judged_by_itself(
    scu: StorageSCU, tmp_path: Path, did: str, verdict: str, reason: str
) -> None:
    sent = files(tmp_path, "a", "b", "c")
    with scripted_pacs(script={uid("b"): [did]}) as archive:
        report = scu.send(peer(archive.port), sent)
    assert verdicts(report) == ["sent", verdict, "sent"]
    assert report.answers[1].reason == reason
    assert not report.peer_failed


def test_a_peer_that_stores_and_says_nothing_is_ambiguous(scu: StorageSCU, tmp_path: Path) -> None:
    with scripted_pacs(script={uid("a"): ["silence"]}) as archive:
        report = scu.send(peer(archive.port, timeout_s=1.0), files(tmp_path, "a", "b"))
    assert [(answer.index, answer.reason) for answer in report.answers] == [(0, "no-answer")]
    assert report.fault == "no-answer" and report.peer_failed


def test_nothing_listening_is_unreachable(scu: StorageSCU, tmp_path: Path) -> None:
    report = scu.send(peer(free_port()), files(tmp_path, "a"))
    assert (report.answers, report.fault) == ((), "unreachable")


def test_a_host_name_without_address_is_unreachable(scu: StorageSCU, tmp_path: Path) -> None:
    nowhere = replace(peer(104), host="no-such-host.invalid")
    assert scu.send(nowhere, files(tmp_path, "a")).fault == "unreachable"


def test_a_rejected_association_is_the_peers_trouble_and_not_the_results(
    scu: StorageSCU, tmp_path: Path
) -> None:
    with scripted_pacs(calling=["SOMEBODY"]) as archive:
        report = scu.send(peer(archive.port), files(tmp_path, "a"))
    assert (report.answers, report.fault) == ((), "rejected-permanently")


def test_a_class_the_peer_does_not_take_is_refused_and_the_others_go(scu: StorageSCU, tmp_path: Path) -> None:
    sent = files(tmp_path, "a") + files(tmp_path, "b", kind="SEG")
    with scripted_pacs(classes=[SR_CLASS]) as archive:
        report = scu.send(peer(archive.port), sent)
    assert verdicts(report) == ["sent", "refused"]
    assert report.answers[1].reason == "context-refused"


def test_a_peer_that_takes_none_of_our_classes_refuses_each(scu: StorageSCU, tmp_path: Path) -> None:
    with scripted_pacs(classes=[SR_CLASS]) as archive:
        report = scu.send(peer(archive.port), files(tmp_path, "a", "b", kind="GSPS"))
    assert {answer.reason for answer in report.answers} == {"context-refused"} and report.fault is None


def test_an_old_archive_gets_implicit_vr(scu: StorageSCU, tmp_path: Path) -> None:
    sent = files(tmp_path, "a")
    with scripted_pacs(syntaxes=[IMPLICIT_LE]) as archive:
        report = scu.send(peer(archive.port), sent)
    assert verdicts(report) == ["sent"] and archive.order() == [uid("a")]


def test_a_file_that_is_not_dicom_is_refused_by_name_and_stops_nothing(
    scu: StorageSCU, tmp_path: Path
) -> None:
    (tmp_path / "text.dcm").write_text("not DICOM")
    sent = [tmp_path / "text.dcm", *files(tmp_path, "a"), tmp_path / "gone.dcm"]
    with scripted_pacs() as archive:
        report = scu.send(peer(archive.port), sent)
    assert [answer.reason for answer in report.answers] == ["not-dicom-part-10", "stored", "unreadable-file"]


def test_a_file_whose_meta_group_lies_goes_under_the_uid_of_its_data_set(
    scu: StorageSCU, tmp_path: Path
) -> None:
    (path,) = files(tmp_path, "a")
    stated = uid("a").encode()
    lie = stated[:-1] + (b"1" if stated[-1:] != b"1" else b"2")
    path.write_bytes(path.read_bytes().replace(stated, lie, 1))
    assert pydicom.dcmread(path).file_meta.MediaStorageSOPInstanceUID != uid("a")
    with scripted_pacs() as archive:
        assert verdicts(scu.send(peer(archive.port), [path])) == ["sent"]
    assert archive.kept == {uid("a"): data_set_digest(path)}


def test_a_file_without_a_data_set_is_never_announced(scu: StorageSCU, tmp_path: Path) -> None:
    (path,) = files(tmp_path, "a")
    whole = path.read_bytes()
    path.write_bytes(whole[: 144 + int.from_bytes(whole[140:144], "little")])
    with scripted_pacs() as archive:
        report = scu.send(peer(archive.port), [path, *files(tmp_path, "b")])
    assert [answer.reason for answer in report.answers] == ["empty-data-set", "stored"]


def test_more_than_128_presentation_contexts_go_on_more_associations(scu: StorageSCU, tmp_path: Path) -> None:
    sent = []
    for number in range(130):
        path = tmp_path / f"{number}.dcm"
        file = pydicom.dcmread(files(tmp_path, str(number))[0])
        file.SOPClassUID = f"1.2.840.10008.5.1.4.1.1.{1000 + number}"
        file.save_as(path, enforce_file_format=True)
        sent.append(path)
    with scripted_pacs() as archive:
        report = scu.send(peer(archive.port), [*sent, *files(tmp_path, "a")])
    assert [answer.reason for answer in report.answers] == ["context-refused"] * 130 + ["stored"]


def test_a_frozen_pacs_costs_no_more_than_the_wall_clock(scu: StorageSCU, tmp_path: Path) -> None:
    with dcmtk_store_scp(tmp_path / "pacs") as archive:
        sent = files(tmp_path, "a", "b")
        assert scu.echo(peer(archive.port, title="DCMTK")).fault is None
        archive.freeze()
        began = time.monotonic()
        report = scu.send(peer(archive.port, timeout_s=1.0, title="DCMTK"), sent)
        assert time.monotonic() - began < 8
        assert report.peer_failed and report.stored == 0
        archive.thaw()
        assert verdicts(scu.send(peer(archive.port, title="DCMTK"), sent)) == ["sent", "sent"]
        assert len(archive.files()) == 2


def test_a_peer_that_drips_is_cut_off_by_the_kill(tmp_path: Path) -> None:
    with dripping_peer() as port, StorageSCU() as scu:
        scu.echo(peer(free_port()))  # the child is warm, so only the wall clock is measured
        began = time.monotonic()
        report = scu.send(peer(port, timeout_s=1.0), files(tmp_path, "a"))
        assert time.monotonic() - began < 8
        assert report.fault == "frozen" and report.stored == 0
        with scripted_pacs() as archive:
            assert verdicts(scu.send(peer(archive.port), files(tmp_path, "a"))) == ["sent"]


def test_a_child_that_hangs_is_killed_and_the_instance_in_flight_goes_later(tmp_path: Path) -> None:
    hangs = tmp_path / "hangs.py"
    hangs.write_text(
        'import json, sys, time\nprint(json.dumps({"event": "trying", "index": 0}), flush=True)\ntime.sleep(600)\n'
    )
    with StorageSCU(["python3", str(hangs)]) as scu:
        report = scu.send(peer(free_port(), timeout_s=0.2), files(tmp_path, "a", "b"))
    assert [(answer.index, answer.verdict, answer.reason) for answer in report.answers] == [
        (0, Verdict.LATER, "frozen")
    ]
    assert report.fault == "frozen"


def test_a_child_that_dies_is_replaced(tmp_path: Path) -> None:
    with StorageSCU(["python3", "-c", "import sys; sys.stdin.readline()"]) as scu:
        assert scu.send(peer(free_port()), files(tmp_path, "a")).fault == "sender-died"
        assert scu.echo(peer(free_port())).fault == "sender-died"


def test_echo_answers_in_milliseconds_or_says_what_to_do() -> None:
    with scripted_pacs() as archive:
        assert 0 < pacs.echo(peer(archive.port)) < 10_000
    with pytest.raises(Unavailable, match="check host, port and firewall"):
        pacs.echo(peer(archive.port))


def certificate(folder: Path) -> TlsFiles:
    key, crt = folder / "key.pem", folder / "crt.pem"
    subject = ["-subj", "/CN=pacs", "-addext", f"subjectAltName=IP:{HOST}"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *subject]
    subprocess.run([*command, "-keyout", key, "-out", crt], check=True, capture_output=True)
    return TlsFiles(str(crt), str(key), str(crt))


def test_results_travel_over_tls_with_both_certificates_checked(scu: StorageSCU, tmp_path: Path) -> None:
    tls = certificate(tmp_path)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=tls.ca)
    server.load_cert_chain(tls.certificate, tls.key)
    server.verify_mode = ssl.CERT_REQUIRED
    archive = ScriptedPacs()
    archive.start(tls=server)
    try:
        sent = files(tmp_path, "a")
        assert scu.send(replace(peer(archive.port), tls=tls), sent).stored == 1
        assert scu.send(peer(archive.port, timeout_s=2.0), sent).fault is not None
        missing = replace(tls, key=str(tmp_path / "nowhere.pem"))
        assert scu.send(replace(peer(archive.port), tls=missing), sent).fault == "tls-files"
    finally:
        archive.stop()
