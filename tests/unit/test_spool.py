"""The spool's names and promises on a real disk."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from triage.domain.errors import NotFound, Refused, Unavailable
from triage.spool import Spool, digest_of


@pytest.fixture
def spool(spool_root: Path) -> Spool:
    """An empty spool."""
    return Spool(spool_root)


def put(spool: Spool, data: bytes = b"data set", preface: bytes = b"meta") -> Path:
    """Store one data set."""
    part = spool.new_part(preface)
    part.write(memoryview(data))
    return part.commit()


def test_a_committed_part_has_its_digest_in_its_name_and_its_preface_outside(spool: Spool) -> None:
    path = put(spool, b"data set", b"meta")
    assert digest_of(path) == hashlib.sha256(b"data set").hexdigest()
    assert path.read_bytes() == b"metadata set"
    assert path.stat().st_mode & 0o777 == 0o600
    assert spool.root.stat().st_mode & 0o777 == 0o700


def test_incoming_files_come_oldest_first(spool: Spool) -> None:
    paths = [put(spool, f"{n}".encode()) for n in range(20)]
    assert list(spool.incoming()) == paths


def test_a_kept_file_is_found_by_its_name_and_survives_its_incoming_name(spool: Spool) -> None:
    path = put(spool)
    name = spool.keep(path)
    assert path.exists(), "the incoming name goes only after the row is committed"
    spool.discard(path)
    spool.discard(path)
    assert spool.path(name).read_bytes() == b"metadata set"
    assert list(spool.incoming()) == []


def test_keeping_the_same_content_twice_is_one_file(spool: Spool) -> None:
    assert len(set(spool.keep_all([put(spool), put(spool), put(spool, b"other")]))) == 2


def test_a_kept_name_that_lost_its_bytes_is_mended_by_the_next_arrival(spool: Spool) -> None:
    name = spool.keep(put(spool))
    (spool.root / name).unlink()
    (spool.root / name).write_bytes(b"")
    assert spool.path(spool.keep(put(spool))).read_bytes() == b"metadata set"


def test_a_refused_file_lies_beside_its_reason(spool: Spool) -> None:
    path = put(spool)
    name = spool.refuse(path, "missing-uid")
    assert spool.path(name).read_bytes() == b"metadata set"
    assert spool.path(name).with_suffix(".reason").read_text() == "missing-uid\n"
    assert not path.exists()


HOSTILE = st.text(max_size=80) | st.sampled_from(
    ["../../etc/passwd", "/etc/passwd", "kept/../../x.dcm", "kept/aa/bb/" + "a" * 64, "incoming/x.dcm\0", ""]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(HOSTILE)
def test_no_foreign_name_leaves_the_spool(spool: Spool, name: str) -> None:
    with pytest.raises(Refused):
        spool.path(name)
    for verb in (spool.discard, spool.keep, lambda path: spool.refuse(path, "x")):
        with pytest.raises((Refused, ValueError)):
            verb(spool.root / "incoming" / name)


def test_a_name_of_the_right_form_that_is_not_there_is_not_found(spool: Spool) -> None:
    with pytest.raises(NotFound):
        spool.path("kept/aa/bb/" + "ab" * 32 + ".dcm")


def test_evidence_is_durable_under_its_digest_and_the_same_bytes_are_one_file(spool: Spool) -> None:
    name = spool.put_evidence(b"a result")
    assert name == spool.put_evidence(b"a result")
    assert spool.path(name).read_bytes() == b"a result"
    assert hashlib.sha256(b"a result").hexdigest() in name
    assert os.listdir(spool.root / "parts") == []
    assert list(spool.incoming()) == [], "a result never looks like an arrival"


def test_a_discarded_part_leaves_nothing(spool: Spool) -> None:
    part = spool.new_part(b"meta")
    part.write(b"half")
    part.discard()
    part.discard()
    assert os.listdir(spool.root / "parts") == []


def test_a_part_is_readable_while_it_is_written(spool: Spool) -> None:
    part = spool.new_part(b"meta")
    part.write(b"data set")
    assert part.read(5, 100) == b"set"
    part.discard()


def test_many_writers_at_once_each_get_their_own_durable_file(spool: Spool) -> None:
    paths: list[Path] = []

    def write(number: int) -> None:
        paths.extend(put(spool, f"{number} {n}".encode()) for n in range(10))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(set(paths)) == 80
    assert set(spool.incoming()) == set(paths)


def test_a_named_orphan_is_rescued_when_whole_and_removed_when_torn(spool: Spool) -> None:
    for whole in (True, False):
        path = put(spool, b"whole" if whole else b"torn")
        orphan = spool.root / "parts" / path.name
        os.rename(path, orphan)
        assert spool.sweep_parts(0, lambda *_: whole) == ((0, 1) if whole else (1, 0))  # noqa: B023
        assert path.exists() is whole
        assert not orphan.exists()
    assert len(list(spool.incoming())) == 1


def test_a_young_part_is_left_alone(spool: Spool) -> None:
    (spool.root / "parts" / "young.part").write_bytes(b"x")
    assert spool.sweep_parts(60, lambda *_: False) == (0, 0)


def test_a_disk_that_cannot_store_is_unavailable(spool: Spool) -> None:
    (spool.root / "parts").rmdir()
    with pytest.raises(Unavailable):
        spool.new_part()


def test_free_space_is_what_an_ordinary_user_may_use(spool: Spool) -> None:
    found = os.statvfs(spool.root)
    assert abs(spool.free_bytes() - found.f_bavail * found.f_frsize) < 1 << 30
