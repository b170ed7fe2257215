"""The attention map from a spooled phantom film to the child's reply, with the shipped bundles."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

from PIL import Image

from tests.integration.workers.test_real_child import request, spooled
from tests.phantom_files import fracture_pair
from triage.domain.finding import TriageOutcome
from triage.spool import Spool
from workers.child.__main__ import open_analyst
from workers.child.study import Analyst
from workers.child.wire import Configuration
from workers.models.bundle import BUNDLES
from workers.report import Mode


def test_a_flagged_film_has_a_map_in_assist_mode_alone_made_of_what_was_computed_anyway(
    tmp_path: Path,
) -> None:
    spool = Spool(tmp_path / "spool")
    films = list(fracture_pair())
    instances = [spooled(spool, film, tmp_path) for film in films]
    study = replace(request(*instances), study_instance_uid=str(films[0].StudyInstanceUID))
    analyst = open_analyst(Configuration(str(spool.root), str(BUNDLES), 1, "assist", 4 * 2**30))
    assisted = analyst.analyse(study)
    assert assisted.outcome.triage.outcome is TriageOutcome.FLAGGED
    key = assisted.key_image
    assert key is not None
    with Image.open(io.BytesIO(key.attention)) as picture:
        assert picture.format == "PNG" and picture.size == (key.width, key.height)
    assert len(key.attention) < 65536
    timings = assisted.outcome.timings_ms
    assert timings["attention"] < sum(timings.values()) / 10, "nearly nothing beside the rest"
    plain = Analyst(analyst._networks, spool, Mode.TRIAGE).analyse(study)  # warm ones
    assert plain.key_image == replace(key, attention=b"") and "attention" not in plain.outcome.timings_ms
