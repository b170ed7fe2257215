"""The services that a single machine brings along: a real PostgreSQL and a real Valkey, on unix sockets.

Promises: neither listens on TCP, neither runs as uid 0, and no folder but TRIAGE_HOME changes its mode.
Refuses a data folder of another major version. For evaluation and single boxes; a site names its own
servers in `database.url` and `redis.url`.
"""
