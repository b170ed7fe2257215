"""A DICOM file made ready for C-STORE: what it says it is, and the bytes for the context that takes it.

Promise: the data set goes out as it lies in the file, under the UIDs that the data set itself states (the
File Meta group of files in the wild is sometimes wrong). Refuses, by reason code, what is no Part 10 file.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pynetdicom.dsutils import encode, split_dataset
from pynetdicom.presentation import PresentationContext

from triage.domain.identity import MAX_UID_LENGTH

EXPLICIT_LITTLE, IMPLICIT_LITTLE = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
DEFLATED_LITTLE, EXPLICIT_BIG = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"
SOP_INSTANCE_UID = 0x00080018
HEAD = 64 * 1024
# What pydicom raises over broken headers, seen on a corpus of broken files.
BROKEN = (
    AttributeError,
    BytesLengthException,
    EOFError,
    KeyError,
    MemoryError,
    NotImplementedError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True, slots=True)
class PreparedFile:
    """One file of a request, by its index there; the encoded data set starts at `offset`."""

    index: int
    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    offset: int
    size: int

    @classmethod
    def read(cls, index: int, name: str) -> PreparedFile | str:
        """Return the prepared file, or the reason code why it cannot be sent."""
        path = Path(name)
        try:
            meta, offset = split_dataset(path)
            syntax = str(meta.get("TransferSyntaxUID", ""))
            stated = _stated_uids(path, offset, syntax)
            sop_class = str(stated.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID", ""))
            instance = str(stated.get("SOPInstanceUID") or meta.get("MediaStorageSOPInstanceUID", ""))
            size = path.stat().st_size
        except InvalidDicomError:
            return "not-dicom-part-10"
        except OSError:
            return "unreadable-file"
        except BROKEN:
            return "unreadable-file-meta"
        if not (syntax and sop_class and instance):
            return "unreadable-file-meta"
        if max(len(sop_class), len(instance)) > MAX_UID_LENGTH:
            return "illegal-uid"
        if size <= offset:
            return "empty-data-set"
        return cls(index, path, sop_class, instance, syntax, offset, size)

    def context(self, accepted: Sequence[PresentationContext]) -> PresentationContext | None:
        """Return the accepted context that takes this file, or None.

        Only Explicit VR Little Endian may go as something else: Implicit VR Little Endian (PS3.5 10.1).
        """
        ours = {
            str(one.transfer_syntax[0]): one for one in accepted if one.abstract_syntax == self.sop_class_uid
        }
        other = IMPLICIT_LITTLE if self.transfer_syntax_uid == EXPLICIT_LITTLE else ""
        return ours.get(self.transfer_syntax_uid) or ours.get(other)

    def data_set(self, transfer_syntax_uid: str) -> BytesIO:
        """Return the encoded data set for that transfer syntax; raises ValueError when it cannot be."""
        if transfer_syntax_uid == self.transfer_syntax_uid:
            with self.path.open("rb") as stream:
                stream.seek(self.offset)
                return BytesIO(stream.read())
        encoded = encode(pydicom.dcmread(self.path), True, True)
        if encoded is None:
            raise ValueError("cannot be encoded in Implicit VR Little Endian")
        return BytesIO(encoded)


def _stated_uids(path: Path, offset: int, transfer_syntax_uid: str) -> Dataset:
    # Read no further than the second UID: what is broken behind it is the receiver's to judge.
    with path.open("rb") as stream:
        stream.seek(offset)
        head: BinaryIO = stream
        if transfer_syntax_uid == DEFLATED_LITTLE:
            # Bounded: a deflated data set can inflate two thousandfold.
            head = BytesIO(zlib.decompressobj(-zlib.MAX_WBITS).decompress(stream.read(HEAD), HEAD))
        try:
            implicit, little = transfer_syntax_uid == IMPLICIT_LITTLE, transfer_syntax_uid != EXPLICIT_BIG
            return read_dataset(head, implicit, little, stop_when=_behind_the_uids)
        except BROKEN:
            return Dataset()


def _behind_the_uids(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return int(tag) > SOP_INSTANCE_UID
