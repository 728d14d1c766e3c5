"""Reports and drafts in and out of the archive. Each function works in the session, and transaction, of its caller."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, delete, func, insert, or_, select, text, update
from sqlalchemy.orm import Session, aliased

from pipeline import __version__
from pipeline.report import Draft, Facts, ModelInfo, SpurError
from pipeline.store import codec, overlay
from pipeline.store.metadata import Metadata
from pipeline.store.schema import (
    ALL_OWNERS,
    AreaRow,
    CorrectionRow,
    DraftRow,
    FindingRow,
    PlanRow,
    ReportRow,
    SentenceRow,
    VectorsRow,
    new_id,
    now,
)
from pipeline.store.words import Stems, storable

Vectors = NDArray[np.floating]
_LEAST_PREFIX = 6


def content_hash(content: bytes) -> str:
    """What tells one content from another: hexadecimal SHA-256."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, slots=True)
class Entry:
    """A report in the archive, with the model of its current draft. `added` is UTC."""

    id: str
    owner: str
    content: str
    file: str | None
    added: datetime
    unit: str | None
    specialty: str | None
    date: str | None
    year: int | None
    regulation: str | None
    catalogue: str
    place: str | None
    inspectors: tuple[str, ...]
    region: str | None
    unit_kind: str | None
    model: ModelInfo
    drafts: int
    sentences: int

    @property
    def known(self) -> dict[str, str]:
        """What is known of it beside the draft, or from its cover, as a metadata file tells it; unknown is left out."""
        told = {k: getattr(self, k) for k in ("region", "unit_kind", "specialty", "year")}
        return {k: str(v) for k, v in told.items() if v}


@dataclass(frozen=True, slots=True)
class Added:
    """What `add` did: whether the report is new, and whether the draft is."""

    report: str
    new_report: bool
    new_draft: bool


def has(
    session: Session, content: str, model: ModelInfo, catalogue: str, owner: str = ALL_OWNERS
) -> str | None:
    """The id of the report of this content where this model has drafted it already."""
    return session.scalar(
        select(ReportRow.id)
        .join(DraftRow)
        .where(
            ReportRow.owner == owner,
            ReportRow.content == content,
            DraftRow.model == model.name,
            DraftRow.version == model.version,
            DraftRow.catalogue == catalogue,
        )
    )


def add(
    session: Session,
    draft: Draft,
    content: str,
    *,
    metadata: Metadata | None = None,
    vectors: Vectors | None = None,
    as_of: date | None = None,
    owner: str = ALL_OWNERS,
    again: bool = False,
    apart: bool = False,
) -> Added:
    """Keeps a draft of a content (`content_hash`). The draft becomes the current one of its report.

    The same content of the same owner is one report; another model, version or catalogue adds a draft. One that is there
    already stays as it is, unless `again`: then this takes its place. `vectors` [sentences, width] are of the draft's
    sentences; `as_of` the day on which the plan was judged; `metadata` fills what the cover does not tell. `apart` makes
    it a report of its own, whether the content is there already or not.
    """
    _one_at_a_time(session, f"{owner}:{content}")
    name = draft.report.catalogue or ""
    same = select(ReportRow).where(ReportRow.owner == owner, ReportRow.content == content)
    report = None if apart else session.scalar(same.order_by(ReportRow.copy).limit(1))
    new = report is None
    if report is None:
        copy = new_id() if apart else ""
        report = ReportRow(owner=owner, content=content, copy=copy, file=draft.report.file, inspectors=[])
        session.add(report)
        session.flush()
    elif metadata is not None:
        _describe(report, metadata)
    present = select(DraftRow.id).where(
        DraftRow.report_id == report.id,
        DraftRow.model == draft.model.name,
        DraftRow.version == draft.model.version,
        DraftRow.catalogue == name,
    )
    if (old := session.scalar(present)) is not None:
        if not again:
            return Added(report.id, new, False)
        session.execute(delete(DraftRow).where(DraftRow.id == old))
    _tell(report, draft.report)
    _describe(report, metadata or Metadata())
    session.execute(update(DraftRow).where(DraftRow.report_id == report.id).values(current=False))
    _keep(session, report.id, draft, vectors, as_of)
    return Added(report.id, new, True)


