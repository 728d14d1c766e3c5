"""The shared vocabulary: what one room of the pipeline hands to the next.

Plain frozen dataclasses without logic. `file -> Source -> Report -> sentences -> findings -> Draft`.
Every offset is a half-open character range into `Report.text`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

SCHEMA_VERSION = 1

Status = Literal["met", "partly", "unmet"]
STATUSES: tuple[Status, ...] = ("met", "partly", "unmet")
SHORTFALLS: frozenset[str] = frozenset({"partly", "unmet"})
Grade = Literal["A", "B", "C", "D"]

STRENGTHS, WEAKNESSES, POTENTIAL = "STYRKOR", "SVAGHETER", "FORBATTRING"
LISTS: tuple[str, ...] = (STRENGTHS, WEAKNESSES, POTENTIAL)
LIST_NAMES: Mapping[str, str] = {
    STRENGTHS: "Styrkor",
    WEAKNESSES: "Svagheter",
    POTENTIAL: "Förbättringspotential",
}

BlockKind = Literal["cover", "heading", "list", "narrative", "standing", "scale", "plan", "other"]
PlanState = Literal["answered", "incomplete", "overdue", "missing"]


class SpurError(Exception):
    """Something is wrong with one input; the message tells a person what, and what to do."""


# --- reading -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it stands in the file, with what the layout tells about it.

    Coordinates are points from the top left corner of the page; None where the format has none.
    """

    text: str
    x0: float | None = None
    top: float | None = None
    bottom: float | None = None
    size: float | None = None
    bold: bool = False
    colour: str | None = None  # "#rrggbb" where it is not the usual text colour
    marked: bool = False  # a tick, cross or filled box is drawn or ticked beside the line
    heading: int | None = None  # level, where the format has headings
    bullet: bool = False  # the format says list item
    paragraph_end: bool = False  # the format says that a paragraph ends here (no wrap to undo)
    cell: tuple[int, int, int] | None = None  # table, row, column (from 0) where it stands in a table


@dataclass(frozen=True, slots=True)
class Page:
    number: int  # from 1
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A file as text: what every reader gives and the parser takes."""

    name: str  # base name of the file
    pages: tuple[Page, ...]
    format: Literal["pdf", "docx", "txt", "md", "html"] = "txt"


# --- parsing -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Facts:
    """What the cover tells; None where it does not."""

    file: str | None = None
    unit: str | None = None
    specialty: str | None = None
    date: str | None = None  # ISO
    regulation: str | None = None
    catalogue: str | None = None
    place: str | None = None
    inspectors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    kind: BlockKind
    section: str | None  # an area letter, a list, or None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class StatedGrade:
    """What the file itself tells of an area."""

    has_text: bool = False
    stated_grade: str | None = None  # the last grade told
    grade_before_plan: str | None = None  # before a told change, else the stated one


@dataclass(frozen=True, slots=True)
class PlanEntry:
    """One entry of the action plan. Dates are ISO only when told to the day."""

    area: str | None
    criteria: tuple[str, ...]
    action: str | None = None
    deadline: str | None = None
    deadline_text: str | None = None
    responsible: str | None = None
    follow_up: str | None = None
    follow_up_text: str | None = None
    follow_up_responsible: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A parsed report: de-wrapped text in reading order and what stands where in it."""

    facts: Facts
    text: str
    blocks: tuple[Block, ...]
    areas: Mapping[str, StatedGrade]
    action_plan: tuple[PlanEntry, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sentence:
    """A narrative sentence or a list item; `text == report.text[start:end]`."""

    id: int
    section: str | None
    text: str
    start: int
    end: int


# --- findings and grades -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence tells of a criterion with a status; `probability` is that of just this, in [0, 1]."""

    criterion: str
    status: Status
    probability: float


@dataclass(frozen=True, slots=True)
class CriterionDecision:
    """What all sentences together say of one criterion."""

    id: str
    status: Status
    probability: float
    evidence: tuple[int, ...] = ()  # sentence ids, strongest first
    against: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanAnswer:
    """Whether the action plan answers one suggested breach."""

    criterion: str
    state: PlanState
    missing: tuple[str, ...] = ()  # which of action, deadline, responsible, follow_up


@dataclass(frozen=True, slots=True)
class AreaDraft:
    has_text: bool
    suggested_grade: str
    probabilities: Mapping[str, float]  # over A-D, sums to 1
    grade_set: tuple[str, ...]  # conformal, never empty
    abstain: bool
    stated_grade: str | None = None
    grade_before_plan: str | None = None
    grade_after_plan: str | None = None
    criteria: tuple[CriterionDecision, ...] = ()
    plan: tuple[PlanAnswer, ...] = ()
    explanation: str = ""
    counterfactual: str = ""
    reason: str | None = None  # why it abstains


@dataclass(frozen=True, slots=True)
class ModelInfo:
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A report with the findings of its sentences and a suggested grade for each area."""

    report: Facts
    text: str
    model: ModelInfo
    sentences: tuple[Sentence, ...]
    findings: tuple[tuple[Finding, ...], ...]  # one tuple a sentence
    areas: Mapping[str, AreaDraft]
    action_plan: tuple[PlanEntry, ...] = ()
    warnings: tuple[str, ...] = field(default=())
    # What each sentence tells by itself, before the rest of the report is weighed in: what contradictions are looked for
    # in. Empty where `findings` are that already.
    by_itself: tuple[tuple[Finding, ...], ...] = ()
