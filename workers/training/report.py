"""The committed report: figures of the bundles on phantom patients, written by code from the bundles themselves.

Every heading says synthetic. Numbers come from metrics.json; nothing is typed by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.models.bundle import Bundle, load_pinned
from workers.training.card import table
from workers.training.outside import Answer, answer_all, count
from workers.training.run import ORDER
from workers.training.sheet import write_sheet

Echo = Callable[[str], None]
_OUTCOMES = ("AP", "LATERAL", "ABSTAINED", "NOT DECODED")
_INTRODUCTION = """# What the shipped networks do on phantoms (synthetic)

Written by `triage-models figures --report`; do not edit. All figures are from **synthetic phantom** radiographs of
patients (seeds) that training never saw, with 95 % intervals in brackets (bootstrap or exact, by patient). They say
nothing about real patients. The signs of a fresh fracture were drawn from textbook descriptions and overlap with those
of old ones on purpose. The film figures of vertebra-fresh leave every abstention out: a worker that abstains does not
flag, so its sensitivity is at most theirs. Not for clinical use.
"""


def _bundles(root: Path) -> list[Bundle]:
    return [load_pinned(name, root) for name in ORDER]


def print_figures(root: Path, outside: Sequence[Path], *, echo: Echo) -> None:
    """Every figure of every bundle, then what they answer on the folders."""
    for bundle in _bundles(root):
        echo(f"## {bundle.name} {bundle.version} (synthetic)")
        for line in table(bundle.metrics):
            echo(line)
    if outside:
        for answer in answer_all(load_pinned("view-gate", root), outside):
            echo(f"{answer.outcome:12} {answer.score:8.2f} {answer.label:24} {answer.kind:28} {answer.name}")


def _section(bundle: Bundle) -> list[str]:
    made = bundle.provenance
    return [
        f"## {bundle.name} {bundle.version} (synthetic)",
        "",
        f"Digest `{bundle.digest}`, seed {made['seed']}, scale {made['scale']}, Keras {made['keras']} on {made['backend']}, "
        f"data manifest `{str(made['data_manifest_sha256'])[:16]}`.",
        "",
        *table(
            {key: value for key, value in bundle.metrics.items() if key not in ("confusion", "categories")}
        ),
        "",
    ]


def _confusion(gate: Bundle) -> list[str]:
    names = [name.replace("PREOP_", "").replace("POSTOP_", "") for name in gate.label_ids]
    lines = ["## Confusion of the view gate, rows are true (synthetic)", "", f"| | {' | '.join(names)} |"]
    lines.append("|---" * (len(names) + 1) + "|")
    for name, row in zip(names, gate.metrics["confusion"], strict=True):
        lines.append(f"| {name} | {' | '.join(str(value) for value in row)} |")
    return [*lines, ""]


def _outside(answers: Sequence[Answer]) -> list[str]:
    lines = [
        "## Answers of the phantom-trained (synthetic) gate on images nobody here made",
        "",
        "Real films and other files, by the kind their catalogue gives; counts of files. Sections and other modalities are",
        "shown to the gate here although the product never offers them to it. Only a lateral spine may be accepted as LATERAL.",
        "",
        f"| kind | {' | '.join(_OUTCOMES)} |",
        "|---" * (len(_OUTCOMES) + 1) + "|",
    ]
    for kind, outcomes in sorted(count(answers).items()):
        lines.append(f"| {kind} | {' | '.join(str(outcomes[o]) for o in _OUTCOMES)} |")
    return [*lines, ""]


def _plots(out: Path, report: Path, gate: Bundle, fresh: Bundle) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    with np.load(out / "curves.npz", allow_pickle=False) as archive:
        curves = {name: archive[name] for name in archive.files}
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.8), layout="constrained")
    kind, body = curves["body_kind"], curves["body_probability"]
    _roc(axes[0], curves["film_probability"], curves["film_fresh"], "film: fresh fracture")
    _roc(axes[0], body[:, 2], kind == 2, "body: fresh against rest")
    _roc(axes[0], 1 - body[:, 0], kind > 0, "body: fractured against normal")
    some = kind > 0
    _roc(
        axes[0],
        body[some, 2] / np.maximum(1 - body[some, 0], 1e-9),
        kind[some] == 2,
        "body: fresh against old",
    )
    axes[0].set(title="ROC (synthetic)", xlabel="1 - specificity", ylabel="sensitivity")
    axes[0].legend(fontsize=7, loc="lower right")
    films = fresh.metrics["films, located and classified"]["reliability"]
    for name, points in (
        ("film: fresh", films),
        ("gate: winning label", gate.metrics["calibration"]["reliability"]),
    ):
        axes[1].plot([p[0] for p in points], [p[1] for p in points], "o-", markersize=3, label=name)
    axes[1].plot([0, 1], [0, 1], "k:", linewidth=0.8)
    axes[1].set(title="Reliability (synthetic)", xlabel="probability", ylabel="observed share")
    axes[1].legend(fontsize=7)
    figure.savefig(report / "phantom-curves.png", dpi=90)
    plt.close(figure)


def _roc(axis: Any, scores: NDArray[Any], positive: NDArray[Any], name: str) -> None:
    order = np.argsort(-scores, kind="stable")
    hits = np.concatenate([[0], np.cumsum(positive[order])]) / max(1, positive.sum())
    false = np.concatenate([[0], np.cumsum(~positive[order])]) / max(1, (~positive).sum())
    axis.plot(false, hits, linewidth=1.2, label=name)


def write_report(out: Path, report: Path, outside: Sequence[Path], *, echo: Echo) -> None:
    """report/phantom-models.md with its plots; out holds bundles and curves.npz of the same run."""
    report.mkdir(parents=True, exist_ok=True)
    bundles = _bundles(out / "bundles")
    gate, _, fresh = bundles
    lines = [_INTRODUCTION]
    for bundle in bundles:
        lines += _section(bundle)
    lines += _confusion(gate)
    if outside:
        lines += _outside(answer_all(gate, outside))
    lines += ["## Pictures (synthetic)", "", "![ROC and reliability](phantom-curves.png)", ""]
    lines += ["![Contact sheet: AP above, lateral below](phantom-sheet.jpg)", ""]
    _plots(out, report, gate, fresh)
    write_sheet(report / "phantom-sheet.jpg", seed=3)
    (report / "phantom-models.md").write_text("\n".join(lines))
    echo(f"wrote {report / 'phantom-models.md'}")
