"""Page furniture: page numbers, running titles and tables of contents, taken out of the flow."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from pipeline.parsing.rows import Row
from pipeline.parsing.template import Template

EDGE = 3  # rows at a page's top and bottom where furniture stands
_LEADER = re.compile(r"(?:\.\s?){4,}\s*\d{0,3}$|…+\s*\d{1,3}$")


def mark(rows: Sequence[Row], template: Template, kept: frozenset[str]) -> None:
    """Sets `furniture` on the rows that are it.

    `kept`: letters of texts that may repeat without being furniture (headings, criteria, labels).
    """
    edges = _edges(rows)
    _numbers(rows, template, edges)
    _running(rows, edges, kept)
    for row in rows:
        if _LEADER.search(row.text):
            row.furniture = True


def _edges(rows: Sequence[Row]) -> set[int]:
    """Indices of rows near the top or bottom of a page; empty where there is one page only."""
    pages: dict[int, list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        pages[row.page].append(i)
    if len(pages) < 2:
        return set()
    return {i for of_page in pages.values() for i in (*of_page[:EDGE], *of_page[-EDGE:])}


def _numbers(rows: Sequence[Row], template: Template, edges: set[int]) -> None:
    last = 0
    for i, row in enumerate(rows):
        m = template.page.fullmatch(row.text)
        if m is None:
            continue
        number = int(re.findall(r"\d+", row.text)[0])
        if m["word"] or m["of"] or "(" in row.text:
            row.furniture = True
        elif i in edges or (number == last + 1 and not edges and i + 1 < len(rows)):
            row.furniture = True
        last = number if row.furniture else last


def _bare(row: Row) -> str:
    """Letters without a number before them, as criteria and scale lines may have."""
    return row.letters.lstrip("0123456789")


def _key(row: Row) -> str:
    return re.sub(r"\d+", "#", row.letters)


def _running(rows: Sequence[Row], edges: set[int], kept: frozenset[str]) -> None:
    """Lines that come back at the edges of pages, or, where pages are unknown, beside page numbers."""
    pages = {row.page for row in rows}
    numbers = [i for i, row in enumerate(rows) if row.furniture]
    beside = {j for i in numbers for j in range(i - 2, i + 3)}
    counts: Counter[str] = Counter()
    standing = "\n".join(kept)
    seen: set[tuple[str, int]] = set()
    places = sorted(edges) if edges else [i for i in range(len(rows)) if i in beside]
    for i in places:
        row = rows[i]
        where = (_key(row), row.page if edges else i)
        if row.furniture or _bare(row) in standing or sum(c.isalpha() for c in where[0]) < 4 or where in seen:
            continue
        seen.add(where)
        counts[where[0]] += 1
    least = max(2, round(0.4 * len(pages))) if edges else 2
    repeated = {k for k, n in counts.items() if n >= least and len(k) <= 120}
    for i, row in enumerate(rows):
        if _key(row) in repeated and (i in edges or not edges) and _bare(row) not in standing:
            row.furniture = True
