"""The names of everything a reader can choose: columns, filters, causes, reasons, keys, looks.

The same lexicon as `words`: nothing here says what a study shows.
"""

from __future__ import annotations

from triage.domain.marks import NOTE_LENGTH as NOTE_LENGTH
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
PREVIEW_NOTE = "Compressed preview, not diagnostic"
MAP_NOTE = "attention map, low resolution, not a lesion outline"
MAP_NOT_SHOWN = "This site runs in triage mode: the attention map is not shown in this mode."
NO_MAP = "There is no attention map of this study. One is kept with a flag, where the model can give one."
THEMES = {"system": "as the system", "dark": "dark", "light": "light"}
DENSITIES = {"compact": "compact", "usual": "usual", "roomy": "roomy"}
# What the palette offers: the key that does it, and its name.
COMMANDS = (
    ("n", "Next study: claim it and open it"),
    (" ", "Open the details of the row, or close them"),
    ("o", "Open in the viewer"),
    ("c", "Claim, or release"),
    ("r", "Mark as read"),
    ("p", "Pin first, or take the pin away"),
    ("s", "Skip for a while"),
    ("x", "Move down, with a reason"),
    ("m", "Write a note"),
    ("l", "Labels"),
    ("z", "Undo"),
    ("v", "Show the key image"),
    ("h", "Show the attention map, or hide it"),
    ("y", "Copy the accession number"),
    (".", "Bring in what waits"),
    ("/", "Search"),
    ("f", "Filters"),
    ("K", "Hide patients' names, or show them"),
    ("d", "Change the theme"),
    ("t", "Change the row height"),
    ("?", "Show all keys"),
)
KEY_CAPS = {" ": "Space"}
# What a reader may put on another key; the space bar stays.
REMAPPABLE = (
    ("j", "Next row"),
    ("k", "Row before"),
    ("g", "First row"),
    ("G", "Last row"),
    *((key, what) for key, what in COMMANDS if key != " "),
)
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
    ("m", "write a note"),
    ("l", "labels"),
    ("1 2 3", "agree, disagree, unsure"),
    ("v", "show the key image"),
    ("h", "show or hide the attention map"),
    ("y", "copy the accession number"),
    (".", "bring in what waits"),
    ("/", "search"),
    ("f", "filters"),
    ("Alt+1 … Alt+9", "saved views"),
    ("K", "hide patients' names"),
    ("d", "theme"),
    ("t", "row height"),
    ("Ctrl+K", "find an act by its name"),
    ("?", "this help"),
)
