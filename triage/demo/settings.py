"""The demonstration's triage.toml: written once, then the person's own."""

from __future__ import annotations

from pathlib import Path

from triage.supervisor.claim import port_is_free

HOST = "127.0.0.1"
USUAL_PORTS = {"dicom": 11112, "web": 8080, "pacs": 11113}
TEXT = """\
# Made by `triage up --demo`; change it as you like, it is not written again.
# Every key: `triage config show`. NOT FOR CLINICAL USE.

[dicom]
ae_title = "TRIAGE"
host = "{host}"
port = {dicom}
# Any calling AE may store here: only this machine can reach 127.0.0.1.
accept_unknown_peers = true

[[dicom.peers]]
ae_title = "DEMO-MODALITY"
address = "{host}"

[web]
host = "{host}"
port = {web}

[closing]
# Shorter than at a site, where modalities pause between images.
default_quiet_seconds = 6
pair_seconds = 3

[closing.quiet_seconds]
CR = 6
DX = 6
RF = 6
XA = 6
MR = 12

[product]
mode = "assist"
site = "Demonstration"

[[results.destinations]]
name = "DEMO-PACS"
ae_title = "DEMO_PACS"
host = "{host}"
port = {pacs}
"""


def write_once(home: Path) -> bool:
    """Write the file unless there is one; ports that are taken are replaced by the next free ones."""
    path = home / "triage.toml"
    if path.exists():
        return False
    home.mkdir(parents=True, exist_ok=True)
    path.write_text(TEXT.format(host=HOST, **free_ports()))
    path.chmod(0o600)
    return True


def free_ports() -> dict[str, int]:
    """Return a free port for each door, the usual one where it is free."""
    found: dict[str, int] = {}
    for name, usual in USUAL_PORTS.items():
        free = (p for p in range(usual, usual + 500) if p not in found.values() and port_is_free(HOST, p))
        found[name] = next(free)
    return found
