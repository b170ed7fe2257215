"""What a bundle must have to be served under its name, beyond being whole: labels, thresholds, heads.

Refuses (BundleRejected): a bundle that would fail or be misread at its first study. A name that nothing serves is free.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from triage.domain.finding import View
from triage.domain.model import PAIR
from workers.models import architectures
from workers.models.bundle import DESCRIPTION, Bundle, BundleRejected
from workers.models.networks.corners import ANCHORED, CHANNELS

VERTEBRA_LABELS = ("normal", "old", "fresh")
VIEW_KEYS = ("view", "operative", "device")


def check(bundle: Bundle) -> None:
    """Return if the bundle can serve under its name; raises BundleRejected."""
    rule = RULES.get(bundle.name)
    if rule is None:
        return
    try:
        wrong = rule(bundle)
    except (KeyError, TypeError, ValueError) as error:
        wrong = f"{type(error).__name__}: {error}"
    if wrong:
        raise BundleRejected(f"{bundle.path / DESCRIPTION}: cannot serve as {bundle.name}: {wrong}")


def _kind(bundle: Bundle, kind: str, channels: int = 1) -> str:
    found = architectures.of(bundle.architecture)
    if (found.kind, found.channels) != (kind, channels):
        return f"{bundle.architecture} does not answer with {kind} on {channels} channel(s)"
    return ""


def _gate(bundle: Bundle) -> str:
    if wrong := _kind(bundle, "classes"):
        return wrong
    for label in bundle.labels:
        if not all(isinstance(label[key], str) for key in VIEW_KEYS) or label["view"] not in tuple(View):
            return f"label {label['id']} does not say view, operative and device"
    return "" if {label["view"] for label in bundle.labels} == set(View) else "its labels lack a view"


def _locator(bundle: Bundle) -> str:
    calibration = bundle.calibration
    if not 0 < float(calibration["heatmap_threshold"]) < 1 or not float(calibration["typical_step_mm"]) > 0:
        return "its calibration has no threshold of the map or no typical step"
    return _kind(bundle, "map")


def _fresh(bundle: Bundle) -> str:
    study: Mapping[str, Any] = bundle.calibration["study"]
    if study["aggregate"] not in ("max", "noisy-or") or not float(study["slope"]) > 0:
        return "its study's probability is not defined"
    float(study["intercept"])
    # interpret/vertebrae.py reads them by place.
    if bundle.label_ids != VERTEBRA_LABELS:
        return f"its labels are not {', '.join(VERTEBRA_LABELS)} in this order"
    if not 0 <= bundle.operating_point("triage").threshold <= 1:
        return "its operating point is no probability"
    return _kind(bundle, "classes") or (
        "" if bundle.preprocessing.spacing_mm else "its crops have no spacing"
    )


def _alignment(bundle: Bundle) -> str:
    calibration = bundle.calibration
    tilts = calibration.get("tilt_degrees")
    corner = "corner_mm" if "corner_mm" in calibration else "corner_pixels"
    errors = [calibration[corner]] if tilts is None else [tilts[view] for view in View]
    if not 0 < float(calibration["heatmap_threshold"]) < 1 or not all(float(error) > 0 for error in errors):
        return "its calibration has no threshold of the map or no error of a corner or of an endplate's tilt"
    levels = bundle.scope.get("levels", ())
    if len(set(levels)) != len(levels) or not all(isinstance(level, str) for level in levels):
        return "its levels are not a list of different names"
    channels = bundle.golden["logits"].shape[-1]
    return _kind(bundle, "map") or (
        ""
        if channels in (CHANNELS, ANCHORED)
        else f"{CHANNELS} or {ANCHORED} channels expected, not {channels}"
    )


def _pair(bundle: Bundle) -> str:
    if bundle.positive not in bundle.label_ids:
        return "it does not say which of its labels is flagged"
    if not 0 < bundle.operating_point("triage").threshold <= 1:
        return "its operating point is no probability above 0"
    if bundle.preprocessing.spacing_mm:
        return "it reads crops, not whole images"
    return _kind(bundle, "classes", channels=2)


def _mr_locator(bundle: Bundle) -> str:
    if not 0 < float(bundle.calibration["heatmap_threshold"]) < 1:
        return "its calibration has no threshold of the map"
    channels = bundle.golden["logits"].shape[-1]
    return _kind(bundle, "map") or (
        "" if channels == CHANNELS else f"{CHANNELS} channels expected, not {channels}"
    )


RULES: Mapping[str, Callable[[Bundle], str]] = {
    "view-gate": _gate,
    "vertebra-locator": _locator,
    "vertebra-fresh": _fresh,
    "alignment": _alignment,
    PAIR: _pair,
    "mr-locator": _mr_locator,
    "mr-vertebra": _fresh,
}
