"""Every real file of every transfer syntax decodes to the same stored values with a second decoder, or is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest

from tests.integration.workers import real_files, second_decoders
from tests.integration.workers.second_decoders import Pixels
from triage.domain.errors import Unprocessable
from workers.decode import codecs, decode, grey
from workers.decode.frames import frame_bytes
from workers.decode.layout import layout_of
from workers.decode.part10 import Limits, read

LOSSY_TOLERANCE = {"1.2.840.10008.1.2.4.50": 3, "1.2.840.10008.1.2.4.51": 3, "1.2.840.10008.1.2.4.91": 1}
# gdcm leaves the bits unextended where the header is signed and the codestream is not; dcmtk cannot read it.
KNOWN_WRONG = {("X032_J2K_pixelrep_mismatch.dcm", "gdcm")}
REFUSED_BY_NAME = {
    "1.2.840.10008.1.2.4.53": "Spectral Selection",
    # Too new for pydicom's dictionary; pynetdicom, where it is imported, adds its name.
    "1.2.840.10008.1.2.4.110": "no decoder for",
    "1.2.840.10008.1.2.1.98": "",
}


Ours = tuple[Pixels, Callable[[Pixels], Pixels]]


def stored(path: Path) -> Ours:
    """Return our stored values of the first frame, and how stored values follow from a decoder's array."""
    limits = Limits(max_frames=1000)
    dataset = read(path, limits)
    layout = layout_of(dataset, limits)
    codec = codecs.codec_for(str(dataset.file_meta.TransferSyntaxUID))

    def values(pixels: Pixels) -> Pixels:
        return grey.stored_values(pixels, layout, codec.packed).values

    return values(codecs.decode_frame(codec, frame_bytes(dataset, layout, 0), layout)), values


def agree(path: Path, ours: Ours, folder: Path) -> list[str]:
    """Compare with each second decoder that reads the file; return who agreed and by how much who did not."""
    syntax = pydicom.dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID
    others = {
        "dcmtk": second_decoders.by_dcmtk(path, folder),
        "gdcm": second_decoders.by_gdcm(path, folder),
        "imagecodecs": second_decoders.by_other_openjpeg(path),
    }
    found, values = ours
    agreed = []
    for name, theirs in others.items():
        if theirs is None or theirs.shape != found.shape or (path.name, name) in KNOWN_WRONG:
            continue
        difference = int(np.abs(values(theirs).astype(np.int64) - found).max())
        fits = difference <= LOSSY_TOLERANCE.get(syntax, 0)
        agreed.append(name if fits else f"not {name} ({difference})")
    return agreed


@pytest.mark.parametrize("kind", ["syntaxes", "spine"])
def test_a_second_decoder_sees_the_same_stored_values(kind: str, tmp_path: Path) -> None:
    compared: dict[str, list[str]] = {}
    for path in real_files.files(kind):
        try:
            ours = stored(path)
        except Unprocessable:
            continue
        if ours[0].ndim == 2:
            compared[path.name] = agree(path, ours, tmp_path)
    disagreeing = {name: who for name, who in compared.items() if any(one.startswith("not") for one in who)}
    assert disagreeing == {}
    assert sum(bool(who) for who in compared.values()) >= 0.9 * len(compared) > 10, compared


def test_what_no_decoder_reads_is_refused_by_name() -> None:
    seen = set()
    for path in real_files.files("syntaxes"):
        syntax = str(pydicom.dcmread(path, stop_before_pixels=True, force=True).file_meta.TransferSyntaxUID)
        if syntax in codecs.CODECS:
            continue
        seen.add(syntax)
        with pytest.raises(Unprocessable) as refused:
            decode(path)
        assert refused.value.reason in ("transfer-syntax", "bit-depth"), path.name
        if refused.value.reason == "transfer-syntax":
            assert REFUSED_BY_NAME[syntax] in refused.value.sentence
    assert seen


def test_every_malformed_file_is_decoded_or_refused_with_a_reason() -> None:
    answers: dict[str, str] = {}
    for path in real_files.files("malformed"):
        try:
            decode(path)
            answers[path.name] = "decoded"
        except Unprocessable as refused:
            assert refused.reason and refused.sentence
            answers[path.name] = refused.reason
    assert len(answers) > 150
    assert {"truncated", "unreadable", "too-large", "multi-frame", "undecodable"} <= set(answers.values())
