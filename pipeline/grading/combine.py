"""How all sentences about one criterion become one distribution over its status.

The worst sign that the text tells counts, so evidence of a shortfall is gathered over sentences: the surest
one in full, each further one in part (several sentences about one thing are no independent witnesses).
Sentences that say «met» more than anything else speak against it: a strength in the list against a shortfall
in the narrative, «earlier missing, now in place». Every step is monotone: more or surer shortfall never
makes a criterion look better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.grading.odds import expit, logit

Array = NDArray[np.float64]
_SURE = 0.99  # evidence stops growing here, so that one sentence's certainty is bounded
_FAINT = 0.02  # what is less likely than this is no evidence


@dataclass(frozen=True, slots=True)
class Combine:
    """Few numbers, fitted on out-of-fold probabilities; weights are not negative.

    `floor`: probability under which a sentence is no evidence. `further`: share in which sentences beside
    the surest count, in [0, 1]. `unmet`, `shortfall`: (constant, weight of evidence, weight of what speaks
    against) of the two log-odds.
    """

    floor: float = 0.03
    further: float = 0.3
    unmet: tuple[float, float, float] = (-5.0, 9.0, 1.0)
    shortfall: tuple[float, float, float] = (-5.0, 9.0, 1.0)


@dataclass(frozen=True)
class Evidence:
    """What sentences say of criteria, without what is too faint to count. N entries, sorted by `cell`.

    `cell` [N]: report x criteria + criterion; `short`, `unmet` [N]: log-odds of a shortfall and of a breach;
    `against` [N]: how much likelier met is than a shortfall.
    """

    cell: NDArray[np.intp]
    short: Array
    unmet: Array
    against: Array
    reports: int
    criteria: int


def gather(proba: Array, report: NDArray[np.intp]) -> Evidence:
    """The evidence in sentences: `proba` [n, criteria, 3] over met, partly, unmet; `report` [n] from 0, rising.

    Where a sentence stands is not weighed here: the findings model has seen it, and a criterion is told of in any section.
    """
    short = proba[..., 1] + proba[..., 2]
    # Only what a sentence says of met beyond what it says of a shortfall: that never speaks against itself.
    against = np.clip(proba[..., 0] - short, 0, 1)
    row, column = np.nonzero((short >= _FAINT) | (against >= _FAINT))
    k = proba.shape[1]
    cell = report[row] * k + column
    order = np.argsort(cell, kind="stable")
    row, column = row[order], column[order]
    return Evidence(
        cell=cell[order],
        short=logit(short[row, column]),
        unmet=logit(proba[row, column, 2]),
        against=against[row, column],
        reports=int(report[-1]) + 1 if len(report) else 1,
        criteria=k,
    )


def _strength(odds: Array, floor: float) -> Array:
    """Log-odds as evidence in [0, 1]: 0 up to probability `floor`, 1 from 0.99."""
    low, high = logit(np.array([floor, _SURE]))
    return np.asarray(np.clip((odds - low) / (high - low), 0.0, 1.0))


def statuses(evidence: Evidence, by: Combine) -> Array:
    """P(status) [reports, criteria, 3] over met (or not told), partly, unmet."""
    starts = np.flatnonzero(np.diff(evidence.cell, prepend=-1))
    cells = evidence.cell[starts]

    def total(x: Array) -> Array:
        """The largest value of each cell and a share of the rest."""
        out = np.zeros(evidence.reports * evidence.criteria)
        if len(starts):
            top, everything = np.maximum.reduceat(x, starts), np.add.reduceat(x, starts)
            out[cells] = top + by.further * (everything - top)
        return out.reshape(evidence.reports, evidence.criteria)

    against = total(evidence.against)
    worst = total(_strength(evidence.unmet, by.floor))
    worse = total(_strength(evidence.short, by.floor))
    odds = (c + w * e - m * against for (c, w, m), e in ((by.unmet, worst), (by.shortfall, worse)))
    p_unmet, p_short = (expit(x) for x in odds)
    p_short = np.maximum(p_short, p_unmet)
    return np.stack([1 - p_short, p_short - p_unmet, p_unmet], axis=-1)
