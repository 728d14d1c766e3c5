"""From findings to a graded draft of every area: the one entry into this room."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from pipeline.catalogue import Catalogue
from pipeline.findings.base import Probabilities, decide
from pipeline.grading import abstain, explain, plan
from pipeline.grading.combine import gather, statuses
from pipeline.grading.decisions import Case, decisions, told
from pipeline.grading.judge import Judge, Verdict
from pipeline.grading.policy import Policy
from pipeline.report import AreaDraft, Report, Sentence, StatedGrade


def grade(
    report: Report,
    sentences: Sequence[Sentence],
    probabilities: Probabilities,
    thresholds: NDArray[np.float32],
    catalogue: Catalogue,
    policy: Policy,
    as_of: date,
) -> tuple[dict[str, AreaDraft], list[str]]:
    """Drafts of every area of the catalogue, and warnings in Swedish.

    `probabilities` [sentences, criteria, 3] and `thresholds` [criteria] come from the findings model. The
    suggestion is the grade that the text supports before any action plan; sentences of every section count for
    every area.
    """
    p = np.asarray(probabilities, np.float64)
    if p.shape != (len(sentences), len(catalogue.criteria), 3):
        raise ValueError(
            f"probabilities {p.shape}: {len(sentences)} sentences, {len(catalogue.criteria)} criteria"
        )
    case = Case(sentences, p, told(decide(probabilities, thresholds, catalogue)))
    one = np.zeros(len(sentences), np.intp)
    status = statuses(gather(p, one), policy.layer.combine)[0]
    areas = {}
    for a in catalogue.areas:
        judge = Judge(catalogue, policy, a, report.areas.get(a, StatedGrade()).has_text)
        own = status[[catalogue.index[c.id] for c in judge.criteria]]
        areas[a] = _area(judge.verdict(own), case, report, as_of)
    decided = {c.id: c for draft in areas.values() for c in draft.criteria}
    return areas, plan.warnings(report.action_plan, decided, case.found, catalogue)


def _area(verdict: Verdict, case: Case, report: Report, as_of: date) -> AreaDraft:
    judge, policy, suggested = verdict.judge, verdict.policy, verdict.suggested
    stated = report.areas.get(judge.area, StatedGrade())
    criteria = decisions(judge, verdict.status, case)
    doubt = abstain.doubt(verdict, case)
    grades = policy.layer.conformal.grades(verdict.probabilities, suggested, judge.area, policy.confidence)
    possible = {*grades, *(doubt.grades if doubt else ())}
    return AreaDraft(
        has_text=judge.has_text,
        suggested_grade=suggested,
        probabilities=verdict.probabilities,
        grade_set=tuple(g for g in policy.grades if g in possible),
        abstain=doubt is not None,
        stated_grade=stated.stated_grade,
        grade_before_plan=stated.grade_before_plan,
        grade_after_plan=plan.grade_after(judge, suggested, report.action_plan),
        criteria=criteria,
        plan=plan.answers(judge, criteria, report.action_plan, as_of),
        explanation=explain.explanation(verdict, criteria, case.sentences),
        counterfactual=explain.counterfactual(verdict),
        reason=doubt.reason if doubt else None,
    )
