"""Fits the grade layer on reports with stated grades too, and judges it by cross-validation over the reports.

What is fitted: the lines of the calibration, and which shares of the shortfalls count (`pipeline.grading.practice`), by
maximum likelihood of what is known of each area: P(its grade), or P(any grade that is left possible). The corpus, graded
by the rule, stands for the inspector that one knows before any report: its likelihood enters at the weight of a stated
number of reports (a power prior, Ibrahim & Chen 2000), and the numbers are pulled weakly to what they were. Two reports
thus hardly move the layer. Needs scipy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from pipeline.catalogue import Catalogue
from pipeline.grading import conformal, grade
from pipeline.grading.calibrate import Calibration, suggest
from pipeline.grading.combine import Combine, statuses
from pipeline.grading.distribution import grade_distribution
from pipeline.grading.layer import Layer
from pipeline.grading.policy import Policy
from pipeline.grading.practice import count
from pipeline.report import AreaDraft
from pipeline.training import grading
from pipeline.training.evaluation import Figures, grade_figures
from pipeline.training.practice import Graded, Known, known

Array = NDArray[np.float64]
_STEP = 1e-4  # of the numeric gradient
_DAY = date(2025, 1, 1)  # plans' dates change no grade
_TINY = 1e-9
_PULL_SLOPE, _PULL_SHIFT, _PULL_COUNT = 4.0, 1.0, 0.5


def of_corpus(reports: grading.Reports, combine: Combine, weight: float) -> Known:
    """The corpus, whose grades are the rule's, together as heavy as `weight` reports."""
    n = len(reports.names)
    possible = reports.grade[..., None] == np.arange(len(reports.policy.grades))
    status = statuses(grading.evidence(reports), combine)
    return Known(status, possible, np.ones(possible.shape[:2], bool), np.full(n, min(1.0, weight / n)))


