"""Conformal sets of grades: which grades can't be ruled out at a stated level.

Split conformal prediction with the score 1 - P(true grade) (LAC; Sadinle, Lei & Wasserman 2019), scores kept
by area (Mondrian), so that coverage holds in every area, and for the worst grade beside it, so that breaches
are covered too. Fitted on out-of-fold drafts; at run time only quantiles are read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
LEVELS = (0.8, 0.85, 0.9, 0.95, 0.98)


def quantile(scores: Array, level: float, weights: Array | None = None) -> float:
    """The score that a new one stays under with probability `level`: the ceil((n + 1) level)-th smallest of n.

    With `weights` [n], not negative, each score counts by its weight, and n in the correction for a finite sample is
    the effective size of the weighted one (Kish 1965).
    """
    w = np.ones(len(scores)) if weights is None else weights
    total = float(w.sum())
    if not total:
        return 1.0
    order = np.argsort(scores, kind="stable")
    share = level * (1 + float((w**2).sum()) / total**2)
    rank = int(np.searchsorted(np.cumsum(w[order]) / total, share - 1e-9))
    return float(scores[order[rank]]) if rank < len(scores) and share <= 1 + 1e-9 else 1.0


@dataclass(frozen=True, slots=True)
class Conformal:
    """Quantiles of scores: `areas` {area: {level: score}}, `default` for other areas, `worst` for the worst
    grade."""

    areas: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    default: Mapping[str, float] = field(default_factory=dict)
    worst: Mapping[str, float] = field(default_factory=dict)

    def grades(
        self, distribution: Mapping[str, float], suggested: str, area: str, level: float
    ) -> tuple[str, ...]:
        """The set, best grade first, always with the suggested grade; `distribution` is over the grades,
        best first."""
        bound = _read(self.areas.get(area, self.default), level)
        of_worst = max(bound, _read(self.worst, level)) if self.worst else bound
        bounds = {g: of_worst if g == list(distribution)[-1] else bound for g in distribution}
        return tuple(
            g for g, p in distribution.items() if g == suggested or (p > 0 and 1 - p <= bounds[g] + 1e-9)
        )


def _read(table: Mapping[str, float], level: float) -> float:
    """The bound at a level: of the nearest stored level that is not lower; without one, everything stays
    in."""
    stored = sorted((float(k), v) for k, v in table.items())
    return next((v for k, v in stored if k >= level - 1e-9), 1.0 if stored else level)


def fit(
    scores: Array,
    areas: NDArray[np.str_],
    worst: NDArray[np.bool_],
    levels: Sequence[float] = LEVELS,
    weights: Array | None = None,
) -> Conformal:
    """Quantiles of scores [n] by area [n]; `worst` [n] says where the true grade is the worst; `weights` [n] how much
    each score counts."""
    w = np.ones(len(scores)) if weights is None else weights

    def table(which: NDArray[np.bool_]) -> dict[str, float]:
        return {str(level): round(quantile(scores[which], level, w[which]), 5) for level in levels}

    return Conformal(
        areas={str(a): table(areas == a) for a in np.unique(areas)},
        default=table(np.ones(len(scores), bool)),
        worst=table(worst) if worst.any() else {},
    )
