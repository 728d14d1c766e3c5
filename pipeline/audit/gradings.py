"""Text against grade: every stated grade beside what the text supports, with how doubtful it is and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.audit import reasons
from pipeline.audit.case import Case, told_by
from pipeline.audit.doubt import doubt
from pipeline.audit.settings import Settings
from pipeline.audit.tables import Grades, Told, stem
from pipeline.catalogue import Catalogue
from pipeline.grading import Policy
from pipeline.report import AreaDraft

FROM_FILE, FROM_TABLE = "rapporten", "betygsfilen"


@dataclass(frozen=True, slots=True)
class Grading:
    """One stated grade. `stated_grade` is the grade before any action plan, the one compared; `told_grade` the last
    that was told (C after a D whose plan was accepted). `steps`: how much worse than the text's the stated grade is,
    on the area's scale. `sentences`: ids behind `reason`. `unanswered`: breaches that the plan of a regraded area
    leaves without an answer."""

    report: str
    area: str
    stated_grade: str
    told_grade: str
    suggested_grade: str
    probabilities: Mapping[str, float]
    doubt: float
    reason: str
    sentences: tuple[int, ...]
    steps: int
    expected_steps: float
    abstain: bool
    has_text: bool
    source: str
    unanswered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stated:
    """The grades that were told of an area: before the plan, the last one, and where they stand."""

    before: str
    last: str
    source: str


def stated_grade(
    area: AreaDraft, letter: str, told: Told | None, catalogue: Catalogue, policy: Policy
) -> Stated | None:
    """The area's stated grade; a grades file goes before the report. None where nothing is told.

    A C in an area whose scale has no C was a D before its plan. Where only a grade after the plan is told, a C may
    have been a D, so the one that the text supports better is taken.
    """
    before: str | None
    last: str | None
    if told is not None and (told.before or told.after):
        before, last = told.before or _undone(told.after or "", area, policy), told.after or told.before
        source = FROM_TABLE
    else:
        before, last = (
            area.grade_before_plan or area.stated_grade,
            area.stated_grade or area.grade_before_plan,
        )
        source = FROM_FILE
    if before is None or last is None:
        return None
    if before not in catalogue.scale(letter):
        before = next((b for b, after in policy.after_plan.items() if after == before), before)
    return Stated(before, last, source)


def _undone(after: str, area: AreaDraft, policy: Policy) -> str:
    """The grade before a plan that led to `after`."""
    possible = [after, *(b for b, a in policy.after_plan.items() if a == after)]
    if area.grade_before_plan in possible:
        return area.grade_before_plan
    return max(possible, key=lambda g: float(area.probabilities.get(g, 0.0)))


def told_of(grades: Grades, case: Case) -> Mapping[str, Told]:
    """What a grades file tells of a case, by area."""
    return grades.get(case.id) or grades.get(stem(case.id)) or {}


def gradings(
    case: Case, grades: Grades, catalogue: Catalogue, policy: Policy, settings: Settings
) -> Iterator[Grading]:
    """One for every area of the case with a stated grade."""
    told = told_of(grades, case)
    for letter, area in case.draft.areas.items():
        if letter not in catalogue.areas:
            continue
        stated = stated_grade(area, letter, told.get(letter), catalogue, policy)
        if stated is not None:
            yield _grading(case, letter, area, stated, catalogue, policy, settings)


def _grading(
    case: Case,
    letter: str,
    area: AreaDraft,
    stated: Stated,
    catalogue: Catalogue,
    policy: Policy,
    settings: Settings,
) -> Grading:
    scale = tuple(g for g in policy.grades if g in catalogue.scale(letter))
    place = {g: k for k, g in enumerate(scale)}
    regraded = stated.last != stated.before
    told = told_by(area, settings.told) if regraded else set()
    unanswered = tuple(a.criterion for a in area.plan if a.state == "missing" and a.criterion in told)
    reason, sentences = reasons.reason(
        reasons.Question(letter, area, stated.before, stated.last, unanswered), case.draft, catalogue, policy
    )
    expected = sum(float(area.probabilities.get(g, 0.0)) * k for g, k in place.items())
    at = place.get(stated.before, 0)
    return Grading(
        report=case.id,
        area=letter,
        stated_grade=stated.before,
        told_grade=stated.last,
        suggested_grade=area.suggested_grade,
        probabilities=dict(area.probabilities),
        doubt=doubt(area.probabilities, stated.before, scale, settings.noise),
        reason=reason,
        sentences=sentences,
        steps=at - place.get(area.suggested_grade, at),
        expected_steps=at - expected,
        abstain=area.abstain,
        has_text=area.has_text,
        source=stated.source,
        unanswered=unanswered,
    )
