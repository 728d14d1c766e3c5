"""What the page shows of one report, and the anchors by which every number leads to its sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.audit import Case
from pipeline.audit.contradictions import Contradiction
from pipeline.audit.gradings import Grading
from pipeline.audit.overview import Cell, Row
from pipeline.catalogue import Catalogue
from pipeline.rendering import words
from pipeline.report import SHORTFALLS, Sentence


@dataclass(frozen=True, slots=True)
class Where:
    """Anchors of the page, by the reports' numbers, and links to them."""

    numbers: Mapping[str, int]

    def report(self, report: str) -> str:
        """Anchor of a report."""
        return f"r{self.numbers[report]}"

    def area(self, report: str, area: str | None) -> str:
        """Anchor of a report's area."""
        return f"{self.report(report)}-{area}" if area else self.report(report)

    def sentence(self, report: str, sentence: int) -> str:
        """Anchor of a sentence."""
        return f"{self.report(report)}s{sentence}"

    def report_link(self, report: str) -> str:
        """Where a link to a report leads."""
        return f"#{self.report(report)}"

    def area_link(self, report: str, area: str | None) -> str:
        """Where a link to a report's area leads."""
        return f"#{self.area(report, area)}"

    def sentence_link(self, report: str, sentence: int) -> str:
        """Where a link to a sentence leads."""
        return f"#{self.sentence(report, sentence)}"


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence as shown; `anchor` only where it stands first on the page, since anchors are unique."""

    number: int
    text: str
    place: str
    anchor: str | None


@dataclass(frozen=True, slots=True)
class Point:
    """A criterion with its sentences."""

    id: str
    wording: str
    level: str
    status: str
    told: str
    probability: float
    quotes: tuple[Quote, ...]
    against: tuple[Quote, ...]


@dataclass(frozen=True, slots=True)
class AreaPage:
    letter: str
    name: str
    anchor: str
    cell: Cell
    grading: Grading | None
    shortfalls: tuple[Point, ...]
    met: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class ReportPage:
    anchor: str
    title: str
    row: Row
    areas: tuple[AreaPage, ...]
    contradictions: tuple[Contradiction, ...]
    others: tuple[Quote, ...]


@dataclass
class _Quotes:
    """Quotes sentences of one report and gives each its anchor once."""

    report: str
    sentences: Mapping[int, Sentence]
    where: Where
    shown: set[int] = field(default_factory=set)

    def of(self, ids: Iterable[int]) -> tuple[Quote, ...]:
        out = []
        for i in ids:
            if s := self.sentences.get(i):
                anchor = None if i in self.shown else self.where.sentence(self.report, i)
                self.shown.add(i)
                out.append(Quote(i, words.clean(s.text), words.section(s.section), anchor))
        return tuple(out)


def report_page(
    case: Case,
    row: Row,
    gradings: Mapping[str, Grading],
    contradictions: Sequence[Contradiction],
    catalogue: Catalogue,
    where: Where,
    brief: bool = False,
) -> ReportPage:
    """What the page shows of one report: each area's grades and sentences, its contradictions.

    `brief` leaves out the sentences of criteria that are met.
    """
    quotes = _Quotes(case.id, {s.id: s for s in case.draft.sentences}, where)
    areas = []
    for letter, area in case.draft.areas.items():
        if letter not in catalogue.areas:
            continue
        points = [
            Point(
                c.id,
                catalogue.by_id[c.id].text,
                catalogue.levels[catalogue.by_id[c.id].level],
                c.status,
                words.STATUS[c.status],
                c.probability,
                quotes.of(c.evidence if c.status in SHORTFALLS or not brief else ()),
                quotes.of(c.against),
            )
            for c in area.criteria
            if c.id in catalogue.by_id
        ]
        areas.append(
            AreaPage(
                letter,
                catalogue.areas[letter].name,
                where.area(case.id, letter),
                row.cells[letter],
                gradings.get(letter),
                tuple(p for p in points if p.status in SHORTFALLS),
                tuple(p for p in points if p.status not in SHORTFALLS),
            )
        )
    wanted = [i for c in contradictions for i in c.sentences] + [
        i for g in gradings.values() for i in g.sentences
    ]
    others = quotes.of(i for i in dict.fromkeys(wanted) if i not in quotes.shown)
    return ReportPage(
        where.report(case.id), row.unit or row.id, row, tuple(areas), tuple(contradictions), others
    )