def _one_at_a_time(session: Session, key: str) -> None:
    """On PostgreSQL, lets others wait who write the same; SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})


def _tell(report: ReportRow, facts: Facts) -> None:
    """What the cover tells, as it has been read now; what it does not tell is left as it is."""
    for key in ("unit", "specialty", "date", "regulation", "place"):
        if (value := getattr(facts, key)) is not None:
            setattr(report, key, value)
    report.inspectors = list(facts.inspectors) or report.inspectors
    if facts.date:
        report.year = int(facts.date[:4])


def _describe(report: ReportRow, metadata: Metadata) -> None:
    report.region = metadata.region or report.region
    report.unit_kind = metadata.unit_kind or report.unit_kind
    report.specialty = report.specialty or metadata.specialty
    report.year = report.year or metadata.year


def _keep(
    session: Session, report: str, draft: Draft, vectors: Vectors | None, as_of: date | None
) -> DraftRow:
    row = DraftRow(
        report_id=report,
        model=draft.model.name,
        version=draft.model.version,
        catalogue=draft.report.catalogue or "",
        program=__version__,
        created=now(),
        as_of=as_of,
        current=True,
        text=draft.text,
        document=codec.dump(draft),
    )
    session.add(row)
    session.flush()
    _keep_areas(session, row.id, draft)
    _keep_sentences(session, row.id, draft)
    if vectors is not None and len(vectors):
        session.add(VectorsRow(draft_id=row.id, width=vectors.shape[1], data=_packed(vectors, draft)))
    session.flush()
    overlay.settle(session, row)
    return row


def _keep_areas(session: Session, draft_id: int, draft: Draft) -> None:
    same = (
        "has_text", "suggested_grade", "abstain", "stated_grade", "grade_before_plan", "grade_after_plan"
    )  # fmt: skip
    for letter, area in draft.areas.items():
        values = {k: getattr(area, k) for k in same}
        session.add(AreaRow(draft_id=draft_id, area=letter, probabilities=dict(area.probabilities), **values))
    for position, entry in enumerate(draft.action_plan):
        values = {k: getattr(entry, k) for k in entry.__dataclass_fields__}
        values["criteria"] = list(entry.criteria)
        session.add(PlanRow(draft_id=draft_id, position=position, **values))


def _keep_sentences(session: Session, draft_id: int, draft: Draft) -> None:
    if not draft.sentences:
        return
    stems = Stems()
    rows = [
        {
            "draft_id": draft_id,
            "position": s.id,
            "section": s.section,
            "text": s.text,
            "start": s.start,
            "end": s.end,
            "stems": " ".join(stems.of(s.text)),
        }
        for s in draft.sentences
    ]
    ids = session.scalars(insert(SentenceRow).returning(SentenceRow.id, sort_by_parameter_order=True), rows)
    findings = [
        overlay.values(key, f) for key, found in zip(ids.all(), draft.findings, strict=True) for f in found
    ]
    if findings:
        session.execute(insert(FindingRow), findings)


def _packed(vectors: Vectors, draft: Draft) -> bytes:
    if [s.id for s in draft.sentences] != list(range(len(vectors))):  # search finds a sentence by its row
        raise ValueError(f"{len(vectors)} vectors for {len(draft.sentences)} sentences, numbered from 0")
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(length > 0, length, 1)).astype("<f2").tobytes()


def _entries(owner: str | None) -> Select[ReportRow, DraftRow, int, int]:
    every = aliased(DraftRow)
    drafts = select(func.count()).where(every.report_id == ReportRow.id).scalar_subquery()
    sentences = select(func.count()).where(SentenceRow.draft_id == DraftRow.id).scalar_subquery()
    query = (
        select(ReportRow, DraftRow, drafts, sentences)
        .join(DraftRow, (DraftRow.report_id == ReportRow.id) & DraftRow.current)
        .order_by(ReportRow.file, ReportRow.added, ReportRow.id)
    )
    return query if owner is None else query.where(ReportRow.owner == owner)


def _entry(report: ReportRow, draft: DraftRow, drafts: int, sentences: int) -> Entry:
    same = (
        "id", "owner", "content", "file", "added", "unit", "specialty", "date", "year", "regulation", "place",
        "region", "unit_kind",
    )  # fmt: skip
    return Entry(
        **{k: getattr(report, k) for k in same},
        inspectors=tuple(report.inspectors),
        catalogue=draft.catalogue,
        model=ModelInfo(draft.model, draft.version),
        drafts=drafts,
        sentences=sentences,
    )


def entries(session: Session, owner: str | None = None) -> Iterator[Entry]:
    """The reports by file name, streamed; those of one owner, or of all."""
    for row in session.execute(_entries(owner).execution_options(yield_per=200)):
        yield _entry(*row)


def entry(session: Session, report: str, owner: str | None = None) -> Entry:
    """The report of an id. Raises SpurError where there is none, or it is another's."""
    row = session.execute(_entries(owner).where(ReportRow.id == report)).first()
    if row is None:
        raise SpurError(f"{report}: finns inte i arkivet")
    return _entry(*row)


