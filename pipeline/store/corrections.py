"""Corrections: who changed which finding or grade of which model, when; undone, listed, and as rows to learn from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from pipeline.catalogue import Catalogue
from pipeline.report import STATUSES, ModelInfo, SpurError
from pipeline.store import overlay
from pipeline.store.schema import AreaRow, CorrectionRow, DraftRow, FindingRow, ReportRow, SentenceRow, now
from pipeline.store.words import storable

Target = Literal["finding", "grade"]
CORRECTABLE = (*STATUSES, overlay.NONE)


@dataclass(frozen=True, slots=True)
class Correction:
    """One correction. Times are UTC. `was` is the status (or "none") or the grade that the draft had before.

    For a finding: `sentence` (id in the draft it was made on), its `section` and `text`, `criterion`, `status`. For a grade:
    `area`, `grade`.
    """

    id: str
    report: str
    author: str
    created: datetime
    model: ModelInfo
    catalogue: str
    target: Target
    sentence: int | None = None
    section: str | None = None
    text: str | None = None
    criterion: str | None = None
    status: str | None = None
    area: str | None = None
    grade: str | None = None
    was: str | None = None
    comment: str | None = None
    undone: datetime | None = None
    undone_by: str | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """The corrections of a report that hold, by where they are in its current draft: (sentence id, criterion); area."""

    findings: dict[tuple[int, str], Correction]
    grades: dict[str, Correction]


@dataclass(frozen=True, slots=True)
class LabelledSentence:
    """A sentence that someone has corrected: all it tells now, {criterion: status}; `corrected` names what a person said
    of it, also of criteria that it does not tell of."""

    report: str
    file: str | None
    sentence: int
    section: str | None
    text: str
    labels: dict[str, str]
    corrected: dict[str, str]
    before: str | None  # the sentence before it in its section
    after: str | None


@dataclass(frozen=True, slots=True)
class LabelledGrade:
    """An area whose grade someone has given; `suggested` is the draft's."""

    report: str
    file: str | None
    area: str
    grade: str
    suggested: str


def _correction(row: CorrectionRow) -> Correction:
    same = (
        "id", "author", "created", "catalogue", "sentence", "section", "text", "criterion", "status", "area",
        "grade", "was", "comment", "undone", "undone_by",
    )  # fmt: skip
    return Correction(
        report=row.report_id,
        model=ModelInfo(row.model, row.version),
        target=cast(Target, row.target),
        **{k: getattr(row, k) for k in same},
    )


def correct_finding(
    session: Session,
    report: str,
    catalogue: Catalogue,
    *,
    author: str,
    sentence: int,
    criterion: str,
    status: str,
    comment: str | None = None,
) -> Correction:
    """Says what a sentence of the current draft tells of a criterion: a status, or "none" that it does not.

    Another criterion in place of a wrong one is two: "none" of that, a status of this. Raises SpurError where report,
    sentence, criterion or status does not exist.
    """
    if criterion not in catalogue.by_id:
        raise SpurError(f"kriteriet {criterion} finns inte i {catalogue.name}")
    if status not in CORRECTABLE:
        raise SpurError(f"status {status!r}: välj en av {', '.join(CORRECTABLE)}")
    draft = overlay.current_draft(session, report)
    row = session.scalar(
        select(SentenceRow).where(SentenceRow.draft_id == draft.id, SentenceRow.position == sentence)
    )
    if row is None:
        raise SpurError(f"mening {sentence} finns inte i rapporten")
    was = session.scalar(
        select(FindingRow.status).where(FindingRow.sentence_id == row.id, FindingRow.criterion == criterion)
    )
    return _add(
        session,
        draft,
        CorrectionRow(
            target="finding",
            author=author,
            sentence=sentence,
            section=row.section,
            text=row.text,
            criterion=criterion,
            area=catalogue.by_id[criterion].area,
            status=status,
            was=was or overlay.NONE,
            comment=comment,
        ),
    )


def correct_grade(
    session: Session,
    report: str,
    catalogue: Catalogue,
    *,
    author: str,
    area: str,
    grade: str,
    comment: str | None = None,
) -> Correction:
    """Gives an area of the current draft a grade of its scale (accepting the suggested one is giving it).

    Raises SpurError where report, area or grade does not exist.
    """
    if area not in catalogue.areas:
        raise SpurError(f"området {area} finns inte i {catalogue.name}")
    if grade not in catalogue.scale(area):
        raise SpurError(
            f"betyget {grade} finns inte i område {area}: välj {', '.join(catalogue.scale(area))}"
        )
    draft = overlay.current_draft(session, report)
    row = session.get(AreaRow, (draft.id, area))
    if row is None:
        raise SpurError(f"området {area} finns inte i utkastet")
    return _add(
        session,
        draft,
        CorrectionRow(
            target="grade",
            author=author,
            area=area,
            grade=grade,
            was=row.corrected_grade or row.revised_grade or row.suggested_grade,
            comment=comment,
        ),
    )


