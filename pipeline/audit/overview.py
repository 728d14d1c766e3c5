"""What many drafts tell together: unit by area, the commonest shortfalls, groups and years beside each other, plans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from pipeline.audit.agreement import Interval, wilson
from pipeline.audit.case import Case, entry_state, told_by
from pipeline.audit.gradings import Grading
from pipeline.catalogue import Catalogue
from pipeline.grading import Policy
from pipeline.report import SHORTFALLS, PlanState, Status


@dataclass(frozen=True, slots=True)
class Cell:
    """One area of one report: the text's grade, and the stated one before the plan with its doubt where there is one."""

    suggested: str
    stated: str | None
    doubt: float | None
    abstain: bool
    has_text: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One report: what it is called, what is known of it, its areas."""

    id: str
    file: str
    unit: str | None
    facts: Mapping[str, str]
    cells: Mapping[str, Cell]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """A report whose text tells of a shortfall of a criterion, with the sentences that do."""

    report: str
    status: Status
    probability: float
    sentences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Shortfall:
    """How many of `of` reports tell of a shortfall of a criterion; `interval` is Wilson's at 95 %. `unsure`: reports that
    may tell of one, too uncertain to count."""

    criterion: str
    area: str
    level: str
    hits: tuple[Hit, ...]
    of: int
    share: float
    interval: Interval
    unsure: tuple[Hit, ...] = ()

    @property
    def unmet(self) -> int:
        return sum(h.status == "unmet" for h in self.hits)


@dataclass(frozen=True, slots=True)
class Promise:
    """One entry of an action plan. `state` is None where the entry is tied to no area."""

    report: str
    area: str | None
    criteria: tuple[str, ...]
    action: str
    deadline: str
    responsible: str
    follow_up: str
    state: PlanState | None
    lacks: tuple[str, ...] = ()


@dataclass
class Tally:
    """Gathers what one case after the other tells; small whatever the number of sentences. `least`: probability from
    which a shortfall is counted."""

    catalogue: Catalogue
    policy: Policy
    as_of: date
    least: float = 0.0
    rows: list[Row] = field(default_factory=list)
    hits: dict[str, list[Hit]] = field(default_factory=dict)
    promises: list[Promise] = field(default_factory=list)
    unanswered: list[tuple[str, str, PlanState]] = field(default_factory=list)  # report, criterion, state

    def add(self, case: Case, facts: Mapping[str, str], gradings: Sequence[Grading]) -> None:
        """Counts one case; `gradings` are its own."""
        draft, stated = case.draft, {g.area: g for g in gradings}
        cells = {}
        for letter, area in draft.areas.items():
            rating = stated.get(letter)
            cells[letter] = Cell(
                area.suggested_grade,
                rating.stated_grade if rating else None,
                rating.doubt if rating else None,
                area.abstain,
                area.has_text,
            )
            for c in area.criteria:
                if c.status in SHORTFALLS and c.id in self.catalogue.by_id:
                    self.hits.setdefault(c.id, []).append(Hit(case.id, c.status, c.probability, c.evidence))
            told = told_by(area, self.least)
            self.unanswered += [
                (case.id, a.criterion, a.state)
                for a in area.plan
                if a.state != "answered" and a.criterion in told
            ]
        for e in draft.action_plan:
            answer = entry_state(e, self.catalogue, self.policy, self.as_of)
            self.promises.append(
                Promise(
                    case.id,
                    e.area,
                    e.criteria,
                    e.action or "",
                    e.deadline or e.deadline_text or "",
                    e.responsible or "",
                    e.follow_up or e.follow_up_text or "",
                    answer.state if answer else None,
                    answer.missing if answer else (),
                )
            )
        self.rows.append(
            Row(case.id, draft.report.file or case.id, facts.get("unit"), facts, cells, tuple(draft.warnings))
        )

    def shortfalls(self) -> list[Shortfall]:
        """The criteria that any report tells a shortfall of, the commonest first; last those that none surely does."""
        of, out = len(self.rows), []
        for c in self.catalogue.criteria:
            if every := self.hits.get(c.id):
                hits = tuple(h for h in every if h.probability >= self.least)
                unsure = tuple(h for h in every if h.probability < self.least)
                interval = wilson(len(hits), of)
                assert interval is not None
                out.append(Shortfall(c.id, c.area, c.level, hits, of, len(hits) / of, interval, unsure))
        return sorted(out, key=lambda s: (-s.share, -len(s.unsure)))


@dataclass(frozen=True, slots=True)
class Share:
    """How many of a group's reports tell of a shortfall of a criterion."""

    hits: int
    of: int
    interval: Interval | None


def compared(
    rows: Sequence[Row], shortfalls: Sequence[Shortfall], dimension: str
) -> dict[str, dict[str, Share]]:
    """{value of the dimension: {criterion: share}}, values in order; empty where fewer than two are known."""
    groups: dict[str, set[str]] = {}
    for row in rows:
        if value := row.facts.get(dimension):
            groups.setdefault(value, set()).add(row.id)
    if len(groups) < 2:
        return {}
    out: dict[str, dict[str, Share]] = {}
    for value in sorted(groups):
        its = groups[value]
        counts = {s.criterion: sum(h.report in its for h in s.hits) for s in shortfalls}
        out[value] = {c: Share(n, len(its), wilson(n, len(its))) for c, n in counts.items()}
    return out
