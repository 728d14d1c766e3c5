"""Search in words: what a person writes as a query of SQLite's FTS5 or PostgreSQL's text search.

A word finds its other forms (the index holds stems), "several words" in quotation marks find each other in that order,
wor* finds what begins so. Nothing else of the query has a meaning: operators and signs are no syntax here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, column, func, literal_column, select, table, text
from sqlalchemy.orm import Session

from pipeline.store.schema import SentenceRow
from pipeline.store.words import Stems, words

MOST_TERMS = 32
_PART = re.compile(r'"([^"]*)"|«([^»]*)»|”([^”]*)”|(\S+)')


@dataclass(frozen=True, slots=True)
class Term:
    """Stems that stand after each other. With `beginning`, the last can also be any that begins so."""

    stems: tuple[str, ...]
    beginning: str | None = None


def terms(query: str) -> tuple[Term, ...]:
    """The terms of a query, each once, at most MOST_TERMS."""
    stems = Stems()
    out: dict[Term, None] = {}
    for *quoted, bare in _PART.findall(query):
        found = tuple(stems.of(bare or " ".join(quoted)))
        if found:
            out[Term(found, words(bare)[-1] if bare.endswith("*") else None)] = None
    return tuple(out)[:MOST_TERMS]


def ranked(session: Session, query: Sequence[Term], allowed: Select[int], depth: int) -> list[int]:
    """Ids of sentences with all terms, best first, at most `depth`; where there are none, of those with any."""
    for every in (True, False) if len(query) > 1 else (True,):
        if session.get_bind().dialect.name == "sqlite":
            found = _sqlite(query, every, allowed, depth)
        else:
            found = _postgresql(query, every, allowed, depth)
        if ids := list(session.scalars(found)):
            return ids
    return []


def _sqlite(query: Sequence[Term], every: bool, allowed: Select[int], depth: int) -> Select[int]:
    # A stem has letters and digits only: in quotation marks, nothing of it is syntax.
    said = map(_match, query)
    index = table("sentence_words", column("rowid"), column("rank"))
    return (
        select(index.c.rowid)
        .where(
            text("sentence_words MATCH :said").bindparams(said=(" AND " if every else " OR ").join(said)),
            # + : FTS5 goes through its matches, instead of looking each allowed row up in the index
            literal_column("+sentence_words.rowid", Integer).in_(allowed),
        )
        .order_by(index.c.rank, index.c.rowid)
        .limit(depth)
    )


def _match(term: Term) -> str:
    whole = f'"{" ".join(term.stems)}"'
    if term.beginning is None:
        return whole
    return f'({whole} OR "{" ".join([*term.stems[:-1], term.beginning])}"*)'


def _postgresql(query: Sequence[Term], every: bool, allowed: Select[int], depth: int) -> Select[int]:
    config: ColumnElement[Any] = literal_column("'simple'::regconfig")
    parts = [_tsquery(t, config) for t in query]
    said = reduce(lambda a, b: a.op("&&" if every else "||")(b), parts)
    index = func.to_tsvector(literal_column("'simple'"), SentenceRow.stems)
    return (
        select(SentenceRow.id)
        .where(index.op("@@", is_comparison=True)(said), SentenceRow.id.in_(allowed))
        .order_by(func.ts_rank_cd(index, said, 1).desc(), SentenceRow.id)
        .limit(depth)
    )


def _tsquery(term: Term, config: ColumnElement[Any]) -> ColumnElement[Any]:
    whole = func.phraseto_tsquery(config, " ".join(term.stems))
    if term.beginning is None:
        return whole
    lexemes = [*(f"'{s}'" for s in term.stems[:-1]), f"'{term.beginning}':*"]
    return whole.op("||")(func.to_tsquery(config, " <-> ".join(lexemes)))
