"""What narrows a search: conditions on a sentence, its findings, its area's grade, its report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from pipeline.store.schema import AreaRow, DraftRow, FindingRow, ReportRow, SentenceRow
from pipeline.store.words import storable


@dataclass(frozen=True, slots=True)
class Filters:
    """Each that is not empty must be fulfilled; of several values of one, any.

    `criterion`, `status`: what the sentence tells; with both, of that criterion that status. `section`: where it stands (an
    area letter, STYRKOR, SVAGHETER, FORBATTRING). `area`: it stands in the area's narrative or tells of one of its
    criteria. `grade`: that of the area it stands in or tells of (with `area`: of that area), a person's before the
    report's own (the last stated) before the suggested. `specialty`, `region`: without regard to case, and to the
    word «Region». `report`: ids.
    """

    criterion: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    area: tuple[str, ...] = ()
    section: tuple[str, ...] = ()
    grade: tuple[str, ...] = ()
    specialty: tuple[str, ...] = ()
    region: tuple[str, ...] = ()
    year: tuple[int, ...] = ()
    report: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(getattr(self, f.name) for f in fields(self))


def base(session: Session, filters: Filters, owner: str | None) -> Select[int]:
    """Ids of the sentences, of current drafts, that fulfil the filters."""
    query = (
        select(SentenceRow.id)
        .join(DraftRow, DraftRow.id == SentenceRow.draft_id)
        .join(ReportRow, ReportRow.id == DraftRow.report_id)
        .where(DraftRow.current)
    )
    if owner is not None:
        query = query.where(ReportRow.owner == owner)
    return query.where(*_conditions(session, _typed(filters)))


def _typed(filters: Filters) -> Filters:
    """The filters with what was typed as a database can take it."""
    told: dict[str, Any] = {
        f.name: tuple(storable(v) if isinstance(v, str) else v for v in getattr(filters, f.name))
        for f in fields(filters)
    }
    return Filters(**told)


def _conditions(session: Session, filters: Filters) -> Iterable[ColumnElement[bool]]:
    if filters.criterion or filters.status:
        yield _tells(
            *((FindingRow.criterion.in_(filters.criterion),) if filters.criterion else ()),
            *((FindingRow.status.in_(filters.status),) if filters.status else ()),
        )
    if filters.area:
        yield or_(SentenceRow.section.in_(filters.area), _tells(FindingRow.area.in_(filters.area)))
    if filters.section:
        yield SentenceRow.section.in_(filters.section)
    if filters.grade:
        yield _graded(filters)
    if filters.specialty:
        yield ReportRow.specialty.in_(alike(session, ReportRow.specialty, filters.specialty))
    if filters.region:
        yield ReportRow.region.in_(alike(session, ReportRow.region, filters.region))
    if filters.year:
        yield ReportRow.year.in_(filters.year)
    if filters.report:
        yield ReportRow.id.in_(filters.report)


# Subqueries do not depend on the sentence: each is worked out once, not for every sentence.


def _tells(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return SentenceRow.id.in_(select(FindingRow.sentence_id).where(*conditions))


def told_grade() -> ColumnElement[str]:
    """An area's grade: a person's, else the last that the report states, else the suggested one."""
    return func.coalesce(
        AreaRow.corrected_grade, AreaRow.stated_grade, AreaRow.revised_grade, AreaRow.suggested_grade
    )


def _graded(filters: Filters) -> ColumnElement[bool]:
    grade = told_grade()
    s = aliased(SentenceRow)
    so = [grade.in_(filters.grade), *((AreaRow.area.in_(filters.area),) if filters.area else ())]
    stands = (
        select(s.id).join(AreaRow, (AreaRow.draft_id == s.draft_id) & (AreaRow.area == s.section)).where(*so)
    )
    tells = (
        select(s.id)
        .join(FindingRow, FindingRow.sentence_id == s.id)
        .join(AreaRow, (AreaRow.draft_id == s.draft_id) & (AreaRow.area == FindingRow.area))
        .where(*so)
    )
    return or_(SentenceRow.id.in_(stands), SentenceRow.id.in_(tells))


def alike(session: Session, column: InstrumentedAttribute[str | None], wanted: Iterable[str]) -> list[str]:
    """The archive's values that are as good as the wanted ones; SQLite itself cannot fold Å, Ä and Ö."""
    keys = {_key(w) for w in wanted}
    return [v for v in session.scalars(select(column).distinct()) if v is not None and _key(v) in keys]


def _key(name: str) -> str:
    return " ".join(name.casefold().split()).removeprefix("region ")
