"""What is kept is byte for byte what was handed over, or nothing is kept."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests import model_cast as cast
from triage.bundles import folder as bundle_folder
from triage.bundles import keep as keeping
from triage.bundles.folder import about
from triage.bundles.keep import keep, place
from triage.domain.errors import Conflict, Refused
from workers.models import bundle

PROOF = {"golden_vectors": 4}


def test_what_may_be_imported_is_what_the_bundles_reader_reads() -> None:
    """Two rooms that may not import each other say it; neither may drift."""
    assert {bundle.DESCRIPTION, *bundle.FILES} == keeping.FILES
    assert keeping.MOST_BYTES == {bundle.WEIGHTS: bundle.MOST_WEIGHTS_BYTES}
    assert keeping.MOST_OTHER_BYTES == bundle.MOST_FILE_BYTES


def prove(folder: Path, digest: str) -> Mapping[str, Any]:
    """Say yes as the network's own process would."""
    return PROOF


def refuse(folder: Path, digest: str) -> Mapping[str, Any]:
    """Say no as it would."""
    raise Refused("bundle", "golden.npz: logits differ")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "home" / "models"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return cast.hollow(tmp_path / "given")


def left(store: Path) -> list[str]:
    return sorted(entry.name for entry in store.iterdir()) if store.exists() else []


def zipped(source: Path, to: Path, prefix: str = "") -> Path:
    with zipfile.ZipFile(to, "w") as archive:
        for entry in source.iterdir():
            archive.write(entry, f"{prefix}{entry.name}")
    return to


@pytest.mark.parametrize("prefix", ["", "vertebra-fresh/"])
def test_a_folder_and_a_zip_of_it_are_kept_alike(source: Path, tmp_path: Path, prefix: str) -> None:
    first = keep(tmp_path / "one", source, prove)
    second = keep(tmp_path / "two", zipped(source, tmp_path / "b.zip", prefix), prove)
    assert first.facts == second.facts and first.proof == PROOF
    assert first.folder.name == second.folder.name == "vertebra-fresh@1.1.0"
    assert about(first.folder, first.facts["digest"])["state"] == "as pinned"
    assert {p.name: p.read_bytes() for p in first.folder.iterdir()} == {
        p.name: p.read_bytes() for p in second.folder.iterdir()
    }


def test_importing_the_same_again_changes_nothing(store: Path, source: Path) -> None:
    assert keep(store, source, prove) == keep(store, source, prove)
    assert left(store) == ["vertebra-fresh@1.1.0"]


def test_what_a_killed_import_left_goes_a_day_later_and_one_that_runs_stays(
    store: Path, source: Path
) -> None:
    for name, age in ((".incoming-dead", keeping.ABANDONED_SECONDS + 60), (".incoming-running", 60)):
        (store / name).mkdir(parents=True)
        (store / name / "weights.npz").write_bytes(b"half")
        then = store.stat().st_mtime - age
        os.utime(store / name, (then, then))
    keep(store, source, prove)
    assert left(store) == [".incoming-running", "vertebra-fresh@1.1.0"]


def test_a_version_that_is_here_keeps_its_content(store: Path, source: Path, tmp_path: Path) -> None:
    kept = keep(store, source, prove)
    other = cast.hollow(tmp_path / "other")
    (other / "card.md").write_text("another card")
    cast.described(other, {})
    with pytest.raises(Conflict, match="another version"):
        keep(store, other, prove)
    assert about(kept.folder, kept.facts["digest"])["state"] == "as pinned"
    assert left(store) == ["vertebra-fresh@1.1.0"]


def test_a_network_that_does_not_answer_as_packaged_leaves_nothing(store: Path, source: Path) -> None:
    with pytest.raises(Refused, match="logits differ"):
        keep(store, source, refuse)
    assert left(store) == []


