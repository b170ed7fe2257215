"""Angles in words: what software measured on one image, or that it could not and why. No angle ever moves a study.

Promise: an angle is told with its standard deviation, never alone; one that was withheld is told with its reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from triage.domain.finding import Measure, MeasureKind

NAMES: Mapping[MeasureKind, str] = {
    MeasureKind.COBB: "Cobb angle",
    MeasureKind.KYPHOSIS: "Thoracic kyphosis",
    MeasureKind.LORDOSIS: "Lumbar lordosis",
}
NOTE = "Measured by software, to be checked on the image; no angle changes the order."


def said(found: Measure) -> str:
    """Return one angle in words, without its name."""
    if found.degrees is None or found.error is None:
        return found.sentence
    # As whole numbers: none is told as "-0", and no doubt as none.
    parts = [f"{round(found.degrees)} degrees, give or take {max(1, round(found.error))}"]
    if found.upper and found.lower:
        parts.append(f"{found.upper} to {found.lower}")
    if found.convex:
        parts.append(f"convex to the {found.convex} of the image")
    return ", ".join(parts)


def told(found: Iterable[Measure]) -> dict[str, str]:
    """Return the angles of a study by name; several of one name, of a double curve or of two images, in one line."""
    lines: dict[str, list[str]] = {}
    for measure in found:
        lines.setdefault(NAMES[measure.kind], []).append(said(measure))
    return {name: "; ".join(words) for name, words in lines.items()}
