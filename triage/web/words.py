"""Every word the page says about a row. Three cues for a band: shape, word, colour; never a verdict.

What may be said is ux-law: no "positive", no "negative", no score outside assist mode.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from triage.domain.finding import ImageView, ModelIdentity, Outcome
from triage.domain.priority import LOOK_SOONER, AiStatus, RequestedPriority, Tier
from triage.domain.worklist import HistoryEntry, Tab, WorklistRow, WorklistState
from triage.store import bounded
from triage.store.situation import Situation

FOOTER = "Triage aid. Not for diagnosis. Unflagged studies are not cleared."
BANNER = "NOT FOR CLINICAL USE"
SYNTHETIC = "Models trained on synthetic phantoms only"
PARTLY_SYNTHETIC = "Models trained on synthetic phantoms and on more"
# As a bundle says it; whatever stands before or behind these words says what else it has seen.
_PHANTOMS_ALONE = "synthetic-phantom"
NO_FLAG_NOTE = "Absence of a flag is not a negative result."
HIDDEN = "name hidden"

TAB_NAMES = {
    Tab.UNREAD: "Unread",
    Tab.MINE: "Mine",
    Tab.READ: "Read",
    Tab.NOT_ANALYSED: "Not analysed",
    Tab.ALL: "All",
}
_STATUS = {
    AiStatus.WAITING: "Waiting",
    AiStatus.RUNNING: "Running",
    AiStatus.DONE: "Done",
    AiStatus.NOT_ANALYSED: "Not analysed",
}
_SEX = {"M": "M", "F": "F", "O": "O"}
PAST = {
    "worklist.claim": "Claimed",
    "worklist.renew": "Claim lengthened",
    "worklist.release": "Released",
    "worklist.expire": "Claim ran out",
    "worklist.complete": "Marked as read",
    "worklist.reopen": "Reopened",
    "worklist.new-images": "New images after reading",
    "worklist.pin": "Pinned",
    "worklist.unpin": "Unpinned",
    "worklist.cancel": "Taken off the list",
    "worklist.lower": "Moved down",
    "worklist.raise": "Move down taken back",
    "worklist.skip": "Skipped",
    "worklist.unskip": "Skip ended",
    "worklist.clock": "Arrival set right: a clock had run ahead",
    "study.open": "Opened in the viewer",
    "note.write": "Wrote a note",
    "note.withdraw": "Withdrew a note",
    "note.restore": "Brought a note back",
    "label.set": "Set a label",
    "label.unset": "Took a label off",
    "opinion.give": "Said what they think of the flag",
    "opinion.withdraw": "Withdrew their view of the flag",
    "analysis.place": "Answered, still measuring",
    "analysis.succeed": "Analysed",
    "analysis.fail": "Analysis failed",
    "study.requeue": "Analysis asked for again",
    "study.reopen": "More images came",
    "study.conflict": "Objects disagree",
}


@dataclass(frozen=True, slots=True)
class Band:
    """How a place in the order is shown: css class, shape, word."""

    name: str
    shape: str
    word: str


_PINNED = Band("pinned", "◆", "Pinned")
_STAT = Band("stat", "●", "Stat")
_SOONER = Band("sooner", "▲", "Sooner")
_AGAIN = Band("again", "■", "Again")
_GUARDED = Band("guarded", "▶", "Overtaken")
_WITHDRAWN = Band("withdrawn", "△", "Was sooner")
_LOWERED = Band("lowered", "▽", "Moved down")
_URGENT = Band("urgent", "▪", "Urgent")
_ROUTINE = Band("routine", "·", "Routine")
BANDS = (_PINNED, _STAT, _SOONER, _AGAIN, _GUARDED, _WITHDRAWN, _LOWERED, _URGENT, _ROUTINE)
_BY_TIER = {Tier.PINNED: _PINNED, Tier.STAT: _STAT}
_BY_CODE = {"guarded-": _GUARDED, "lowered": _LOWERED, "new-images": _AGAIN}


def band(row: WorklistRow) -> Band:
    """Return the band a row is shown in."""
    return band_of(row.tier, row.reason_code, row.requested_priority, sooner=LOOK_SOONER in row.reason)


def band_of(tier: Tier, code: str, requested: RequestedPriority, *, sooner: bool) -> Band:
    """Return the band of a place; `sooner`: its sentence asks to look at the study sooner."""
    if tier in _BY_TIER:
        return _BY_TIER[tier]
    # A flag stays in sight: of an overtaken study that asks to be looked at sooner, the sentence says both.
    if sooner and code.removeprefix("guarded-") != "lowered":
        return _SOONER
    known = next((found for start, found in _BY_CODE.items() if code.startswith(start)), None)
    if known is not None:
        return known
    if requested is RequestedPriority.HIGH:
        return _URGENT
    return _WITHDRAWN if code == "flag-withdrawn" else _ROUTINE


def plain_code(row: WorklistRow) -> str:
    """Return the reason's code without what the bound on overtaking put before it."""
    return row.reason_code.removeprefix("guarded-")


