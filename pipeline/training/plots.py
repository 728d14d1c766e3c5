"""Plots that every training shares, as matplotlib figures without a display."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def canvas(width: float, height: float) -> tuple[Any, Any]:
    """A figure of a size in inches, with its axes."""
    from matplotlib.figure import Figure  # noqa: PLC0415  heavy; no pyplot, so no display and no global state

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def confusion(counts: NDArray[np.integer], names: Sequence[str], what: str, untold: bool = False) -> Any:
    """Counts [gold, `what`] as a coloured table; `untold`: the first corner is not counted."""
    figure, axes = canvas(5, 4)
    shade = np.log1p(counts)
    axes.imshow(shade, cmap="Blues")
    for (g, c), n in np.ndenumerate(counts):
        colour = "white" if shade[g, c] > 0.6 * shade.max() else "black"
        told = "–" if untold and (g, c) == (0, 0) else str(n)
        axes.text(c, g, told, ha="center", va="center", color=colour)
    at = range(len(names))
    axes.set(xticks=at, yticks=at, xticklabels=names, yticklabels=names, xlabel=what, ylabel="gold")
    return figure


def reliability(p: NDArray[np.floating], hit: NDArray[np.bool_], what: str, bins: int = 10) -> Any:
    """Stated probability [n] against how often it was right."""
    which = np.minimum((p * bins).astype(int), bins - 1)
    points = [(p[which == b].mean(), hit[which == b].mean()) for b in np.unique(which)]
    figure, axes = canvas(4.5, 4)
    axes.plot([0, 1], [0, 1], color="0.7", linestyle="--")
    axes.plot([x for x, _ in points], [y for _, y in points], marker="o")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel=f"probability of the {what}", ylabel="share that is right")
    return figure
