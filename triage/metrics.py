"""Every metric, declared here with its sentence. Labels are bounded and never patient data or UIDs."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 600)

ASSOCIATIONS = Counter(
    "spine_triage_dicom_associations_total", "Association requests answered, by result.", ["result"]
)
ASSOCIATIONS_OPEN = Gauge("spine_triage_dicom_associations_open", "Associations open now.")
INSTANCES_RECEIVED = Counter(
    "spine_triage_dicom_instances_received_total", "C-STORE requests answered, by status class.", ["status"]
)
STORE_SECONDS = Histogram(
    "spine_triage_dicom_store_seconds", "From the command to the C-STORE response.", buckets=_SECONDS
)
INSTANCES_REGISTERED = Counter(
    "spine_triage_instances_registered_total", "Instances entered in the catalogue, by outcome.", ["outcome"]
)
STUDIES_CLOSED = Counter("spine_triage_studies_closed_total", "Revisions closed, by reason.", ["reason"])
ANALYSES = Counter("spine_triage_analyses_total", "Analyses ended, by result.", ["result"])
NOT_ANALYSED = Counter("spine_triage_not_analysed_total", "Studies not analysed, by reason.", ["reason"])
STAGE_SECONDS = Histogram(
    "spine_triage_job_seconds", "Time of one analysis, by stage.", ["stage"], buckets=_SECONDS
)
DELIVERIES = Counter("spine_triage_dicom_send_total", "Results sent, by peer and result.", ["peer", "result"])
SSE_CLIENTS = Gauge("spine_triage_sse_clients", "Browsers connected to the live feed.")
SSE_REFUSED = Counter(
    "spine_triage_sse_refused_total", "Live feeds refused, by the limit that was reached.", ["limit"]
)
HTTP_SECONDS = Histogram(
    "spine_triage_http_request_seconds",
    "Requests to the page.",
    ["route", "method", "code"],
    buckets=_SECONDS,
)
LOGINS = Counter("spine_triage_login_total", "Tries to sign in, by method and result.", ["method", "result"])
ORDER_JUDGED = Counter(
    "spine_triage_order_judged_total", "Rounds of the stop rule, by what it said: go-on or stop.", ["result"]
)
BUILD = Gauge("spine_triage_build_info", "This version of the product; always 1.", ["version"])
DB_POOL = Gauge("spine_triage_db_pool_in_use", "Database connections of this process in use now.")
# Read from Postgres when /metrics is asked, so that one page speaks for every process.
STUDIES = Gauge(
    "spine_triage_studies", "Studies on their way: receiving, or closed and in analysis.", ["state"]
)
QUEUE_DEPTH = Gauge("spine_triage_queue_depth", "Analyses waiting or running, by state.", ["state"])
QUEUE_OLDEST = Gauge(
    "spine_triage_queue_oldest_age_seconds", "How long the oldest unanswered analysis waits."
)
MODEL = Gauge(
    "spine_triage_model_info",
    "The models that gave the newest answer; always 1.",
    ["model", "version", "digest"],
)
SEND_BACKLOG = Gauge("spine_triage_send_backlog", "Results not yet delivered, by peer.", ["peer"])
WORKLIST_UNREAD = Gauge("spine_triage_worklist_unread", "Studies waiting to be read, by band.", ["band"])
FLAG_RATIO = Gauge(
    "spine_triage_flag_ratio",
    "Share of flags among a model's newest answers; `window` is how many at most.",
    ["model", "window"],
)
# Counted by each web process from the audit's new rows, whoever wrote them: of several, take one.
AUDIT_EVENTS = Counter("spine_triage_audit_events_total", "What was done, by the audit's word.", ["action"])
OVERRIDES = Counter(
    "spine_triage_override_total",
    "Studies that a person moved against the order, by direction and reason.",
    ["direction", "reason"],
)
FEEDBACK = Counter(
    "spine_triage_feedback_total",
    "Readers' opinions on flags, by the model that answered, verdict and cause.",
    ["model", "verdict", "cause"],
)
GUARD_SHARE = Gauge(
    "spine_triage_guard_promoted_ratio", "Share of the last openings that the guard had put first."
)
ORDER_STOPPED = Gauge(
    "spine_triage_order_stopped", "1 while the order is by requested class alone: chosen or stopped."
)
DISK_FREE = Gauge("spine_triage_disk_free_bytes", "Free space where the spool lives.")
