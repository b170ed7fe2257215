"""`triage-models attention`: the attention maps of a classifier on one film, or pair of films, as a picture and as numbers.

Promise: the map is drawn over the network's own input, so that nobody takes it for an outline on the film; the picture
carries its label in its pixels. Refuses a film that the networks refuse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from triage.domain.errors import Refused, Unprocessable
from workers.decode import decode
from workers.infer import Served
from workers.interpret import vertebrae
from workers.models import calibrate, ood
from workers.models.attention import LABEL, Attention, attention, demand_classes
from workers.models.bundle import Bundle, load_pinned
from workers.models.preprocess import GrayImage, prepare

Float = NDArray[np.float32]
LOCATOR = "vertebra-locator"
CAUTION = "Not for clinical use."
_STRENGTH = 0.45
_GLOW = np.array([255.0, 96.0, 0.0])
_LINE, _LETTER = 14, 6


@dataclass(frozen=True)
class Shown:
    """One network input with the maps of one label; where it lies in the film, in words."""

    where: str
    probability: float
    inputs: Float
    maps: tuple[Attention, ...]


def run(name: str, root: Path, films: Sequence[Path], label: str | None, out: Path) -> dict[str, Any]:
    """Write attention.png and return what it shows; raises Refused, Unprocessable or ConfigError."""
    bundle = load_pinned(name, root)
    demand_classes(bundle)
    chosen = label or bundle.positive or ""
    images = [_film(path) for path in films]
    inputs, places = (
        _crops(bundle, images, root) if bundle.preprocessing.spacing_mm else _whole(bundle, images)
    )
    logits = Served(bundle).run(inputs).logits
    if not chosen:
        chosen = bundle.label_ids[int(np.argmax(logits[0]))]
    maps = attention(bundle, inputs, chosen)
    chances = calibrate.apply(logits, bundle.calibration)[:, bundle.label_ids.index(chosen)]
    best = int(np.argmax(chances))
    shown = Shown(places[best], float(chances[best]), inputs[best], maps[best])
    out.mkdir(parents=True, exist_ok=True)
    _drawn(shown, f"{bundle.name} {bundle.version}, label {chosen}").save(out / "attention.png")
    return {
        "label": LABEL,
        "model": {"name": bundle.name, "version": bundle.version, "digest": bundle.digest},
        "class": chosen,
        "probability": round(shown.probability, 4),
        "where": shown.where,
        "maps": [{"part": one.part, "values": np.round(one.values, 3).tolist()} for one in shown.maps],
        "picture": str(out / "attention.png"),
    }


def _film(path: Path) -> GrayImage:
    image = decode(path).image
    refused = ood.check_pixels(image)
    if refused is not None:
        raise Unprocessable(refused.code, refused.sentence)
    return image


def _whole(bundle: Bundle, images: Sequence[GrayImage]) -> tuple[Float, list[str]]:
    """One input from one film, or from a pair as channels, coronal first."""
    arrays = [prepare(image, bundle.preprocessing).array for image in images]
    wanted = int(bundle.golden_inputs().shape[-1])
    if len(arrays) != wanted:
        raise Refused("films", f"{bundle.name} reads {wanted} film(s), not {len(arrays)}")
    return np.concatenate(arrays, axis=-1)[None], [
        "the whole film" if wanted == 1 else "both films, the frontal first"
    ]


def _crops(bundle: Bundle, images: Sequence[GrayImage], root: Path) -> tuple[Float, list[str]]:
    """One input per vertebra that the locator finds."""
    if len(images) != 1:
        raise Refused("films", f"{bundle.name} reads one film, not {len(images)}")
    (image,) = images
    locator = load_pinned(LOCATOR, root)
    ready = prepare(image, locator.preprocessing)
    seen = Served(locator).run(ready.array[None])
    chain = vertebrae.located(seen.logits[0], seen.features[0], image, ready.to_source, False, locator)
    if isinstance(chain, ood.Abstention):
        raise Unprocessable(chain.code, chain.sentence)
    crops = np.stack([one.array for one in vertebrae.crops(image, chain, bundle)])
    centres = (f"vertebra {n} of {len(crops)} from the head" for n in range(1, len(crops) + 1))
    return crops, list(centres)


def _drawn(shown: Shown, title: str) -> Image.Image:
    """The input, and each map over it, side by side above their label."""
    channels = np.moveaxis(shown.inputs, -1, 0)
    panels = [_grey(channel) for channel in channels]
    for number, one in enumerate(shown.maps):
        panels.append(_over(_grey(channels[min(number, len(channels) - 1)]), one.values))
    across = np.concatenate(panels, axis=1)
    lines = [LABEL, f"{title}, {shown.where}", CAUTION]
    width = max(across.shape[1], _LETTER * max(map(len, lines)))
    sheet = Image.new("RGB", (width, across.shape[0] + _LINE * len(lines) + 4), "black")
    sheet.paste(Image.fromarray(across.astype(np.uint8)), (0, 0))
    pen = ImageDraw.Draw(sheet)
    for number, line in enumerate(lines):
        pen.text((2, across.shape[0] + 2 + _LINE * number), line, fill="white")
    return sheet


def _grey(channel: Float) -> NDArray[np.float64]:
    low, high = float(channel.min()), float(channel.max())
    unit = (channel - low) / max(high - low, 1e-6)
    return np.repeat(unit[..., None] * 255.0, 3, axis=-1).astype(np.float64)


def _over(grey: NDArray[np.float64], values: Float) -> NDArray[np.float64]:
    size = (grey.shape[1], grey.shape[0])
    wide = np.asarray(Image.fromarray(values, "F").resize(size, Image.Resampling.BILINEAR), float)
    share = _STRENGTH * np.clip(wide, 0, 1)[..., None]
    return np.asarray(grey * (1 - share) + _GLOW * share)
