"""Settings: one typed tree from one TOML file and TRIAGE_* variables, read once at start.

Order: TRIAGE_SECTION__KEY, then TRIAGE_SECTION__KEY_FILE (a file that holds a secret), then the TOML
file ($TRIAGE_CONFIG, else $TRIAGE_HOME/triage.toml), then the defaults. A mistake is refused at start
with the key's name and what to write instead. Nothing else in the product reads the environment.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_data_path
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from triage.domain.closing import ClosingRules
from triage.domain.errors import ConfigError, Refused
from triage.domain.identity import parse_ae_title
from triage.domain.priority import OrderPolicy

PREFIX = "TRIAGE_"
NOT_SETTINGS = frozenset({"TRIAGE_HOME", "TRIAGE_CONFIG"})
TEST_PREFIX = "TRIAGE_TEST_"


class Section(BaseModel):
    """A part of the tree: frozen, and a key nobody knows is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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


class WorklistSettings(Section):
    """The order of the reading worklist (seniority: minutes, see the decision record on the order)."""

    policy: Literal["seniority"] = "seniority"
    seniority_minutes: float = Field(default=2880.0, ge=0)
    harm: dict[str, float] = Field(
        default_factory=lambda: {"STAT": 0.2, "HIGH": 0.2, "MEDIUM": 0.05, "ROUTINE": 0.01, "LOW": 0.01}
    )
    prior: dict[str, float] = Field(
        default_factory=lambda: {"STAT": 0.10, "HIGH": 0.10, "MEDIUM": 0.05, "ROUTINE": 0.03, "LOW": 0.03}
    )
    stat_calling_aes: tuple[str, ...] = ()
    claim_minutes: float = Field(default=20.0, gt=0)


class WebSettings(Section):
    """The radiologist's page."""

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=1, le=65535)
    allow_remote: bool = False
    allowed_hosts: tuple[str, ...] = ()


class ProductSettings(Section):
    """What the product may say. `triage`: words only; `assist`: also level, score and overlays."""

    clinical: Literal[False] = False
    mode: Literal["triage", "assist"] = "triage"
    site: str = ""


class ModelSettings(Section):
    """Bundles to serve; empty root = those shipped with the product."""

    root: Path | None = None
    threads: int = Field(default=1, ge=1)


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
    web: WebSettings = WebSettings()
    product: ProductSettings = ProductSettings()
    models: ModelSettings = ModelSettings()
    log: LogSettings = LogSettings()

    @property
    def spool_root(self) -> Path:
        """Return the spool's folder."""
        return self.spool.root or self.home / "spool"

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
        """Return the figures the worklist is ordered by; a class the site left out keeps its default."""
        usual = OrderPolicy()
        return OrderPolicy(
            name=self.worklist.policy,
            seniority_minutes=self.worklist.seniority_minutes,
            harm={**usual.harm, **self.worklist.harm},
            prior={**usual.prior, **self.worklist.prior},
            stat_calling_aes=self.worklist.stat_calling_aes,
        )


def default_home(environ: Mapping[str, str]) -> Path:
    """Return TRIAGE_HOME, else /var/lib for root (which the product leaves at once), else this user's data folder."""
    if os.geteuid() == 0 and not environ.get("TRIAGE_HOME"):
        return Path("/var/lib/spine-triage")
    return Path(environ.get("TRIAGE_HOME") or user_data_path("spine-triage", appauthor=False)).absolute()


def load_settings(environ: Mapping[str, str] | None = None, home: Path | None = None) -> Settings:
    """Read the settings once; raises ConfigError naming the key, the mistake and the cure."""
    env = os.environ if environ is None else environ
    where = home or default_home(env)
    tree, _ = read_sources(env, where)
    return build(where, tree)


def read_sources(environ: Mapping[str, str], home: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the merged raw tree and, for each dotted key, where its value came from."""
    path = Path(environ.get("TRIAGE_CONFIG") or home / "triage.toml")
    tree = _read_toml(path, required="TRIAGE_CONFIG" in environ)
    origins = {dotted: str(path) for dotted in _dotted(tree)}
    for name, value in sorted(environ.items()):
        if not name.startswith(PREFIX) or name in NOT_SETTINGS or name.startswith(TEST_PREFIX):
            continue
        keys, text = _from_environment(name, value)
        _put(tree, keys, text, name)
        origins[".".join(keys)] = name
    return tree, origins


def build(home: Path, tree: Mapping[str, Any]) -> Settings:
    """Turn a raw tree into Settings; raises ConfigError for the first mistake."""
    try:
        return Settings.model_validate({**tree, "home": home})
    except ValidationError as mistakes:
        raise _explain(mistakes) from mistakes


def _read_toml(path: Path, *, required: bool) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            return tomllib.load(stream)
    except FileNotFoundError:
        if required:
            raise ConfigError("TRIAGE_CONFIG", f"{path} does not exist", "Name an existing file.") from None
        return {}
    except tomllib.TOMLDecodeError as mistake:
        raise ConfigError(str(path), f"is not valid TOML ({mistake})", "Mend that line.") from mistake
    except OSError as trouble:
        raise ConfigError(
            str(path), f"cannot be read ({trouble.strerror})", "Give read permission."
        ) from trouble


def _from_environment(name: str, value: str) -> tuple[list[str], Any]:
    keys = name[len(PREFIX) :].lower().split("__")
    if len(keys) < 2:
        raise ConfigError(
            name, "names no setting", "Write TRIAGE_SECTION__KEY, for example TRIAGE_DICOM__PORT."
        )
    if keys[-1].endswith("_file"):
        keys[-1] = keys[-1].removesuffix("_file")
        try:
            return keys, Path(value).read_text().strip()
        except OSError as trouble:
            raise ConfigError(
                name, f"{value} cannot be read ({trouble.strerror})", "Name a readable file."
            ) from None
    if value[:1] in "[{":
        try:
            return keys, tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError as mistake:
            raise ConfigError(
                name, f"is not a TOML value ({mistake})", "Write it as in the TOML file."
            ) from mistake
    return keys, value


def _put(tree: dict[str, Any], keys: list[str], value: Any, name: str) -> None:
    branch = tree
    for key in keys[:-1]:
        branch = branch.setdefault(key, {})
        if not isinstance(branch, dict):
            raise ConfigError(name, f"{key} is not a section", "Look at `triage config show`.")
    branch[keys[-1]] = value


def _dotted(tree: Mapping[str, Any], prefix: str = "") -> list[str]:
    names: list[str] = []
    for key, value in tree.items():
        names += _dotted(value, f"{prefix}{key}.") if isinstance(value, dict) else [prefix + key]
    return names


def _explain(mistakes: ValidationError) -> ConfigError:
    first = mistakes.errors()[0]
    place = [str(part) for part in first["loc"]]
    key = ".".join(place)
    if first["type"] == "extra_forbidden":
        return ConfigError(key, "there is no such setting", _nearest(place))
    if first["type"] == "missing":
        return ConfigError(key, "is missing", "Add it.")
    shown = "" if "url" in place else f" (found {str(first['input'])[:60]!r})"
    return ConfigError(key, f"{first['msg']}{shown}", "Correct it; `triage config show` lists every key.")


def _nearest(place: list[str]) -> str:
    section: Any = reduce(_child, place[:-1], Settings)
    known = list(getattr(section, "model_fields", {}))
    close = difflib.get_close_matches(place[-1], known, n=1)
    return f"Did you mean {close[0]}?" if close else f"Known here: {', '.join(known)}."


def _child(section: Any, name: str) -> Any:
    field = getattr(section, "model_fields", {}).get(name)
    return None if field is None else field.annotation
