"""The worker's end of the doorbell: waits on the RQ queue and reads one analysis id out of a ring.

Promise: nothing that Redis holds is ever imported, called or unpickled. A ring is taken only if it names
the one known function with one whole number; it is deleted before the analysis starts, because Postgres
says what is due.
Refuses everything else in the queue and drops it. RQ's own worker is not used: it imports what Redis
names, obeys commands from Redis, and ends with exit code 0 when a job's record is corrupt (see
ops/decisions on the warm child).
"""

from __future__ import annotations

import json
import zlib

from redis import Redis, RedisError
from rq import Queue
from rq.exceptions import DequeueTimeout
from rq.intermediate_queue import IntermediateQueue
from rq.job import Job
from rq.serializers import JSONSerializer

from triage.domain.errors import Refused, Unavailable

QUEUE = "analysis"
FUNCTION = "workers.pipeline.analyse"
MAX_RING_BYTES = 4096
SOCKET_TIMEOUT_S = 10.0
LARGEST_ID = 2**63 - 1


def ring_of(data: bytes) -> int:
    """Return the analysis id in a job's data; raises Refused for any other content."""
    try:
        inflater = zlib.decompressobj()
        plain = inflater.decompress(data, MAX_RING_BYTES)
    except zlib.error:
        plain = data[:MAX_RING_BYTES]
    try:
        function, instance, args, kwargs = json.loads(plain)
    except (ValueError, TypeError, RecursionError) as error:
        raise Refused("foreign-ring", "a queued job is not one of ours") from error
    if function != FUNCTION or instance is not None or kwargs or not isinstance(args, list) or len(args) != 1:
        raise Refused("foreign-ring", "a queued job names another function or other arguments")
    analysis_id = args[0]
    if type(analysis_id) is not int or not 0 < analysis_id <= LARGEST_ID:
        raise Refused("foreign-ring", "a queued job names no analysis")
    return analysis_id


class Doorbell:
    """One queue of one Redis; connects on first use and again after every failure."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(
            url,
            socket_timeout=SOCKET_TIMEOUT_S,
            socket_connect_timeout=SOCKET_TIMEOUT_S / 2,
            health_check_interval=30,
        )
        self._queue = Queue(QUEUE, connection=self._redis, serializer=JSONSerializer)

    def wait(self, seconds: int) -> int | None:
        """Return the next ring's analysis id, or None after `seconds`; raises Unavailable or Refused."""
        try:
            _, found = Queue.lmove(self._redis, self._queue.key, seconds)
            return ring_of(self._take(bytes(found)))
        except DequeueTimeout:
            return None
        except RedisError as error:
            raise Unavailable("redis", "the doorbell does not answer") from error

    def _take(self, job_id: bytes) -> bytes:
        """Remove a ring from Redis and return its data; empty when its record is gone."""
        name = job_id.decode("ascii", "replace")
        record = Job.key_for(name)
        data = self._redis.hget(record, "data")
        with self._redis.pipeline() as removal:
            removal.lrem(IntermediateQueue(self._queue.key, self._redis).key, 0, name)
            removal.delete(record)
            removal.execute()
        return data if isinstance(data, bytes) else b""

    def close(self) -> None:
        """Close the connection."""
        self._redis.close()
