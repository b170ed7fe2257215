"""Images meet labels; what does not fit is told, and leakage is found before anybody trains on it.

Promise: pure. A problem names UIDs and line numbers, never a patient.
Leakage: one patient in two splits; one picture under two patients (by the digest of its values, whatever the
header says); one study under two patients.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from workers.dataset.labels import LabelRow, LabelTable
from workers.dataset.scan import ImageFile

LEAK = "patient-in-two-splits"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with which images (UIDs) or lines of the label file."""

    code: str
    sentence: str
    about: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Labelled:
    """One case: an image, or one level of it, with its label row."""

    image: ImageFile
    row: LabelRow


@dataclass
class Matched:
    """The cases that are sound, and everything that is not."""

    cases: list[Labelled] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def match(images: Sequence[ImageFile], table: LabelTable) -> Matched:
    """Return the cases; images with problems are left out of them."""
    sound, problems = _without_conflicts(images)
    by_key: dict[str, list[LabelRow]] = defaultdict(list)
    for row in table.rows:
        by_key[row.key].append(row)
    known = {_key(image, table.key_column) for image in images}
    found = Matched(problems=problems)
    for row in table.rows:
        if row.key not in known:
            found.problems.append(
                Problem("label-without-image", f"line {row.line} fits no image", (f"line {row.line}",))
            )
    for image in sound:
        rows = by_key.get(_key(image, table.key_column), [])
        if not rows:
            found.problems.append(
                Problem(
                    "image-without-label",
                    "no line of the label file fits this image",
                    (image.sop_instance_uid,),
                )
            )
        found.cases += [Labelled(image, row) for row in rows]
    found.cases = _without_two_labels(found.cases, images, by_key, table.key_column, found.problems)
    found.problems += _leaks(found.cases)
    return found


def _key(image: ImageFile, column: str) -> str:
    keys = {
        "sop_instance_uid": image.sop_instance_uid,
        "study_instance_uid": image.study_instance_uid,
        "patient_id": image.patient_id,
    }
    return keys[column]


def _grouped(images: Iterable[ImageFile], attribute: str) -> dict[str, list[ImageFile]]:
    groups: dict[str, list[ImageFile]] = defaultdict(list)
    for image in images:
        groups[getattr(image, attribute)].append(image)
    return groups


def _without_conflicts(images: Sequence[ImageFile]) -> tuple[list[ImageFile], list[Problem]]:
    problems = list(_identity_problems(images))
    bad = {uid for problem in problems for uid in problem.about}
    sound: dict[tuple[str, str], ImageFile] = {}
    for image in sorted(images, key=lambda one: (one.sop_instance_uid, str(one.path))):
        if image.sop_instance_uid not in bad:
            # The same picture of the same patient twice counts once.
            sound.setdefault((image.patient, image.pixel_sha256), image)
    return list(sound.values()), problems


def _identity_problems(images: Sequence[ImageFile]) -> Iterator[Problem]:
    for image in images:
        if not image.patient:
            yield Problem(
                "no-patient", "without a Patient ID it cannot be split by patient", (image.sop_instance_uid,)
            )
    issuers: dict[str, set[str]] = defaultdict(set)
    for image in images:
        issuers[image.patient_id].add(image.issuer)
    for group in _grouped(images, "patient_id").values():
        if len(issuers[group[0].patient_id]) > 1:
            yield Problem(
                "two-issuers", "one Patient ID comes from two issuers: one patient, or two?", _uids(group)
            )
    for group in _grouped(images, "sop_instance_uid").values():
        if len({one.pixel_sha256 for one in group}) > 1:
            yield Problem("one-uid-two-pictures", "one SOP Instance UID holds two pictures", _uids(group))
    for group in _grouped(images, "pixel_sha256").values():
        if len({one.patient for one in group}) > 1:
            yield Problem(
                "one-picture-two-patients", "the same picture stands under two patients", _uids(group)
            )
    for group in _grouped(images, "study_instance_uid").values():
        if len({one.patient for one in group}) > 1:
            yield Problem("one-study-two-patients", "one study stands under two patients", _uids(group))


def _uids(images: Iterable[ImageFile]) -> tuple[str, ...]:
    return tuple(sorted({image.sop_instance_uid for image in images}))


def _without_two_labels(
    cases: Sequence[Labelled],
    images: Sequence[ImageFile],
    by_key: Mapping[str, Sequence[LabelRow]],
    column: str,
    problems: list[Problem],
) -> list[Labelled]:
    """Drop pictures that, repeated under another UID, were labelled differently there."""
    said: dict[tuple[str, str], set[str]] = defaultdict(set)
    uids: dict[str, set[str]] = defaultdict(set)
    for image in images:
        uids[image.pixel_sha256].add(image.sop_instance_uid)
        for row in by_key.get(_key(image, column), ()):
            said[image.pixel_sha256, row.level].add(row.label)
    clash = sorted({picture for (picture, _), labels in said.items() if len(labels) > 1})
    problems += [
        Problem("one-picture-two-labels", "the same picture has two labels", tuple(sorted(uids[picture])))
        for picture in clash
    ]
    return [case for case in cases if case.image.pixel_sha256 not in clash]


def _leaks(cases: Sequence[Labelled]) -> Iterator[Problem]:
    """One patient in two splits that the site gave; a patient with some rows given and some not is one, too."""
    splits: Mapping[str, Counter[str]] = defaultdict(Counter)
    for case in cases:
        splits[case.image.patient][case.row.split] += 1
    for patient, given in splits.items():
        if len(given) > 1:
            uids = sorted({case.image.sop_instance_uid for case in cases if case.image.patient == patient})
            named = ", ".join(sorted(name or "none" for name in given))
            yield Problem(LEAK, f"one patient stands in the splits {named}", tuple(uids))