def unflagged(row: WorklistRow) -> bool:
    """Tell whether the row says that there is no flag: then it must say what that is not."""
    return plain_code(row) in ("no-flag", "flag-withdrawn")


def counted(number: int) -> str:
    """Return a tab's number; beyond what the store counts it only says so."""
    return bounded.spoken(number)


def urgent(rows: Iterable[WorklistRow]) -> int:
    """Return how many rows that ask to be looked at sooner nobody has claimed: the number in the tab's title."""
    free = (row for row in rows if row.state is WorklistState.SCHEDULED)
    return sum(band(row) in (_PINNED, _STAT, _SOONER) for row in free)


def waited(since: datetime, now: datetime) -> str:
    """Return a wait as hours and minutes: 0:42."""
    minutes = max(0, int((now - since).total_seconds() // 60))
    return f"{minutes // 60}:{minutes % 60:02d}"


@dataclass(frozen=True, slots=True)
class Due:
    """When a study is due, for the eye: minutes left, or how far it is over; `at` is the moment."""

    text: str
    over: bool
    at: datetime


def due(row: WorklistRow, now: datetime, minutes: Mapping[str, float]) -> Due | None:
    """Return when the study of this class is due at this site; None where the site says nothing."""
    allowed = minutes.get(row.requested_priority)
    if allowed is None:
        return None
    at = row.arrived_at + timedelta(minutes=allowed)
    left = (at - now).total_seconds()
    return Due(f"+{waited(at, now)}", True, at) if left < 0 else Due(f"{int(left // 60)}m", False, at)


def person_name(stored: str) -> str:
    """Return a DICOM person name for the eye: FAMILY, Given Middle; other scripts after it."""
    groups = [group for group in stored.split("=") if group.strip("^ ")]
    return " · ".join(_components(group) for group in groups) or "(no name)"


def patient(row: WorklistRow, private: bool) -> str:
    """Return the patient's name, or that it is hidden."""
    return HIDDEN if private else person_name(row.patient_name)


def identifier(stored: str, private: bool) -> str:
    """Return a patient id or accession number; hidden, its last two characters still tell two rows apart."""
    if not stored:
        return "none"
    return f"…{stored[-2:]}" if private and len(stored) > 4 else HIDDEN if private else stored


def _components(group: str) -> str:
    family, *others = [part.strip() for part in group.split("^")]
    rest = " ".join(part for part in others if part)
    return f"{family}, {rest}" if family and rest else family or rest


def sex_and_age(row: WorklistRow, today: date) -> str:
    """Return sex and age as far as they are known: F 76."""
    return " ".join(part for part in (_SEX.get(row.patient_sex, ""), _age(row, today)) if part)


def _age(row: WorklistRow, today: date) -> str:
    stored = row.patient_birth_date
    try:
        born = date(int(stored[:4]), int(stored[4:6]), int(stored[6:8]))
    except ValueError:
        return ""
    years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return str(years) if 0 <= years < 130 else ""


def day_of(stored: str) -> str:
    """Return a DICOM date, ISO; what is none stays as it came."""
    return f"{stored[:4]}-{stored[4:6]}-{stored[6:8]}" if len(stored) == 8 and stored.isdigit() else stored


def study_time(row: WorklistRow) -> str:
    """Return date and time of the study as its header gives them, ISO."""
    shown, hour = day_of(row.study_date), row.study_time
    return f"{shown} {hour[:2]}:{hour[2:4]}" if hour[:4].isdigit() and len(hour) >= 4 else shown


def images(row: WorklistRow) -> str:
    """Return how many images are here, and whether more are awaited."""
    count = f"{row.images} image" + ("" if row.images == 1 else "s")
    return f"receiving, {count} so far" if row.study_state == "receiving" else count


def ai_status(row: WorklistRow) -> str:
    """Return how far the analysis is; why it is not to be had, unless the row's reason says so already."""
    if row.ai_status is AiStatus.NOT_ANALYSED or row.outcome == "ABSTAINED":
        told = "Not analysed:" in row.reason
        return "Not analysed" if told else f"Not analysed: {row.ai_sentence or 'no reason was given'}"
    return _STATUS[row.ai_status]


def flag(row: WorklistRow) -> str:
    """Return what the newest answer was, in the words of the list; empty when there is none."""
    return {"FLAGGED": "look sooner", "NOT_FLAGGED": "no triage flag"}.get(row.outcome, "")


def sent(row: WorklistRow) -> str:
    """Return how far the results are on their way to the PACS."""
    total = row.results_pending + row.results_sent + row.results_refused
    if not total:
        return ""
    if row.results_refused:
        return f"✕ {row.results_refused} of {total} refused"
    return f"✓ {total} sent" if not row.results_pending else f"{row.results_sent} of {total} sent"


def view(found: ImageView) -> str:
    """Return what one image was taken for."""
    if found.abstained:
        return f"not used: {found.sentence}"
    parts = [found.view.value if found.view else "", found.coverage or "", found.operative or ""]
    words = ", ".join(part.replace("_", " ").lower() for part in parts if part)
    header = (
        f" (header says {found.header_view.value})"
        if found.disagrees_with_header and found.header_view
        else ""
    )
    return f"{words or 'view unknown'}{header}"


def localisation(outcome: Outcome) -> str:
    """Return where, for assist mode only."""
    fresh = [vertebra.place for vertebra in outcome.vertebrae if vertebra.label == "fresh"]
    return ", ".join(fresh) or "no single vertebra"


def past(line: HistoryEntry) -> str:
    """Return one line of a study's history; machines are not named."""
    said = PAST.get(line.action, line.action)
    return said if line.actor == "system" or ":" in line.actor else f"{said}, {line.actor}"


def models(situation: Situation) -> str:
    """Return which models gave the newest answers."""
    named = ", ".join(f"{model.name} {model.version}" for model in situation.models)
    return f"Models: {named}." if named else "No model has answered yet."


def synthetic(situation: Situation) -> str:
    """Say that a model in use has only seen phantoms, or phantoms too, or nothing; unknown counts as the first."""
    origins = {model.data_origin.lower() for model in situation.models}
    if not origins or _PHANTOMS_ALONE in origins:
        return SYNTHETIC
    return PARTLY_SYNTHETIC if any("synthetic" in origin for origin in origins) else ""


def origin(model: ModelIdentity) -> str:
    """Return what a model has learned from."""
    if model.data_origin.lower() == _PHANTOMS_ALONE:
        return "trained on phantoms"
    return f"trained on {model.data_origin}" if model.data_origin else "not said"
