"""Nothing acknowledged is lost: the order of syncs, faults of the disk, kill -9 at every step, drain."""

from __future__ import annotations

import errno
import hashlib
import os
import resource
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.arrival.objects import encoded, radiograph
from tests.integration.arrival.raw import ABORTED, REJECTED, RawPeer, associate_rq, p_data, store_command
from tests.integration.arrival.receiving import Receiver, ReceiverProcess, serve_honest, stored, wait_until
from triage.arrival.register import is_whole
from triage.arrival.status import STATUS, Cause
from triage.arrival.wire import PlainWire
from triage.spool import Spool, digest_of


def store_one(port: int, timeout: float = 10.0) -> tuple[int, str]:
    """Send one new image; return its status and SHA-256."""
    image = radiograph()
    data = encoded(image)
    with RawPeer(port, timeout) as peer:
        peer.associate()
        status = peer.store(str(image.SOPInstanceUID), data)
        peer.release()
    return status, hashlib.sha256(data).hexdigest()


def test_success_is_sent_only_after_file_and_folder_are_synced(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    lock = threading.Lock()

    def told_by(name: str, real: Callable[..., Any], subject: Callable[..., str]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            what = subject(*arguments)
            with lock:
                told.append(f"{name}-begins {what}")
            answer = real(*arguments, **named)
            with lock:
                told.append(f"{name} {what}")
            return answer

        return call

    def opened(descriptor: int) -> str:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        return path.name if path.is_dir() else "file"

    monkeypatch.setattr(os, "fsync", told_by("fsync", os.fsync, opened))
    monkeypatch.setattr(os, "rename", told_by("rename", os.rename, lambda _, to: Path(to).parent.name))
    monkeypatch.setattr(PlainWire, "send", told_by("send", PlainWire.send, lambda _, data: str(data[0])))
    assert store_one(receiver.port)[0] == 0
    answered = told.index("send-begins 4")
    before = told[:answered]
    assert before.index("rename parts") < before.index("fsync-begins parts"), (
        "the name exists before its folder is synced"
    )
    assert "fsync parts" in before
    assert "fsync file" in before
    assert "rename incoming" in before


@pytest.mark.parametrize("victim", ["file", "folder"])
def test_an_error_of_fsync_is_answered_a7xx_and_that_file_is_never_synced_again(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, victim: str
) -> None:
    real = os.fsync
    failed: list[str] = []

    def fsync(descriptor: int) -> None:
        name = os.readlink(f"/proc/self/fd/{descriptor}")
        is_folder = os.path.isdir(name)
        if is_folder == (victim == "folder") and not failed:
            failed.append(name)
            raise OSError(errno.EIO, "injected")
        if not is_folder:
            assert name not in failed, "synced twice"
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    assert store_one(receiver.port)[0] == STATUS[Cause.SPOOL_BROKEN].code
    assert os.listdir(receiver.spool.root / "parts") == []
    assert receiver.stored() == {}
    assert store_one(receiver.port)[0] == 0


@pytest.mark.parametrize("call", ["open", "write", "rename"])
def test_a_full_disk_at_any_call_is_answered_a700_and_leaves_nothing(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "injected")

    with RawPeer(receiver.port) as peer:
        peer.associate()
        image = radiograph()
        with monkeypatch.context() as broken:
            broken.setattr(os, call, full)
            assert peer.store(image.SOPInstanceUID, encoded(image)) == STATUS[Cause.SPOOL_FULL].code
        assert os.listdir(receiver.spool.root / "parts") == []
        assert peer.store(image.SOPInstanceUID, encoded(image)) == 0


def test_a_process_that_may_not_write_more_answers_a700_and_recovers(
    receiver_process: ReceiverProcess,
) -> None:
    image = radiograph(side=512)
    with RawPeer(receiver_process.port) as peer:
        peer.associate()
        receiver_process.limit(resource.RLIMIT_FSIZE, 100_000)
        assert peer.store(image.SOPInstanceUID, encoded(image)) == STATUS[Cause.SPOOL_FULL].code
        receiver_process.limit(resource.RLIMIT_FSIZE, resource.RLIM_INFINITY)
        assert peer.store(image.SOPInstanceUID, encoded(image)) == 0
    assert os.listdir(receiver_process.spool.root / "parts") == []


def test_a_process_without_file_handles_answers_a7xx_and_recovers(receiver_process: ReceiverProcess) -> None:
    daemon = psutil.Process(receiver_process.process.pid)
    usual = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)[0]
    image = radiograph()
    with RawPeer(receiver_process.port) as peer:
        peer.associate()
        highest = max(int(name) for name in os.listdir(f"/proc/{daemon.pid}/fd"))
        receiver_process.limit(resource.RLIMIT_NOFILE, highest + 1)
        burnt = [RawPeer(receiver_process.port) for _ in range(4)]
        assert peer.store(image.SOPInstanceUID, encoded(image)) == STATUS[Cause.NO_FILES].code
        receiver_process.limit(resource.RLIMIT_NOFILE, usual)
        assert peer.store(image.SOPInstanceUID, encoded(image)) == 0
        for each in burnt:
            each.socket.close()
    assert serve_honest(receiver_process.port) <= 2


CALLS = ("open", "write", "fsync", "rename", "close")


def commit_in_a_child(root: Path, call: str, number: int, data: bytes) -> bool:
    """Store `data` in a forked child that is SIGKILLed at the n-th such system call; return whether it acknowledged."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        real, count = getattr(os, call), [0]

        def counted(*arguments: Any, **named: Any) -> Any:
            count[0] += 1
            if count[0] == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **named)

        setattr(os, call, counted)
        part = Spool(root).new_part(b"")
        part.write(data)
        part.commit()
        (real if call == "write" else os.write)(writer, b"acknowledged")
        os._exit(0)
    os.close(writer)
    told = os.read(reader, 100)
    os.close(reader)
    os.waitpid(child, 0)
    return bool(told)


@pytest.mark.parametrize("call", CALLS)
def test_a_kill_at_each_system_call_of_a_store_loses_nothing_acknowledged(
    spool_root: Path, call: str
) -> None:
    spool = Spool(spool_root)
    acknowledged = 0
    for number in range(1, 12):
        data = f"{call} {number}".encode() * 1000
        done = commit_in_a_child(spool_root, call, number, data)
        acknowledged += done
        spool.sweep_parts(0, lambda path, digest: hashlib.sha256(path.read_bytes()).hexdigest() == digest)
        digests = {digest_of(path) for path in spool.incoming()}
        assert not done or hashlib.sha256(data).hexdigest() in digests
        for path in spool.incoming():
            assert hashlib.sha256(path.read_bytes()).hexdigest() == digest_of(path)
        assert os.listdir(spool_root / "parts") == []
    assert acknowledged >= 3, "beyond its last call the store succeeds"


def test_kill_9_again_and_again_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    running = ReceiverProcess(tmp_path / "home", TRIAGE_DICOM__MAX_ASSOCIATIONS="20")
    ledger: set[str] = set()
    done = threading.Event()

    def sender() -> None:
        while not done.is_set():
            try:
                status, digest = store_one(running.port, 3.0)
                if status == 0:
                    ledger.add(digest)
            except (OSError, AssertionError):
                time.sleep(0.02)  # down at the moment, or killed under us: send again

    senders = [threading.Thread(target=sender) for _ in range(3)]
    for each in senders:
        each.start()
    for _ in range(3):
        seen = len(ledger)
        wait_until(lambda: len(ledger) > seen + 10, 60, "objects are acknowledged")  # noqa: B023
        running.kill()
        running.start()
    done.set()
    for each in senders:
        each.join(30)
    assert running.close() == 0
    spool = running.spool
    spool.sweep_parts(0, is_whole)
    found = {digest_of(path) for path in spool.incoming() if is_whole(path, digest_of(path))}
    assert ledger <= found
    assert len(ledger) > 30


def test_sigterm_lets_the_object_in_progress_finish_and_refuses_newcomers(tmp_path: Path) -> None:
    running = ReceiverProcess(tmp_path / "home")
    image = radiograph()
    data = encoded(image)
    with RawPeer(running.port) as peer, RawPeer(running.port) as idle:
        idle.associate()
        peer.associate()
        peer.send(
            p_data(1, store_command(image.SOPInstanceUID), command=True) + p_data(1, data[:500], last=False)
        )
        time.sleep(0.3)
        began = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        assert idle.receive()[0] == ABORTED
        with RawPeer(running.port) as late:
            late.send(associate_rq())
            kind, body = late.receive()
            assert (kind, tuple(body[1:4])) == (REJECTED, (2, 3, 1))
        peer.send(p_data(1, data[500:]))
        assert peer.status() == 0
        assert peer.receive()[0] == ABORTED
    assert running.process.wait(15) == 0
    assert time.monotonic() - began <= 12
    assert stored(running.spool) == {image.SOPInstanceUID: data}
