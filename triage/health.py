"""One list of questions about this installation, for the command line and for probes.

Promises that every question is answered within seconds, whatever is away, with what to do about it.
Never changes anything.
"""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from triage.bundles.folder import DESCRIPTION, digest
from triage.bundles.keep import place
from triage.config import Settings
from triage.domain.errors import TriageError
from triage.spool import Spool
from triage.store import (
    accounts,
    bounded,
    evidence,
    models,
    operations,
    presence,
    queue_rows,
    schema,
    studies,
    worklist_guard,
    worklist_policy,
)
from triage.store.situation import FLAG_WINDOWS

if TYPE_CHECKING:
    from sqlalchemy import Engine

PROCESSES = ("registrar", "closer", "outbox", "worker")
LATE_DELIVERY_SECONDS = 900.0
LATE_ANALYSIS_SECONDS = 300.0
UNREAD_HOURS = 24.0
# A flag that is raised on every fourth study, or never in 200, says more of the model than of the patients.
FLAGS_MOST = 0.25
FLAGS_JUDGED, FLAGS_SILENT = FLAG_WINDOWS


class Verdict(StrEnum):
    """How an answer counts."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Answer:
    """One question answered; `advice` is what to do when it is not ok."""

    question: str
    verdict: Verdict
    sentence: str
    advice: str = ""


Question = Callable[[Settings, "Engine"], Iterator[Answer]]


def _ok(question: str, sentence: str) -> Answer:
    return Answer(question, Verdict.OK, sentence)


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{bounded.spoken(counts[state])} {state}" for state in sorted(counts)) or "none yet"


def database(_: Settings, engine: Engine) -> Iterator[Answer]:
    """Ask whether the database answers and has the schema that this version needs."""
    current, needed = schema.current(engine), schema.head()
    if current == needed:
        yield _ok("database", f"answers, at {current}")
    else:
        sentence = f"its schema is at {current or 'nothing'}, this version needs {needed}"
        yield Answer("database", Verdict.FAIL, sentence, "Run `triage db upgrade`.")


def doorbell(settings: Settings, _: Engine) -> Iterator[Answer]:
    """Ask whether Redis answers; without it analyses only start later."""
    from triage.dispatch import queue

    address = settings.redis.url.get_secret_value()
    if not address:
        yield Answer("redis", Verdict.WARN, "no address is set: analyses start later", "Set redis.url.")
        return
    waiting = queue.waiting(queue.connect(address))
    yield _ok("redis", f"answers, {waiting} rings waiting")


def spool(settings: Settings, _: Engine) -> Iterator[Answer]:
    """Ask whether there is room for images and whether any wait for the catalogue."""
    try:
        free = shutil.disk_usage(settings.spool_root if settings.spool_root.exists() else settings.home).free
    except OSError as trouble:
        sentence = f"{settings.home} cannot be looked into ({trouble.strerror})"
        yield Answer("spool", Verdict.FAIL, sentence, "Set TRIAGE_HOME to the running product's folder.")
        return
    low = settings.spool.low_water_bytes
    if free < low:
        advice = "Free some space: the receiver refuses new associations."
        yield Answer("spool", Verdict.FAIL, f"{free >> 20} MiB free, below {low >> 20} MiB", advice)
    else:
        yield _ok("spool", f"{free >> 20} MiB free")
    if settings.spool_root.exists():
        refused = sum(1 for path in (settings.spool_root / "refused").glob("*.dcm"))
        if refused:
            sentence = f"{refused} received files could not be catalogued"
            yield Answer("refused", Verdict.WARN, sentence, f"See {settings.spool_root / 'refused'}.")
        waiting = sum(1 for _ in Spool(settings.spool_root).incoming())
        yield _ok("incoming", f"{waiting} received files wait for the catalogue")


def doors(settings: Settings, _: Engine) -> Iterator[Answer]:
    """Ask whether the receiver and the page accept connections."""
    for name, door in (("receiver", settings.dicom), ("web", settings.web)):
        where = f"{door.host}:{door.port}"
        try:
            socket.create_connection((door.host, door.port), timeout=2).close()
            yield _ok(name, f"accepts connections at {where}")
        except OSError as trouble:
            sentence = f"nothing accepts connections at {where} ({trouble})"
            yield Answer(name, Verdict.FAIL, sentence, f"Is `triage run {name}` up? See its log.")


def processes(_: Settings, engine: Engine) -> Iterator[Answer]:
    """Ask which processes were seen lately."""
    seen = presence.everyone(engine)
    for kind in PROCESSES:
        living = [one for one in seen if one.kind == kind and one.alive]
        if living:
            yield _ok(
                kind, f"{len(living)} alive, last seen {min(p.silent_seconds for p in living):.0f} s ago"
            )
        else:
            yield Answer(kind, Verdict.FAIL, "not seen lately", f"Is `triage run {kind}` up? See its log.")


def analyses(_: Settings, engine: Engine) -> Iterator[Answer]:
    """Ask whether analyses failed for good."""
    counts = queue_rows.counts(engine)
    failed = counts.get("failed", 0)
    rest = _told(counts)
    if failed:
        advice = "Look: `triage requeue --state failed --dry-run`."
        yield Answer("analyses", Verdict.WARN, rest, advice)
    else:
        yield _ok("analyses", rest)


def delivery(settings: Settings, engine: Engine) -> Iterator[Answer]:
    """Ask whether results wait for a PACS or were refused by it."""
    if not settings.results.destinations:
        yield Answer(
            "delivery", Verdict.WARN, "no destination is configured", "Add [[results.destinations]]."
        )
    for peer in evidence.backlog(engine):
        sentence = f"{peer.peer}: {peer.pending} waiting, {peer.refused} refused"
        if peer.refused or peer.oldest_seconds > LATE_DELIVERY_SECONDS:
            yield Answer("delivery", Verdict.WARN, sentence, f"Try `triage dicom echo {peer.peer}`.")
        else:
            yield _ok("delivery", sentence)


def people(settings: Settings, engine: Engine) -> Iterator[Answer]:
    """Ask whether somebody can sign in and look after the accounts."""
    mode = settings.web.accounts
    if mode == "name":
        advice = 'For a trial on this machine alone; a site writes "local", "oidc" or "proxy".'
        yield Answer("people", Verdict.WARN, "readers type a name that nobody checks", advice)
    elif mode == "local" and not accounts.any_admin(engine):
        yield Answer(
            "people", Verdict.WARN, "there is no administrator", "triage user add NAME --role admin --once"
        )
    else:
        yield _ok("people", f"sign in by {mode}")


def queue(_: Settings, engine: Engine) -> Iterator[Answer]:
    """Ask whether analyses wait too long."""
    oldest = max((line.oldest_seconds for line in operations.queue(engine)), default=0.0)
    sentence = f"the oldest open analysis has waited {oldest:.0f} s"
    if oldest > LATE_ANALYSIS_SECONDS:
        yield Answer("queue", Verdict.WARN, sentence, "Is a worker up? `triage status`.")
    else:
        yield _ok("queue", sentence if oldest else "nothing waits for an answer")


def flags(_: Settings, engine: Engine) -> Iterator[Answer]:
    """Ask whether the model flags as often as is to be believed."""
    newest = operations.newest_answers(engine, FLAGS_SILENT)
    judged = newest[:FLAGS_JUDGED]
    sentence = f"{sum(judged)} of the last {len(judged)} answers are flags"
    advice = "Look at the studies; stop the order by flags if the model is wrong."
    if len(judged) == FLAGS_JUDGED and sum(judged) > FLAGS_MOST * FLAGS_JUDGED:
        yield Answer("flags", Verdict.WARN, sentence, advice)
    elif len(newest) == FLAGS_SILENT and not any(newest):
        sentence = f"none of the last {FLAGS_SILENT} answers is a flag"
        yield Answer("flags", Verdict.WARN, sentence, "Look whether the images still reach the model.")
    else:
        yield _ok("flags", sentence)


def unread(_: Settings, engine: Engine) -> Iterator[Answer]:
    """Ask whether a study was left unread for a day by the wall clock."""
    left = operations.unread_longer_than(engine, UNREAD_HOURS)
    if left:
        sentence = f"{left} studies wait unread for more than {UNREAD_HOURS:.0f} h"
        yield Answer("unread", Verdict.WARN, sentence, "Read them first: `triage worklist list`.")
    else:
        yield _ok("unread", f"no study waits for more than {UNREAD_HOURS:.0f} h")


def catalogue(_: Settings, engine: Engine) -> Iterator[Answer]:
    """Tell how many studies are in which state."""
    counts = studies.counts(engine)
    yield _ok("studies", _told(counts))


def order(settings: Settings, engine: Engine) -> Iterator[Answer]:
    """Ask which order is in force, and whether the guard on overtaking decides too often."""
    version = worklist_policy.current(engine, settings.order_policy())
    who = f", set by {version.actor}: {version.reason}" if version.id else ", from the settings"
    yield _ok("order", f"{version.policy.describe()}{who}")
    share = worklist_guard.share(engine)
    if share.alarming:
        advice = (
            "Flags overtake so many that arrival decides again: too many flags, too large a B, or more arrives "
            "than is read. See `triage worklist policy show`."
        )
        yield Answer("guard", Verdict.WARN, share.sentence(), advice)
    else:
        yield _ok("guard", share.sentence())


def promoted(settings: Settings, engine: Engine) -> Iterator[Answer]:
    """Ask whether what was promoted lies here; its bundle.json alone is read, for it names every other digest."""
    found = models.live(engine)
    for one in found.values():
        path = place(settings.model_store, one.name, one.version) / DESCRIPTION
        if not path.is_file() or digest(path) != one.digest:
            sentence = f"{one.reference} answers, and is not in {path.parent} as it was imported"
            advice = "A worker here stands still: import it here, or `triage model rollback --reason ...`."
            yield Answer("models", Verdict.WARN, sentence, advice)
            return
    yield _ok("models", ", ".join(sorted(one.reference for one in found.values())) or "as shipped")


QUESTIONS: dict[str, Question] = {
    "database": database,
    "redis": doorbell,
    "spool": spool,
    "doors": doors,
    "processes": processes,
    "studies": catalogue,
    "analyses": analyses,
    "queue": queue,
    "flags": flags,
    "unread": unread,
    "delivery": delivery,
    "people": people,
    "order": order,
    "models": promoted,
}


def ask(settings: Settings, engine: Engine) -> list[Answer]:
    """Ask everything; a question that cannot be answered is an answer as well."""
    answers: list[Answer] = []
    for name, question in QUESTIONS.items():
        try:
            answers += question(settings, engine)
        except TriageError as error:
            answers.append(
                Answer(name, Verdict.FAIL, error.sentence, "Is the product running here? `triage up`.")
            )
    return answers


def worst(answers: list[Answer]) -> Verdict:
    """Return the worst verdict."""
    found = {answer.verdict for answer in answers}
    return next((verdict for verdict in (Verdict.FAIL, Verdict.WARN) if verdict in found), Verdict.OK)