@pytest.mark.parametrize("name", [*cast.NAMES, "bundle.json"])
def test_a_changed_byte_is_refused_with_the_files_name(store: Path, source: Path, name: str) -> None:
    data = bytearray((source / name).read_bytes())
    data[len(data) // 2] ^= 1
    (source / name).write_bytes(bytes(data))
    with pytest.raises(Refused) as why:
        keep(store, source, prove)
    assert name == "bundle.json" or name in str(why.value)
    assert left(store) == []


@pytest.mark.parametrize("name", cast.NAMES)
def test_a_missing_file_is_refused(store: Path, source: Path, name: str) -> None:
    (source / name).unlink()
    with pytest.raises(Refused, match="missing"):
        keep(store, source, prove)


def test_what_no_bundle_has_is_refused(store: Path, source: Path, tmp_path: Path) -> None:
    (source / "layers.py").write_text("print('hello')")
    with pytest.raises(Refused, match=r"layers\.py"):
        keep(store, source, prove)
    (source / "layers.py").unlink()
    (source / "card.md").unlink()
    (source / "card.md").symlink_to("/etc/hostname")
    with pytest.raises(Refused, match="plain file"):
        keep(store, source, prove)
    with pytest.raises(Refused, match="neither a folder nor a zip"):
        keep(store, source / "weights.npz", prove)


@pytest.mark.parametrize("name", ["../../evil", "a/b/card.md", "/etc/passwd", "..\\x"])
def test_an_archive_cannot_write_outside(store: Path, source: Path, tmp_path: Path, name: str) -> None:
    path = zipped(source, tmp_path / "b.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, "x")
    with pytest.raises(Refused):
        keep(store, path, prove)
    assert left(store) == [] and not (tmp_path / "evil").exists()


def test_an_archive_that_unpacks_without_end_is_stopped(
    store: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "MOST_OTHER_BYTES", 1000)
    (source / "metrics.json").write_bytes(b" " * 10_000)
    cast.described(source, {})
    path = tmp_path / "b.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(source / "metrics.json", "metrics.json")
    with pytest.raises(Refused, match="larger"):
        keep(store, path, prove)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../../escape"},
        {"name": "Capital"},
        {"version": "1/2"},
        {"version": ".."},
        {"version": ""},
        {"name": None},
    ],
)
def test_a_name_or_version_that_is_no_folder_name_is_refused(
    store: Path, source: Path, change: dict[str, Any]
) -> None:
    cast.described(source, change)
    with pytest.raises(Refused):
        keep(store, source, prove)
    assert left(store) == []


@pytest.mark.parametrize("said", [b"", b"[]", b"{", b"\xff", b'{"files": []}', b'{"files": {"x": 1}}'])
def test_a_description_that_is_none_is_refused(store: Path, source: Path, said: bytes) -> None:
    (source / "bundle.json").write_bytes(said)
    with pytest.raises(Refused):
        keep(store, source, prove)


def test_no_file_is_read_that_a_foreign_description_names(
    store: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    digest = bundle_folder.digest

    def watched(path: Path) -> str:
        read.append(path)
        return digest(path)

    monkeypatch.setattr(bundle_folder, "digest", watched)
    outside = tmp_path / "outside"
    outside.write_text("not yours")
    said = json.loads((source / "bundle.json").read_bytes())
    said["files"] = {str(outside): digest(outside), **said["files"]}
    (source / "bundle.json").write_text(json.dumps(said))
    with pytest.raises(Refused, match="does not list the files"):
        keep(store, source, prove)
    assert read == []


def test_what_the_database_knows_with_another_digest_never_gets_the_name(store: Path, source: Path) -> None:
    asked: list[tuple[str, str]] = []

    def other(name: str, version: str) -> str:
        asked.append((name, version))
        return "f" * 64

    with pytest.raises(Conflict, match="another version"):
        keep(store, source, prove, other)
    assert asked == [("vertebra-fresh", "1.1.0")] and left(store) == []
    kept = keep(store, source, prove, lambda *_: None)
    shutil.rmtree(kept.folder)
    assert keep(store, source, prove, lambda *_: kept.facts["digest"]) == kept


def test_a_reference_never_leaves_the_store(store: Path) -> None:
    with pytest.raises(Refused):
        place(store, "..", "1")


def test_the_process_that_proves_gets_no_setting_and_its_silence_is_a_refusal(
    store: Path, source: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "told.py"
    program.write_text("import json, os; print(json.dumps({'environment': sorted(os.environ)}))")
    monkeypatch.setattr(keeping, "CHECK", ("-P", str(program)))
    monkeypatch.setenv("TRIAGE_DATABASE__URL", "secret")
    kept = keep(store, source)
    assert "PATH" in kept.proof["environment"] and "TRIAGE_DATABASE__URL" not in kept.proof["environment"]
    program.write_text("import sys; sys.exit(3)")
    with pytest.raises(Refused, match="code 3"):
        keep(tmp_path / "other", source)
    program.write_text(f"print({json.dumps(json.dumps({'rejected': 'unknown architecture'}))})")
    with pytest.raises(Refused, match="unknown architecture"):
        keep(tmp_path / "third", source)
