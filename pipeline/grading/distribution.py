"""From uncertain criteria to a distribution over grades: the rule applied to every combination at once,
exactly.

Criteria are independent given the sentences. The rule only counts criteria, so a small table of counts, each
cut off where its condition holds, is carried over the area's criteria (dynamic programming); every entry of
the table then has one grade.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from pipeline.catalogue import Catalogue
from pipeline.grading.policy import Policy
from pipeline.report import STATUSES

Array = NDArray[np.float64]


def grade_distribution(status: Array, area: str, catalogue: Catalogue, policy: Policy) -> Array:
    """P(grade) [..., grades] in the order of `policy.grades`.

    `status` [..., criteria of the area, 3] is each criterion's distribution over met, partly, unmet.
    """
    letter = catalogue.areas[area]
    conditions = [(r.grade, c, c.needed(letter)) for r in policy.rules for c in r.any]
    conditions = [x for x in conditions if letter.at(x[1].level)]  # the others never hold
    caps = [needed for _, _, needed in conditions]
    table: dict[tuple[int, ...], Array] = {(0,) * len(caps): np.ones(status.shape[:-2])}
    for k, criterion in enumerate(letter.criteria):
        steps = [
            tuple(int(c.level == criterion.level and c.counts(s)) for _, c, _ in conditions) for s in STATUSES
        ]
        after: dict[tuple[int, ...], Array] = {}
        for (counts, mass), j in product(table.items(), range(len(STATUSES))):
            to = tuple(min(n + s, cap) for n, s, cap in zip(counts, steps[j], caps, strict=True))
            after[to] = after.get(to, 0.0) + mass * status[..., k, j]
        table = after
    out = np.zeros((*status.shape[:-2], len(policy.grades)))
    scale = catalogue.scale(area)
    for counts, mass in table.items():
        held = (g for (g, _, needed), n in zip(conditions, counts, strict=True) if n >= needed)
        grade = policy.on_scale(next(held, policy.otherwise), scale)
        out[..., policy.grades.index(grade)] += mass
    return out
