"""Settings: one typed tree from one TOML file and TRIAGE_* variables, read once at start.

Order: TRIAGE_SECTION__KEY, then TRIAGE_SECTION__KEY_FILE (a file that holds a secret), then the TOML
file ($TRIAGE_CONFIG, else $TRIAGE_HOME/triage.toml), then the defaults. A mistake is refused at start
with the key's name and what to write instead. Nothing else in the product reads the environment.
"""

from __future__ import annotations

from triage.config.access import AccessSettings, OidcSettings, ProxySettings
from triage.config.base import Section
from triage.config.load import build, default_home, load_settings, read_sources
from triage.config.order import WorklistSettings
from triage.config.sections import (
    ClosingSettings,
    Destination,
    DicomSettings,
    DispatchSettings,
    LogSettings,
    ModelSettings,
    Peer,
    ProductSettings,
    ResultsSettings,
    Settings,
    SpoolSettings,
    TlsSettings,
    UrlSettings,
    WebSettings,
)

__all__ = [
    "AccessSettings",
    "ClosingSettings",
    "Destination",
    "DicomSettings",
    "DispatchSettings",
    "LogSettings",
    "ModelSettings",
    "OidcSettings",
    "Peer",
    "ProductSettings",
    "ProxySettings",
    "ResultsSettings",
    "Section",
    "Settings",
    "SpoolSettings",
    "TlsSettings",
    "UrlSettings",
    "WebSettings",
    "WorklistSettings",
    "build",
    "default_home",
    "load_settings",
    "read_sources",
]
