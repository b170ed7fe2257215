"""The split: one patient, one place, shares kept in every stratum."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from workers.dataset.split import SHARES, split_patients

patients = st.dictionaries(
    st.text("abcdef0123456789", min_size=1, max_size=6),
    st.lists(st.sampled_from(["old", "fresh", "normal"]), min_size=1, max_size=4),
    max_size=60,
)


@given(patients, st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_every_patient_has_one_split_and_the_seed_alone_decides(
    labels: dict[str, list[str]], seed: int
) -> None:
    first = split_patients(labels, seed)
    assert first == split_patients(dict(reversed(labels.items())), seed)
    assert set(first) == set(labels)
    assert set(first.values()) <= set(SHARES)


@given(st.integers(1, 400), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_a_split_differs_from_its_share_by_less_than_one_patient(count: int, seed: int) -> None:
    found = Counter(split_patients({f"p{i}": ["fresh"] for i in range(count)}, seed).values())
    assert all(abs(found[name] - share * count) < 1 for name, share in SHARES.items())


def test_a_rare_class_is_dealt_by_itself() -> None:
    labels = {f"c{i}": ["normal"] for i in range(400)} | {f"r{i}": ["normal", "tether"] for i in range(20)}
    found = split_patients(labels, 3)
    rare = Counter(split for patient, split in found.items() if patient.startswith("r"))
    assert rare == {"train": 12, "tune": 2, "calibrate": 3, "test": 3}


def test_another_seed_splits_otherwise() -> None:
    labels = {f"p{i}": ["a"] for i in range(50)}
    assert split_patients(labels, 1) != split_patients(labels, 2)
