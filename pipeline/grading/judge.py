"""One area's decision: status distributions in, calibrated grade distribution and suggestion out; and what
would change it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.catalogue import Catalogue, Criterion
from pipeline.grading.calibrate import suggest
from pipeline.grading.distribution import grade_distribution
from pipeline.grading.odds import at_least_as_bad
from pipeline.grading.policy import Policy
from pipeline.grading.practice import counted
from pipeline.report import STATUSES, Status

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Verdict:
    """What a judge says of `status`: P(grade) by grade, best first, and the suggestion."""

    judge: Judge
    status: Array
    probabilities: Mapping[str, float]
    suggested: str

    @property
    def policy(self) -> Policy:
        return self.judge.policy


@dataclass(frozen=True)
class Judge:
    """The decision in one area. `status` in the methods is [criteria of the area, 3] over met, partly, unmet.

    An area without text is judged half by what other sections say, half by how such areas are usually graded.
    """

    catalogue: Catalogue
    policy: Policy
    area: str
    has_text: bool = True

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        return self.catalogue.areas[self.area].criteria

    @property
    def scale(self) -> tuple[str, ...]:
        """The grades of the area that the policy knows, best first."""
        scale = self.catalogue.scale(self.area)
        return tuple(g for g in self.policy.grades if g in scale)

    def distribution(self, status: Array) -> Array:
        """P(grade) in the order of `policy.grades`, of what inspectors count, calibrated."""
        told = counted(status, self.criteria, self.policy.layer.counted)
        raw = grade_distribution(told, self.area, self.catalogue, self.policy)
        p = self.policy.layer.calibration.apply(raw, self.policy.grades, self.scale)
        return p if self.has_text else np.asarray(0.5 * p + 0.5 * self._usual())

    def _usual(self) -> Array:
        prior = self.policy.layer.prior.get(self.area) or dict.fromkeys(self.scale, 1.0)
        p = np.array([prior.get(g, 0.0) if g in self.scale else 0.0 for g in self.policy.grades])
        return np.asarray(p / p.sum())

    def suggestion(self, distribution: Array) -> str:
        """The suggested grade of a distribution."""
        return self.policy.grades[int(self._suggest(distribution))]

    def _suggest(self, distribution: Array) -> NDArray[np.intp]:
        return suggest(distribution, self.policy.grades, self.scale, self.policy.layer.levels)

    def verdict(self, status: Array) -> Verdict:
        """The decision on status distributions."""
        p = self.distribution(status)
        return Verdict(
            self, status, dict(zip(self.policy.grades, p.tolist(), strict=True)), self.suggestion(p)
        )

    def suppose(self, status: Array, *changes: tuple[int, Status]) -> Array:
        """`status` with some criteria (by place in the area) certain to have a status."""
        out = status.copy()
        for k, s in changes:
            out[k] = [float(s == t) for t in STATUSES]
        return out

    def _each(self, status: Array, then: Status) -> Array:
        """`status` with each criterion in turn certain to have a status: [criteria, criteria, 3]."""
        k = len(self.criteria)
        out = np.broadcast_to(status, (k, *status.shape)).copy()
        out[np.arange(k), np.arange(k)] = [float(then == t) for t in STATUSES]
        return out

    def decides(self, status: Array, grade: str) -> list[tuple[int, float]]:
        """How much less likely `grade` or worse would be if a criterion were certainly met: (place in the area, fall
        in probability), the greatest first, those above 0.
        """
        k = self.policy.grades.index(grade)
        now = at_least_as_bad(self.distribution(status))[k]
        then = at_least_as_bad(self.distribution(self._each(status, "met")))[:, k]
        falls = [(c, float(now - x)) for c, x in enumerate(then)]
        return sorted(((c, f) for c, f in falls if f > 1e-9), key=lambda x: (-x[1], x[0]))

    def smallest_relief(self, status: Array, grade: str) -> tuple[tuple[int, ...], str] | None:
        """The fewest criteria that, were they met, would make the suggestion better than `grade`, and that
        suggestion; None where nothing would. The most deciding ones are tried first.
        """
        chosen: list[int] = []
        current = status
        while order := self.decides(current, grade):
            chosen.append(order[0][0])
            current = self.suppose(current, (order[0][0], "met"))
            better = self.suggestion(self.distribution(current))
            if self.policy.grades.index(better) < self.policy.grades.index(grade):
                return tuple(chosen), better
        return None

    def nearest_fall(self, status: Array, grade: str) -> tuple[int, Status, str] | None:
        """The criterion that would make the suggestion worse than `grade` and is likeliest to, with the
        status that it takes and the suggestion then; None where no single criterion would.
        """
        order = np.argsort(-(status[:, 1] + 2 * status[:, 2]), kind="stable")
        for wanted in STATUSES[1:]:
            worse = self._suggest(self.distribution(self._each(status, wanted)))
            for c in order:
                if worse[c] > self.policy.grades.index(grade):
                    return int(c), wanted, self.policy.grades[int(worse[c])]
        return None
