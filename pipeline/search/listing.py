"""The archive as a list to leaf through: which reports, with their grades, newest first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from pipeline.search.filters import alike, told_grade
from pipeline.store import archive
from pipeline.store.archive import Entry
from pipeline.store.schema import AreaRow, CorrectionRow, DraftRow, ReportRow
from pipeline.store.words import storable


@dataclass(frozen=True, slots=True)
class Narrow:
    """Which reports: each that is not empty must be fulfilled; of several values of one, any.

    `text`: in file name, unit or place. `grade`: of the areas in `area`, or of any area: a person's before the stated (the
    last told) before the suggested. `area` alone: it has text in that area.
    """

    text: str = ""
    specialty: tuple[str, ...] = ()
    region: tuple[str, ...] = ()
    unit_kind: tuple[str, ...] = ()
    year: tuple[int, ...] = ()
    grade: tuple[str, ...] = ()
    area: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(getattr(self, f.name) for f in fields(self))


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of the archive.

    `grades`: by area a person's grade, else what the (corrected) findings support. `stated`: the last grade that the
    report tells. `corrected`: areas that a person graded; `unsure`: where the model abstains; `corrections`: that hold.
    """

    entry: Entry
    grades: dict[str, str]
    stated: dict[str, str | None]
    corrected: frozenset[str]
    unsure: frozenset[str]
    corrections: int


@dataclass(frozen=True, slots=True)
class Choices:
    """The values that an archive has, for lists to choose from; `reports` counts its reports."""

    specialty: tuple[str, ...]
    region: tuple[str, ...]
    unit_kind: tuple[str, ...]
    year: tuple[int, ...]
    reports: int


def _containing(session: Session, text: str, owner: str | None) -> list[str]:
    """Ids of reports whose file, unit or place has the text; SQLite itself cannot fold Å, Ä and Ö."""
    wanted = storable(text).casefold().split()
    query = select(ReportRow.id, ReportRow.file, ReportRow.unit, ReportRow.place)
    if owner is not None:
        query = query.where(ReportRow.owner == owner)
    found = []
    for key, *told in session.execute(query):
        haystack = " ".join(t for t in told if t).casefold()
        if all(w in haystack for w in wanted):
            found.append(key)
    return found


def _conditions(session: Session, narrow: Narrow, owner: str | None) -> Iterable[ColumnElement[bool]]:
    if owner is not None:
        yield ReportRow.owner == owner
    if narrow.text.strip():
        yield ReportRow.id.in_(_containing(session, narrow.text, owner))
    for name in ("specialty", "region", "unit_kind"):
        if wanted := getattr(narrow, name):
            column = getattr(ReportRow, name)
            yield column.in_(alike(session, column, map(storable, wanted)))
    if narrow.year:
        yield ReportRow.year.in_(narrow.year)
    if narrow.grade or narrow.area:
        areas = select(AreaRow.draft_id)
        if narrow.area:
            areas = areas.where(AreaRow.area.in_(tuple(map(storable, narrow.area))))
        graded = told_grade().in_(tuple(map(storable, narrow.grade)))
        yield DraftRow.id.in_(areas.where(graded if narrow.grade else AreaRow.has_text))


def _wanted(session: Session, narrow: Narrow | None, owner: str | None) -> Select[Any]:
    query = (
        select(ReportRow.id)
        .join(DraftRow, (DraftRow.report_id == ReportRow.id) & DraftRow.current)
        .where(*_conditions(session, narrow or Narrow(), owner))
    )
    return query


def ids(session: Session, narrow: Narrow | None = None, owner: str | None = None) -> list[str]:
    """Ids of the reports that the filters let through, newest first; of one owner, or of all."""
    query = _wanted(session, narrow, owner).order_by(ReportRow.added.desc(), ReportRow.id)
    return list(session.scalars(query))


def page(
    session: Session, narrow: Narrow | None, owner: str | None, offset: int, limit: int
) -> tuple[list[Listed], int]:
    """(at most `limit` reports from the `offset`-th on, newest first; how many there are in all)."""
    wanted = _wanted(session, narrow, owner)
    total = session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
    newest = wanted.order_by(ReportRow.added.desc(), ReportRow.id).offset(offset).limit(limit)
    return [_listed(session, key) for key in session.scalars(newest).all()], total


def _listed(session: Session, report: str) -> Listed:
    areas: Sequence[AreaRow] = session.scalars(
        select(AreaRow).join(DraftRow).where(DraftRow.report_id == report, DraftRow.current)
    ).all()
    areas = sorted(areas, key=lambda a: a.area)
    hold = select(func.count()).where(CorrectionRow.report_id == report, CorrectionRow.undone.is_(None))
    return Listed(
        entry=archive.entry(session, report),
        grades={a.area: a.corrected_grade or a.revised_grade or a.suggested_grade for a in areas},
        stated={a.area: a.stated_grade for a in areas},
        corrected=frozenset(a.area for a in areas if a.corrected_grade),
        unsure=frozenset(a.area for a in areas if a.abstain and not a.corrected_grade),
        corrections=session.scalar(hold) or 0,
    )


def choices(session: Session, owner: str | None = None) -> Choices:
    """What the reports of an owner, or all, can be filtered by."""

    def values(column: Any) -> tuple[Any, ...]:
        query = select(column).distinct().where(column.is_not(None))
        if owner is not None:
            query = query.where(ReportRow.owner == owner)
        return tuple(sorted(session.scalars(query)))

    count = select(func.count()).select_from(ReportRow)
    return Choices(
        specialty=values(ReportRow.specialty),
        region=values(ReportRow.region),
        unit_kind=values(ReportRow.unit_kind),
        year=tuple(reversed(values(ReportRow.year))),
        reports=session.scalar(count if owner is None else count.where(ReportRow.owner == owner)) or 0,
    )
