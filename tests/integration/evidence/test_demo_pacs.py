"""The demonstration's PACS keeps what it is sent, each UID once, under names it can trust."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pynetdicom import AE
from pynetdicom.association import Association

from tests.evidence_objects import EXPLICIT_LE, SR_CLASS, result_file
from tests.peers import HOST, dcmtk_run, free_port, listening, wait_for
from triage.config import build
from triage.domain.errors import ConfigError
from triage.domain.identity import derived_uid
from triage.evidence import demo_pacs, pacs
from triage.evidence.demo_pacs import Archive


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A demonstration PACS that listens; its files lie in <tmp_path>/demo-pacs."""
    port = free_port()
    destination = {"name": "DEMO-PACS", "ae_title": "DEMOPACS", "host": HOST, "port": port}
    settings = build(tmp_path, {"results": {"destinations": [destination]}})
    stop = threading.Event()
    thread = threading.Thread(target=demo_pacs.serve, args=(settings, stop))
    thread.start()
    wait_for(lambda: listening(port), "the demo PACS listens")
    yield port
    stop.set()
    thread.join(10)


def associated(port: int) -> Association:
    ae = AE(ae_title="TRIAGE")
    ae.add_requested_context(SR_CLASS, EXPLICIT_LE)
    association = ae.associate(HOST, port, ae_title="DEMOPACS")
    assert association.is_established
    return association


def test_results_are_kept_by_study_kind_and_uid(port: int, tmp_path: Path) -> None:
    paths = []
    for kind in ("SR-A", "SEG", "GSPS"):
        paths.append(tmp_path / f"{kind}.dcm")
        paths[-1].write_bytes(result_file(kind, "a", kind))
    peer = pacs.RemoteAE("demo", "DEMOPACS", HOST, port, "TRIAGE", 10.0)
    assert pacs.send(peer, paths).stored == 3 and pacs.send(peer, paths).stored == 3
    study = tmp_path / "demo-pacs" / derived_uid("study", "a")
    wanted = [
        f"{name}-{derived_uid('evidence', kind)}.dcm"
        for kind, name in (("GSPS", "GSPS"), ("SEG", "SEG"), ("SR-A", "SR"))
    ]
    assert sorted(path.name for path in study.iterdir()) == wanted
    assert pydicom.dcmread(study / wanted[2]) == pydicom.dcmread(paths[0])


def test_dcmtk_can_echo_it(port: int) -> None:
    assert "Received Echo Response (Success)" in dcmtk_run("echoscu", port, called="DEMOPACS")


def test_a_uid_that_is_a_path_never_becomes_one(port: int, tmp_path: Path) -> None:
    (tmp_path / "x.dcm").write_bytes(result_file("x"))
    hostile = pydicom.dcmread(tmp_path / "x.dcm")
    with pytest.warns(UserWarning, match="Invalid value for VR UI"):
        hostile.StudyInstanceUID = "../../escaped"
        association = associated(port)
        answer = association.send_c_store(hostile)
        association.release()
    assert answer.Status == demo_pacs.CANNOT_UNDERSTAND
    assert list((tmp_path / "demo-pacs").iterdir()) == [] and not list(tmp_path.parent.glob("escaped*"))


def test_the_first_content_of_a_uid_stays_and_no_half_file_remains(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    first, other = result_file("a", rows=16, kind="SEG"), result_file("a", rows=32, kind="SEG")
    path = archive.keep(first)
    assert archive.keep(other) == path and path.read_bytes() == first
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_without_its_destination_the_demo_pacs_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none is named DEMO-PACS\. Start with `triage up --demo`"):
        demo_pacs.serve(build(tmp_path, {}), threading.Event())
