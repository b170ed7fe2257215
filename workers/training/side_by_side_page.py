"""The committed page of published networks beside small ones: Markdown and one picture, from side_by_side.py's figures.

Every heading says synthetic where the images were; the hardware is named as the trainings noted it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from workers.training.side_by_side import Choice, Run, against, choice, runs, without_bundle

PAGE, PICTURE = "published-backbones.md", "published-backbones.png"
Echo = Callable[[str], None]
_SYSTEMS = {
    "view": "S1, view and operative state", "fracture": "S2, fresh fracture on a lateral film",
    "vertebra": "S2, fresh fracture, one vertebra of a lateral film", "marrow": "S3, fresh fracture on T1 MR",
    "pair": "S4, atypical scoliosis on a pair of films", "alignment": "S0, alignment",
}  # fmt: skip
_INTRODUCTION = """# Published networks beside our small ones{mark}

Written by `triage-models side-by-side --runs {folder} --report ops/reports`; do not edit. {what} Within a task every network was
trained by the same command on the same images and the same split by patient, from random weights (no published weights can be had
here), and judged on test patients that neither training nor the choice of the epoch, the temperature or the subset has seen.
95 % intervals in brackets, by patient. Differences are published less small; p by DeLong's paired test and McNemar's exact test.

**How to read it.** The budget of each training was minutes of a processor, the input is smaller than the publication's, and there
are few patients. So this shows how far each network came in that budget, by the commands that a site would use. It does not show which
network is better with the publication's images, size and hours, and says nothing about patients. An interval of an AUC
that holds .5, or lies below it, means: not shown to have learnt anything in this budget; so does an epoch kept that is the first (the loss on the
tuning patients never fell below that of the untrained network). Not for clinical use.
"""
_SYNTHETIC = "All images are **synthetic phantoms**."


def write_page(folder: Path, report: Path, *, rounds: int, echo: Echo) -> None:
    """report/published-backbones.md and .png."""
    found = runs(folder, rounds)
    everything = [one for some in found.values() for one in some]
    synthetic = {one.origin for one in everything} == {"synthetic-phantom"}
    mark = " (synthetic)" if synthetic else ""
    shown = _INTRODUCTION.format(mark=mark, folder="FOLDER", what=_SYNTHETIC if synthetic else "")
    lines = [*shown.splitlines(), "", *_hardware(everything), ""]
    for task in sorted(
        found, key=lambda name: (list(_SYSTEMS).index(name) if name in _SYSTEMS else len(_SYSTEMS), name)
    ):
        lines += [*_task(task, found[task], rounds, mark), *_ended(folder / task)]
    lines += [f"## Picture{mark}", "", f"![ROC curves by task]({PICTURE})", ""]
    report.mkdir(parents=True, exist_ok=True)
    _picture(found, report / PICTURE, mark)
    (report / PAGE).write_text("\n".join(lines), encoding="utf-8")
    echo(f"wrote {report / PAGE}")


def _hardware(everything: Sequence[Run]) -> list[str]:
    machines = sorted({
        f"{s.processor}, {s.cores} cores, {s.threads} threads used, devices {', '.join(s.devices)}, Keras {s.keras} on {s.backend}"
        for one in everything for s in one.sittings
    })  # fmt: skip
    return [f"Hardware: {'; '.join(machines) or 'not noted'}. The minutes are processor time of all threads."]


def _task(task: str, some: Sequence[Run], rounds: int, mark: str) -> list[str]:
    first = some[0]
    shares = ", ".join(f"{name} {count}" for name, count in first.examples.items())
    judged = first.record["table"]
    lines = [
        f"## {_SYSTEMS.get(task, task)}{mark}", "",
        f"Examples: {shares}. Judged: {judged['cases']} cases of {judged['patients']} patients{_difficulty(judged)}.", "",
        "| network | | parameters | input | epochs (kept) | CPU minutes | bundle MB |", "|---" * 7 + "|",
        *(_made(one) for one in some), "",
    ]  # fmt: skip
    lines += _measured(some) if first.record.get("measures") else _classified(some)
    lines += ["", *_compared(some, rounds)]
    picked = choice(some, rounds)
    return lines + (_chosen(picked) if picked is not None else [])


def _difficulty(judged: Mapping[str, Any]) -> str:
    kinds = judged["groups"].get("difficulty")
    return f", difficulty {', '.join(kinds)}" if kinds else ""


def _ended(folder: Path) -> list[str]:
    return [
        f"- {one.network}: {one.epochs} epoch(s) in {one.minutes:.1f} CPU minutes, no bundle: too little was learnt to be measured, or it was not ended.\n"
        for one in without_bundle(folder)
    ]


def _made(one: Run) -> str:
    kind = "published" if one.published else "ours, small"
    minutes = sum(s.cpu_seconds for s in one.sittings) / 60
    size = f"{one.recipe.height} x {one.recipe.width}"
    if one.recipe.spacing_mm:
        size += f" at {one.recipe.spacing_mm:g} mm"
    return f"| {one.network} | {kind} | {one.parameters:,} | {size} | {one.epochs} ({one.best}) | {minutes:.1f} | {one.megabytes:.2f} |"


def interval(one: Mapping[str, Any] | None) -> str:
    """0.812 [0.700, 0.900], or a dash."""
    if not one or one.get("value") is None:
        return "-"
    if one.get("low") is None:
        return f"{one['value']:.3f}"
    return f"{one['value']:.3f} [{one['low']:.3f}, {one['high']:.3f}]"


def _classified(some: Sequence[Run]) -> list[str]:
    positive = some[0].record.get("positive")
    if not positive:
        head = "| network | accuracy | macro precision | macro recall | macro F1 | declined |"
        macro = ("accuracy", "macro_precision", "macro_recall", "macro_f1")
        rows = [
            f"| {one.network} | " + " | ".join(interval(one.record["overall"][name]) for name in macro)
            + f" | {_declined(one)} |" for one in some
        ]  # fmt: skip
        return [head, "|---" * 6 + "|", *rows]
    head = f"| network | AUC of {positive['name']} | accuracy | sensitivity | specificity | precision | F1 | declined |"
    names = ("accuracy", "sensitivity", "specificity", "precision", "f1")
    rows = []
    for one in some:
        point = one.record["positive"]["operating_points"][0]["answered"]
        cells = [
            interval(one.record["positive"]["auc"]["by_patient"]),
            *(interval(point[name]) for name in names),
        ]
        rows.append(f"| {one.network} | {' | '.join(cells)} | {_declined(one)} |")
    chosen = some[0].record["positive"]["thresholds_chosen_on"]
    note = f"Figures other than the AUC at Youden's threshold, chosen on {chosen}."
    return [head, "|---" * 8 + "|", *rows, "", note]


def _declined(one: Run) -> str:
    return f"{int((one.test.declined != '').sum())} of {len(one.test)}"


def _measured(some: Sequence[Run]) -> list[str]:
    lines = [
        "| network | angle | measurable | ICC(2,1) | mean absolute difference, degrees | within 5 degrees |"
    ]
    lines.append("|---" * 6 + "|")
    told = [
        "",
        "| network | corner error, one standard deviation, mm | not measurable, by reason |",
        "|---|---|---|",
    ]
    for one in some:
        reasons = ", ".join(f"{code} {count}" for code, count in one.metrics[_REASONS].items())
        told.append(f"| {one.network} | {one.metrics[_CORNER]:.2f} | {reasons or 'none'} |")
        for name, found in sorted(one.record["measures"].items()):
            cells = [
                f"{found['analysed']} of {found['cases_with_reference']}",
                *(interval(found.get(key)) for key in _AGREEMENT),
            ]
            lines.append(f"| {one.network} | {name} | {' | '.join(cells)} |")
    return lines + told


_CORNER, _REASONS = "corner error, one standard deviation, mm", "not measurable, by reason"
_AGREEMENT = ("icc_2_1", "mean_absolute_difference", "within_5")


def _compared(some: Sequence[Run], rounds: int) -> list[str]:
    ours = [one for one in some if not one.published]
    if not ours or some[0].record.get("measures"):
        return []
    lines = []
    for one in (one for one in some if one.published):
        found = against(one, ours[0], rounds)
        words = [f"{one.network} against {ours[0].network}, {found['cases']} cases that both answered:"]
        if "delong" in found:
            gap = found["delong"]
            words.append(f"AUC {interval(gap['difference'])} (DeLong p {_p(gap['p'])});")
        right = found["accuracy"]
        words.append(
            f"right only in the first {right['only_first_right']}, only in the second {right['only_second_right']} (McNemar p {_p(right['p'])})."
        )
        lines += [f"- {' '.join(words)}"]
    return [*lines, ""]


def _p(value: float | None) -> str:
    return "-" if value is None else "< .001" if value < 0.001 else f"{value:.3f}"


def _chosen(found: Choice) -> list[str]:
    search, best = found.search, found.search.chosen
    gap = found.versus_single["delong"]
    return [
        f"**Subsets.** Of the published nine {len(found.members)} were trained: {', '.join(found.members)}. All {len(search.ranked)} subsets were "
        f"searched on {search.cases} validation bodies ({search.positives} fresh) of {found.validation_patients} patients (split `calibrate`).",
        f"Chosen: **{' + '.join(best.members)}**, validation AUC {best.area:.3f} [{best.low:.3f}, {best.high:.3f}] (DeLong, by body), shared by "
        f"{search.equals} subset(s); optimism of the choice {found.optimism:+.3f}. On the test patients: AUC {interval(found.test['by_patient'])}; less the best "
        f"single network by validation ({found.best_single}): {interval(gap['difference'])}, DeLong p {_p(gap['p'])}.",
        "",
        "| subset, best first | validation AUC |", "|---|---|",
        *(f"| {' + '.join(one.members)} | {one.area:.3f} [{one.low:.3f}, {one.high:.3f}] |" for one in search.ranked[:5]), "",
    ]  # fmt: skip


def _picture(found: Mapping[str, Sequence[Run]], path: Path, mark: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    shown = {task: some for task, some in found.items() if some[0].record.get("positive")}
    figure, axes = plt.subplots(
        1, max(1, len(shown)), figsize=(3.1 * max(1, len(shown)), 3.4), layout="constrained", squeeze=False
    )
    for axis, (task, some) in zip(axes[0], shown.items(), strict=False):
        for one in some:
            curve = one.record["positive"]["roc"]
            area = one.record["positive"]["auc"]["by_patient"]["value"]
            axis.plot(
                [x for x, _ in curve], [y for _, y in curve], "-" if one.published else "--", linewidth=1.2,
                label=f"{one.network} {area:.2f}",
            )  # fmt: skip
        axis.plot([0, 1], [0, 1], "k:", linewidth=0.6)
        axis.set(title=f"{task}{mark}", xlabel="1 - specificity", ylabel="sensitivity", aspect="equal")
        axis.legend(fontsize=7, loc="lower right")
    figure.savefig(path, dpi=85)
    plt.close(figure)
