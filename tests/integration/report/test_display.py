"""dcmtk's softcopy pipeline shows an image under our presentation state as it shows it without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests import report_cast as cast
from tests import validators
from workers.report import Kind, build


def _rendered(
    image: Path, state: Path | None, folder: Path
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    output = folder / f"{image.stem}-{'with' if state else 'without'}.pgm"
    validators.dcmp2pgm(image, state, output)
    return np.asarray(Image.open(output), dtype=np.float64)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_the_overlay_never_turns_the_greys_over(tmp_path: Path, photometric: str) -> None:
    sources = cast.Sources(tmp_path)
    uid = sources.add("shown", photometric=photometric)
    built = next(
        one for one in build(cast.flagged_request(uid), sources.files) if one.kind is Kind.PRESENTATION
    )
    state = tmp_path / "state.dcm"
    state.write_bytes(built.payload)
    before = _rendered(sources.files[uid], None, tmp_path)
    after = _rendered(sources.files[uid], state, tmp_path)
    stored = np.indices((cast.ROWS, cast.COLUMNS)).sum(axis=0)
    # Rendered without annotations or with, most pixels are image: the sign of the correlation is the polarity.
    polarity = -1.0 if photometric == "MONOCHROME1" else 1.0
    for picture in (before, after):
        assert np.corrcoef(picture.ravel(), stored.ravel())[0, 1] * polarity > 0.9


def test_dcmtk_would_show_a_monochrome1_image_inverted_under_an_identity_state(tmp_path: Path) -> None:
    """The defect that no validator names, planted: this is what the test above would see."""
    sources = cast.Sources(tmp_path)
    uid = sources.add("shown", photometric="MONOCHROME1")
    built = next(
        one for one in build(cast.flagged_request(uid), sources.files) if one.kind is Kind.PRESENTATION
    )
    planted = cast.read(built)
    planted.PresentationLUTShape = "IDENTITY"
    state = tmp_path / "state.dcm"
    planted.save_as(state)
    right = _rendered(sources.files[uid], None, tmp_path)
    wrong = _rendered(sources.files[uid], state, tmp_path)
    assert np.corrcoef(right.ravel(), wrong.ravel())[0, 1] < -0.9
