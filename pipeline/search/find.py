"""One search: by words, by meaning, or both with their rankings fused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from pipeline.report import Finding
from pipeline.search import filters as narrowing
from pipeline.search import lexical, meaning
from pipeline.search.filters import Filters
from pipeline.search.meaning import SentenceVectors
from pipeline.store.schema import DraftRow, FindingRow, ReportRow, SentenceRow
from pipeline.store.words import storable

Way = Literal["both", "words", "meaning"]
FUSION = 60  # the constant of reciprocal rank fusion
MOST = 10_000
_DEPTH = 100  # of each ranking at least, before they are fused
_BATCH = 400


@dataclass(frozen=True, slots=True)
class Hit:
    """A sentence of a report's current draft. `report` is the report's id, `sentence` the sentence's in the draft.

    `score` orders the hits of one search and means nothing across searches.
    """

    report: str
    sentence: int
    section: str | None
    text: str
    score: float
    file: str | None
    unit: str | None
    findings: tuple[Finding, ...]


def search(
    session: Session,
    query: str,
    filters: Filters | None = None,
    *,
    model: SentenceVectors | None = None,
    way: Way = "both",
    limit: int = 50,
    owner: str | None = None,
) -> list[Hit]:
    """The sentences that fit best, at most `limit` (at most MOST); an empty query lists what the filters let through.

    By meaning only with the `model` that gave the archive its vectors (`meaning.reader`): without it, and for drafts of
    other models, words alone count. The two rankings are fused by reciprocal rank (Cormack, Clarke & Büttcher 2009):
    1 / (60 + rank), summed. `owner`: only that owner's reports.
    """
    query, narrowed = storable(query), filters or Filters()
    limit = max(1, min(limit, MOST))
    allowed = narrowing.base(session, narrowed, owner)
    if not query.strip():
        ordered = allowed.order_by(ReportRow.file, ReportRow.added, ReportRow.id, SentenceRow.position).limit(
            limit
        )
        return _hits(session, [(i, 1.0) for i in session.scalars(ordered)])
    rankings = []
    depth = max(limit, _DEPTH)
    terms = lexical.terms(query)
    if terms and way != "meaning":
        rankings.append(lexical.ranked(session, terms, allowed, depth))
    if terms and way != "words" and model is not None:
        within = allowed if narrowed or owner is not None else None
        rankings.append(meaning.nearest(session, query, model, within, depth))
    return _hits(session, fused(rankings)[:limit])


def fused(rankings: Iterable[Sequence[int]]) -> list[tuple[int, float]]:
    """Ids with their scores, best first, by reciprocal rank fusion."""
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, key in enumerate(ranking, 1):
            scores[key] = scores.get(key, 0.0) + 1 / (FUSION + rank)
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))


def _hits(session: Session, scored: Sequence[tuple[int, float]]) -> list[Hit]:
    found: dict[int, tuple[SentenceRow, ReportRow]] = {}
    said: dict[int, list[FindingRow]] = {}
    keys = [key for key, _ in scored]
    for some in (keys[i : i + _BATCH] for i in range(0, len(keys), _BATCH)):
        query = (
            select(SentenceRow, ReportRow)
            .join(DraftRow, DraftRow.id == SentenceRow.draft_id)
            .join(ReportRow, ReportRow.id == DraftRow.report_id)
            .where(SentenceRow.id.in_(some))
        )
        found |= {s.id: (s, r) for s, r in session.execute(query)}
        for finding in session.scalars(select(FindingRow).where(FindingRow.sentence_id.in_(some))):
            said.setdefault(finding.sentence_id, []).append(finding)
    return [_hit(*found[key], score, said.get(key, [])) for key, score in scored]


def _hit(sentence: SentenceRow, report: ReportRow, score: float, said: Sequence[FindingRow]) -> Hit:
    ordered = sorted(said, key=lambda f: (-f.probability, f.criterion))
    return Hit(
        report=report.id,
        sentence=sentence.position,
        section=sentence.section,
        text=sentence.text,
        score=score,
        file=report.file,
        unit=report.unit,
        findings=tuple(Finding(f.criterion, f.status, f.probability) for f in ordered),  # type: ignore[arg-type]
    )
