"""One report of an audit: its draft, what is known of it beside the file, and the grades that were stated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from pipeline.catalogue import Catalogue
from pipeline.grading import Policy, plan
from pipeline.grading.judge import Judge
from pipeline.report import SHORTFALLS, AreaDraft, CriterionDecision, Draft, PlanAnswer, PlanEntry

DIMENSIONS: Mapping[str, str] = {
    "specialty": "Specialitet",
    "region": "Region",
    "year": "År",
    "unit_kind": "Enhetstyp",
    "inspectors": "Inspektörspar",
}


@dataclass(frozen=True, slots=True)
class Case:
    """`id` is the report's name in the audit: its file's stem. `known` comes from a metadata file or the archive."""

    id: str
    draft: Draft
    known: Mapping[str, str] = field(default_factory=dict)


Cases = Callable[[], Iterator[Case]]
"""Gives every case in the same order each time it is called, one by one: an audit never holds them all."""


def facts_of(case: Case) -> dict[str, str]:
    """What is known of the report by dimension; the cover goes before what is known beside it. Unknown is left out."""
    cover = case.draft.report
    told = {
        "specialty": cover.specialty,
        "year": cover.date[:4] if cover.date else None,
        "inspectors": " och ".join(sorted(cover.inspectors)) if cover.inspectors else None,
        "unit": cover.unit,
    }
    return {**{k: v for k, v in case.known.items() if v}, **{k: v for k, v in told.items() if v}}


def judged(draft: Draft, catalogue: Catalogue, policy: Policy, as_of: date) -> Draft:
    """The draft with its plan judged on the day `as_of`, whatever the day it was drafted on."""
    areas = {}
    for letter, area in draft.areas.items():
        if letter in catalogue.areas:
            answers = plan.answers(Judge(catalogue, policy, letter), area.criteria, draft.action_plan, as_of)
            areas[letter] = replace(area, plan=answers)
    return replace(draft, areas=areas)


def entry_state(entry: PlanEntry, catalogue: Catalogue, policy: Policy, as_of: date) -> PlanAnswer | None:
    """Whether one entry of the plan is complete, or overdue; None where it is tied to no area of the catalogue."""
    known = [c for c in entry.criteria if c in catalogue.by_id]
    area = catalogue.by_id[known[0]].area if known else entry.area
    if area is None or area not in catalogue.areas:
        return None
    worst = policy.rules[0].any[
        0
    ]  # a breach is what a plan answers: ask about one of the area's binding criteria
    binding = catalogue.areas[area].at(worst.level)
    if not binding:
        return None
    about = replace(entry, criteria=(binding[0].id,))
    decision = CriterionDecision(binding[0].id, worst.at, 1.0)
    return next(iter(plan.answers(Judge(catalogue, policy, area), [decision], [about], as_of)), None)


def told_by(area: AreaDraft, least: float) -> set[str]:
    """The criteria whose shortfall an area's text tells of with at least this probability."""
    return {c.id for c in area.criteria if c.status in SHORTFALLS and c.probability >= least}
