"""Hop 5: the doorbell. An RQ job carries an analysis id and nothing else.

Promises: JSON payloads only, the function is named by string and is the only one a worker will call,
and a Redis that is away raises Unavailable: the row stays due and is rung again.
"""

from __future__ import annotations

from collections.abc import Sequence

from redis import Redis, RedisError
from rq import Queue
from rq.serializers import JSONSerializer

from triage.domain.errors import ConfigError, Unavailable

QUEUE = "analysis"
FUNCTION = "workers.pipeline.analyse"
# A ring is worth nothing once the row was rung again; the worker asks Postgres anyway.
RING_TTL_S = 3600
# While no worker takes them every open analysis is rung for again and again; Redis must not fill up with that.
MOST_RINGS = 1000
RESULT_TTL_S = 60
FAILURE_TTL_S = 3600
SOCKET_TIMEOUT_S = 5.0


def connect(url: str) -> Redis:
    """Return a client of redis://, rediss:// or unix://; connects on first use. Raises ConfigError."""
    try:
        return Redis.from_url(url, socket_timeout=SOCKET_TIMEOUT_S, socket_connect_timeout=SOCKET_TIMEOUT_S)
    except ValueError:  # what the address is stays unsaid: it may hold a password
        raise ConfigError("redis.url", "is not a Redis URL", "Write redis://host:6379/0.") from None


def ring(client: Redis, analyses: Sequence[int], job_timeout_s: int) -> int:
    """Ring once for each analysis and return how many; raises Unavailable when Redis does not take it.

    A queue that is full is left as it is: what was not rung for is due again after its pause.
    """
    try:
        queue = Queue(QUEUE, connection=client, serializer=JSONSerializer)
        rung = analyses[: max(0, MOST_RINGS - queue.count)]
        for analysis_id in rung:
            queue.enqueue_call(
                FUNCTION,
                args=(analysis_id,),
                timeout=job_timeout_s,
                ttl=RING_TTL_S,
                result_ttl=RESULT_TTL_S,
                failure_ttl=FAILURE_TTL_S,
            )
    except RedisError as trouble:
        raise Unavailable("redis", "the doorbell does not answer") from trouble
    return len(rung)


def waiting(client: Redis) -> int:
    """Return how many rings wait for a worker; raises Unavailable."""
    try:
        return Queue(QUEUE, connection=client, serializer=JSONSerializer).count
    except RedisError as trouble:
        raise Unavailable("redis", "the doorbell does not answer") from trouble