def _add(session: Session, draft: DraftRow, row: CorrectionRow) -> Correction:
    row.report_id, row.created = draft.report_id, now()
    row.author, row.comment = storable(row.author), storable(row.comment) if row.comment else None
    row.model, row.version, row.catalogue = draft.model, draft.version, draft.catalogue
    session.add(row)
    session.flush()
    overlay.settle(session, draft)
    return _correction(row)


def undo(session: Session, correction: str, by: str) -> Correction:
    """Undoes a correction: what held before it holds again. Undoing it twice changes nothing.

    Raises SpurError where there is no such correction.
    """
    row = session.scalar(select(CorrectionRow).where(CorrectionRow.id == correction))
    if row is None:
        raise SpurError(f"rättelsen {correction} finns inte")
    if row.undone is None:
        row.undone, row.undone_by = now(), storable(by)
        session.flush()
        overlay.settle(session, overlay.current_draft(session, row.report_id))
    return _correction(row)


def get(session: Session, correction: str) -> Correction:
    """The correction of an id. Raises SpurError where there is none."""
    row = session.scalar(select(CorrectionRow).where(CorrectionRow.id == correction))
    if row is None:
        raise SpurError(f"rättelsen {correction} finns inte")
    return _correction(row)


def listed(session: Session, report: str | None = None, undone: bool = False) -> Iterator[Correction]:
    """Corrections in the order they were made, of one report or all; the undone ones too if asked for."""
    query = select(CorrectionRow).order_by(CorrectionRow.number)
    if report is not None:
        query = query.where(CorrectionRow.report_id == report)
    if not undone:
        query = query.where(CorrectionRow.undone.is_(None))
    for row in session.scalars(query.execution_options(yield_per=500)):
        yield _correction(row)


def held(session: Session, report: str) -> Held:
    """What people say of a report that holds now. Raises SpurError where there is no such report.

    A correction of a sentence that the current draft does not have is left out.
    """
    draft = overlay.current_draft(session, report)
    rows = overlay.holding(overlay.of_report(session, report))
    places = overlay.places(session, draft, [c for c in rows if c.target == "finding"])
    findings = {(places[c.id].position, str(c.criterion)): _correction(c) for c in rows if c.id in places}
    return Held(findings, {str(c.area): _correction(c) for c in rows if c.target == "grade"})


def revise(session: Session, report: str, grades: Mapping[str, str]) -> None:
    """Keeps the grades {area: grade} that the corrected findings of the current draft support; no others are revised."""
    draft = overlay.current_draft(session, report)
    for area in session.scalars(select(AreaRow).where(AreaRow.draft_id == draft.id)):
        area.revised_grade = grades.get(area.area)


def _corrected_reports(session: Session) -> Iterator[tuple[ReportRow, DraftRow]]:
    query = (
        select(ReportRow.id)
        .where(select(CorrectionRow.id).where(CorrectionRow.report_id == ReportRow.id).exists())
        .order_by(ReportRow.file, ReportRow.id)
    )
    for report in session.scalars(query).all():
        row = session.get(ReportRow, report)
        assert row is not None
        yield row, overlay.current_draft(session, report)


def labelled_sentences(session: Session, whole: bool = False) -> Iterator[LabelledSentence]:
    """Every sentence that a correction that holds is about, once, with all that it tells now; by report and sentence.

    `whole`: all sentences of the reports that have such a one.
    """
    for report, draft in _corrected_reports(session):
        held = [c for c in overlay.holding(overlay.of_report(session, report.id)) if c.target == "finding"]
        places = overlay.places(session, draft, held)
        said: dict[int, dict[str, str]] = {}
        for c in held:
            if c.id in places:
                said.setdefault(places[c.id].position, {})[str(c.criterion)] = str(c.status)
        sections: dict[str | None, list[SentenceRow]] = {}
        for s in draft.sentences:
            sections.setdefault(s.section, []).append(s)
        by_position = {s.position: s for s in draft.sentences}
        for position in sorted(by_position if whole and said else said):
            row = by_position[position]
            near = sections[row.section]
            i = near.index(row)
            yield LabelledSentence(
                report=report.id,
                file=report.file,
                sentence=position,
                section=row.section,
                text=row.text,
                labels={f.criterion: f.status for f in row.findings},
                corrected=said.get(position, {}),
                before=near[i - 1].text if i else None,
                after=near[i + 1].text if i + 1 < len(near) else None,
            )


def labelled_grades(session: Session) -> Iterator[LabelledGrade]:
    """Every area with a grade that a person gave and that holds; by report and area."""
    for report, draft in _corrected_reports(session):
        for area in sorted(draft.areas, key=lambda a: a.area):
            if area.corrected_grade is not None:
                yield LabelledGrade(
                    report.id, report.file, area.area, area.corrected_grade, area.suggested_grade
                )
