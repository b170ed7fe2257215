"""A result is filed under the source's patient and study, byte for byte."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from tests import report_cast as cast
from triage.domain.errors import Unprocessable
from workers.report import build, header

IDENTITY = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyID",
    "AccessionNumber",
    "StudyDate",
)


def raw(data: Dataset, keyword: str) -> bytes:
    """Return the bytes of an element as read, without padding."""
    value = data.get_item(BaseTag(header.tag(keyword))).value
    return (value if isinstance(value, bytes) else str(value).encode()).rstrip(b" \0")


@pytest.mark.parametrize("patient", cast.PATIENTS, ids=lambda patient: patient.label)
@pytest.mark.parametrize("implicit", [False, True], ids=["explicit", "implicit"])
def test_the_patients_name_keeps_its_bytes_and_its_character_set(
    sources: cast.Sources, patient: cast.NamedPatient, implicit: bool
) -> None:
    uid = sources.add("one", patient=patient, implicit=implicit)
    for built in build(cast.flagged_request(uid), sources.files):
        made, source = cast.read(built), dcmread(sources.files[uid])
        assert raw(made, "PatientName") == patient.name
        assert made.get("SpecificCharacterSet") == source.get("SpecificCharacterSet")
        assert str(made.PatientName) == str(source.PatientName)


def test_patient_and_study_elements_equal_the_source(sources: cast.Sources) -> None:
    uid = sources.add("one")
    source = dcmread(sources.files[uid])
    for built in build(cast.flagged_request(uid), sources.files):
        made = cast.read(built)
        assert {keyword: raw(made, keyword) for keyword in IDENTITY} == {
            keyword: raw(source, keyword) for keyword in IDENTITY
        }
        assert made.StudyInstanceUID == cast.STUDY
        assert made.StudyDescription == "Phantom spine"


def _issuer(ds: Dataset) -> None:
    ds.IssuerOfPatientID = "HOSPITAL"
    qualifiers = Dataset()
    qualifiers.UniversalEntityID, qualifiers.UniversalEntityIDType = "1.2.3", "ISO"
    ds.IssuerOfPatientIDQualifiersSequence = [qualifiers]


def test_the_issuer_of_the_patient_id_travels_with_it(sources: cast.Sources) -> None:
    uid = sources.add("one", edit=_issuer)
    for built in build(cast.flagged_request(uid), sources.files):
        made = cast.read(built)
        assert made.IssuerOfPatientID == "HOSPITAL"
        assert made.IssuerOfPatientIDQualifiersSequence[0].UniversalEntityID == "1.2.3"


def _delete(*keywords: str) -> Callable[[Dataset], None]:
    def edit(ds: Dataset) -> None:
        for keyword in keywords:
            delattr(ds, keyword)

    return edit


def test_elements_of_type_2_that_the_source_left_out_are_present_and_empty(sources: cast.Sources) -> None:
    missing = (
        "PatientBirthDate",
        "PatientSex",
        "StudyID",
        "AccessionNumber",
        "StudyTime",
        "ReferringPhysicianName",
    )
    uid = sources.add("one", edit=_delete(*missing))
    for built in build(cast.flagged_request(uid), sources.files):
        made = cast.read(built)
        assert [keyword for keyword in missing if keyword not in made or made[keyword].value] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"19500101", b"1950XX01"),
        (b"20261121", b"21.11.26"),
        (b"101500", b"25:00 "),
        (b"F \x10\x00", b"w \x10\x00"),
    ],
    ids=["birth-date", "study-date", "study-time", "sex"],
)
def test_a_value_that_breaks_its_own_rules_is_repeated_not_corrected(
    sources: cast.Sources, old: bytes, new: bytes
) -> None:
    uid = sources.add("one")
    path = sources.files[uid]
    path.write_bytes(path.read_bytes().replace(old, new))
    for built in build(cast.flagged_request(uid), sources.files):
        assert new in built.payload


def test_images_that_name_different_patients_are_refused(sources: cast.Sources) -> None:
    one = sources.add("one")
    two = sources.add("two", edit=lambda ds: setattr(ds, "PatientID", "SOMEBODY-ELSE"))
    request = cast.request(cast.outcome((cast.lateral(one), cast.lateral(two))))
    with pytest.raises(Unprocessable) as refused:
        build(request, sources.files)
    assert refused.value.reason == "patient-id-conflict"
    assert "SOMEBODY" not in str(refused.value)


def test_a_patient_id_too_long_for_its_element_is_refused_not_cut(sources: cast.Sources) -> None:
    uid = sources.add("one", implicit=True, edit=lambda ds: setattr(ds, "PatientID", "A" * 70_000))
    with pytest.raises(Unprocessable) as refused:
        build(cast.flagged_request(uid), sources.files)
    assert refused.value.reason == "identity-too-long"


def test_a_comment_too_long_for_its_element_is_left_out(sources: cast.Sources) -> None:
    uid = sources.add("one", implicit=True, edit=lambda ds: setattr(ds, "PatientComments", "A" * 70_000))
    for built in build(cast.flagged_request(uid), sources.files):
        assert "PatientComments" not in cast.read(built)


def test_an_image_of_another_study_is_refused(sources: cast.Sources) -> None:
    uid = sources.add("one", edit=lambda ds: setattr(ds, "StudyInstanceUID", "1.2.3"))
    with pytest.raises(Unprocessable) as refused:
        build(cast.flagged_request(uid), sources.files)
    assert refused.value.reason == "source-mismatch"


def test_the_acquiring_device_is_named_in_the_sources_own_bytes(sources: cast.Sources) -> None:
    latin = cast.PATIENTS[1]
    uid = sources.add("one", patient=latin, edit=lambda ds: setattr(ds, "Manufacturer", "Gerätebau"))
    for built in build(cast.flagged_request(uid), sources.files):
        made = cast.read(built)
        assert made.ContributingEquipmentSequence[0].Manufacturer == "Gerätebau"
        assert made.ContributingEquipmentSequence[0].PurposeOfReferenceCodeSequence[0].CodeValue == "109101"
        assert made.Manufacturer == "Spine Triage project"


def test_words_of_a_model_outside_ascii_are_folded_so_any_character_set_can_hold_them(
    sources: cast.Sources,
) -> None:
    uid = sources.add("one", patient=cast.PATIENTS[5])
    view = dataclasses.replace(cast.lateral(uid), sentence="Kyphose \u2013 45\u00b0, J\u00fcrgen \u738b")
    report = cast.read(build(cast.request(cast.outcome((view,))), sources.files)[0])
    comments = cast.values(cast.group(report, "View classification"), "121106")
    assert comments[0] == "Kyphose - 45 deg , Jurgen ?"