@dataclass(frozen=True)
class Fit:
    """One fit: `base` is the corpus' layer, `known` the corpus and the reports together."""

    base: Layer
    known: Known
    catalogue: Catalogue
    policy: Policy

    @cached_property
    def lines(self) -> tuple[str, ...]:
        return self.policy.grades[1:]

    @cached_property
    def shares(self) -> tuple[tuple[str, int], ...]:
        """(level, 0 partly | 1 unmet) that the rule counts: the others could not be told."""
        rules = {(c.level, c.at) for r in self.policy.rules for c in r.any}
        there = {c.level for c in self.catalogue.criteria}
        partly = {level for level, at in rules if at == "partly" and level in there}
        unmet = {level for level, _ in rules if level in there}
        return (*((level, 0) for level in sorted(partly)), *((level, 1) for level in sorted(unmet)))

    def counted(self, x: Array) -> dict[str, tuple[float, float]]:
        """The shares that numbers `x` [2 lines + shares] stand for."""
        told = dict(zip(self.shares, np.exp(-x[2 * len(self.lines) :]).tolist(), strict=True))
        return {level: (told.get((level, 0), 1.0), told.get((level, 1), 1.0)) for level, _ in self.shares}

    def calibration(self, x: Array) -> Calibration:
        """The lines that numbers `x` stand for: changes of the base's."""
        k, out = len(self.lines), {}
        for i, g in enumerate(self.lines):
            slope, shift = self.base.calibration.lines.get(g, (1.0, 0.0))
            out[g] = (slope * float(np.exp(x[i])), shift + float(x[k + i]))
        return Calibration(out)

    def raw(self, rows: Sequence[Array]) -> list[Array]:
        """For each area P(grade) [numbers, R, grades] by the rule, of what counts at each of the numbers."""
        each = [self.counted(x) for x in rows]
        out = []
        for a, area in self.catalogue.areas.items():
            if not area.criteria:
                out.append(
                    np.tile(np.eye(len(self.policy.grades))[0], (len(rows), len(self.known.weight), 1))
                )
                continue
            shares = np.array([[by.get(c.level, (1.0, 1.0)) for c in area.criteria] for by in each])[:, None]
            columns = [self.catalogue.index[c.id] for c in area.criteria]
            told = count(self.known.status[None, :, columns], shares[..., 0], shares[..., 1])
            out.append(grade_distribution(told, a, self.catalogue, self.policy))
        return out

    def distributions(self, x: Array, raw: Sequence[Array]) -> Array:
        """P(grade) [R, areas, grades], calibrated; `raw` [R, grades] by area."""
        by = self.calibration(x)
        scales = [self.catalogue.scale(a) for a in self.catalogue.areas]
        return np.stack(
            [by.apply(p, self.policy.grades, s) for p, s in zip(raw, scales, strict=True)], axis=1
        )

    def loss(self, x: Array, raw: Sequence[Array]) -> float:
        """Minus the log-likelihood of what is known, and the pull."""
        p = (self.distributions(x, raw) * self.known.possible).sum(axis=-1)
        judged = self.known.told & self.known.text
        nll = -(self.known.weight[:, None] * np.where(judged, np.log(np.clip(p, _TINY, 1)), 0)).sum()
        k = len(self.lines)
        pull = _PULL_SLOPE * (x[:k] ** 2).sum() + _PULL_SHIFT * (x[k : 2 * k] ** 2).sum()
        return float(nll + pull + _PULL_COUNT * x[2 * k :].sum())

    def with_gradient(self, x: Array) -> tuple[float, Array]:
        """The loss and its forward differences. The rule runs once, over all changes of shares together."""
        k = 2 * len(self.lines)
        moved = x + _STEP * np.eye(len(x))
        raw = self.raw([x, *moved[k:]])
        now = [p[0] for p in raw]
        value = self.loss(x, now)
        then = [self.loss(m, now) for m in moved[:k]]
        then += [self.loss(m, [p[i] for p in raw]) for i, m in enumerate(moved[k:], 1)]
        return value, (np.array(then) - value) / _STEP

    def run(self) -> Layer:
        """The fitted layer, without what it was fitted on."""
        k = len(self.lines)
        bounds = [*[(-1.5, 1.5)] * k, *[(-4.0, 4.0)] * k, *[(0.0, 4.0)] * len(self.shares)]
        x = minimize(
            self.with_gradient,
            np.zeros(len(bounds)),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": 60},
        ).x
        shares = {level: (round(p, 4), round(u, 4)) for level, (p, u) in self.counted(x).items()}
        lines = {g: (round(a, 4), round(b, 4)) for g, (a, b) in self.calibration(x).lines.items()}
        out = replace(
            self.base,
            calibration=Calibration(lines),
            counted={level: s for level, s in shares.items() if s != (1.0, 1.0)},
            prior=self._prior(),
        )
        return self._sets(out, self.distributions(x, [p[0] for p in self.raw([x])]))

    def _sets(self, layer: Layer, distribution: Array) -> Layer:
        """The level of abstention and the conformal sets, on the areas whose grade is known, by weight."""
        known, areas = self.known, list(self.catalogue.areas)
        got = np.stack(
            [
                suggest(distribution[:, j], self.policy.grades, self.catalogue.scale(a), layer.levels)
                for j, a in enumerate(areas)
            ],
            axis=1,
        )
        use = known.exact & known.text
        sure = np.take_along_axis(distribution, got[..., None], -1)[..., 0]
        truth = np.take_along_axis(distribution, known.grade[..., None], -1)[..., 0]
        weight = np.broadcast_to(known.weight[:, None], truth.shape)[use]
        where = np.broadcast_to(np.array(areas), truth.shape)[use]
        worst = known.grade[use] == len(self.policy.grades) - 1
        return replace(
            layer,
            decide=grading.fit_decide(sure[use], (got == known.grade)[use], weight=weight),
            conformal=conformal.fit(1 - truth[use], where, worst, weights=weight),
        )

    def _prior(self) -> dict[str, dict[str, float]]:
        """Share of each grade in each area; a report that leaves several possible counts for each of them as the base
        has it."""
        out: dict[str, dict[str, float]] = {}
        for j, (a, base) in enumerate(self.base.prior.items()):
            usual = np.array([base.get(g, 0.0) for g in self.policy.grades])
            share = self.known.possible[:, j] * usual
            total = share.sum(axis=-1, keepdims=True)
            told = self.known.told[:, j] & (total[:, 0] > 0)
            seen = (self.known.weight[told, None] * share[told] / total[told]).sum(axis=0) + usual
            out[a] = {
                g: round(float(p), 4) for g, p in zip(self.policy.grades, seen / seen.sum(), strict=True)
            }
        return out


