"""The Swedish words and the order of facts that every rendering for people shares."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.catalogue import Catalogue
from pipeline.grading import words as grading
from pipeline.report import (
    LIST_NAMES,
    AreaDraft,
    CriterionDecision,
    Draft,
    Facts,
    PlanEntry,
    PlanState,
    Status,
)

STATUS = grading.STATUS
SIGN: Mapping[Status, str] = {"met": "+", "partly": "~", "unmet": "−"}
PLAN: Mapping[PlanState, str] = {
    "answered": "besvarad i handlingsplanen",
    "incomplete": "ofullständigt besvarad",
    "overdue": "tidsgränsen har passerat",
    "missing": "saknas i handlingsplanen",
}
UNSURE = "osäkert"
NO_TEXT = "text saknas"

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")


def clean(text: str) -> str:
    """`text` without the control characters that XML, and so DOCX and XLSX, cannot hold."""
    return _CONTROL.sub("", text)


def percent(probability: float) -> str:
    """A probability as explanations tell it, on one line: its per cent sign is never wrapped off."""
    return grading.percent(probability).replace(" ", "\u00a0")


def title(facts: Facts) -> str:
    """What a report is called in headings."""
    return clean(facts.unit or facts.file or "SPUR-rapport")


def cover(facts: Facts) -> list[tuple[str, str]]:
    """What is known of the report, label and value."""
    pairs = (
        ("Fil", facts.file),
        ("Enhet", facts.unit),
        ("Specialitet", facts.specialty),
        ("Datum", facts.date),
        ("Föreskrift", facts.regulation),
    )
    return [(label, clean(value)) for label, value in pairs if value]


def area_name(catalogue: Catalogue, letter: str) -> str:
    """The area's name; "" for a letter that the catalogue lacks, as a draft by another catalogue may have."""
    return catalogue.areas[letter].name if letter in catalogue.areas else ""


def section(name: str | None) -> str:
    """Where a sentence stands."""
    return "" if name is None else LIST_NAMES.get(name, f"område {name}")


def grade_set(area: AreaDraft) -> str:
    """The grades that cannot be ruled out."""
    return "/".join(area.grade_set)


def stated(area: AreaDraft) -> str:
    """The grade that the report itself tells, with the one before where it was changed."""
    if area.stated_grade is None:
        return "–"
    if area.grade_before_plan and area.grade_before_plan != area.stated_grade:
        return f"{area.grade_before_plan} → {area.stated_grade}"
    return area.stated_grade


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence that is quoted: its number in the report, where it stands, its text."""

    number: int
    where: str
    text: str


@dataclass(frozen=True, slots=True)
class Deciding:
    """A criterion that decides a grade, ready to print."""

    id: str
    level: str
    wording: str
    status: Status
    told: str
    probability: str
    plan: str
    evidence: tuple[Evidence, ...]
    against: tuple[Evidence, ...]


def deciding(draft: Draft, area: AreaDraft, catalogue: Catalogue) -> Iterator[Deciding]:
    """The criteria that the text decides: shortfalls first, binding before advisory, surest first."""
    states = {p.criterion: PLAN[p.state] for p in area.plan}
    levels = list(catalogue.levels)
    by_id = {s.id: s for s in draft.sentences}

    def order(c: CriterionDecision) -> tuple[bool, int, float]:
        return c.status == "met", levels.index(catalogue.by_id[c.id].level), -c.probability

    def quote(ids: tuple[int, ...]) -> tuple[Evidence, ...]:
        found = (by_id[i] for i in ids if i in by_id)
        return tuple(Evidence(s.id, section(s.section), clean(s.text)) for s in found)

    for c in sorted((c for c in area.criteria if c.id in catalogue.by_id), key=order):
        criterion = catalogue.by_id[c.id]
        yield Deciding(
            id=c.id,
            level=catalogue.levels[criterion.level],
            wording=criterion.text,
            status=c.status,
            told=STATUS[c.status],
            probability=percent(c.probability),
            plan=states.get(c.id, ""),
            evidence=quote(c.evidence),
            against=quote(c.against),
        )


def plan_rows(draft: Draft) -> list[dict[str, str]]:
    """The action plan's entries by column heading."""
    return [_plan_row(e) for e in draft.action_plan]


def _plan_row(e: PlanEntry) -> dict[str, str]:
    return {
        "Område": e.area or "",
        "Kriterier": ", ".join(e.criteria),
        "Åtgärd": clean(e.action or ""),
        "Klart": clean(e.deadline or e.deadline_text or ""),
        "Ansvarig": clean(e.responsible or ""),
        "Uppföljning": clean(e.follow_up or e.follow_up_text or ""),
        "Ansvarig för uppföljning": clean(e.follow_up_responsible or ""),
    }


def disclaimer(draft: Draft) -> str:
    """Whose judgement this is."""
    return (
        f"Förslag av modellen {clean(draft.model.name)} {clean(draft.model.version)} ur rapportens text. "
        "Det är ett underlag: graderingen gör inspektörerna."
    )
