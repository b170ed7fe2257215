"""What a reader of a diagnostic-accuracy study of an AI asks, with what this report knows and what it leaves open.

After STARD 2015 (numbers) with the additions that STARD-AI and CLAIM 2024 ask for (letters), in our own words: the
published lists decide. A study file (TOML, table [checklist], keys as in the first column) fills what only people know.
Promise: nothing is filled by guessing; what is unknown says OPEN.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from triage.domain.errors import NotFound, Refused

OPEN = "OPEN"
ITEMS: tuple[tuple[str, str], ...] = (
    ("1", "Title says: study of diagnostic accuracy, with an AI as index test"),
    ("3", "Intended use and place of the AI in the clinical path"),
    ("4", "Objectives and hypotheses"),
    ("5", "Data collected before or after the index test was planned"),
    ("6", "Who was eligible, by patient and by image"),
    ("7", "How eligible patients were found"),
    ("8", "Where and when (setting, sites, dates)"),
    ("9", "Consecutive, random or convenience series"),
    ("10a", "Index test: model, version, digest, input"),
    ("10b", "Reference standard, by whom, how many readers, how disagreement was settled"),
    ("11", "Why this reference standard"),
    ("12a", "Thresholds of the index test, and whether set beforehand"),
    ("12b", "Thresholds of the reference standard"),
    ("13a", "What the index test knew beside the pixels"),
    ("13b", "What the reference's readers knew, and whether they saw the AI's answer"),
    ("14", "Methods of estimating and comparing accuracy"),
    ("15", "How indeterminate answers were handled"),
    ("16", "How missing data were handled"),
    ("17", "Variability and subgroups, planned or not"),
    ("18", "Sample size and its reason"),
    ("19", "Flow of participants"),
    ("20", "Who the participants were"),
    ("21", "Severity of disease in those who have it; other findings in those who have not"),
    ("22", "Time between index test and reference"),
    ("23", "Cross tabulation of index test and reference"),
    ("24", "Accuracy with its precision"),
    ("25", "Harm from either test"),
    ("26", "Limits: bias, uncertainty, generalisability"),
    ("27", "What follows for practice"),
    ("28-30", "Registration, protocol, funding, interests"),
    ("A", "Training data: origin, size, labels, dates; distance from the test data"),
    ("B", "Partition into train, tune, calibrate, test, and at which level"),
    ("C", "Image preparation and quality gates"),
    ("D", "Architecture, initial weights, training, selection of the final model"),
    ("E", "Calibration"),
    ("F", "Robustness, and behaviour outside the training distribution"),
    ("G", "Fairness across groups"),
    ("H", "Failure analysis: which cases were wrong, and why"),
    ("I", "External validation"),
    ("J", "Where model, code and data can be had; licence"),
    ("K", "How people used the answer, if they did"),
)


def read_study(path: Path) -> dict[str, str]:
    """Return the answers of a study file; raises Refused for keys that are no item."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NotFound("study", f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused("study", f"{path} is no TOML: {error}") from error
    answers = {str(key): str(value) for key, value in data.get("checklist", {}).items()}
    strange = sorted(set(answers) - {key for key, _ in ITEMS})
    if strange:
        raise Refused("study", f"{path}: no checklist item is called {', '.join(strange)}")
    return answers


def filled(record: Mapping[str, Any], answers: Mapping[str, str]) -> list[dict[str, str]]:
    """Return every item with its answer: the people's first, else what the record shows, else OPEN."""
    known = _known(record)
    return [
        {
            "item": key,
            "asks": asks,
            "answer": answers.get(key) or known.get(key) or OPEN,
            "from": "study file" if answers.get(key) else "this report" if known.get(key) else "",
        }
        for key, asks in ITEMS
    ]


def _known(record: Mapping[str, Any]) -> dict[str, str]:
    table, model, data = record["table"], record.get("model", {}), record.get("dataset", {})
    known = {
        "14": f"Exact or bootstrap intervals by patient ({record['rounds']} rounds, seed {record['seed']}); DeLong; McNemar exact.",
        "15": "Declined cases are counted apart, and again as not flagged (as served).",
        "19": f"{table['cases']} cases of {table['patients']} patients; answered {table['answered']}; "
        f"declined {sum(table['declined'].values())}; without label {table['without_label']}.",
    }
    if model.get("name"):
        known["10a"] = f"{model['name']} {model.get('version', '')}, digest {model.get('digest', 'unknown')}."
    if model.get("scope"):
        known["3"] = str(model["scope"])
    if model.get("data_origin"):
        known["A"] = f"Data origin of the model: {model['data_origin']}."
    if data.get("digest"):
        known["B"] = f"Dataset {data['digest']}, split by patient, seed {data['seed']}."
    if table["groups"]:
        known["17"] = known["20"] = f"By {', '.join(sorted(table['groups']))}: see Subgroups."
        known["G"] = "See Subgroups; whether groups are fairly served is for people to judge."
    if record.get("overall"):
        known["23"], known["24"] = "See Confusion.", "See Figures."
        known["E"] = f"ECE {record['calibration']['ece']['value']}; see Calibration."
    if record.get("robustness"):
        known["F"] = f"{record['robustness'][0]['cases']} cases under corruption: see Robustness."
    if record.get("positive"):
        points = ", ".join(
            f"{p['name']} {p['threshold']:.4g}" for p in record["positive"]["operating_points"]
        )
        known["12a"] = f"{points}; chosen on: {record['positive']['thresholds_chosen_on']}."
    return known
