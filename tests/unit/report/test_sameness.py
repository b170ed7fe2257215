"""The same analysis gives the same bytes; another analysis never gives the same UID."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from tests import report_cast as cast
from triage.domain.finding import Outcome
from triage.domain.own_results import is_own_result
from workers.report import BuiltObject, Predecessor, ReportRequest, build
from workers.report.naming import Stamp, parse_offset

_AGAIN = """
import hashlib, sys
from pathlib import Path
from tests import report_cast as cast
from workers.report import build
uid = cast.source_uid("one")
for built in build(cast.flagged_request(uid), {uid: Path(sys.argv[1])}):
    print(built.kind, hashlib.sha256(built.payload).hexdigest())
"""


def digests(built: tuple[BuiltObject, ...]) -> list[str]:
    """Return kind and SHA-256 of each object."""
    return [f"{one.kind} {hashlib.sha256(one.payload).hexdigest()}" for one in built]


def test_a_second_run_in_another_process_is_byte_identical(sources: cast.Sources) -> None:
    uid = sources.add("one", photometric="MONOCHROME1", patient=cast.PATIENTS[5])
    here = digests(build(cast.flagged_request(uid), sources.files))
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", _AGAIN, str(sources.files[uid])]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root, timeout=120)
    assert done.stdout.split("\n")[:-1] == here
    assert len(here) == 4


def test_measured_times_do_not_change_a_byte(sources: cast.Sources) -> None:
    request = cast.flagged_request(sources.add("one"))
    slower = dataclasses.replace(
        request, outcome=dataclasses.replace(request.outcome, timings_ms={"decode": 99.0})
    )
    assert digests(build(request, sources.files)) == digests(build(slower, sources.files))


def _other_model(result: Outcome) -> Outcome:
    models = (*result.models[:2], dataclasses.replace(result.models[2], digest="d" * 64))
    return dataclasses.replace(result, models=models)


def _other_score(result: Outcome) -> Outcome:
    return dataclasses.replace(result, triage=dataclasses.replace(result.triage, probability=0.92))


def _changes(request: ReportRequest) -> dict[str, ReportRequest]:
    later = request.analysis_started_at + timedelta(seconds=1)
    return {
        "analysis": dataclasses.replace(request, analysis_id=8),
        "revision": dataclasses.replace(request, revision=2),
        "start": dataclasses.replace(request, analysis_started_at=later),
        "model": dataclasses.replace(request, outcome=_other_model(request.outcome)),
        "score": dataclasses.replace(request, outcome=_other_score(request.outcome)),
        "predecessor": dataclasses.replace(request, predecessor=Predecessor("1.2.3", "1.2.4")),
    }


@pytest.mark.parametrize("change", ["analysis", "revision", "start", "model", "score", "predecessor"])
def test_whatever_changes_the_content_changes_every_uid(sources: cast.Sources, change: str) -> None:
    request = cast.flagged_request(sources.add("one"))
    before = {one.sop_instance_uid for one in build(request, sources.files)}
    after = {one.sop_instance_uid for one in build(_changes(request)[change], sources.files)}
    assert before.isdisjoint(after)


def test_other_source_bytes_under_the_same_uid_give_other_results(sources: cast.Sources) -> None:
    request = cast.flagged_request(sources.add("one"))
    before = {one.sop_instance_uid for one in build(request, sources.files)}
    sources.add("one", edit=lambda ds: setattr(ds, "StudyDescription", "Changed"))
    after = {one.sop_instance_uid for one in build(request, sources.files)}
    assert before.isdisjoint(after)


def _elements(ds: Dataset, vrs: set[str]) -> Iterator[tuple[str, str]]:
    for element in (*ds.file_meta.iterall(), *ds.iterall()):
        if element.VR in vrs and element.value:
            yield element.keyword, str(element.value)


def test_no_time_in_a_result_comes_from_the_clock(sources: cast.Sources) -> None:
    request = dataclasses.replace(
        cast.flagged_request(sources.add("one")),
        analysis_started_at=datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC),
    )
    given = {"20010203", "20261121", "19500101"}
    local = request.analysis_started_at.astimezone().strftime("%Y%m%d")
    for built in build(request, sources.files):
        for keyword, value in _elements(cast.read(built), {"DA", "DT"}):
            assert value[:8] in given | {local}, keyword


def test_every_uid_in_a_result_is_derived_or_the_sources_or_the_standards(sources: cast.Sources) -> None:
    uid = sources.add("one")
    request = cast.flagged_request(uid)
    first, second = (build(request, sources.files) for _ in range(2))
    for one, two in zip(first, second, strict=True):
        uids = list(_elements(cast.read(one), {"UI"}))
        assert uids == list(_elements(cast.read(two), {"UI"}))
        assert all(re.match(r"2\.25\.|1\.2\.840\.10008\.", value) for _, value in uids), uids


def test_all_objects_of_an_analysis_have_their_own_uid_and_one_series_per_modality(
    sources: cast.Sources,
) -> None:
    built = [cast.read(one) for one in build(cast.flagged_request(sources.add("one")), sources.files)]
    assert len({ds.SOPInstanceUID for ds in built}) == 4
    by_modality = {ds.Modality: (ds.SeriesInstanceUID, ds.SeriesNumber) for ds in built}
    assert len(set(by_modality.values())) == len(by_modality) == 3
    assert {number for _, number in by_modality.values()} == {9001, 9002, 9020}


def test_every_result_is_recognised_as_our_own_and_a_radiograph_is_not(sources: cast.Sources) -> None:
    uid = sources.add("one")
    for built in build(cast.flagged_request(uid), sources.files):
        ds = cast.read(built)
        marks = {"modality": ds.Modality, "series_number": int(ds.SeriesNumber)}
        assert is_own_result(manufacturer=ds.Manufacturer, sop_instance_uid=ds.SOPInstanceUID, **marks)
        assert not is_own_result(manufacturer="Phantom Maker", sop_instance_uid=ds.SOPInstanceUID, **marks)
    assert not is_own_result(
        manufacturer="Spine Triage project", modality="CR", series_number=9001, sop_instance_uid=uid
    )
    assert not is_own_result(
        manufacturer="Spine Triage project", modality="SR", series_number=None, sop_instance_uid=uid
    )


def test_a_model_with_another_digest_is_another_device_in_content_and_equipment(
    sources: cast.Sources,
) -> None:
    request = cast.flagged_request(sources.add("one"))
    devices = []
    for wanted in (request, _changes(request)["model"]):
        for ds in (cast.read(one) for one in build(wanted, sources.files)):
            processing = [item.DeviceUID for item in ds.ContributingEquipmentSequence if "DeviceUID" in item]
            assert len(set(processing)) == len(processing) == 4
            if ds.Modality == "SR":
                assert cast.values(ds, "121012")[0] in processing
        devices.append(set(processing))
    assert len(devices[0] & devices[1]) == 2


def test_times_are_told_on_the_source_studys_clock_when_it_states_one(sources: cast.Sources) -> None:
    uid = sources.add("one", edit=lambda ds: setattr(ds, "TimezoneOffsetFromUTC", "+0530"))
    for built in build(cast.flagged_request(uid), sources.files):
        ds = cast.read(built)
        assert (ds.InstanceCreationDate, ds.InstanceCreationTime) == ("20261121", "150015.250000")
        assert ds.TimezoneOffsetFromUTC == "+0530"
        assert ds.ContributingEquipmentSequence[-1].ContributionDateTime == "20261121150015.250000+0530"


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Change the zone of this process as another machine would have it."""

    def enter(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield enter
    monkeypatch.undo()
    time.tzset()


def test_a_run_on_a_machine_in_another_zone_never_reuses_a_uid_for_other_times(
    sources: cast.Sources, zone: Callable[[str], None]
) -> None:
    silent = sources.add("silent")
    stated = sources.add("stated", edit=lambda ds: setattr(ds, "TimezoneOffsetFromUTC", "+0530"))
    built = []
    for name in ("UTC0", "NPT-5:45"):
        zone(name)
        built.append([build(cast.flagged_request(uid), sources.files) for uid in (silent, stated)])
    assert {one.sop_instance_uid for one in built[0][0]}.isdisjoint(
        one.sop_instance_uid for one in built[1][0]
    )
    assert digests(built[0][1]) == digests(built[1][1])


def test_an_impossible_zone_is_dropped_and_no_zone_is_invented(sources: cast.Sources) -> None:
    wrong = sources.add("wrong", edit=lambda ds: setattr(ds, "TimezoneOffsetFromUTC", "+9900"))
    silent = sources.add("silent")
    for uid in (wrong, silent):
        for built in build(cast.flagged_request(uid), sources.files):
            assert "TimezoneOffsetFromUTC" not in cast.read(built)


def test_a_start_without_a_zone_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="aware"):
        Stamp.of(datetime(2026, 1, 1), "")
    assert parse_offset("-0330") == timezone(timedelta(hours=-3, minutes=-30))
