"""What is written by hand, against examples that others have published with their results."""

from __future__ import annotations

import numpy as np
import pytest

from workers.evaluation import agreement, compare, figures, load, prevalence
from workers.evaluation.resample import PatientBootstrap
from workers.evaluation.statistics import auc_delong

# Hanley and McNeil 1982 (Radiology 143:29), Table I: one reader's ratings 1-5 of 109 CT studies.
CT_NORMAL, CT_ABNORMAL = (33, 6, 6, 11, 2), (3, 2, 2, 11, 33)
# Shrout and Fleiss 1979 (Psychol Bull 86:420), Table 2: six targets, four judges.
JUDGES = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
)
# Bland and Altman 1986 (Lancet i:307), Table: peak flow by large and mini Wright meters, first readings, l/min.
LARGE = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]


def ratings() -> tuple[
    np.ndarray[tuple[int], np.dtype[np.float64]], np.ndarray[tuple[int], np.dtype[np.bool_]]
]:
    normal, abnormal = (np.repeat(np.arange(1.0, 6), count) for count in (CT_NORMAL, CT_ABNORMAL))
    truth = np.r_[np.zeros(len(normal), bool), np.ones(len(abnormal), bool)]
    return np.concatenate([normal, abnormal]), truth


def test_the_area_of_hanley_and_mcneil_has_stata_roctabs_delong_error() -> None:
    # Stata Base Reference Manual, roctab: area 0.8932, DeLong standard error 0.0307, interval .83295 to .95339.
    area = auc_delong(*ratings())
    assert area.value == pytest.approx(0.8932, abs=5e-5)
    assert (area.high - area.low) / (2 * 1.959964) == pytest.approx(0.0307, abs=5e-5)
    assert (area.low, area.high) == pytest.approx((0.83295, 0.95339), abs=5e-5)


def test_icc_of_shrout_and_fleiss_is_29_hundredths() -> None:
    # 0.29 in the paper; the interval 0.019 to 0.761 as R's psych::ICC prints it for these data.
    icc = agreement.icc_2_1(JUDGES)
    assert icc.value == pytest.approx(0.29, abs=5e-3)
    assert (icc.low, icc.high) == pytest.approx((0.019, 0.761), abs=1e-3)


def test_limits_of_agreement_of_bland_and_altman() -> None:
    # The paper: mean difference -2.1, SD 38.8, limits -79.7 and 75.5 with 2 SD; intervals -22.0 to 17.8 of the bias.
    found = agreement.bland_altman(np.array(LARGE), np.array(MINI))
    assert found["bias"]["value"] == pytest.approx(-2.1, abs=0.05)
    assert found["sd"] == pytest.approx(38.8, abs=0.05)
    assert (found["bias"]["low"], found["bias"]["high"]) == pytest.approx((-22.0, 17.8), abs=0.1)
    assert found["bias"]["value"] - 2 * found["sd"] == pytest.approx(-79.7, abs=0.1)
    assert found["lower_limit"]["value"] == pytest.approx(
        found["bias"]["value"] - 1.96 * found["sd"], abs=1e-4
    )


def test_mcnemar_of_agrestis_approval_survey() -> None:
    # Agresti, Categorical Data Analysis: 86 and 150 changed their mind; exact two-sided p 3.716e-05 (R exact2x2).
    first = np.r_[np.ones(150, bool), np.zeros(86, bool), np.ones(794, bool)]
    second = np.r_[np.zeros(150, bool), np.ones(86, bool), np.ones(794, bool)]
    found = compare.mcnemar(first, second)
    assert (found["only_first_right"], found["only_second_right"]) == (150, 86)
    assert found["p"] == pytest.approx(3.716e-05, rel=1e-3)


def test_the_liver_scans_of_altman_and_bland() -> None:
    # BMJ 1994;308:1552 and 309:102: 231 true and 32 false abnormal, 27 missed, 54 rightly normal.
    truth = np.repeat([True, False, True, False], (231, 32, 27, 54))
    said = np.repeat([True, True, False, False], (231, 32, 27, 54))
    found = figures.binary(truth, said, PatientBootstrap(np.arange(344), rounds=200))
    assert [round(found[name]["value"], 2) for name in ("sensitivity", "specificity", "ppv", "npv")] == [
        0.90, 0.63, 0.88, 0.67,
    ]  # fmt: skip
    # The same paper at a prevalence of 0.25: PPV 0.45, NPV 0.95.
    assert [round(v, 2) for v in prevalence.predictive_values(231 / 258, 54 / 86, 0.25)] == [0.45, 0.95]


@pytest.mark.parametrize(
    ("readers", "rho", "minutes", "pi", "fifo", "diseased", "other", "phi"),
    [
        (3, 0.9, 5, 0.05, 13.61768, 4.56231, 14.09428, 0.74275),
        (3, 0.8, 5, 0.05, 5.39326, 2.27350, 5.55746, 0.73068),
        (1, 0.8, 6, 0.05, 24.00000, 10.11710, 24.73068, 0.73068),
        (2, 0.9, 6, 0.10, 25.57895, 8.88048, 27.43433, 0.73342),
    ],
)
def test_the_waits_of_the_golden_settings(
    readers: int,
    rho: float,
    minutes: float,
    pi: float,
    fifo: float,
    diseased: float,
    other: float,
    phi: float,
) -> None:
    # The design's constants for Se .80 and FPF .15, checked there by simulation.
    site = load.Site(readers, 60 * readers * rho / minutes, 8, minutes, pi)
    found = load.forecast(site, 0.8, 0.15)
    assert found.fifo_wait == pytest.approx(fifo, abs=1e-5)
    assert found.diseased_wait == pytest.approx(diseased, abs=1e-5)
    assert found.diseased_wait + found.minutes_saved_per_diseased == pytest.approx(fifo, abs=1e-5)
    assert found.fifo_wait + found.minutes_lost_per_other == pytest.approx(other, abs=1e-5)
    assert found.phi == pytest.approx(phi, abs=1e-5)
    # Conservation: what the others lose is pi / (1 - pi) of what the diseased save.
    assert found.minutes_lost_per_other == pytest.approx(pi / (1 - pi) * found.minutes_saved_per_diseased)


@pytest.mark.parametrize(("rho", "sensitivity", "fpf"), [(0.8, 0.91, 0.43), (0.9, 0.94, 0.52)])
def test_the_best_point_of_a_binormal_curve_under_load(rho: float, sensitivity: float, fpf: float) -> None:
    # Binormal with equal variances and AUC .86: the design gives these two points.
    from scipy.stats import norm

    cuts = np.linspace(-6, 8, 20_001)
    se, false = norm.sf(cuts - np.sqrt(2) * norm.ppf(0.86)), norm.sf(cuts)
    best = load.best_point(se, false, rho)
    assert (se[best], false[best]) == pytest.approx((sensitivity, fpf), abs=0.006)
    slope = (se[best + 1] - se[best - 1]) / (false[best + 1] - false[best - 1])
    assert slope == pytest.approx(load.best_slope(se[best], false[best], rho), rel=0.01)
