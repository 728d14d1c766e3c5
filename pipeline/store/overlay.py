"""A person's word in place of the model's: the rows that search and lists read follow the corrections that hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from pipeline.report import Finding, SpurError
from pipeline.store import codec
from pipeline.store.schema import AreaRow, CorrectionRow, DraftRow, FindingRow, SentenceRow

NONE = "none"  # the status of a correction that says: the sentence does not tell of this criterion


def values(sentence_id: int, finding: Finding, corrected: bool = False) -> dict[str, Any]:
    """A finding as a row."""
    return {
        "sentence_id": sentence_id,
        "criterion": finding.criterion,
        "area": finding.criterion.partition(".")[0],
        "status": finding.status,
        "probability": finding.probability,
        "corrected": corrected,
    }


def holding(corrections: Iterable[CorrectionRow]) -> list[CorrectionRow]:
    """The corrections that hold, of those given in the order they were made: the latest of each target not undone."""
    latest: dict[tuple[object, ...], CorrectionRow] = {}
    for c in corrections:
        if c.undone is None:
            key = (c.report_id, c.target, c.section, c.text, c.sentence, c.criterion, c.area)
            latest.pop(key, None)
            latest[key] = c
    return list(latest.values())


def of_report(session: Session, report: str) -> Sequence[CorrectionRow]:
    """A report's corrections, undone ones too, in the order they were made."""
    return session.scalars(
        select(CorrectionRow).where(CorrectionRow.report_id == report).order_by(CorrectionRow.number)
    ).all()


def settle(session: Session, draft: DraftRow) -> None:
    """Makes the draft's rows of findings and grades tell what the model said, but for the corrections that hold.

    A correction of a sentence that this draft does not have (read by another version of the program) waits for one that
    has it.
    """
    told = of_report(session, draft.report_id)
    if not told:
        return
    held = holding(told)
    grades = {c.area: c.grade for c in held if c.target == "grade"}
    for area in session.scalars(select(AreaRow).where(AreaRow.draft_id == draft.id)):
        area.corrected_grade = grades.get(area.area)
    found = places(session, draft, [c for c in told if c.target == "finding"])
    if not found:
        return
    model = codec.load(draft.document, "")
    position = {s.id: i for i, s in enumerate(model.sentences)}
    rows: list[dict[str, Any]] = []
    for sentence in {s.id: s for s in found.values()}.values():
        said = {f.criterion: values(sentence.id, f) for f in model.findings[position[sentence.position]]}
        for c in held:
            if c.target == "finding" and found.get(c.id) is sentence:
                _apply(said, sentence.id, c)
        rows += said.values()
    session.flush()
    session.execute(
        delete(FindingRow).where(FindingRow.sentence_id.in_({s.id for s in found.values()})),
        execution_options={"synchronize_session": False},
    )
    if rows:
        session.execute(insert(FindingRow), rows)
    session.expire_all()


def _apply(said: dict[str, dict[str, Any]], sentence_id: int, c: CorrectionRow) -> None:
    assert c.criterion is not None and c.status is not None
    said.pop(c.criterion, None)
    if c.status != NONE:
        finding = Finding(c.criterion, c.status, 1.0)  # type: ignore[arg-type]  # checked when it was made
        said[c.criterion] = values(sentence_id, finding, corrected=True)


def places(
    session: Session, draft: DraftRow, corrections: Sequence[CorrectionRow]
) -> Mapping[str, SentenceRow]:
    """Correction id -> the draft's sentence that it is about: the same words in the same section, nearest in place."""
    out = {}
    for c in corrections:
        same = session.scalars(
            select(SentenceRow).where(
                SentenceRow.draft_id == draft.id,
                SentenceRow.text == c.text,
                SentenceRow.section.is_not_distinct_from(c.section),
            )
        ).all()
        if same:
            out[c.id] = min(same, key=lambda s: abs(s.position - (c.sentence or 0)))
    return out


def current_draft(session: Session, report: str) -> DraftRow:
    """The current draft's row. Raises SpurError where there is no such report."""
    row = session.scalar(select(DraftRow).where(DraftRow.report_id == report, DraftRow.current))
    if row is None:
        raise SpurError(f"{report}: finns inte i arkivet")
    return row
