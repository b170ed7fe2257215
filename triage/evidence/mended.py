"""Files whose File Meta group names another object than their data set: sent under the data set's own UIDs.

The C-STORE command must carry the data set's SOP Class and Instance UID (PS3.7 9.1.1.1), and the sender takes
them from the File Meta group. Promises that the data set's bytes go as they are and that the file is not touched.
"""

from __future__ import annotations

import copy
import hashlib
import shutil
import struct
import zlib
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filebase import DicomFileLike
from pydicom.filewriter import write_file_meta_info

PREFIX_BYTES = 128 + len(b"DICM")
GROUP_LENGTH_BYTES = 12
# What pydicom raises on damaged files, beside its own InvalidDicomError.
UNREADABLE = (
    InvalidDicomError,
    BytesLengthException,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
OWN_UIDS = {"SOPClassUID": "MediaStorageSOPClassUID", "SOPInstanceUID": "MediaStorageSOPInstanceUID"}


def to_send(path: Path, folder: Path) -> Path:
    """Return the path, or that of a copy below `folder` whose File Meta group agrees with the data set."""
    try:
        header = dcmread(path, stop_before_pixels=True, specific_tags=list(OWN_UIDS))
        meta = FileMetaDataset(copy.deepcopy(header.file_meta))
        own = {element: str(header[name].value) for name, element in OWN_UIDS.items()}
        length = int(meta.FileMetaInformationGroupLength)
    except UNREADABLE:
        return path  # the sender says what is wrong with it
    if not all(own.values()) or all(str(meta.get(element, "")) == uid for element, uid in own.items()):
        return path
    for element, uid in own.items():
        setattr(meta, element, uid)
    return _copy(path, folder, meta, PREFIX_BYTES + GROUP_LENGTH_BYTES + length)


def _copy(path: Path, folder: Path, meta: FileMetaDataset, start: int) -> Path:
    mended = folder / f"{hashlib.sha256(str(path).encode()).hexdigest()[:32]}.dcm"
    with path.open("rb") as source, mended.open("wb") as target:
        target.write(source.read(PREFIX_BYTES))
        write_file_meta_info(DicomFileLike(target), meta)
        source.seek(start)
        shutil.copyfileobj(source, target)
    return mended
