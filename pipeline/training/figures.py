"""Plots of a training's findings, as matplotlib figures without a display."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.report import STATUSES
from pipeline.training import plots
from pipeline.training.collect import Judged, by_criterion


def confusion(found: Judged) -> Any:
    """Gold status against found status of every pair that either tells of."""
    gold, codes = found.data.gold, found.codes
    counts = np.array([[((gold == g) & (codes == c)).sum() for c in range(4)] for g in range(4)])
    counts[0, 0] = 0  # neither tells: most pairs by far
    return plots.confusion(counts, ["none", *STATUSES], "found", untold=True)


def reliability(found: Judged) -> Any:
    """Stated probability of the findings against how often they were right."""
    told = found.codes > 0
    return plots.reliability(found.probability[told], (found.codes == found.data.gold)[told], "finding")


def criteria(found: Judged) -> Any:
    """F1 of shortfalls for each criterion, with its number of shortfalls."""
    each = by_criterion(found)
    figure, axes = plots.canvas(6, 12)
    axes.barh([f"{c} ({v['shortfalls']})" for c, v in each.items()], [v["f1"] or 0 for v in each.values()])
    axes.set(xlim=(0, 1), xlabel="F1 of shortfalls")
    axes.tick_params(axis="y", labelsize=7)
    return figure


def all_of(found: Judged) -> dict[str, Any]:
    """The figures that a training is tracked with, by name."""
    return {
        "confusion": confusion(found),
        "calibration": reliability(found),
        "criteria": criteria(found),
    }
