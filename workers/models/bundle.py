"""A bundle: one network with everything needed to serve it, as files whose SHA-256 digests are pinned.

bundle.json lists the digest of each other file; the digest of bundle.json itself is the bundle's, pinned in
bundles/pins.json. Promise: what loads is byte for byte what was packaged. Files are read once, hashed, and parsed from
that same memory, so nothing can change between check and use.
Refuses (BundleRejected, naming the file): a changed byte, a missing or extra file, pickled arrays, unknown architectures,
weights that do not fit.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.domain.errors import ConfigError
from triage.domain.model import MAGNETIC, MEASURES, REQUIRED
from workers.models import architectures, ood
from workers.models.preprocess import PreprocessSpec, scale_unit

Array = NDArray[Any]
SCHEMA = "spine-triage-bundle/1"
DESCRIPTION = "bundle.json"
WEIGHTS = "weights.npz"
FILES = (WEIGHTS, "ood.npz", "golden.npz", "metrics.json", "card.md")
BUNDLES = Path(__file__).parent / "bundles"
PINS = BUNDLES / "pins.json"
NAMES = REQUIRED
# The largest published network here, InceptionResNetV2, takes 109 MB in float16; an ensemble of nine 355 MB.
MOST_WEIGHTS_BYTES = 512 * 1024 * 1024
MOST_FILE_BYTES = 32 * 1024 * 1024


class BundleRejected(ConfigError):
    """A bundle that must not be served; the message names the file and what is wrong with it."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            "models", problem, "Install the bundle again, or pin the digest that you mean to serve"
        )


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold on a calibrated probability with what it did on held-out patients."""

    name: str
    threshold: float
    figures: Mapping[str, Any]


@dataclass(frozen=True)
class Bundle:
    """A verified bundle. features -> linear heads (coverage) and the out-of-distribution reference are numpy."""

    path: Path
    digest: str
    name: str
    version: str
    architecture: str
    params: Mapping[str, Any]
    preprocessing: PreprocessSpec
    labels: tuple[Mapping[str, Any], ...]
    positive: str | None
    scope: Mapping[str, Any]
    calibration: Mapping[str, Any]
    operating_points: tuple[OperatingPoint, ...]
    ood_threshold: float
    reference: ood.Reference
    heads: Mapping[str, ood.LinearHead]
    provenance: Mapping[str, Any]
    description: Mapping[str, Any]
    weights: Mapping[str, Array] = field(repr=False)
    golden: Mapping[str, Array] = field(repr=False)
    metrics: Mapping[str, Any] = field(repr=False)

    @property
    def data_origin(self) -> str:
        return str(self.provenance["data_origin"])

    @property
    def label_ids(self) -> tuple[str, ...]:
        return tuple(str(label["id"]) for label in self.labels)

    def operating_point(self, name: str) -> OperatingPoint:
        for point in self.operating_points:
            if point.name == name:
                return point
        raise BundleRejected(f"{self.path / DESCRIPTION}: no operating point {name!r}")

    def golden_inputs(self) -> NDArray[np.float32]:
        """Network inputs [n, height, width, channels] whose logits are golden["logits"] (1e-3 in float32).

        The file keeps uint8 [n, height, width], or [n, height, width, 2] for a pair; each image is scaled by itself.
        """
        units = np.asarray(self.golden["inputs"], np.float32) / np.float32(255.0)
        channels = np.moveaxis(units, -1, 0) if units.ndim == 4 else units[None]
        scaled = [[scale_unit(unit, self.preprocessing) for unit in channel] for channel in channels]
        return np.moveaxis(np.asarray(scaled, np.float32), 0, -1)

    def build_model(self) -> Any:
        """The keras.Model with its weights, float32; imports Keras."""
        try:
            model = architectures.build(self.architecture, self.params)
        except architectures.UnknownArchitecture as error:
            raise BundleRejected(f"{self.path / DESCRIPTION}: {error}") from error
        assign_weights(model, self.weights, self.path / "weights.npz")
        return model


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def assign_weights(model: Any, weights: Mapping[str, Array], origin: Path) -> None:
    """Every variable of the model from an array of its path and shape, and no array left over."""
    expected = {variable.path: tuple(variable.shape) for variable in model.weights}
    given = {path: array.shape for path, array in weights.items()}
    if expected != given:
        odd = sorted(set(expected.items()) ^ set(given.items()))[:3]
        raise BundleRejected(f"{origin}: weights do not fit the architecture, first at {odd}")
    for variable in model.weights:
        variable.assign(np.asarray(weights[variable.path], np.float32))


def _read(path: Path) -> bytes:
    most = MOST_WEIGHTS_BYTES if path.name == WEIGHTS else MOST_FILE_BYTES
    try:
        with path.open("rb") as stream:
            data = stream.read(most + 1)
    except OSError as error:
        raise BundleRejected(f"{path}: {error.strerror}") from error
    if len(data) > most:
        raise BundleRejected(f"{path}: larger than {most} bytes")
    return data


def _verified(root: Path, description: Mapping[str, Any]) -> dict[str, bytes]:
    """The bytes of each listed file, after comparing its digest."""
    listed = description.get("files", {})
    if sorted(listed) != sorted(FILES):
        raise BundleRejected(f"{root / DESCRIPTION}: lists {sorted(listed)}, expected {sorted(FILES)}")
    extra = sorted(entry.name for entry in root.iterdir() if entry.name not in (*FILES, DESCRIPTION))
    if extra:
        raise BundleRejected(f"{root / extra[0]}: not part of the bundle")
    contents = {}
    for name in FILES:
        contents[name] = _read(root / name)
        if digest_of(contents[name]) != listed[name]:
            raise BundleRejected(f"{root / name}: SHA-256 differs from the one in {DESCRIPTION}")
    return contents


def _arrays(data: bytes, origin: Path) -> dict[str, Array]:
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, OSError, KeyError) as error:
        raise BundleRejected(f"{origin}: {error}") from error


def load(path: Path, expected_digest: str) -> Bundle:
    """A bundle from a directory, or BundleRejected. Does not import Keras."""
    raw = _read(path / DESCRIPTION)
    digest = digest_of(raw)
    if digest != expected_digest:
        raise BundleRejected(f"{path / DESCRIPTION}: SHA-256 {digest} is not the pinned {expected_digest}")
    description = json.loads(raw)
    if description.get("schema") != SCHEMA:
        raise BundleRejected(f"{path / DESCRIPTION}: schema {description.get('schema')!r} is not {SCHEMA}")
    contents = _verified(path, description)
    try:
        return _assemble(path, digest, description, contents)
    except (KeyError, TypeError, ValueError) as error:
        raise BundleRejected(f"{path / DESCRIPTION}: {type(error).__name__}: {error}") from error


def _assemble(path: Path, digest: str, data: Mapping[str, Any], contents: Mapping[str, bytes]) -> Bundle:
    arrays = _arrays(contents["ood.npz"], path / "ood.npz")
    heads = {
        name: ood.LinearHead(
            tuple(labels),
            np.asarray(arrays[f"heads/{name}/weight"], np.float32),
            np.asarray(arrays[f"heads/{name}/bias"], np.float32),
        )
        for name, labels in data.get("heads", {}).items()
    }
    points = (
        OperatingPoint(str(point["name"]), float(point["threshold"]), point)
        for point in data["operating_points"]
    )
    return Bundle(
        path=path,
        digest=digest,
        name=data["name"],
        version=data["version"],
        architecture=data["architecture"]["id"],
        params=data["architecture"]["params"],
        preprocessing=PreprocessSpec.from_mapping(data["preprocessing"]),
        labels=tuple(data["labels"]),
        positive=data.get("positive"),
        scope=data["scope"],
        calibration=data["calibration"],
        operating_points=tuple(points),
        ood_threshold=float(data["ood"]["threshold"]),
        reference=ood.Reference.from_arrays(arrays),
        heads=heads,
        provenance=data["provenance"],
        description=data,
        weights=_arrays(contents["weights.npz"], path / "weights.npz"),
        golden=_arrays(contents["golden.npz"], path / "golden.npz"),
        metrics=json.loads(contents["metrics.json"]),
    )


def pins(path: Path = PINS) -> dict[str, str]:
    """Bundle name to pinned digest."""
    raw = _read(path)
    try:
        return {str(name): str(digest) for name, digest in json.loads(raw).items()}
    except (ValueError, AttributeError) as error:
        raise BundleRejected(f"{path}: no table of names and digests") from error


def load_pinned(name: str, root: Path = BUNDLES, pins_path: Path | None = None) -> Bundle:
    """A bundle by name from a directory of bundles with its pins.json."""
    pinned = pins(pins_path or root / "pins.json")
    if name not in pinned:
        raise BundleRejected(f"{pins_path or root / 'pins.json'}: no pin for {name!r}")
    return load(root / name, pinned[name])


def served(root: Path, placed: Mapping[str, Sequence[str]]) -> dict[str, Bundle]:
    """The bundles to serve by name: those placed as (folder, digest), the others as pinned below root.

    A measure that is neither placed nor pinned is left out; a flag's network that is missing is refused.
    """
    pinned = pins(root / "pins.json")
    found: dict[str, Bundle] = {}
    for name in (*REQUIRED, *(one for one in (*MEASURES, *MAGNETIC) if one in placed or one in pinned)):
        folder, digest = placed.get(name) or ("", "")
        found[name] = load(Path(folder), digest) if folder else load_pinned(name, root)
        if found[name].name != name:
            raise BundleRejected(f"{found[name].path / DESCRIPTION}: it is {found[name].name}, not {name}")
    return found
