"""The action plan against the suggested breaches: is each answered, is anything overdue, and what is the
grade then?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date

from pipeline.catalogue import Catalogue
from pipeline.grading.decisions import Told
from pipeline.grading.judge import Judge
from pipeline.grading.policy import Policy
from pipeline.grading.words import listed
from pipeline.report import SHORTFALLS, CriterionDecision, PlanAnswer, PlanEntry

_RANK = ("answered", "incomplete", "overdue", "missing")  # the best entry about a breach counts


def _lacks(entry: PlanEntry, policy: Policy) -> tuple[str, ...]:
    told = {
        "action": entry.action,
        "deadline": entry.deadline or entry.deadline_text,
        "responsible": entry.responsible,
        "follow_up": entry.follow_up or entry.follow_up_text,
    }
    return tuple(need for need in policy.plan_needs if not told[need])


def _done(entry: PlanEntry, policy: Policy) -> bool:
    words = set(re.findall(r"\w+", (entry.deadline_text or "").lower()))
    return bool(words & set(policy.plan_done)) and not words & {"ej", "inte", "delvis"}


def _answer(criterion: str, entry: PlanEntry, policy: Policy, as_of: date) -> PlanAnswer:
    lacks = _lacks(entry, policy)
    if entry.deadline and entry.deadline < as_of.isoformat() and not _done(entry, policy):
        return PlanAnswer(criterion, "overdue", lacks)
    return PlanAnswer(criterion, "incomplete" if lacks else "answered", lacks)


def answers(
    judge: Judge, criteria: Sequence[CriterionDecision], plan: Sequence[PlanEntry], as_of: date
) -> tuple[PlanAnswer, ...]:
    """For each suggested breach, whether the plan answers it on the day `as_of`; none without a plan.

    A breach that no entry names, in an area with an entry that could be tied to no criterion, is incomplete.
    """
    policy = judge.policy
    if not plan:
        return ()
    loose = any(e.area == judge.area and not e.criteria for e in plan)
    out = []
    for c in criteria:
        if not policy.breach(judge.catalogue.by_id[c.id].level, c.status):
            continue
        told = [_answer(c.id, e, policy, as_of) for e in plan if c.id in e.criteria]
        nothing = PlanAnswer(c.id, "incomplete") if loose else PlanAnswer(c.id, "missing", policy.plan_needs)
        out.append(min(told, key=lambda a: (_RANK.index(a.state), len(a.missing)), default=nothing))
    return tuple(out)


def grade_after(judge: Judge, suggested: str, plan: Sequence[PlanEntry]) -> str | None:
    """The suggested grade once the plan is accepted; None without a plan. A plan changes nothing in an area
    that it does not speak of.
    """
    if not plan:
        return None
    names = {c.id for c in judge.criteria}
    about = any(e.area == judge.area or names & set(e.criteria) for e in plan)
    return judge.policy.after_plan.get(suggested, suggested) if about else suggested


def warnings(
    plan: Sequence[PlanEntry], decided: Mapping[str, CriterionDecision], found: Told, catalogue: Catalogue
) -> list[str]:
    """Where the plan speaks of a breach that the text does not tell of, in Swedish."""
    out = []
    for criterion in dict.fromkeys(c for e in plan for c in e.criteria if c in catalogue.by_id):
        decision = decided.get(criterion)
        if any(f.status in SHORTFALLS for _, f in found.get(criterion, ())):
            continue
        if decision is None:
            out.append(f"Åtgärdsplanen tar upp {criterion}, men texten ger inget fynd om det kriteriet.")
        elif decision.status not in SHORTFALLS:
            where = listed(decision.evidence[:3])
            out.append(
                f"Åtgärdsplanen tar upp {criterion}, men texten säger att kriteriet är uppfyllt "
                f"(mening {where})."
            )
    for area in dict.fromkeys(e.area for e in plan if e.area and not e.criteria):
        out.append(f"Åtgärdsplanen har en post i område {area} som inte gick att knyta till något kriterium.")
    return out