def find(session: Session, named: str, owner: str | None = None) -> Entry:
    """The one report that a person means: by id, the beginning of one, file name, or file name without its ending.

    Raises SpurError where there is none, or several.
    """
    told = storable(named.strip())
    exact = [ReportRow.id == told, ReportRow.file == told]
    loose = [func.substr(ReportRow.id, 1, len(told)) == told] if len(told) >= _LEAST_PREFIX else []
    loose.append(func.substr(ReportRow.file, 1, len(told) + 1) == f"{told}.")
    for conditions in (exact, loose):
        rows = session.execute(_entries(owner).where(or_(*conditions))).all()
        if len(rows) == 1:
            return _entry(*rows[0])
        if rows:
            which = ", ".join(f"{r[0].id[:12]} ({r[0].file})" for r in rows[:10])
            raise SpurError(f"{named}: flera rapporter heter så: ange en av {which}")
    raise SpurError(f"{named}: finns inte i arkivet: se  spur archive list")


def draft(session: Session, report: str) -> Draft:
    """The current draft of a report, as the model made it. Raises SpurError where there is no such report."""
    row = overlay.current_draft(session, report)
    return codec.load(row.document, row.text)


def drafts(
    session: Session, owner: str | None = None, only: Collection[str] | None = None
) -> Iterator[tuple[Entry, Draft]]:
    """Every report (or `only` those of these ids) with its current draft, streamed one by one by file name."""
    for found in [e for e in entries(session, owner) if only is None or e.id in only]:
        row = overlay.current_draft(session, found.id)
        yield found, codec.load(row.document, row.text)
        session.expunge_all()


def describe(session: Session, report: str, metadata: Metadata) -> None:
    """Adds what is known of a report beside its file."""
    row = session.get(ReportRow, report)
    if row is None:
        raise SpurError(f"{report}: finns inte i arkivet")
    _describe(row, metadata)


def forget(session: Session, report: str) -> int:
    """Removes a report with all that hangs on it; how many corrections went with it.

    Raises SpurError where there is no such report. Call `Store.scrub` after the transaction.
    """
    corrections = session.scalar(
        select(func.count()).select_from(CorrectionRow).where(CorrectionRow.report_id == report)
    )
    if session.scalar(delete(ReportRow).where(ReportRow.id == report).returning(ReportRow.id)) is None:
        raise SpurError(f"{report}: finns inte i arkivet")
    return corrections or 0
