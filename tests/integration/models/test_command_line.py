"""An administrator's way with a real bundle: import, list, promote, roll back; and every refusal on it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests import model_cast as cast
from tests.command_line import Triage, items
from triage.bundles.keep import keep
from triage.store import audit, models

NAME = "vertebra-fresh"
WHY = ("--reason", "four weeks in the shadow", "--as", "Dr A")


@pytest.fixture
def site(triage: Triage, bundles: Path) -> Triage:
    """The command line of a site that ships the small bundles."""
    return triage.under(TRIAGE_MODELS__ROOT=str(bundles))


def roles(site: Triage) -> dict[str, str]:
    found = items(site("model", "list", "--json"))
    return {f"{one['name']}@{one['version']}": one["role"] for one in found if one["name"] == NAME}


def test_a_bundle_goes_from_import_to_promotion_and_back(
    site: Triage, engine: Engine, candidate: Path, tmp_path: Path
) -> None:
    packed = shutil.make_archive(str(tmp_path / "candidate"), "zip", candidate)
    kept = items(site("model", "import", packed, "--as", "Dr A", "--json"))[0]
    assert (kept["name"], kept["version"], kept["new"], kept["golden_vectors"]) == (NAME, "1.1.0", True, 4)
    assert kept["largest_difference"] < 1e-3
    assert items(site("model", "import", str(candidate), "--json"))[0]["new"] is False
    assert roles(site) == {f"{NAME}@0.0.0-untrained": "live", f"{NAME}@1.1.0": ""}
    assert site("model", "verify").returncode == 0
    done = items(site("model", "promote", f"{NAME}@1.1.0", *WHY, "--json"))[0]
    assert (done["before"], done["now"], done["digest"]) == ("as shipped", "1.1.0", kept["digest"])
    assert roles(site) == {f"{NAME}@0.0.0-untrained": "", f"{NAME}@1.1.0": "live"}
    assert site("model", "promote", f"{NAME}@1.1.0", *WHY).returncode == 4
    shown = items(site("model", "show", NAME, "--json"))[0]
    assert (shown["version"], shown["architecture"]["id"]) == ("1.1.0", "spinenet/1")
    assert site("model", "rollback", "--reason", "flags doubled").returncode == 0
    assert roles(site) == {f"{NAME}@0.0.0-untrained": "live", f"{NAME}@1.1.0": ""}
    assert site("model", "rollback", "--reason", "more").returncode == 4
    told = [one["act"] for one in items(site("model", "history", "--json"))]
    assert told == ["rollback", "promote"]
    actions = [(entry.actor, entry.action) for entry in audit.entries(engine)][::-1]
    assert actions[:2] == [("Dr A", "model.import"), ("Dr A", "model.promote")]


def test_a_changed_byte_is_found_and_refuses_the_promotion(site: Triage, candidate: Path) -> None:
    kept = items(site("model", "import", str(candidate), "--json"))[0]
    weights = Path(kept["folder"]) / "weights.npz"
    weights.chmod(0o644)
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(bytes(data))
    checked = site("model", "verify", "--json")
    assert checked.returncode == 10
    assert "weights.npz was changed or is missing" in [one["state"] for one in items(checked)]
    refused = site("model", "promote", f"{NAME}@1.1.0", *WHY)
    assert refused.returncode == 1 and "weights.npz" in refused.stderr
    again = site("model", "import", str(candidate))
    assert again.returncode == 4 and "other bytes" in again.stderr
    assert roles(site)[f"{NAME}@1.1.0"] == ""


def test_a_rollback_to_what_is_not_whole_here_is_refused_with_the_way_out(
    site: Triage, engine: Engine, tmp_path: Path
) -> None:
    store = Path(site.environment["TRIAGE_HOME"]) / "models"
    kept = [
        keep(store, cast.hollow(tmp_path / v, version=v), lambda *_: {}) for v in ("1.1.0", "1.2.0", "1.3.0")
    ]
    for one in kept:
        models.register(engine, one.facts, "Dr A")
        models.promote(engine, NAME, one.facts["version"], "Dr A", "better")
    (kept[1].folder / "card.md").write_text("another card")
    for asked in ((NAME,), ()):
        refused = site("model", "rollback", *asked, *WHY)
        assert refused.returncode == 1 and "card.md was changed" in refused.stderr
        assert "import that bundle again, or promote another" in refused.stderr
    assert models.live(engine)[NAME].version == "1.3.0"
    shutil.rmtree(kept[1].folder)
    keep(store, tmp_path / "1.2.0", lambda *_: {})
    assert site("model", "rollback", *WHY).returncode == 0
    assert models.live(engine)[NAME].version == "1.2.0"


def test_an_import_that_the_database_knows_otherwise_leaves_nothing_under_its_name(
    site: Triage, engine: Engine, candidate: Path
) -> None:
    models.register(engine, cast.facts(letter="f"), "Dr A")
    refused = site("model", "import", str(candidate))
    assert refused.returncode == 4 and "another version" in refused.stderr
    assert not (Path(site.environment["TRIAGE_HOME"]) / "models" / f"{NAME}@1.1.0").exists()


def test_a_bundle_that_answers_otherwise_than_packaged_is_not_kept(
    site: Triage, candidate: Path, tmp_path: Path
) -> None:
    import numpy as np

    copy = tmp_path / "copy"
    shutil.copytree(candidate, copy)
    golden = dict(np.load(copy / "golden.npz"))
    golden["logits"] = golden["logits"] + 1
    np.savez_compressed(copy / "golden.npz", **golden)
    cast.described(copy, {"version": "1.2.0"})
    refused = site("model", "import", str(copy))
    assert refused.returncode == 1 and "golden.npz: logits differ" in refused.stderr
    cast.described(copy, {"version": "1.2.0", "architecture": {"id": "os.system", "params": {}}})
    refused = site("model", "import", str(copy))
    assert refused.returncode == 1 and "unknown architecture" in refused.stderr
    assert list(roles(site)) == [f"{NAME}@0.0.0-untrained"]


def test_a_bundle_that_could_not_serve_under_its_name_is_not_kept(
    site: Triage, candidate: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(candidate, copy)
    cast.described(copy, {"version": "1.3.0", "operating_points": []})
    refused = site("model", "import", str(copy))
    assert refused.returncode == 1 and "no operating point 'triage'" in refused.stderr


def test_a_shadow_is_switched_on_and_off_and_reported(site: Triage, candidate: Path) -> None:
    site("model", "import", str(candidate))
    assert site("model", "shadow", "on", f"{NAME}@1.1.0", *WHY).returncode == 0
    assert roles(site)[f"{NAME}@1.1.0"] == "shadow"
    assert items(site("model", "shadow", "report", "--since", "1d", "--json")) == []
    assert "No shadow answered" in site("model", "shadow", "report").stderr
    assert site("model", "shadow", "off", f"{NAME}@1.1.0", *WHY).returncode == 0
    assert site("model", "shadow", "off", f"{NAME}@1.1.0", *WHY).returncode == 3
    assert site("model", "shadow", "on", NAME, *WHY).returncode == 1


def test_without_a_database_the_shipped_bundles_are_still_listed(tmp_path: Path, bundles: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "TRIAGE_HOME": str(tmp_path),
        "TRIAGE_MODELS__ROOT": str(bundles),
    }
    done = Triage(environment)("model", "list", "--json")
    assert done.returncode == 0 and len(items(done)) == 3 and "not known" in done.stderr


def test_importing_never_loads_tensorflow_into_the_command(site: Triage, candidate: Path) -> None:
    heavy = {"tensorflow", "keras", "numpy", "workers"}
    code = (
        "import sys, atexit\n"
        f"atexit.register(lambda: sys.stderr.write('LOADED ' + repr(sorted({heavy!r} & sys.modules.keys()))))\n"
        f"sys.argv = ['triage', 'model', 'import', {str(candidate)!r}, '--json']\n"
        "from triage.cli.root import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, env=dict(site.environment)
    )
    assert done.returncode == 0, done.stderr
    assert "LOADED []" in done.stderr
    assert json.loads(done.stdout)["items"][0]["new"] is True
