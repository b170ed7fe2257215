"""`triage check` looks at the newest answers: too many flags, or none at all, say something of the model."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests import worklist_cast as cast
from tests.web_site import settings_for
from triage import health
from triage.domain.finding import Triage
from triage.health import Verdict


def test_too_many_flags_and_none_at_all_are_warned_of(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "FLAGS_JUDGED", 4)
    monkeypatch.setattr(health, "FLAGS_SILENT", 6)
    settings = settings_for(tmp_path, engine.url.render_as_string(hide_password=False))

    def answered(name: str, *answers: Triage) -> tuple[Verdict, str]:
        for number, answer in enumerate(answers):
            cast.analysed(engine, cast.image_arrives(engine, f"{name}{number}"), answer)
        (said,) = health.flags(settings, engine)
        return said.verdict, said.sentence

    none, flag = cast.not_flagged(), cast.flagged()
    assert answered("early", none, none, none) == (Verdict.OK, "0 of the last 3 answers are flags")
    assert answered("fourth", flag) == (Verdict.OK, "1 of the last 4 answers are flags")
    assert answered("more", flag) == (Verdict.WARN, "2 of the last 4 answers are flags")
    assert answered("quiet", *[none] * 5) == (Verdict.OK, "0 of the last 4 answers are flags")
    assert answered("silent", none) == (Verdict.WARN, "none of the last 6 answers is a flag")
