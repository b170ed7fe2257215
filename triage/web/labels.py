"""The names of everything a reader can choose: columns, filters, causes, reasons, keys, looks.

The same lexicon as `words`: nothing here says what a study shows.
"""

from __future__ import annotations

from triage.domain.reading import LOWER_WORDS, Cause, Column, FlagFilter, Verdict

COLUMNS = {
    Column.BAND: "Priority",
    Column.WHY: "Why",
    Column.WAIT: "Wait / due",
    Column.PATIENT: "Patient",
    Column.STUDY: "Study",
    Column.ACCESSION: "Accession",
    Column.TIME: "Study time",
    Column.AI: "Analysis",
    Column.IMAGES: "Images",
    Column.SENT: "Result sent",
    Column.SOURCE: "Source",
    Column.CLAIM: "Claim",
}
FLAGS = {
    FlagFilter.ANY: "Answer",
    FlagFilter.FLAGGED: "look sooner",
    FlagFilter.NOT_FLAGGED: "no triage flag",
    FlagFilter.NOT_ANALYSED: "not analysed",
    FlagFilter.WAITING: "no answer yet",
}
VERDICTS = {Verdict.AGREE: "Agree", Verdict.DISAGREE: "Disagree", Verdict.UNSURE: "Unsure"}
VERDICT_KEYS = {Verdict.AGREE: "1", Verdict.DISAGREE: "2", Verdict.UNSURE: "3"}
CAUSES = {
    Cause.OLD_FRACTURE: "old fracture",
    Cause.DEGENERATIVE: "degenerative",
    Cause.VARIANT: "variant",
    Cause.ARTEFACT: "artefact or implant",
    Cause.WRONG_VIEW: "wrong view",
    Cause.OTHER: "other",
}
LOWER_REASONS = LOWER_WORDS
THEMES = {"system": "as the system", "dark": "dark", "light": "light"}
DENSITIES = {"compact": "compact", "usual": "usual", "roomy": "roomy"}
KEYS = (
    ("j k ↓ ↑", "next row, row before"),
    ("g G", "first row, last row"),
    ("n", "next study: claim it and open it"),
    ("Space →", "details of the row"),
    ("Esc ←", "close"),
    ("o Enter", "open the study in the viewer"),
    ("c", "claim or release"),
    ("r", "mark as read"),
    ("p", "pin, or take the pin away"),
    ("s", "skip for a while, for you alone"),
    ("x", "move down, with a reason"),
    ("z", "undo what you just did"),
    ("1 2 3", "agree, disagree, unsure"),
    ("v", "show the key image"),
    ("y", "copy the accession number"),
    (".", "bring in what waits"),
    ("/", "search"),
    ("f", "filters"),
    ("Alt+1 … Alt+9", "saved views"),
    ("K", "hide patients' names"),
    ("d", "theme"),
    ("t", "row height"),
    ("?", "this help"),
)
