"""Hop 13: the radiologist's door. A server-rendered page that works without scripts and refreshes with them.

Promises: no patient data in addresses, cookies or the live feed; every act carries the version the
reader saw; a stale page says so. Refuses other hosts' names, other sites' requests, and a public
address that nobody allowed.
"""

from triage.web.app import create_app
from triage.web.server import serve

__all__ = ["create_app", "serve"]
