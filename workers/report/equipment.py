"""Hop 9, who made it: this product as the observer, each model as processing equipment with its own Device UID.

Promise: a changed model digest is another device (IHE AIR 6.5.3.1), and every device named in the content is in the
Contributing Equipment Sequence. highdicom's own item there is replaced: it carries the wall clock.
"""

from __future__ import annotations

from dataclasses import dataclass

import highdicom as hd
from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from triage import __version__
from triage.domain.analysis import SPINE_XR_TRIAGE
from triage.domain.finding import ModelIdentity
from triage.domain.model import PAIR
from triage.domain.own_results import MANUFACTURER, MODEL_NAME, device_uid
from workers.report import codes, header, identity, wire
from workers.report.naming import Stamp

OBSERVER_NAME = "spine-triage-worker"
CONTRIBUTING = header.tag("ContributingEquipmentSequence")
_VIEW_ROLES = ("gate", "view")
_FLAG_ROLES = ("fresh", "fracture", "classifier", "mr-vertebra")
_MEASURE_ROLES = ("alignment",)
_PATTERN_ROLES = (PAIR,)


@dataclass(frozen=True, slots=True)
class Device:
    """One piece of software, as equipment."""

    name: str
    version: str
    uid: str


def product(models: tuple[ModelIdentity, ...]) -> Device:
    """Return this product with these models in it."""
    digests = sorted(model.digest for model in models)
    return Device(MODEL_NAME, __version__, device_uid(SPINE_XR_TRIAGE, __version__, *digests))


def device(model: ModelIdentity) -> Device:
    """Return one model as a device."""
    name, version = wire.plain(model.name, 64), wire.plain(model.version, 64)
    return Device(name or "model", version or "0", device_uid(model.name, model.version, model.digest))


def view_model(models: tuple[ModelIdentity, ...]) -> ModelIdentity | None:
    """Return the model that decided the view, told by its bundle's name."""
    return _role(models, _VIEW_ROLES)


def flag_model(models: tuple[ModelIdentity, ...]) -> ModelIdentity | None:
    """Return the model that decided the flag, told by its bundle's name."""
    return _role(models, _FLAG_ROLES)


def measure_model(models: tuple[ModelIdentity, ...]) -> ModelIdentity | None:
    """Return the model that measured angles, told by its bundle's name."""
    return _role(models, _MEASURE_ROLES)


def pattern_model(models: tuple[ModelIdentity, ...]) -> ModelIdentity | None:
    """Return the model that looked at a pair of views, told by its bundle's name."""
    return _role(models, _PATTERN_ROLES)


def algorithm(
    model: ModelIdentity | None, models: tuple[ModelIdentity, ...], *parameters: str
) -> sr.AlgorithmIdentification:
    """Return TID 4019 for a group: the model that answered, or the whole algorithm when no model did."""
    made_by = product(models) if model is None else device(model)
    digest = () if model is None else (f"bundle sha256={wire.plain(model.digest, 64)}", *_numerics(model))
    return sr.AlgorithmIdentification(
        name=made_by.name, version=made_by.version, parameters=[*parameters, *digest] or None
    )


def _numerics(model: ModelIdentity) -> tuple[str, ...]:
    # Float32 is what figures were measured in: only another precision is news.
    return () if model.numerics == "fp32" else (f"numerics={wire.plain(model.numerics, 16)}",)


def observation_context(models: tuple[ModelIdentity, ...]) -> sr.ObservationContext:
    """Return TID 1001: a device observed, and which."""
    made_by = product(models)
    attributes = sr.DeviceObserverIdentifyingAttributes(
        uid=made_by.uid,
        name=OBSERVER_NAME,
        manufacturer_name=MANUFACTURER,
        model_name=made_by.name,
        serial_number=_serial(made_by),
    )
    return sr.ObservationContext(
        observer_device_context=sr.ObserverContext(
            observer_type=codes.DEVICE, observer_identifying_attributes=attributes
        )
    )


def equipment_arguments(models: tuple[ModelIdentity, ...]) -> dict[str, str]:
    """Return the General Equipment arguments of every highdicom constructor."""
    made_by = product(models)
    return {
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": made_by.name,
        "software_versions": made_by.version,
        "device_serial_number": _serial(made_by),
    }


def contributing(models: tuple[ModelIdentity, ...], source: Dataset, stamp: Stamp) -> bytes:
    """Return the encoded Contributing Equipment Sequence: what took the image, this product, each model."""
    acquisition = identity.acquisition_equipment(source, _coded(codes.ACQUISITION_EQUIPMENT))
    devices = (product(models), *(device(model) for model in models))
    items = [wire.dataset_bytes(_item(one, stamp)) for one in devices]
    return wire.sequence_bytes(CONTRIBUTING, items if acquisition is None else [acquisition, *items])


def _role(models: tuple[ModelIdentity, ...], words: tuple[str, ...]) -> ModelIdentity | None:
    named = (model for model in models if any(word in model.name.lower() for word in words))
    return next(named, None)


def _serial(made_by: Device) -> str:
    # A serial number tells installations apart; for software the device UID's tail is as close as it gets.
    return made_by.uid.rsplit(".", 1)[-1][-16:]


def _item(one: Device, stamp: Stamp) -> Dataset:
    item = Dataset()
    item.PurposeOfReferenceCodeSequence = [_coded(codes.PROCESSING_EQUIPMENT)]
    item.Manufacturer = MANUFACTURER
    item.ManufacturerModelName = one.name
    item.SoftwareVersions = one.version
    item.DeviceUID = one.uid
    item.ContributionDateTime = stamp.date_time
    item.ContributionDescription = "Automated analysis. Not for clinical use."
    return item


def _coded(code: Code) -> Dataset:
    coded = Dataset()
    coded.update(hd.sr.CodedConcept(code.value, code.scheme_designator, code.meaning))
    return coded
