"""Reads an outcome file: CSV with a header, columns accession and label (or code), and reported_at if there is one.

Promises: a bad line is named by its number and the rest still counts. Refuses (`Refused`) a file without these
columns. A code of the reporting system stands for a label by the site's table (`outcomes.codes`). Times without
a zone are this host's. The last line of a study wins.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import datetime

from triage.domain.errors import Refused
from triage.domain.outcome import LineProblem, OutcomeLabel, ReportedOutcome

KNOWN = ("accession", "label", "code", "reported_at")


def read(text: str, codes: Mapping[str, OutcomeLabel]) -> tuple[list[ReportedOutcome], list[LineProblem]]:
    """Return the outcomes of a file and the lines that hold none."""
    lines = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    _demand_columns(lines.fieldnames)
    found: dict[str, ReportedOutcome] = {}
    problems: list[LineProblem] = []
    while True:
        try:
            row = next(lines)
            one = _outcome(row, lines.line_num, codes)
            found[one.accession_number] = one
        except StopIteration:
            return list(found.values()), problems
        except csv.Error:
            problems.append(LineProblem(lines.line_num, "is not CSV"))
        except ValueError as problem:
            problems.append(LineProblem(lines.line_num, str(problem)))


def _demand_columns(names: object) -> None:
    columns = list(names) if isinstance(names, (list, tuple)) else []
    if "accession" not in columns or not {"label", "code"} & set(columns):
        raise Refused("columns", "the first line must name the columns accession and label (or code)")
    if unknown := [name for name in columns if name not in KNOWN]:
        # Another column may hold a name or a report's text: it is not ours to read.
        raise Refused("columns", f"{len(unknown)} columns are not known here; keep only {', '.join(KNOWN)}")


def _outcome(row: Mapping[str, str | None], line: int, codes: Mapping[str, OutcomeLabel]) -> ReportedOutcome:
    if None in row or None in row.values():
        raise ValueError("has not as many values as there are columns")
    accession = (row["accession"] or "").strip()
    if not accession or not accession.isprintable():
        raise ValueError("has no accession number")
    return ReportedOutcome(
        line, accession, _label(row, codes), _moment((row.get("reported_at") or "").strip())
    )


def _label(row: Mapping[str, str | None], codes: Mapping[str, OutcomeLabel]) -> OutcomeLabel:
    word, code = (row.get("label") or "").strip().lower(), (row.get("code") or "").strip()
    if word:
        if word not in set(OutcomeLabel):
            raise ValueError(f"has a label that is none of {', '.join(OutcomeLabel)}")
        return OutcomeLabel(word)
    if not code:
        raise ValueError("has neither label nor code")
    if code not in codes:
        raise ValueError("has a code that outcomes.codes does not know")
    return codes[code]


def _moment(spoken: str) -> datetime | None:
    if not spoken:
        return None
    try:
        return datetime.fromisoformat(spoken).astimezone()
    except (ValueError, OverflowError):
        raise ValueError("has a reported_at that is not ISO 8601") from None
