"""DIMSE over an association: commands are assembled, data sets streamed, each request answered once.

C-STORE and C-ECHO are served, C-CANCEL is ignored, anything else is answered 0211. Refuses, as
`Violation`, fragments out of order and contexts that were not accepted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from triage.arrival.command import C_CANCEL_RQ, C_ECHO_RQ, C_STORE_RQ, MOST_COMMAND, Command, parse, response
from triage.arrival.negotiation import AcceptedContext
from triage.arrival.pdu import Pdv, Violation, data_pdu
from triage.arrival.reception import PATIENCE_BYTES, Origin, Reception, TooMuch
from triage.arrival.status import STATUS, Cause
from triage.log import get
from triage.metrics import INSTANCES_RECEIVED, STORE_SECONDS
from triage.spool import Spool

LOG = get(__name__)
_Result = TypeVar("_Result")


class _Unwanted:
    """The data set of a request that was refused before it arrived."""

    def __init__(self, cause: Cause) -> None:
        self._cause = cause
        self._left = PATIENCE_BYTES

    def write(self, fragment: memoryview) -> bool:
        self._left -= len(fragment)
        if self._left < 0:
            raise TooMuch
        return True

    def finish(self) -> Cause:
        return self._cause

    def discard(self) -> None:
        """Nothing is held."""


class Messages:
    """The DIMSE half of one association."""

    def __init__(
        self,
        spool: Spool,
        contexts: dict[int, AcceptedContext],
        origin: Origin,
        most_bytes: int,
        send: Callable[[bytes], None],
    ) -> None:
        self._spool = spool
        self._contexts = contexts
        self._origin = origin
        self._most_bytes = most_bytes
        self._send = send
        self._command = bytearray()
        self._context_id = 0
        self._request: Command | None = None
        self._data: Reception | _Unwanted | None = None
        self._began = 0.0
        self.stored = 0
        self.refused = 0

    @property
    def busy(self) -> bool:
        """True from the first fragment of a message until its answer."""
        return self._data is not None or bool(self._command)

    def take(self, pdv: Pdv) -> None:
        """Take the next fragment; raises Violation or TooMuch, after which the association must end."""
        if pdv.context_id not in self._contexts:
            raise Violation("context was not accepted")
        if pdv.is_command:
            self._take_command(pdv)
        else:
            self._take_data(pdv)

    def abandon(self) -> None:
        """Forget an object that will not be finished."""
        if self._data is not None:
            self._data.discard()
            self._data = None

    def _take_command(self, pdv: Pdv) -> None:
        if self._data is not None:
            raise Violation("command inside a data set")
        if self._command and pdv.context_id != self._context_id:
            raise Violation("command changes its context")
        self._context_id = pdv.context_id
        self._command += pdv.data
        if len(self._command) > MOST_COMMAND:
            raise Violation("command set too long")
        if pdv.is_last:
            request = parse(self._command)
            self._command.clear()
            self._begin(request)

    def _begin(self, request: Command) -> None:
        if request.is_response:
            raise Violation("response without a request")
        if request.field == C_CANCEL_RQ:
            return
        self._request, self._began = request, time.monotonic()
        if request.field == C_ECHO_RQ and not request.has_data_set:
            self._answer(Cause.STORED)
        elif request.field == C_STORE_RQ:
            self._begin_store(request)
        elif request.has_data_set:
            self._data = _Unwanted(Cause.UNRECOGNISED_OPERATION)
        else:
            self._answer(Cause.UNRECOGNISED_OPERATION)

    def _begin_store(self, request: Command) -> None:
        if not request.has_data_set:
            self._answer(Cause.NO_DATA_SET)
            return
        context = self._contexts[self._context_id]
        self._data = self._guarded(
            lambda: Reception(self._spool, request, context, self._origin, self._most_bytes)
        ) or _Unwanted(Cause.INTERNAL)

    def _take_data(self, pdv: Pdv) -> None:
        data = self._data
        if data is None or pdv.context_id != self._context_id:
            raise Violation("data set fragment without its command")
        if not self._guarded(partial(data.write, pdv.data)):
            data.discard()
            data = self._data = _Unwanted(Cause.INTERNAL)
        if pdv.is_last:
            cause = self._guarded(data.finish) or Cause.INTERNAL
            data.discard()
            self._data = None
            self._answer(cause)

    def _guarded(self, step: Callable[[], _Result]) -> _Result | None:
        try:
            return step()
        except TooMuch:
            raise
        # A fault of this program must reach the sender as "try again", never as a fault of its data.
        except Exception:
            LOG.exception("store-failed", calling_ae=self._origin.calling_ae)
            return None

    def _answer(self, cause: Cause) -> None:
        request, self._request = self._request, None
        if request is None:
            raise Violation("nothing was asked")
        status = STATUS[cause]
        self._send(data_pdu(self._context_id, response(request, status)))
        if request.field != C_STORE_RQ:
            return
        INSTANCES_RECEIVED.labels(status.family).inc()
        STORE_SECONDS.observe(time.monotonic() - self._began)
        if cause is Cause.STORED:
            self.stored += 1
        else:
            self.refused += 1
            LOG.warning(
                "store-refused", calling_ae=self._origin.calling_ae, cause=cause.value, status=status.code
            )
