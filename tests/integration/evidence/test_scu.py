"""The SCU child's own code, run in this process: what pynetdicom's threads can do to it."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE

from tests.evidence_objects import result_file
from tests.peers import HOST
from tests.scripted_pacs import scripted_pacs
from triage.evidence import scu
from triage.evidence.part10 import PreparedFile


class BusyReactor(threading.Event):
    """The checkpoint of pynetdicom's reactor on a busy machine: let through once too often, it looks for messages."""

    def __init__(self, association: Association) -> None:
        super().__init__()
        self.set()
        self.eaten = 0
        self._association = association

    def wait(self, timeout: float | None = None) -> bool:
        through = super().wait(timeout)
        end = time.monotonic() + 0.05
        while time.monotonic() < end:
            self.eaten += self._association.dimse.get_msg(block=False) != (None, None)
        return through


def prepared(folder: Path, count: int) -> list[PreparedFile]:
    files = []
    for number in range(count):
        path = folder / f"{number}.dcm"
        path.write_bytes(result_file(str(number)))
        file = PreparedFile.read(number, str(path))
        assert isinstance(file, PreparedFile)
        files.append(file)
    return files


def associated(port: int, files: list[PreparedFile]) -> Association:
    peer = {"host": HOST, "port": port, "ae_title": "PACS", "calling_ae_title": "TRIAGE", "timeout_s": 2.0}
    association = scu.associate(peer, scu.contexts_for(files))
    assert not isinstance(association, str)
    return association


def test_the_reactor_thread_never_takes_an_answer(tmp_path: Path) -> None:
    with scripted_pacs() as pacs:
        association = associated(pacs.port, prepared(tmp_path, 1))
        answer = C_STORE()
        association.dimse.msg_queue.put((1, answer))
        assert association.dimse.get_msg(block=False) == (None, None)
        assert association.dimse.get_msg(block=True) == (1, answer)
        association.release()


def test_every_answer_is_heard_although_the_reactor_looks_for_messages_all_the_time(tmp_path: Path) -> None:
    files = prepared(tmp_path, 40)
    heard: list[Any] = []
    with scripted_pacs() as pacs:
        association = associated(pacs.port, files)
        reactor = association._reactor_checkpoint = BusyReactor(association)
        assert scu._send_until_broken(association, files, 2.0, heard.append) == (40, None)
    assert reactor.eaten == 0
    assert [event["reason"] for event in heard if event["event"] == "answer"] == ["stored"] * 40