@dataclass(frozen=True)
class Practice:
    """Reports with stated grades beside the corpus' layer and what it was fitted on."""

    base: Layer
    corpus: Known
    reports: Sequence[Graded]
    thresholds: NDArray[np.float32]  # of the findings model [criteria]
    catalogue: Catalogue
    policy: Policy

    def fit(self, which: NDArray[np.bool_] | None = None) -> Layer:
        """The layer on the corpus and the reports that a mask picks, all by default."""
        some = (
            [g for g, k in zip(self.reports, which, strict=True) if k] if which is not None else self.reports
        )
        told = known(some, self.base.combine, self.catalogue, self.policy)
        return Fit(self.base, self.corpus + told, self.catalogue, self.policy).run()

    def drafts(self, layer: Layer, which: NDArray[np.bool_]) -> list[dict[str, AreaDraft]]:
        """Drafts of the reports that a mask picks, as the product makes them with a layer."""
        policy = replace(self.policy, layer=layer)
        cat, least = self.catalogue, self.thresholds
        return [
            grade(g.report, g.parsed.sentences, g.proba, least, cat, policy, _DAY)[0]
            for g, k in zip(self.reports, which, strict=True)
            if k
        ]

    def figures(self, made: Sequence[Mapping[str, AreaDraft]], which: NDArray[np.bool_]) -> Figures:
        """Figures of drafts of the reports that a mask picks."""
        return partial_figures(
            [g for g, k in zip(self.reports, which, strict=True) if k], made, self.policy.grades
        )


@dataclass(frozen=True)
class Judged:
    """Cross-validation over the reports: drafts by the corpus' layer and by one that the report was left out of."""

    fold: NDArray[np.int32]
    before: list[dict[str, AreaDraft]]
    after: list[dict[str, AreaDraft]]


def folds(reports: int, number: int, seed: int) -> NDArray[np.int32]:
    """A fold for each report, dealt in turn after a shuffle; as many folds as reports at most."""
    out = np.zeros(reports, np.int32)
    out[np.random.default_rng(seed).permutation(reports)] = np.arange(reports) % max(1, min(number, reports))
    return out


def cross_validate(practice: Practice, number: int, seed: int) -> Judged:
    """Drafts of every report by layers fitted without its fold. Raises ValueError with fewer than two reports."""
    n = len(practice.reports)
    if n < 2:
        raise ValueError("cross-validation takes two reports")
    fold, after = folds(n, number, seed), [dict[str, AreaDraft]()] * n
    for f in np.unique(fold):
        made = practice.drafts(practice.fit(fold != f), fold == f)
        for i, d in zip(np.flatnonzero(fold == f), made, strict=True):
            after[i] = d
    return Judged(fold, practice.drafts(practice.base, np.ones(n, bool)), after)


def partial_figures(
    reports: Sequence[Graded], made: Sequence[Mapping[str, AreaDraft]], grades: Sequence[str]
) -> Figures:
    """Figures of drafts against what reports tell of their grades.

    `grade_*`, `decided_*` and `set_*` are of areas whose grade is told; `log_loss` (nats an area) and `possible` (share of
    suggestions that are among the possible grades) of all areas of which something is told; `not_worst_as_worst` is the
    share of the areas told not to have the worst grade that are suggested it.
    """
    some = [(str(i), g.possible, d) for i, (g, d) in enumerate(zip(reports, made, strict=True))]
    gold = {i: {a: p[0] for a, p in left.items() if len(p) == 1} for i, left, _ in some}
    told = [(d[a], p) for _, possible, d in some for a, p in possible.items()]
    silent = [d for d, p in told if len(p) > 1]
    out: Figures = {
        "reports": len(reports),
        "areas_told": len(told),
        "log_loss": _mean([-float(np.log(max(_TINY, sum(d.probabilities[g] for g in p)))) for d, p in told]),
        "possible": _mean([d.suggested_grade in p for d, p in told]),
        "not_worst_as_worst": _mean([d.suggested_grade == grades[-1] for d in silent]),
    }
    if any(gold.values()):
        exact = grade_figures(gold, {i: d for i, _, d in some}, {i: frozenset[str]() for i in gold}, grades)
        out |= {k: v for k, v in exact.items() if k.startswith(("grade_", "decided_", "set_"))}
    return out


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
