"""The settings tree: every key with its type and default. Nothing here reads anything."""

from __future__ import annotations

from pathlib import Path
from string import Formatter
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from triage.config.access import AccessSettings, networks
from triage.config.base import Section
from triage.config.order import WorklistSettings
from triage.domain.closing import ClosingRules
from triage.domain.errors import Refused
from triage.domain.identity import parse_ae_title
from triage.domain.outcome import OutcomeLabel
from triage.domain.policy import OrderPolicy


def _ae_title(value: str) -> str:
    try:
        return str(parse_ae_title(value))
    except Refused as refused:
        raise ValueError(refused.sentence) from refused


class TlsSettings(Section):
    """PEM files; TLS 1.2 or newer (PS3.15 B.12)."""

    certificate: Path
    key: Path
    ca: Path | None = None
    require_client_certificate: bool = True


class Peer(Section):
    """A calling AE that may store here. `address` empty = from any address."""

    ae_title: str
    address: str = ""
    max_associations: int | None = Field(default=None, ge=1)
    quiet_seconds: float | None = Field(default=None, ge=0)

    _check_title = field_validator("ae_title")(_ae_title)


class DicomSettings(Section):
    """The Storage and Verification SCP."""

    ae_title: str = "TRIAGE"
    host: str = "127.0.0.1"
    port: int = Field(default=11112, ge=1, le=65535)
    receivers: int = Field(default=1, ge=1, le=16)
    peers: tuple[Peer, ...] = ()
    accept_unknown_peers: bool = False
    max_associations: int = Field(default=50, ge=1, le=900)
    max_associations_per_peer: int = Field(default=25, ge=1)
    max_pdu: int = Field(default=131072, ge=4096, le=1048576)
    max_object_bytes: int = Field(default=4 * 1024**3, ge=1024)
    pdu_timeout_s: float = Field(default=30.0, gt=0)
    idle_timeout_s: float = Field(default=60.0, gt=0)
    association_request_timeout_s: float = Field(default=5.0, gt=0)
    association_limit_s: float = Field(default=3600.0, gt=0)
    tls: TlsSettings | None = None

    _check_title = field_validator("ae_title")(_ae_title)


class SpoolSettings(Section):
    """Where acknowledged bytes live; empty root = TRIAGE_HOME/spool."""

    root: Path | None = None
    low_water_bytes: int = Field(default=1024**3, ge=0)


class UrlSettings(Section):
    """A service's address; empty = the embedded one."""

    url: SecretStr = SecretStr("")


class ClosingSettings(Section):
    """Seconds of silence that close a study; peers may have their own figure."""

    quiet_seconds: dict[str, float] = Field(
        default_factory=lambda: {"CR": 30.0, "DX": 30.0, "RF": 30.0, "XA": 30.0, "MR": 90.0}
    )
    default_quiet_seconds: float = Field(default=30.0, ge=0)
    pair_seconds: float = Field(default=5.0, ge=0)
    ceiling_seconds: float = Field(default=900.0, gt=0)
    tick_seconds: float = Field(default=1.0, gt=0)


class DispatchSettings(Section):
    """Leases and attempts of analyses."""

    lease_seconds: float = Field(default=60.0, ge=5)
    max_attempts: int = Field(default=3, ge=1)
    ring_seconds: float = Field(default=15.0, gt=0)
    study_timeout_seconds: float = Field(default=120.0, gt=0)


class Destination(Section):
    """A PACS that receives our results."""

    name: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")
    ae_title: str
    host: str
    port: int = Field(ge=1, le=65535)
    calling_ae_title: str = ""
    tls: TlsSettings | None = None

    _check_title = field_validator("ae_title")(_ae_title)


class ResultsSettings(Section):
    """Delivery of SR, SEG and presentation states."""

    destinations: tuple[Destination, ...] = ()
    timeout_s: float = Field(default=30.0, gt=0)
    backoff_first_s: float = Field(default=5.0, gt=0)
    backoff_most_s: float = Field(default=600.0, gt=0)
    breaker_failures: int = Field(default=3, ge=1)


VIEWER_SCHEMES = ("http://", "https://", "weasis://", "radiant://")
VIEWER_FIELDS = {"study_uid", "accession"}


