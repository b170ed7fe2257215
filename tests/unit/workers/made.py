"""Radiographs made of numpy arrays, encoded in every transfer syntax that the worker reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import jpeg_ls
import numpy as np
from numpy.typing import NDArray
from openjpeg.utils import encode_array
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from rle.utils import encode_pixel_data

Pixels = NDArray[Any]
CR_CLASS = "1.2.840.10008.5.1.4.1.1.1"
LOSSLESS = {
    uid.ImplicitVRLittleEndian: "native",
    uid.ExplicitVRLittleEndian: "native",
    uid.ExplicitVRBigEndian: "native",
    uid.DeflatedExplicitVRLittleEndian: "native",
    uid.RLELossless: "rle",
    uid.JPEGLossless: "jpeg",
    uid.JPEGLosslessSV1: "jpeg",
    uid.JPEGLSLossless: "jpeg-ls",
    uid.JPEG2000Lossless: "jpeg-2000",
    uid.HTJ2KLossless: "htj2k",
    uid.HTJ2KLosslessRPCL: "htj2k",
}


def radiograph(rows: int = 61, columns: int = 47, bits: int = 12, seed: int = 0) -> Pixels:
    """Return a smooth picture with noise that reaches both ends of its range."""
    random = np.random.default_rng(seed)
    down, across = np.mgrid[:rows, :columns]
    most = (1 << bits) - 1
    smooth = (np.sin(down / 9) + np.cos(across / 7) + 2) / 4 * most
    values = np.clip(smooth + random.normal(0, most / 50, smooth.shape), 0, most)
    values[0, 0], values[-1, -1] = 0, most
    picture: Pixels = values.astype(np.uint8 if bits <= 8 else np.uint16)
    return picture


def dataset(pixels: Pixels, syntax: str = uid.ExplicitVRLittleEndian, **attributes: Any) -> Dataset:
    """Return a CR object around stored values; `attributes` overrule what describes them."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = uid.UID(syntax)
    ds.file_meta.MediaStorageSOPClassUID = uid.UID(CR_CLASS)
    ds.file_meta.MediaStorageSOPInstanceUID = uid.UID("1.2.3.4.5")
    ds.SOPClassUID, ds.SOPInstanceUID, ds.Modality = uid.UID(CR_CLASS), uid.UID("1.2.3.4.5"), "CR"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.3", "1.2.3.4"
    ds.PatientName, ds.PatientID = "SENTINEL^NAME", "SENTINEL-ID"
    ds.Rows, ds.Columns = pixels.shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated = pixels.dtype.itemsize * 8
    ds.BitsStored = ds.BitsAllocated
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = 1 if pixels.dtype.kind == "i" else 0
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    if "BitsStored" in attributes and "HighBit" not in attributes:
        ds.HighBit = ds.BitsStored - 1
    ds.PixelData = encoded(pixels, syntax, int(ds.BitsStored))
    ds["PixelData"].VR = "OB" if ds.file_meta.TransferSyntaxUID.is_encapsulated else "OW"
    return ds


def encoded(pixels: Pixels, syntax: str, bits: int) -> bytes:
    """Return the pixel data element's value."""
    kind = LOSSLESS[uid.UID(syntax)]
    if kind == "native":
        big = syntax == uid.ExplicitVRBigEndian
        raw = pixels.astype(pixels.dtype.newbyteorder(">" if big else "<")).tobytes()
        raw += b"\0" * (len(raw) % 2)
        # Bytes in OW are two to a word, and words are big-endian (PS3.5 7.3).
        return np.frombuffer(raw, ">u2").astype("<u2").tobytes() if big and bits <= 8 else raw
    return bytes(encapsulate([codestream(pixels, kind, bits)]))


def codestream(pixels: Pixels, kind: str, bits: int) -> bytes:
    """Return one compressed frame."""
    rows, columns = pixels.shape
    if kind == "rle":
        raw = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
        size = {"rows": rows, "columns": columns, "samples_per_pixel": 1, "number_of_frames": 1}
        return encode_pixel_data(raw, byteorder="<", bits_allocated=pixels.dtype.itemsize * 8, **size)
    unsigned = pixels.view(f"u{pixels.dtype.itemsize}")
    if kind == "jpeg":
        return bytes(imagecodecs.jpeg8_encode(unsigned, lossless=True, bitspersample=bits))
    if kind == "jpeg-ls":
        return bytes(jpeg_ls.encode_array(unsigned))
    if kind == "htj2k":
        return bytes(imagecodecs.htj2k_encode(unsigned, reversible=True))
    return bytes(encode_array(pixels, bits_stored=bits))


def written(ds: Dataset, path: Path) -> Path:
    """Write a Part 10 file and return its path."""
    ds.save_as(path, enforce_file_format=True)
    return path
