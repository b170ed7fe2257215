"""An MR study inside the child: choose the series -> decode -> locator -> middle slice -> classifier -> interpret.

Promise: what is not a sagittal T1-weighted series of a spine ends as not analysed with its reason, never with a flag; every
series that was not used is told of. Networks see a bounded number of slices, whatever the length of the series.
Refuses (Unprocessable): a study for which this installation serves no MR networks, or none of whose headers can be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from triage.domain.analysis import InstanceForAnalysis
from triage.domain.errors import NotFound, Unprocessable
from triage.domain.finding import NotAnalysedImage, Outcome, VertebraFinding
from triage.domain.mr_series import ENHANCED, MR, Choice, MrImage, choose
from triage.spool import Spool
from workers import preview
from workers.child.known import Found, Networks
from workers.decode import decode
from workers.decode.mr import mr_image
from workers.infer import Answers, Served
from workers.interpret import sagittal, vertebrae
from workers.interpret.sagittal import Turned
from workers.interpret.vertebrae import Located
from workers.models import ood
from workers.models.preprocess import Prepared, prepare

NO_SERIES = "NO_SAGITTAL_T1"
NOT_SERVED = Unprocessable("no-model", "no model for MR is served here")


def is_mr(instances: Sequence[InstanceForAnalysis]) -> bool:
    """Tell whether a study's instances are MR, which pass other networks than radiographs."""
    return any(one.sop_class_uid == MR or one.sop_class_uid in ENHANCED for one in instances)


@dataclass(frozen=True, slots=True)
class _Slice:
    facts: MrImage
    turned: Turned
    ready: Prepared


def judged(
    networks: Networks, spool: Spool, instances: Sequence[InstanceForAnalysis], found: Found
) -> Outcome:
    """Return the outcome of an MR study; raises Unprocessable, or Unavailable for the spool."""
    if networks.mr_locator is None or networks.mr_vertebra is None:
        raise NOT_SERVED
    names = {one.sop_instance_uid: one.spool_name for one in instances}
    with found.watch.stage("decode"):
        choice = choose(_headers(instances, spool, found))
    told = _told(choice)
    if choice.chosen is None:
        if not told:
            raise Unprocessable("unreadable", "no MR header of the study can be read")
        why = ood.Abstention(NO_SERIES, f"{choice.sentence[0].upper()}{choice.sentence[1:]}.")
        return _outcome(networks, found, (), told, why)
    images = choice.chosen.images
    looked_at = [images[place] for place in sagittal.candidates(len(images))]
    slices = [one for facts in looked_at if (one := _slice(facts, spool, names, networks.mr_locator, found))]
    return _looked(networks, slices, len(images), [image.sop_instance_uid for image in images], told, found)


def _looked(
    networks: Networks, slices: Sequence[_Slice], count: int, order: Sequence[str], told: tuple[NotAnalysedImage, ...],
    found: Found,
) -> Outcome:  # fmt: skip
    locator, classifier = networks.mr_locator, networks.mr_vertebra
    assert locator is not None and classifier is not None
    if not slices:
        return _outcome(networks, found, (), told, sagittal.NOT_FOUND)
    answers = _run(locator, [one.ready for one in slices], found)
    with found.watch.stage("interpret"):
        evidence = [float(sagittal.corners_of(logits, locator.bundle)[1].sum()) for logits in answers.logits]
        place = sagittal.middle([one.facts.place for one in slices], evidence)
    if place is None:
        return _outcome(networks, found, (), told, sagittal.NOT_FOUND, slices[len(slices) // 2])
    one = slices[place]
    with found.watch.stage("preview"):
        found.pictures[one.facts.sop_instance_uid] = preview.picture(
            one.facts.sop_instance_uid, one.turned.image
        )
    with found.watch.stage("interpret"):
        chain = sagittal.bodies(
            answers.logits[place], answers.features[place], one.turned, one.ready.to_source, locator.bundle
        )
    bodies = chain if isinstance(chain, ood.Abstention) else _classified(one, chain, classifier, found)
    if isinstance(bodies, ood.Abstention):
        return _outcome(networks, found, (), told, bodies, one)
    number = order.index(one.facts.sop_instance_uid) + 1
    where = f"Seen: slice {number} of {count} of the sagittal T1-weighted series"
    triage = sagittal.triage(bodies, where, classifier.bundle)
    return replace(_outcome(networks, found, bodies, told, sagittal.NOT_FOUND), triage=triage)


def _classified(
    one: _Slice, chain: Located, classifier: Served, found: Found
) -> tuple[VertebraFinding, ...] | ood.Abstention:
    with found.watch.stage("crops"):
        crops = vertebrae.crops(one.turned.image, chain, classifier.bundle)
    answers = _run(classifier, crops, found)
    uid, bundle = one.facts.sop_instance_uid, classifier.bundle
    with found.watch.stage("interpret"):
        bodies = vertebrae.findings(uid, one.turned.image, chain, answers.logits, answers.features, bundle)
    return bodies if isinstance(bodies, ood.Abstention) else sagittal.counted(bodies, one.turned)


def _headers(instances: Sequence[InstanceForAnalysis], spool: Spool, found: Found) -> list[MrImage]:
    facts = []
    for one in instances:
        try:
            facts.append(mr_image(spool.path(one.spool_name)))
        except Unprocessable as why:
            found.not_analysed.append(NotAnalysedImage(one.sop_instance_uid, why.reason, why.sentence))
        except NotFound:
            gone = "the image is no longer in the spool"
            found.not_analysed.append(NotAnalysedImage(one.sop_instance_uid, "file-gone", gone))
    return facts


def _told(choice: Choice) -> tuple[NotAnalysedImage, ...]:
    """One line for each series that is not used, by its first image."""
    return tuple(
        NotAnalysedImage(
            other.images[0].sop_instance_uid, other.reason, f"MR series not used: {other.sentence}"
        )
        for other in choice.others
    )


def _slice(
    facts: MrImage, spool: Spool, names: dict[str, str], locator: Served, found: Found
) -> _Slice | None:
    uid = facts.sop_instance_uid
    try:
        with found.watch.stage("decode"):
            image = decode(spool.path(names[uid])).image
    except Unprocessable as why:
        found.not_analysed.append(NotAnalysedImage(uid, why.reason, why.sentence))
        return None
    except (NotFound, KeyError):
        found.not_analysed.append(NotAnalysedImage(uid, "file-gone", "the image is no longer in the spool"))
        return None
    with found.watch.stage("prepare"):
        refused = ood.check_pixels(image)
        if refused is not None:
            found.not_analysed.append(NotAnalysedImage(uid, refused.code, refused.sentence))
            return None
        turned = sagittal.turned(image, facts)
        return _Slice(facts, turned, prepare(turned.image, locator.bundle.preprocessing))


def _run(served: Served, prepared: Sequence[Prepared], found: Found) -> Answers:
    with found.watch.stage("networks"):
        return served.run(np.stack([one.array for one in prepared]))


def _outcome(
    networks: Networks,
    found: Found,
    bodies: tuple[VertebraFinding, ...],
    told: tuple[NotAnalysedImage, ...],
    why: ood.Abstention,
    seen: _Slice | None = None,
) -> Outcome:
    """An abstention names the slice that was looked at, so that the report can be filed under it."""
    own = () if seen is None else (NotAnalysedImage(seen.facts.sop_instance_uid, why.code, why.sentence),)
    return Outcome(
        views=(),
        vertebrae=bodies,
        not_analysed=(*own, *found.not_analysed, *told),
        triage=sagittal.abstained(why),
        models=networks.mr_identities(),
    )