class Viewer(Section):
    """A viewer the page can open a study in; `url` holds {study_uid} and/or {accession}, percent-encoded."""

    name: str = Field(min_length=1, max_length=40)
    url: str

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        if not value.startswith(VIEWER_SCHEMES):
            raise ValueError(f"must begin with one of {', '.join(VIEWER_SCHEMES)}")
        try:
            named = {field for _, field, _, _ in Formatter().parse(value) if field is not None}
        except ValueError as trouble:
            raise ValueError("a brace that opens must close; write {{ for a brace itself") from trouble
        if not named or not named <= VIEWER_FIELDS:
            raise ValueError("holds {study_uid} or {accession}, and nothing else in braces")
        return value


class OutcomeSettings(Section):
    """What the reporting system's codes mean for `triage worklist outcomes import`: fresh, old, none, unknown."""

    codes: dict[str, OutcomeLabel] = Field(default_factory=dict)


class WebSettings(Section):
    """The radiologist's page. `due_minutes` is shown beside the wait; it moves no row. `accounts`: who says who
    somebody is; `name` is for one machine's trial alone. `feeds_most`: live pages open at one web process at a time;
    `feeds_per_reader`: of one account or token."""

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=1, le=65535)
    allow_remote: bool = False
    allowed_hosts: tuple[str, ...] = ()
    viewers: tuple[Viewer, ...] = ()
    skip_minutes: float = Field(default=15.0, gt=0, le=240)
    feeds_most: int = Field(default=400, ge=1, le=10000)
    feeds_per_reader: int = Field(default=12, ge=1)
    due_minutes: dict[str, float] = Field(
        default_factory=lambda: {"STAT": 30.0, "HIGH": 60.0, "MEDIUM": 120.0, "ROUTINE": 120.0, "LOW": 240.0}
    )
    accounts: Literal["local", "name", "proxy", "oidc"] = "local"
    # Whose X-Forwarded-For and X-Forwarded-Proto are believed: the proxy that does TLS.
    trusted_proxies: tuple[str, ...] = ()

    _check_proxies = field_validator("trusted_proxies")(networks)


class ProductSettings(Section):
    """What the product may say. `triage`: words only; `assist`: also level, score and overlays."""

    clinical: Literal[False] = False
    mode: Literal["triage", "assist"] = "triage"
    site: str = ""


class ModelSettings(Section):
    """Bundles to serve until others are promoted; empty root = those shipped with the product. `bf16` names bundles
    that may be served in half precision; each is only where its golden vectors agree."""

    root: Path | None = None
    threads: int = Field(default=1, ge=1)
    bf16: tuple[
        Literal["view-gate", "vertebra-locator", "vertebra-fresh", "alignment", "mr-locator", "mr-vertebra"],
        ...,
    ] = ()


class LogSettings(Section):
    """Logs never hold patient data at any level."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "plain"] = "json"


class Settings(Section):
    """Everything the product can be told."""

    home: Path
    dicom: DicomSettings = DicomSettings()
    spool: SpoolSettings = SpoolSettings()
    database: UrlSettings = UrlSettings()
    redis: UrlSettings = UrlSettings()
    closing: ClosingSettings = ClosingSettings()
    dispatch: DispatchSettings = DispatchSettings()
    results: ResultsSettings = ResultsSettings()
    worklist: WorklistSettings = WorklistSettings()
    outcomes: OutcomeSettings = OutcomeSettings()
    web: WebSettings = WebSettings()
    access: AccessSettings = AccessSettings()
    product: ProductSettings = ProductSettings()
    models: ModelSettings = ModelSettings()
    log: LogSettings = LogSettings()

    @property
    def spool_root(self) -> Path:
        """Return the spool's folder."""
        return self.spool.root or self.home / "spool"

    @property
    def model_store(self) -> Path:
        """Return the folder of imported bundles."""
        return self.home / "models"

    def closing_rules(self) -> ClosingRules:
        """Return the closing rules with each peer's own quiet period."""
        peers = {p.ae_title: p.quiet_seconds for p in self.dicom.peers if p.quiet_seconds is not None}
        return ClosingRules(
            quiet_seconds=self.closing.quiet_seconds,
            default_quiet_seconds=self.closing.default_quiet_seconds,
            peer_quiet_seconds=peers,
            pair_seconds=self.closing.pair_seconds,
            ceiling_seconds=self.closing.ceiling_seconds,
        )

    def order_policy(self) -> OrderPolicy:
        """Return the figures the worklist is ordered by until a change of policy is recorded."""
        return self.worklist.order_policy()
