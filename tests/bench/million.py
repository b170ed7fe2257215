"""A worklist that has run for years, made by SQL in about a minute: phantoms' names, nobody's data.

One million studies, each with its row of the worklist, a series and an image; the last of them are unread, with
classes and answers as a site has them. Keys are what the usual policy gives; the benchmark keys them anew anyway.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, text

from tests import services
from triage.store import engine as database
from triage.store import schema

# Five studies a minute, the newest now; the phantoms' names repeat as patients do.
ARRIVED = "now() - make_interval(secs => (:studies - n) * 12)"
PHANTOM = "'PHANTOM^' || lpad((n % 400000)::text, 6, '0')"
REQUESTED = "CASE n % 20 WHEN 0 THEN CASE n % 100 WHEN 0 THEN 'STAT' ELSE 'MEDIUM' END WHEN 1 THEN 'HIGH' WHEN 2 THEN 'HIGH' ELSE 'ROUTINE' END"
CHANCE = "CASE WHEN n % 9 = 0 THEN 0.5 + (n % 50) / 100.0 ELSE (n % 40) / 100.0 END"
STATEMENTS = (
    # Neither notifications nor checks of references, row by row: the references hold by construction.
    "SET LOCAL session_replication_role = replica",
    "SET LOCAL statement_timeout = 0",
    "CREATE TEMPORARY TABLE made ON COMMIT DROP AS "
    f"SELECT n, '2.25.7' || lpad(n::text, 12, '0') AS uid, {ARRIVED} AS at, {REQUESTED} AS requested, "
    f"{CHANCE} AS chance, n > :studies - :unread AS waits, n % 10 <> 3 AS answered "
    "FROM generate_series(1, :studies) AS n",
    "INSERT INTO study (id, study_instance_uid, state, revision, patient_id, patient_name, patient_birth_date, "
    "patient_sex, accession_number, study_date, study_time, study_description, requested_priority, calling_ae, "
    "first_arrival, opened_at, last_arrival) OVERRIDING SYSTEM VALUE "
    f"SELECT n, uid, CASE WHEN waits THEN 'closed' ELSE 'analysed' END, 1, 'PH' || n % 400000, {PHANTOM}, '19500102', 'F', 'PHACC' || n, "
    "to_char(at, 'YYYYMMDD'), to_char(at, 'HH24MISS'), 'L-spine AP and lateral', requested, 'CR_' || n % 5, at, at, at "
    "FROM made",
    "INSERT INTO series (id, study_id, series_instance_uid, modality) OVERRIDING SYSTEM VALUE SELECT n, n, uid || '.1', 'CR' FROM made",
    "INSERT INTO instance (study_id, series_id, sop_instance_uid, sop_class_uid, transfer_syntax_uid, digest, size, "
    "spool_name, arrived_at, revision, modality, rows, columns) "
    "SELECT n, n, uid || '.1.1', '1.2.840.10008.5.1.4.1.1.1', '1.2.840.10008.1.2.1', md5(uid), 15000000, "
    "'kept/' || md5(uid), at, 1, 'CR', 3000, 2500 FROM made",
    "INSERT INTO worklist_item (study_id, state, requested_priority, tier, key, arrived_at, study_instance_uid, "
    "reason_code, reason, ai_status, ai_reason, ai_sentence, outcome, probability, threshold, policy, counted, "
    "changed_at, waits_since, touched_by_person, opened_at, completed_at, completed_by) "
    "SELECT n, CASE WHEN waits THEN 'SCHEDULED' ELSE 'COMPLETED' END, requested, "
    "CASE requested WHEN 'STAT' THEN 1 ELSE 2 END, "
    "extract(epoch FROM at - '2000-01-01'::timestamptz) / 60 - 2880 * CASE WHEN answered THEN chance ELSE 0.05 END, "
    "at, uid, CASE WHEN chance >= 0.5 THEN 'flagged' ELSE 'no-flag' END, 'made', "
    "CASE WHEN answered THEN 'done' ELSE 'waiting' END, '', '', "
    "CASE WHEN NOT answered THEN '' WHEN chance >= 0.5 THEN 'FLAGGED' ELSE 'NOT_FLAGGED' END, "
    "CASE WHEN answered THEN chance END, 0.5, 'seniority B=2880', "
    "CASE WHEN answered THEN jsonb_build_object('flagged', chance >= 0.5, 'findings', "
    "jsonb_build_object('fresh-fracture', chance)) END, at, at, NOT waits, "
    "CASE WHEN NOT waits THEN at + interval '2 hours' END, CASE WHEN NOT waits THEN at + interval '2 hours' END, "
    "CASE WHEN waits THEN '' ELSE 'Dr Phantom' END FROM made",
    "SELECT setval(pg_get_serial_sequence('study', 'id'), :studies), "
    "setval(pg_get_serial_sequence('series', 'id'), :studies)",
)


@contextmanager
def cluster_with(studies: int, unread: int, shared_buffers: str) -> Iterator[Engine]:
    """Yield an engine on a cluster of its own that holds so many studies, analysed by the planner."""
    cluster = services.Postgres(shared_buffers)
    try:
        cluster.admin("CREATE DATABASE million")
        engine = database.connect(cluster.url("million"))
        schema.upgrade(engine)
        fill(engine, studies, unread)
        yield engine
        engine.dispose()
    finally:
        cluster.remove()


def fill(engine: Engine, studies: int, unread: int) -> None:
    """Put the studies in."""
    figures = {"studies": studies, "unread": unread}
    with engine.begin() as connection:
        for statement in STATEMENTS:
            wanted = {name: value for name, value in figures.items() if f":{name}" in statement}
            connection.execute(text(statement), wanted)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE"))


def opened_before(engine: Engine, openings: int, youngest_minutes: float, apart_seconds: float) -> None:
    """Remember openings of arrivals that are so old and so far apart: they draw the guard's lines."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO worklist_opening (study_id, waits_since, reader, requested_priority, tier, offered, "
                "promoted, past) SELECT 100000000 + n, now() - make_interval(secs => :first + n * :apart), "
                "'Dr Phantom', 'ROUTINE', 2, true, false, 0 FROM generate_series(1, :openings) AS n"
            ),
            {"openings": openings, "first": youngest_minutes * 60, "apart": apart_seconds},
        )
        connection.execute(text("ANALYZE worklist_opening"))
