"""Whether two models differ by more than chance: a paired bootstrap over reports (Efron & Tibshirani 1993).

Sentences of a report are alike, so reports are drawn, not sentences; both models are scored on the same draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int8]
Counts = NDArray[np.int64]  # [..., 3]: right, told, gold
METRICS = ("shortfall_micro_f1", "weakness_f1", "status_micro_f1")


@dataclass(frozen=True, slots=True)
class Difference:
    """A metric of two models over the same reports. `low`, `high`: 95 % interval of `second - first`; `p`: two-sided, that
    they don't differ; `worse` is P(second is worse than first by more than the tolerance)."""

    first: float | None
    second: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    worse: float = 0.0
    reports: int = 0

    @property
    def value(self) -> float | None:
        """How much better the second is."""
        return None if self.first is None or self.second is None else self.second - self.first


def counts(gold: Codes, told: Codes, metric: str) -> Counts:
    """Right, told and gold [sentences, 3] of a metric that is a micro F1; arrays of codes [sentences, criteria]."""
    g: NDArray[np.bool_]
    p: NDArray[np.bool_]
    if metric == "shortfall_micro_f1":
        g, p = gold > 1, told > 1
        right = g & p
    elif metric == "weakness_f1":
        g, p = (np.asarray((c > 1).any(axis=1)).reshape(-1, 1) for c in (gold, told))
        right = g & p
    elif metric == "status_micro_f1":
        g, p = gold > 0, told > 0
        right = g & (gold == told)
    else:
        raise ValueError(f"{metric}: one of {', '.join(METRICS)}")
    return np.stack([right.sum(1), p.sum(1), g.sum(1)], axis=1)


def _f1(c: NDArray[np.floating] | Counts) -> NDArray[np.float64]:
    total = c[..., 1] + c[..., 2]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(total > 0, 2 * c[..., 0] / total, np.nan), np.float64)


def by_report(each: Counts, reports: NDArray[np.str_]) -> Counts:
    """Counts summed over each report [reports, 3]."""
    names, place = np.unique(reports, return_inverse=True)
    out = np.zeros((len(names), 3), np.int64)
    np.add.at(out, place, each)
    return out


def compare(
    gold: Codes,
    first: Codes,
    second: Codes,
    reports: NDArray[np.str_],
    metric: str,
    tolerance: float = 0.0,
    resamples: int = 2000,
    seed: int = 7,
) -> Difference:
    """A metric of two models' codes [n, criteria] over reports [n]. One report alone has no interval."""
    a, b = (by_report(counts(gold, told, metric), reports) for told in (first, second))
    one, two = (None if np.isnan(v) else float(v) for v in (_f1(a.sum(0)), _f1(b.sum(0))))
    n = len(a)
    if n < 2 or one is None or two is None:
        return Difference(one, two, reports=n)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(n, np.full(n, 1 / n), size=resamples)
    gap = _f1(drawn @ b) - _f1(drawn @ a)
    gap = gap[~np.isnan(gap)]
    if not len(gap):
        return Difference(one, two, reports=n)
    low, high = np.quantile(gap, [0.025, 0.975])
    below = (np.mean(gap < 0) + np.mean(gap <= 0)) / 2  # ties count half: equal models are not different
    p = min(1.0, 2 * float(min(below, 1 - below)))
    return Difference(one, two, float(low), float(high), p, float(np.mean(gap < -tolerance)), n)


def all_metrics(
    gold: Codes, first: Codes, second: Codes, reports: NDArray[np.str_], metrics: Sequence[str] = METRICS
) -> Mapping[str, Difference]:
    """`compare` for several metrics."""
    return {m: compare(gold, first, second, reports, m) for m in metrics}
