"""A file written past the page cache: the same bytes for every size, cut and file system, and no error lost."""

from __future__ import annotations

import errno
import hashlib
import mmap
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from triage.spool.direct import BLOCK, FIRST, Blocks, DirectFile

SHARED_MEMORY = Path("/dev/shm")  # a file system without direct writes


def new_file(path: Path, blocks: Blocks | None = None, preface: bytes = b"") -> DirectFile:
    """Open a fresh file."""
    path.unlink(missing_ok=True)
    return DirectFile(path, blocks or Blocks(), preface)


SIZES = st.one_of(
    st.integers(0, 10_000),
    st.integers(-5000, 5000).map(lambda by: FIRST + by),
    st.integers(-5000, 5000).map(lambda by: BLOCK + by),
    st.integers(-5000, 5000).map(lambda by: 3 * BLOCK + by),
)


@pytest.mark.parametrize("crowded", [False, True], ids=["alone", "among many"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(size=SIZES, cut=st.integers(1, 3 * BLOCK), preface=st.binary(max_size=900), seed=st.integers(0, 9))
def test_every_size_in_every_cut_is_the_same_bytes_and_digest(
    tmp_path: Path, crowded: bool, size: int, cut: int, preface: bytes, seed: int
) -> None:
    data = hashlib.shake_128(bytes([seed])).digest(size)
    blocks = Blocks()
    if crowded:
        blocks.opened(1000)
    file = new_file(tmp_path / "file", blocks, preface)
    for start in range(0, size, max(cut, size // 50 + 1)):
        file.append(memoryview(data)[start : start + max(cut, size // 50 + 1)])
    whole = preface + data
    for at in (0, len(preface), size // 2, BLOCK - 7, size):
        assert file.read(at, 100) == whole[at : at + 100], at
    assert file.finish() == hashlib.sha256(data).hexdigest()
    file.close()
    assert (tmp_path / "file").read_bytes() == whole


def test_a_file_system_without_direct_writes_gets_ordinary_ones() -> None:
    path = SHARED_MEMORY / f"direct-{os.getpid()}"
    try:
        file = new_file(path)
        file.append(b"x" * (BLOCK + 1))
        file.finish()
        file.close()
        assert path.read_bytes() == b"x" * (BLOCK + 1)
    finally:
        path.unlink()


def test_a_refused_direct_write_is_repeated_as_an_ordinary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    refused: list[int] = []

    def write(descriptor: int, data: memoryview) -> int:
        if not refused:
            refused.append(len(data))
            raise OSError(errno.EINVAL, "the unit is larger here")
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    file = new_file(tmp_path / "file")
    file.append(b"x" * 10_000)
    file.finish()
    file.close()
    assert refused
    assert (tmp_path / "file").read_bytes() == b"x" * 10_000


def full(*_: object) -> int:
    """Fail as a full disk does."""
    raise OSError(errno.ENOSPC, "injected")


@pytest.mark.parametrize("crowded", [False, True], ids=["alone", "among many"])
def test_what_a_block_could_not_write_is_told_at_the_next_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crowded: bool
) -> None:
    blocks = Blocks()
    if crowded:
        blocks.opened(1000)
    acts: list[Callable[[DirectFile], str | None]] = [
        lambda file: file.append(bytes(3 * BLOCK)),
        lambda file: file.finish(),
    ]
    for act in acts:
        file = new_file(tmp_path / "file", blocks)
        file.append(bytes(BLOCK))
        with monkeypatch.context() as broken:
            broken.setattr(os, "write", full)
            with pytest.raises(OSError, match="injected"):
                act(file)
        file.close()
        file.close()


def test_a_block_for_which_no_thread_is_to_be_had_is_written_once_and_into_its_own_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    blocks = Blocks()
    with monkeypatch.context() as crowded:
        crowded.setattr(threading.Thread, "start", refuse)
        first = new_file(tmp_path / "first", blocks)
        first.append(b"1" * 8192)
        first.finish()
        first.close()
    second = new_file(tmp_path / "second", blocks)
    second.append(b"2" * 4096)
    second.finish()
    second.close()
    assert (tmp_path / "first").read_bytes() == b"1" * 8192
    assert (tmp_path / "second").read_bytes() == b"2" * 4096


def test_without_memory_for_the_next_block_no_buffer_is_given_back_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOMEM, "injected")

    blocks = Blocks()
    file = new_file(tmp_path / "file", blocks)
    with monkeypatch.context() as broken:
        broken.setattr(mmap, "mmap", refuse)
        with pytest.raises(OSError, match="injected"):
            file.append(bytes(2 * BLOCK))
    file.close()
    one, two = blocks.take(), blocks.take()
    one[0], two[0] = 1, 2
    assert one[0] == 1


def test_a_writer_that_short_counts_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:5000]))
    file = new_file(tmp_path / "file")
    file.append(bytes(range(250)) * 100)
    file.finish()
    file.close()
    assert (tmp_path / "file").read_bytes() == bytes(range(250)) * 100


def test_a_forked_child_writes_with_threads_of_its_own(tmp_path: Path) -> None:
    blocks = Blocks()
    for name in ("parent", "child"):
        child = os.fork() if name == "child" else 0
        if child:
            assert os.waitpid(child, 0)[1] == 0
            continue
        file = new_file(tmp_path / name, blocks)
        file.append(bytes(BLOCK + 1))
        file.finish()
        file.close()
        if name == "child":
            os._exit(0)
    assert (tmp_path / "child").stat().st_size == (tmp_path / "parent").stat().st_size == BLOCK + 1


def test_while_the_interpreter_ends_a_block_is_written_at_once(tmp_path: Path) -> None:
    program = (
        "import threading, time\n"
        "from pathlib import Path\n"
        "from triage.spool.direct import BLOCK, FIRST, Blocks, DirectFile\n"
        "file = DirectFile(Path('last'), Blocks(), b'')\n"
        "def late():\n"
        "    time.sleep(0.5)\n"
        "    file.append(bytes(BLOCK + 1))\n"
        "    file.finish()\n"
        "    file.close()\n"
        "threading.Thread(target=late).start()\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, timeout=60)
    assert (tmp_path / "last").stat().st_size == BLOCK + 1
