"""The spool: the only code that names a file of received or produced DICOM."""

from triage.spool.disk import hash_from
from triage.spool.folders import Spool, digest_of
from triage.spool.part import Part

__all__ = ["Part", "Spool", "digest_of", "hash_from"]
