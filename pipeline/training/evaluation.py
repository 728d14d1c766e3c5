"""The figures that models are chosen and reported by, as plain functions of arrays.

They equal the project's evaluation script (a test compares them); codes of status are 0 none, 1 met, 2
partly, 3 unmet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.findings.base import WEAK, Probabilities, code
from pipeline.report import SHORTFALLS, AreaDraft

Figures = dict[str, float | None]
Codes = NDArray[np.int8]  # [sentences, criteria]
Mask = Any  # NDArray[np.bool_]; numpy types reductions of arrays as scalar or array


def ece(probability: NDArray[np.floating], hit: NDArray[np.bool_], bins: int = 10) -> float | None:
    """Expected calibration error over equal bins of [0, 1]; None of nothing."""
    if not len(probability):
        return None
    which = np.minimum((probability * bins).astype(int), bins - 1)
    error = 0.0
    for b in range(bins):
        inside = which == b
        if inside.any():
            error += float(inside.mean() * abs(probability[inside].mean() - hit[inside].mean()))
    return error


def precision_recall_f1(gold: Mask, predicted: Mask) -> tuple[float | None, float | None, float | None]:
    """Of binary arrays of one shape; None where both are empty."""
    g, p, both = int(gold.sum()), int(predicted.sum()), int((gold & predicted).sum())
    if not g and not p:
        return None, None, None
    return both / p if p else 0.0, both / g if g else 0.0, 2 * both / (g + p)


def f1(gold: Mask, predicted: Mask) -> float | None:
    """F1 of binary arrays; None where both are empty."""
    return precision_recall_f1(gold, predicted)[2]


def found(
    probabilities: Probabilities, thresholds: NDArray[np.floating], weak: float = WEAK
) -> tuple[Codes, NDArray[np.float32]]:
    """(codes, probability of that status) [n, criteria] of the findings that `decide` makes."""
    codes = code(probabilities, thresholds, weak)
    told = np.maximum(codes, 1)[..., None].astype(np.intp) - 1
    return codes, np.take_along_axis(probabilities, told, axis=2)[..., 0]


def sentence_figures(gold: Codes, predicted: Codes, probability: NDArray[np.floating]) -> Figures:
    """Figures of findings against gold, both as codes [n, criteria]; `probability` is that of the predicted
    status."""
    g, p = gold > 1, predicted > 1
    out: Figures = {"sentences": len(gold)}
    for name, pair in (("weakness", (g.any(axis=1), p.any(axis=1))), ("shortfall", (g, p))):
        precision, recall, score = precision_recall_f1(*pair)
        out |= {f"{name}_precision": precision, f"{name}_recall": recall}
        out["weakness_f1" if name == "weakness" else "shortfall_micro_f1"] = score
    there = np.flatnonzero(g.any(axis=0))
    each = [f1(g[:, c], p[:, c]) or 0.0 for c in there]
    out["shortfall_macro_f1"] = float(np.mean(each)) if each else None
    out["met_micro_f1"] = f1(gold == 1, predicted == 1)
    out["relevance_micro_f1"] = f1(gold > 0, predicted > 0)
    codes = np.arange(1, 4)[:, None, None]
    out["status_micro_f1"] = f1(gold == codes, predicted == codes)
    told = predicted > 0
    out["finding_ece"] = ece(probability[told], (gold == predicted)[told])
    return out


def by_group(
    groups: NDArray[np.str_], gold: Codes, predicted: Codes, probability: NDArray[np.floating]
) -> dict[str, Figures]:
    """Sentence figures of each group (writer), the worst shortfall F1 first."""
    each = {}
    for name in np.unique(groups):
        k = groups == name
        each[str(name)] = sentence_figures(gold[k], predicted[k], probability[k])
    return dict(sorted(each.items(), key=lambda x: x[1]["shortfall_micro_f1"] or 0.0))


# --- grades ------------------------------------------------------------------------------------


def quadratic_kappa(
    gold: NDArray[np.integer], predicted: NDArray[np.integer], grades: int = 4
) -> float | None:
    """Quadratically weighted kappa (Cohen 1968) of grade indices; None where only one grade occurs."""
    if len(set(gold.tolist()) | set(predicted.tolist())) < 2:
        return None
    distance = (np.arange(grades)[:, None] - np.arange(grades)) ** 2
    observed = np.zeros((grades, grades))
    np.add.at(observed, (gold, predicted), 1)
    expected = np.outer(observed.sum(axis=1), observed.sum(axis=0)) / len(gold)
    return float(1 - (distance * observed).sum() / (distance * expected).sum())


def _share(top: float, bottom: float) -> float | None:
    return top / bottom if bottom else None


def grade_figures(
    gold: Mapping[str, Mapping[str, str]],
    drafts: Mapping[str, Mapping[str, AreaDraft]],
    shortfalls: Mapping[str, frozenset[str]],
    grades: Sequence[str] = "ABCD",
) -> Figures:
    """Figures of drafts {report: {area: draft}} against gold grades {report: {area: grade}}.

    `shortfalls` holds for each report the criteria that its gold counts as partly met or unmet.
    """
    pairs = [(gold[r][a], drafts[r][a], a) for r in gold for a in gold[r]]
    want = np.array([grades.index(w) for w, _, _ in pairs])
    got = np.array([grades.index(d.suggested_grade) for _, d, _ in pairs])
    hit, worst = want == got, len(grades) - 1
    decided = np.array([not d.abstain for _, d, _ in pairs])
    sizes = np.array([len(d.grade_set) for _, d, _ in pairs])
    covered = np.array([w in d.grade_set for w, d, _ in pairs])
    areas = np.array([a for _, _, a in pairs])
    tp = fp = fn = 0
    for r in gold:
        for a in gold[r]:
            told = {c.id for c in drafts[r][a].criteria if c.status in SHORTFALLS}
            true = {c for c in shortfalls[r] if c.partition(".")[0] == a}
            tp, fp, fn = tp + len(true & told), fp + len(told - true), fn + len(true - told)
    sure = np.array([d.probabilities[d.suggested_grade] for _, d, _ in pairs])
    return {
        "reports": len(gold),
        "areas": len(pairs),
        "grade_accuracy": float(hit.mean()),
        "grade_within_one": float((abs(want - got) <= 1).mean()),
        "grade_qwk": quadratic_kappa(want, got, len(grades)),
        "grade_d_precision": _share(int((hit & (got == worst)).sum()), int((got == worst).sum())),
        "grade_d_recall": _share(int((hit & (want == worst)).sum()), int((want == worst).sum())),
        "shortfall_precision": _share(tp, tp + fp),
        "shortfall_recall": _share(tp, tp + fn),
        "shortfall_f1": _share(2 * tp, 2 * tp + fp + fn),
        "grade_ece": ece(sure, hit),
        "decided_share": float(decided.mean()),
        "decided_accuracy": _share(int((decided & hit).sum()), int(decided.sum())),
        "set_coverage": float(covered.mean()),
        "set_coverage_worst_area": float(min(covered[areas == a].mean() for a in np.unique(areas))),
        "set_size": float(sizes.mean()),
        "set_singletons": float((sizes == 1).mean()),
    }
