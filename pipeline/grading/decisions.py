"""What the text says of each criterion: its status, and the sentences for and against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.catalogue import Criterion
from pipeline.grading.judge import Judge
from pipeline.grading.policy import Policy
from pipeline.report import SHORTFALLS, CriterionDecision, Finding, Sentence, Status

Array = NDArray[np.float64]
Told = Mapping[str, list[tuple[int, Finding]]]  # criterion -> (place of the sentence, finding), surest first


def told(findings: Sequence[Sequence[Finding]]) -> Told:
    """Findings by criterion, the surest first."""
    out: dict[str, list[tuple[int, Finding]]] = {}
    for i, found in enumerate(findings):
        for f in found:
            out.setdefault(f.criterion, []).append((i, f))
    for each in out.values():
        each.sort(key=lambda x: (-x[1].probability, x[0]))
    return out


def status_of(p: Array, criterion: Criterion, policy: Policy) -> tuple[Status, float]:
    """The status of a distribution [3] over met, partly, unmet, with its probability.

    A criterion that can give the worst grade alone is unmet from the level at which that grade is suggested.
    """
    if p[1] + p[2] < policy.layer.shortfall:
        return "met", float(p[0])
    worst = policy.layer.levels.get(policy.grades[-1], 0.5)
    if p[2] >= p[1] or (policy.breach(criterion.level, "unmet") and p[2] >= worst):
        return "unmet", float(p[2])
    return "partly", float(p[1])


@dataclass(frozen=True)
class Case:
    """A report's sentences with what the model says of them: `probabilities` [sentences, criteria, 3]."""

    sentences: Sequence[Sentence]
    probabilities: Array
    found: Told


def decisions(judge: Judge, status: Array, case: Case) -> tuple[CriterionDecision, ...]:
    """The area's criteria that the text decides, in their order; `status` [criteria of the area, 3].

    A criterion is decided by findings of the status that all sentences together give it, or by sentences none of which
    is sure enough alone; then the likeliest of them is the evidence.
    """
    out = []
    for criterion, p in zip(judge.criteria, status, strict=True):
        its, probability = status_of(p, criterion, judge.policy)
        about = case.found.get(criterion.id, [])
        short = its in SHORTFALLS
        evidence = [i for i, f in about if (f.status in SHORTFALLS) == short]
        if not evidence and short and len(case.sentences):
            column = judge.catalogue.index[criterion.id]
            evidence = [int(case.probabilities[:, column, 1:].sum(axis=1).argmax())]
        if not evidence:
            continue
        against = [i for i, f in about if (f.status in SHORTFALLS) != short and i not in evidence]
        ids = (tuple(case.sentences[i].id for i in group) for group in (evidence, against))
        out.append(CriterionDecision(criterion.id, its, probability, *ids))
    return tuple(out)
