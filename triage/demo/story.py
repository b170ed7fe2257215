"""What `triage up` does beside running: the demonstration PACS, the phantoms, a person's folders, the end of --once.

The story itself runs as one more program of the tree (`python -m triage.demo`), so that the supervisor
stays a single thread that only supervises.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from triage.config import Settings, default_home, load_settings
from triage.demo import settings as demo_settings
from triage.demo.sender import Held
from triage.supervisor.account import leave_root
from triage.supervisor.plan import UPGRADE, command
from triage.supervisor.program import Program
from triage.supervisor.start import supervise

STORY = "story"
PACS = "demo-pacs"
PEOPLE = "demo-people"


@dataclass(frozen=True)
class Story:
    """What the person asked for."""

    demo: bool
    once: bool
    folders: tuple[Path, ...]
    deadline_s: float


def up(story: Story, *, logs: bool, environ: Mapping[str, str] = os.environ) -> int:
    """Start everything; return the exit code."""
    home = default_home(environ)
    # The folders may be readable for root alone: whoever reads them starts before root is left.
    held = Held.start(story.folders) if story.folders else None
    leave_root(home)
    if story.demo:
        demo_settings.write_once(home)
    os.environ["TRIAGE_HOME"] = str(home)
    settings = load_settings(home=home)
    return supervise(settings, lambda found: extra_programs(found, story, held), logs=logs)


def extra_programs(settings: Settings, story: Story, held: Held | None) -> Sequence[Program]:
    """Return the demonstration PACS, its people and the story, as far as they are wanted."""
    found = []
    if story.demo:
        pacs = command(settings, PACS, ("run", PACS), after=(UPGRADE,))
        found.append(pacs)
    if story.demo and not story.once and settings.web.accounts == "local":
        found.append(_people(settings))
    if story.demo or story.once or held:
        found.append(_story(settings, story, held))
    return found


def _people(settings: Settings) -> Program:
    program = command(settings, PEOPLE, (), after=(UPGRADE,), runs_once=True)
    return replace(
        program,
        argv=(sys.executable, "-P", "-m", "triage.demo.people"),
        speaks_to_the_person=True,
        tells_secrets=True,
    )


def _story(settings: Settings, story: Story, held: Held | None) -> Program:
    request = {
        "demo": story.demo,
        "once": story.once,
        "deadline_s": story.deadline_s,
        "folders": [str(folder) for folder in story.folders],
        "held": [held.order, held.news] if held else None,
    }
    after = ("receiver", "web", *((PACS,) if story.demo else ()))
    program = command(settings, STORY, (), after=after, runs_once=True, stop_rank=0)
    return replace(
        program,
        argv=(sys.executable, "-P", "-m", "triage.demo", json.dumps(request)),
        ends_the_tree=story.once,
        speaks_to_the_person=True,
        pass_fds=(held.order, held.news) if held else (),
        grace_seconds=5.0,
    )
