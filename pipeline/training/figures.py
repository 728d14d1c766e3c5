"""Plots of a training's out-of-fold findings, as matplotlib figures without a display."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.report import STATUSES
from pipeline.training.collect import Collected, by_criterion
from pipeline.training.evaluation import found


def _axes(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure  # noqa: PLC0415  heavy; no pyplot, so no display and no global state

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def confusion(collected: Collected) -> Any:
    """Gold status against found status of every pair that either tells of."""
    fitted, gold = collected.cross_fitted(), collected.data.gold
    codes, _ = found(fitted.probabilities, fitted.thresholds[:, None])
    counts = np.array([[((gold == g) & (codes == c)).sum() for c in range(4)] for g in range(4)])
    counts[0, 0] = 0  # neither tells: most pairs by far
    figure, axes = _axes(5, 4)
    axes.imshow(np.log1p(counts), cmap="Blues")
    for (g, c), n in np.ndenumerate(counts):
        axes.text(c, g, str(n) if (g, c) != (0, 0) else "–", ha="center", va="center")
    names = ["none", *STATUSES]
    axes.set(
        xticks=range(4), yticks=range(4), xticklabels=names, yticklabels=names, xlabel="found", ylabel="gold"
    )
    return figure


def reliability(collected: Collected, bins: int = 10) -> Any:
    """Stated probability of the findings against how often they were right."""
    fitted, gold = collected.cross_fitted(), collected.data.gold
    codes, probability = found(fitted.probabilities, fitted.thresholds[:, None])
    told = codes > 0
    p, hit = probability[told], (codes == gold)[told]
    which = np.minimum((p * bins).astype(int), bins - 1)
    points = [
        (p[which == b].mean(), hit[which == b].mean(), int((which == b).sum())) for b in np.unique(which)
    ]
    figure, axes = _axes(4.5, 4)
    axes.plot([0, 1], [0, 1], color="0.7", linestyle="--")
    axes.plot([x for x, _, _ in points], [y for _, y, _ in points], marker="o")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="probability of the finding", ylabel="share that is right")
    return figure


def criteria(collected: Collected) -> Any:
    """F1 of shortfalls for each criterion, with its number of shortfalls."""
    each = by_criterion(collected)
    figure, axes = _axes(6, 12)
    axes.barh([f"{c} ({v['shortfalls']})" for c, v in each.items()], [v["f1"] or 0 for v in each.values()])
    axes.set(xlim=(0, 1), xlabel="F1 of shortfalls")
    axes.tick_params(axis="y", labelsize=7)
    return figure


def all_of(collected: Collected) -> dict[str, Any]:
    """The figures that a training is tracked with, by name."""
    return {
        "confusion": confusion(collected),
        "calibration": reliability(collected),
        "criteria": criteria(collected),
    }
