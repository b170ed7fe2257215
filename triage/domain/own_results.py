"""How this product's own results are told from what a modality sent.

Promise: an object that carries all four marks was made here, so a result that comes back from the PACS is
stored and never analysed again. Refuses to guess: one missing mark makes the object a foreign one, because
a radiograph wrongly taken for a result would never be looked at.
"""

from __future__ import annotations

from triage.domain.identity import derived_uid

MANUFACTURER = "Spine Triage project"
MODEL_NAME = "spine-xr-triage"
FIRST_SERIES_NUMBER = 9000
RESULT_MODALITIES = frozenset({"SR", "SEG", "PR"})
_DERIVED_ROOT = "2.25."


def device_uid(model_name: str, version: str, *digests: str) -> str:
    """Return the Device UID (0018,1002) of one version of one algorithm; another digest is another device."""
    return derived_uid("device", MANUFACTURER, model_name, version, *digests)


def is_own_result(
    *, manufacturer: str, modality: str, series_number: int | None, sop_instance_uid: str
) -> bool:
    """Return whether these four header values are those of an object that this product writes."""
    return (
        manufacturer.strip() == MANUFACTURER
        and modality.strip() in RESULT_MODALITIES
        and series_number is not None
        and series_number >= FIRST_SERIES_NUMBER
        and sop_instance_uid.startswith(_DERIVED_ROOT)
    )
