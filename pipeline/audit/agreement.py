"""How far stated grades and the text's agree: confusion, exact, within one step, weighted kappa; over all and by group.

The intervals come from a bootstrap over reports, not over areas: areas of one report are not independent of each other.
That of the share is never narrower than Wilson's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.audit.gradings import Grading

Array = NDArray[np.float64]
Interval = tuple[float, float]
RESAMPLES = 2000
LEVEL = 0.95
_SEED = 20150801


@dataclass(frozen=True, slots=True)
class Agreement:
    """Figures of one group of gradings; None where they are undefined. `confusion` {stated: {suggested: count}}.

    `severity` is the mean of how many steps the stated grade is worse than the text's.
    """

    reports: int
    gradings: int
    exact: float | None
    exact_interval: Interval | None
    within_one: float | None
    kappa: float | None
    kappa_interval: Interval | None
    severity: float | None
    confusion: Mapping[str, Mapping[str, int]]
    small: bool


def wilson(hits: int, of: int, z: float = 1.959964) -> Interval | None:
    """Wilson's 95 % score interval of a share (Wilson 1927, JASA 22); None of nothing."""
    if not of:
        return None
    p, z2 = hits / of, z * z
    middle, half = p + z2 / (2 * of), z * float(np.sqrt(p * (1 - p) / of + z2 / (4 * of * of)))
    return max(0.0, (middle - half) / (1 + z2 / of)), min(1.0, (middle + half) / (1 + z2 / of))


def kappas(confusion: Array) -> Array:
    """Quadratically weighted kappa (Cohen 1968) [...] of confusions [..., k, k]; nan where chance alone agrees."""
    k = confusion.shape[-1]
    distance = (np.arange(k)[:, None] - np.arange(k)) ** 2.0
    rows, columns, total = confusion.sum(-1), confusion.sum(-2), confusion.sum((-1, -2))
    observed = (distance * confusion).sum((-1, -2))
    chance = (distance * rows[..., :, None] * columns[..., None, :]).sum((-1, -2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(chance > 0, 1 - observed * total / chance, np.nan))


def agreement(
    gradings: Sequence[Grading],
    grades: Sequence[str],
    scales: Mapping[str, Sequence[str]],
    small: tuple[int, int],
) -> Agreement:
    """Figures of gradings; `grades` in order, best first, `scales` by area; `small`: see `Settings`."""
    place = {g: k for k, g in enumerate(grades)}
    reports = {r: k for k, r in enumerate(dict.fromkeys(g.report for g in gradings))}
    each = np.zeros((max(len(reports), 1), len(grades), len(grades)))
    for g in gradings:
        each[reports[g.report], place[g.stated_grade], place[g.suggested_grade]] += 1
    total = each.sum(0)
    n = len(gradings)
    near = sum(_near(g, scales[g.area]) for g in gradings)
    exact, kappa = _bootstrap(each)
    exact = _wider(exact, wilson(int(np.trace(total)), n))
    point = float(kappas(total))
    return Agreement(
        reports=len(reports),
        gradings=n,
        exact=float(np.trace(total) / n) if n else None,
        exact_interval=exact,
        within_one=near / n if n else None,
        kappa=None if np.isnan(point) else point,
        kappa_interval=None if np.isnan(point) else kappa,
        severity=sum(g.steps for g in gradings) / n if n else None,
        confusion={s: {t: int(total[i, j]) for j, t in enumerate(grades)} for i, s in enumerate(grades)},
        small=len(reports) < small[0] or n < small[1],
    )


def _near(grading: Grading, scale: Sequence[str]) -> bool:
    if grading.stated_grade not in scale or grading.suggested_grade not in scale:
        return grading.stated_grade == grading.suggested_grade
    return abs(scale.index(grading.stated_grade) - scale.index(grading.suggested_grade)) <= 1


def _wider(one: Interval | None, other: Interval | None) -> Interval | None:
    """The interval over both: few reports that all agree say less than their bootstrap thinks."""
    if one is None or other is None:
        return one or other
    return min(one[0], other[0]), max(one[1], other[1])


def _bootstrap(each: Array) -> tuple[Interval | None, Interval | None]:
    """Percentile intervals of exact agreement and kappa over resampled reports; `each` [reports, k, k]."""
    n = len(each)
    if n < 2:
        return None, None
    rng = np.random.default_rng(_SEED)
    flat = each.reshape(n, -1)
    sums = [rng.multinomial(n, np.full(n, 1 / n), size=100) @ flat for _ in range(RESAMPLES // 100)]
    totals = np.concatenate(sums).reshape(-1, *each.shape[1:])
    exact = np.trace(totals, axis1=-2, axis2=-1) / totals.sum((-1, -2))
    return _percentiles(exact), _percentiles(kappas(totals))


def _percentiles(values: Array) -> Interval | None:
    values = values[~np.isnan(values)]
    if len(values) < RESAMPLES // 2:
        return None
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return (float(low), float(high)) if high > low else None


def by_group(
    gradings: Sequence[Grading],
    facts: Mapping[str, Mapping[str, str]],
    dimension: str,
    grades: Sequence[str],
    scales: Mapping[str, Sequence[str]],
    small: tuple[int, int],
) -> dict[str, Agreement]:
    """Figures of each value of a dimension that is known, the largest group first, years in order; `facts` by report."""
    groups: dict[str, list[Grading]] = {}
    for g in gradings:
        if value := facts.get(g.report, {}).get(dimension):
            groups.setdefault(value, []).append(g)
    made = {name: agreement(its, grades, scales, small) for name, its in groups.items()}
    if all(name.isdecimal() for name in made):  # years
        return dict(sorted(made.items(), key=lambda x: int(x[0])))
    return dict(sorted(made.items(), key=lambda x: (-x[1].gradings, x[0])))
