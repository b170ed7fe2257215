"""One study inside the child: decode -> gate -> locator -> classifier -> interpret -> (measure, pair) -> report.

Promise: images are taken in small groups, so memory does not grow with the study; every image ends as a
view or as not analysed with its reason; the flag sees only what the gate takes for a lateral spine.
Refuses (Unprocessable): a study none of whose images could be decoded.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from triage.domain.analysis import InstanceForAnalysis
from triage.domain.errors import NotFound, Unprocessable
from triage.domain.finding import EvidenceDraft, NotAnalysedImage, Outcome, Triage, TriageOutcome, View
from triage.domain.reading import KeyImage
from triage.spool import Spool
from workers import overlay, preview, report
from workers.child import magnetic, measuring, pairs
from workers.child.known import Found, Networks, Shown, Stopwatch
from workers.child.wire import StudyReply, StudyRequest
from workers.decode import Radiograph, decode
from workers.infer import Answers, Served
from workers.interpret import flag, vertebrae, views
from workers.models import ood
from workers.models.attention import closed_form
from workers.models.preprocess import AffineMap, Prepared, prepare

GROUP = 8
WHOLE = "WHOLE"
FRESH = "fresh"
Decoded = tuple[str, Radiograph]


class Analyst:
    """Runs one study at a time on warm networks."""

    def __init__(
        self,
        networks: Networks,
        spool: Spool,
        mode: report.Mode,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._networks = networks
        self._spool = spool
        self._mode = mode
        self._clock = clock

    def analyse(self, request: StudyRequest, notice: Callable[[Triage], None] | None = None) -> StudyReply:
        """Return the study's outcome and its evidence; raises Unprocessable, or Unavailable for the spool.

        `notice` hears the flag where something is measured after it: the order need not wait for an angle.
        """
        found = Found(Stopwatch(self._clock))
        outcome = self._judged(request, found)
        if found.films or found.waiting:
            if notice is not None and (found.films or pairs.ready(found.waiting)):
                notice(outcome.triage)
            outcome = self._measured(request, outcome, found)
        with found.watch.stage("report"):
            evidence = self._report(request, outcome)
        return StudyReply(self._timed(outcome, found), evidence, _key_image(outcome, found))

    def judge(self, request: StudyRequest) -> Outcome:
        """Return the outcome alone, nothing written anywhere: what a shadow is asked for."""
        found = Found(Stopwatch(self._clock))
        outcome = self._judged(request, found)
        if found.films or found.waiting:
            outcome = self._measured(request, outcome, found)
        return self._timed(outcome, found)

    def _measured(self, request: StudyRequest, outcome: Outcome, found: Found) -> Outcome:
        with found.watch.stage("measure"):
            measures = measuring.measures(self._networks.alignment, found.films, wanted=request.measure)
        with found.watch.stage("pair"):
            pattern = pairs.pattern(self._networks.pair, found.waiting, wanted=request.measure)
        return replace(outcome, measures=measures, pattern=pattern)

    def _judged(self, request: StudyRequest, found: Found) -> Outcome:
        if magnetic.is_mr(request.instances):
            return magnetic.judged(self._networks, self._spool, request.instances, found)
        for first in range(0, len(request.instances), GROUP):
            self._group(request.instances[first : first + GROUP], found)
        if not found.views:
            raise self._nothing_decoded(found)
        with found.watch.stage("interpret"):
            return self._outcome(found)

    def _group(self, instances: Sequence[InstanceForAnalysis], found: Found) -> None:
        with found.watch.stage("decode"):
            decoded = [one for one in (self._decoded(instance, found) for instance in instances) if one]
        images = [Shown(uid, radiograph) for uid, radiograph in decoded]
        self._look(images, found)
        with found.watch.stage("preview"):
            shown = (one for one in images if one.refused is None)
            found.pictures |= {one.uid: preview.picture(one.uid, one.radiograph.image) for one in shown}
        found.views.extend(one.view for one in images if one.view is not None)
        with found.watch.stage("prepare"):
            found.films.extend(measuring.films(self._networks.alignment, images, len(found.films)))
            found.waiting.extend(pairs.waiting(self._networks.pair, images, found.waiting))
        lateral = [one for one in images if one.view is not None and one.view.view is View.LATERAL]
        found.laterals.extend(self._laterals(lateral, found))

    def _decoded(self, instance: InstanceForAnalysis, found: Found) -> Decoded | None:
        uid = instance.sop_instance_uid
        try:
            return uid, decode(self._spool.path(instance.spool_name))
        except Unprocessable as why:
            found.not_analysed.append(NotAnalysedImage(uid, why.reason, why.sentence))
        except NotFound:
            found.not_analysed.append(
                NotAnalysedImage(uid, "file-gone", "the image is no longer in the spool")
            )
        return None

    def _look(self, images: Sequence[Shown], found: Found) -> None:
        """Let the gate see each image whose pixels may be shown to a network."""
        gate = self._networks.gate
        with found.watch.stage("prepare"):
            for one in images:
                one.refused = ood.check_pixels(one.radiograph.image)
                if one.refused is None:
                    one.prepared = prepare(one.radiograph.image, gate.bundle.preprocessing)
        shown = [one for one in images if one.prepared is not None]
        answers = self._run(gate, [one.prepared for one in shown if one.prepared is not None], found)
        rows = {one.uid: row for row, one in enumerate(shown)}
        with found.watch.stage("interpret"):
            for one in images:
                row = _gate_row(answers, rows.get(one.uid))
                one.view = views.view_of(one.uid, one.radiograph.header_view, row, one.refused, gate.bundle)

    def _laterals(self, images: Sequence[Shown], found: Found) -> list[flag.LateralAnswer]:
        locator = self._networks.locator
        with found.watch.stage("prepare"):
            prepared = [self._for_locator(one) for one in images]
        answers = self._run(locator, prepared, found)
        if answers is None:
            return []
        return [
            self._lateral(one, prepared[row].to_source, answers, row, found) for row, one in enumerate(images)
        ]

    def _for_locator(self, one: Shown) -> Prepared:
        """The gate's input serves the locator too where both bundles ask for the same."""
        gate, locator = self._networks.gate.bundle, self._networks.locator.bundle
        if one.prepared is not None and gate.preprocessing == locator.preprocessing:
            return one.prepared
        return prepare(one.radiograph.image, locator.preprocessing)

    def _lateral(
        self, one: Shown, back: AffineMap, answers: Answers, row: int, found: Found
    ) -> flag.LateralAnswer:
        fresh, locator = self._networks.fresh, self._networks.locator.bundle
        image, whole = one.radiograph.image, one.view is not None and one.view.coverage == WHOLE
        with found.watch.stage("interpret"):
            chain = vertebrae.located(answers.logits[row], answers.features[row], image, back, whole, locator)
        if isinstance(chain, ood.Abstention):
            return flag.LateralAnswer(one.uid, (), chain)
        with found.watch.stage("crops"):
            crops = vertebrae.crops(image, chain, fresh.bundle)
        answered = self._run(fresh, crops, found)
        if answered is None:
            return flag.LateralAnswer(one.uid, (), vertebrae.NOT_FOUND)
        with found.watch.stage("interpret"):
            bodies = vertebrae.findings(
                one.uid, image, chain, answered.logits, answered.features, fresh.bundle
            )
        if isinstance(bodies, ood.Abstention):
            return flag.LateralAnswer(one.uid, (), bodies)
        self._keep_attention(one, crops, answered, found)
        return flag.LateralAnswer(one.uid, bodies, None)

    def _keep_attention(self, one: Shown, crops: Sequence[Prepared], answered: Answers, found: Found) -> None:
        """Where the site shows it: what the classifier has computed anyway, laid over the picture."""
        picture = found.pictures.get(one.uid)
        if self._mode is not report.Mode.ASSIST or picture is None:
            return
        bundle = self._networks.fresh.bundle
        with found.watch.stage("attention"):
            maps = closed_form(bundle, answered.last_map, answered.features, FRESH)
            if maps is not None:
                found.attention[one.uid] = overlay.film(
                    picture, one.radiograph.image, crops, maps, bundle.preprocessing
                )

    def _run(self, served: Served, prepared: Sequence[Prepared], found: Found) -> Answers | None:
        if not prepared:
            return None
        with found.watch.stage("networks"):
            return served.run(np.stack([one.array for one in prepared]))

    def _outcome(self, found: Found) -> Outcome:
        bodies = tuple(body for lateral in found.laterals for body in lateral.vertebrae)
        return Outcome(
            views=tuple(found.views),
            vertebrae=bodies,
            not_analysed=(*found.not_analysed, *_unjudged(found.laterals)),
            triage=flag.triage(found.views, found.laterals, self._networks.fresh.bundle),
            models=self._networks.identities(),
        )

    def _report(self, request: StudyRequest, outcome: Outcome) -> tuple[EvidenceDraft, ...]:
        wanted = report.ReportRequest(
            analysis_id=request.analysis_id,
            study_instance_uid=request.study_instance_uid,
            revision=request.revision,
            analysis_started_at=request.started_at,
            outcome=outcome,
            mode=self._mode,
            predecessor=None if request.predecessor is None else report.Predecessor(*request.predecessor),
        )
        return tuple(self._kept(built) for built in report.build(wanted, self._sources(request)))

    def _sources(self, request: StudyRequest) -> Mapping[str, Path]:
        sources = {}
        for instance in request.instances:
            try:
                sources[instance.sop_instance_uid] = self._spool.path(instance.spool_name)
            except NotFound:
                continue
        return sources

    def _kept(self, built: report.BuiltObject) -> EvidenceDraft:
        return EvidenceDraft(
            kind=str(built.kind),
            sop_class_uid=built.sop_class_uid,
            sop_instance_uid=built.sop_instance_uid,
            series_instance_uid=built.series_instance_uid,
            transfer_syntax_uid=built.transfer_syntax_uid,
            spool_name=self._spool.put_evidence(built.payload),
            digest=hashlib.sha256(built.payload).hexdigest(),
            size=len(built.payload),
        )

    @staticmethod
    def _timed(outcome: Outcome, found: Found) -> Outcome:
        rounded = {name: round(value, 2) for name, value in found.watch.milliseconds.items()}
        return replace(outcome, timings_ms=rounded)

    @staticmethod
    def _nothing_decoded(found: Found) -> Unprocessable:
        if not found.not_analysed:
            return Unprocessable("no-images", "the study holds no image to analyse")
        first = found.not_analysed[0]
        return Unprocessable(first.reason, first.sentence)


def _key_image(outcome: Outcome, found: Found) -> KeyImage | None:
    """The picture of the answer; with its attention map only where there is a flag that the map belongs to."""
    picture = found.pictures.get(preview.key_uid(outcome) or "")
    if picture is None or outcome.triage.outcome is not TriageOutcome.FLAGGED:
        return picture
    return replace(picture, attention=found.attention.get(picture.sop_instance_uid, b""))


def _gate_row(answers: Answers | None, row: int | None) -> views.GateAnswer:
    if answers is None or row is None:
        return views.GateAnswer(None, None)
    return views.GateAnswer(answers.logits[row], answers.features[row])


def _unjudged(laterals: Sequence[flag.LateralAnswer]) -> Iterator[NotAnalysedImage]:
    """A lateral image that the flag could not judge is told as such, beside its view."""
    for lateral in laterals:
        if lateral.abstained is not None:
            yield NotAnalysedImage(
                lateral.sop_instance_uid, lateral.abstained.code, lateral.abstained.sentence
            )
