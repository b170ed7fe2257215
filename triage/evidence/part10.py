"""A DICOM file made ready for C-STORE: what it says it is, and which accepted context takes it.

Reads only the File Meta group. Refuses, by reason code, a file that is not a Part 10 file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pynetdicom.presentation import PresentationContext

EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"


@dataclass(frozen=True, slots=True)
class PreparedFile:
    """One file of a request, by its index there."""

    index: int
    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str

    @classmethod
    def read(cls, index: int, path: str) -> PreparedFile | str:
        """Return the prepared file, or the reason code why it cannot be sent."""
        try:
            meta = read_file_meta_info(path)
            uids = (
                meta.MediaStorageSOPClassUID,
                meta.MediaStorageSOPInstanceUID,
                meta.TransferSyntaxUID,
            )
        except (InvalidDicomError, AttributeError, EOFError):
            return "not-dicom-part-10"
        except (ValueError, NotImplementedError):
            return "unreadable-file-meta"
        except OSError:
            return "unreadable-file"
        if not all(uids):
            return "unreadable-file-meta"
        return cls(index, Path(path), *(str(uid) for uid in uids))

    def matching(
        self, accepted: Sequence[PresentationContext], convertible_to: str
    ) -> Path | pydicom.Dataset | None:
        """Return what to hand to C-STORE: the file as it is, its data set to re-encode, or None.

        Only Explicit VR Little Endian may be re-encoded, to Implicit VR Little Endian (PS3.5 10.1).
        """
        syntaxes = {
            str(context.transfer_syntax[0])
            for context in accepted
            if context.abstract_syntax == self.sop_class_uid and context.transfer_syntax
        }
        if self.transfer_syntax_uid in syntaxes:
            return self.path
        if self.transfer_syntax_uid == EXPLICIT_LITTLE and convertible_to in syntaxes:
            return pydicom.dcmread(self.path)
        return None
