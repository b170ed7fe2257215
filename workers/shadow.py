"""The shadow: after the live answer was recorded, ask a candidate set of bundles about the same study.

Promise: it never delays a live answer (a thread of its own, a child of its own that gives way to every other process,
no study taken while a live one is in hand), and whatever becomes of it the live worker goes on. What it answers goes to
its own table: it holds no pipeline, builds no evidence and knows no destination.
Without a bundle in the shadow there is no second child and no memory taken.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Engine

from triage import log
from triage.domain.errors import TriageError
from triage.store import models, shadows
from triage.store.shadows import ShadowTask
from workers.child.warm import ChildDied, ChildHung, Orders, WarmChild
from workers.child.wire import Message, StudyRequest
from workers.follow import placed_in, with_models

logger = log.get(__name__)
NICENESS = 19
IDLE_SECONDS = 5.0
TROUBLE_SECONDS = 30.0
# It gives way to everybody, so it may take many times as long as the live one.
PATIENCE = 5.0
MARGIN_SECONDS = 60.0


class Stopped(TriageError):
    """The worker stops: what the shadow has in hand is dropped and asked again later."""


class Shadow:
    """One thread beside the worker's loop; `busy` says whether a live study is in hand."""

    def __init__(
        self, engine: Engine, orders: Orders, store: Path, busy: Callable[[], bool], study_seconds: float
    ) -> None:
        self._engine = engine
        self._orders = replace(orders, configuration=replace(orders.configuration, niceness=NICENESS))
        self._store = store
        self._busy = busy
        self._seconds = study_seconds * PATIENCE
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.child = WarmChild(self._orders)
        self.state = ""

    def ensure(self) -> None:
        """Start the thread if it does not run: also after a mistake of its own had ended it."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._serve, name="shadow", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread and its child."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(10)
        self.child.kill()

    def step(self) -> bool:
        """Ask the candidate about one study, if there is a candidate and a study; return whether there was."""
        placed = shadows.running(self._engine)
        if not placed:
            self.child.kill()
            self.state = ""
            return False
        promoted = models.live(self._engine) | {one.model.name: one.model for one in placed}
        self.child.follow(with_models(self._orders, placed_in(self._store, promoted)))
        if self._busy():
            return False
        # Warm before a study is taken: bundles that cannot load must not cost it its attempts.
        self.child.start(self._tick)
        # Warming takes long enough for a live study to have come.
        if self._busy():
            return False
        self.state = shadows.candidate_of(placed)
        since = max(one.since for one in placed if one.since is not None)
        task = shadows.claim(self._engine, self.state, since, self._seconds + MARGIN_SECONDS)
        if task is None:
            return False
        self._ask(task)
        return True

    def _ask(self, task: ShadowTask) -> None:
        request = StudyRequest(
            task.analysis_id, task.study_instance_uid, task.revision, task.started_at, task.instances
        )
        try:
            answer = self.child.ask({"judge": request.to_json()}, self._seconds, self._tick)
        except (ChildDied, ChildHung) as end:
            shadows.failed(self._engine, task, end.reason)
            return
        self._keep(task, answer)

    def _keep(self, task: ShadowTask, answer: Message) -> None:
        if "judged" in answer:
            shadows.answered(self._engine, task, answer["judged"])
            return
        told = next((answer[word] for word in ("unprocessable", "unavailable") if word in answer), None)
        if told is None:
            # After a bug nobody knows what is left of it: the next study gets a new child.
            self.child.kill()
        shadows.failed(self._engine, task, "internal-error" if told is None else str(told["reason"]))

    def _tick(self) -> None:
        if self._stop.is_set():
            raise Stopped("stopping", "the worker was told to stop")

    def _serve(self) -> None:
        while not self._stop.is_set():
            wait = 0.0
            try:
                wait = 0.0 if self.step() else IDLE_SECONDS
            except Stopped:
                break
            except TriageError as why:
                logger.warning("shadow waits", reason=why.reason, sentence=why.sentence)
                self.state = f"waits: {why.reason}"
                wait = TROUBLE_SECONDS
            self._rest(wait)
        self.child.kill()

    def _rest(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._stop.wait(0.2):
            pass
