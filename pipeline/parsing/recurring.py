"""Sub-headings and marks that no template tells: short rows that come back in area after area («Beskrivning», «Kommentar»,
«Till toppen», the «Ja» and «X» of a table's columns)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from pipeline.language import ends_sentence
from pipeline.parsing.flow import Flow
from pipeline.parsing.rows import Row

_WORD = re.compile(r"\w+")
_GRADE = re.compile(r"\w\W+[A-D]\b")  # «Bedömning: gradering D» tells something, however often it comes back
AREAS = 3  # in which a row must come back
WORDS = 4  # of the longest such row


def mark(rows: Sequence[Row], flow: Flow) -> None:
    """Gives narrative rows that are template by their coming back the role `heading`, in their section."""
    where: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.role == "narrative" and row.section and _short(row):
            where[row.letters].add(row.section)
    known = {key for key, areas in where.items() if len(areas) >= AREAS}
    found = [i for i, r in enumerate(rows) if r.role == "narrative" and r.letters in known and _short(r)]
    for i in found:
        if _alone(rows, i, flow):
            rows[i].role = "heading"


def _short(row: Row) -> bool:
    if _GRADE.search(row.text):
        return False
    return bool(row.letters) and len(_WORD.findall(row.text)) <= WORDS and not ends_sentence(row.text)


def _alone(rows: Sequence[Row], i: int, flow: Flow) -> bool:
    """Whether no sentence runs through the row."""
    row = rows[i]
    before = rows[i - 1] if i else None
    after = rows[i + 1] if i + 1 < len(rows) else None
    if before is not None and before.role == "narrative" and flow.runs_on(before, row):
        return False
    if after is None or after.role != "narrative" or row.line.heading is not None:
        return True
    if row.text.endswith(":") and not after.text[:1].islower():
        return True
    if after.text[:1].isdigit() and not flow.full:
        return True
    return not flow.runs_on(row, after)
