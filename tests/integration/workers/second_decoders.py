"""Second decoders, for comparison only: dcmtk's programs and gdcm. Neither runs in the product."""

from __future__ import annotations

import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom import uid
from pydicom.pixels.decoders.base import get_decoder

Pixels = NDArray[Any]
# In a process of its own: gdcm aborts on some of these files, which is one reason why it decodes nothing here.
GDCM = """
import sys, gdcm, numpy
reader = gdcm.ImageReader()
reader.SetFileName(sys.argv[1])
assert reader.Read()
image = reader.GetImage()
kind = image.GetPixelFormat()
names = {gdcm.PixelFormat.UINT8: 'u1', gdcm.PixelFormat.INT8: 'i1', gdcm.PixelFormat.UINT16: '<u2'}
names[gdcm.PixelFormat.INT16] = '<i2'
assert kind.GetSamplesPerPixel() == 1
raw = image.GetBuffer().encode('utf-8', errors='surrogateescape')
columns, rows = image.GetDimension(0), image.GetDimension(1)
numpy.save(sys.argv[2], numpy.frombuffer(raw, names[kind.GetScalarType()], rows * columns).reshape(rows, columns))
"""
DCMTK = {
    uid.JPEGBaseline8Bit: "dcmdjpeg",
    uid.JPEGExtended12Bit: "dcmdjpeg",
    uid.JPEGLossless: "dcmdjpeg",
    uid.JPEGLosslessSV1: "dcmdjpeg",
    uid.JPEGLSLossless: "dcmdjpls",
    uid.JPEGLSNearLossless: "dcmdjpls",
    uid.RLELossless: "dcmdrle",
    uid.DeflatedExplicitVRLittleEndian: "dcmconv",
    uid.ExplicitVRBigEndian: "dcmconv",
}


def by_dcmtk(path: Path, folder: Path) -> Pixels | None:
    """Return the first frame's stored values as dcmtk decodes them; None where it has no decoder."""
    syntax = pydicom.dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID
    program = DCMTK.get(syntax)
    if program is None:
        return None
    if shutil.which(program) is None:
        pytest.fail(f"{program} (dcmtk) is not installed")
    plain = folder / "plain.dcm"
    words = (
        [program, "+te", str(path), str(plain)] if program == "dcmconv" else [program, str(path), str(plain)]
    )
    if subprocess.run(words, capture_output=True, check=False, timeout=60).returncode:
        return None
    return first_frame(pydicom.dcmread(plain))


def by_gdcm(path: Path, folder: Path) -> Pixels | None:
    """Return the first frame's stored values as gdcm decodes them; None where it cannot, or crashes on the file."""
    target = folder / "gdcm.npy"
    target.unlink(missing_ok=True)
    subprocess.run(
        [sys.executable, "-c", GDCM, str(path), str(target)], capture_output=True, check=False, timeout=120
    )
    return np.load(target) if target.is_file() else None


def by_other_openjpeg(path: Path) -> Pixels | None:
    """Return the first frame by imagecodecs' own OpenJPEG or OpenJPH build, for the JPEG 2000 family."""
    import imagecodecs
    from pydicom.encaps import get_frame

    ds = pydicom.dcmread(path)
    if ds.file_meta.TransferSyntaxUID not in uid.JPEG2000TransferSyntaxes:
        return None
    frame = get_frame(ds.PixelData, 0, number_of_frames=int(ds.get("NumberOfFrames", 1) or 1))
    high_throughput = (
        "HTJ2K" in ds.file_meta.TransferSyntaxUID.name
        or "High-Through" in ds.file_meta.TransferSyntaxUID.name
    )
    return np.asarray(
        imagecodecs.htj2k_decode(frame) if high_throughput else imagecodecs.jpeg2k_decode(frame)
    )


def first_frame(ds: pydicom.Dataset) -> Pixels:
    """Return the first frame's stored values of an uncompressed data set, by pydicom."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(get_decoder(ds.file_meta.TransferSyntaxUID).as_array(ds, index=0, raw=True)[0])
