"""Page furniture: page numbers, running titles and tables of contents, taken out of the flow."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise

from pipeline.parsing.rows import Row
from pipeline.parsing.template import Template

EDGE = 3  # rows at a page's top and bottom where furniture stands
LONGEST = 120  # letters of a running title
SURE = 15  # letters of one that is told by its wording alone, wherever it stands
_LEADER = re.compile(r"(?:\.\s?){4,}\s*\d{0,3}$|…+\s*\d{1,3}$")


def mark(rows: Sequence[Row], template: Template, kept: frozenset[str]) -> None:
    """Sets `furniture` on the rows that are it.

    `kept`: letters of texts that may repeat without being furniture (headings, criteria, labels).
    """
    edges = _edges(rows)
    _numbers(rows, template, edges)
    _running(rows, edges, kept)
    _titles(rows, template)
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
    found = {i for of_page in pages.values() for i in (*of_page[:EDGE], *of_page[-EDGE:])}
    for of_page in pages.values():  # a page of several columns has its lowest row in the middle
        placed = sorted((top, i) for i in of_page if (top := rows[i].line.top) is not None)
        found |= {i for _, i in (*placed[:EDGE], *placed[-EDGE:])}
    return found


def _numbers(rows: Sequence[Row], template: Template, edges: set[int]) -> None:
    """«Sida 3», «3 (9)»; a bare number at a page's edge, or where it goes on counting."""
    bare = [int(r.text) for r in rows if r.text.isdigit() and len(r.text) < 4 and r.line.cell is None]
    counts = len(bare) > 1 and all(a < b for a, b in pairwise(bare))
    last = 0
    for i, row in enumerate(rows):
        m = template.page.fullmatch(row.text)
        if m is None or row.line.cell is not None:
            continue
        number = int(re.findall(r"\d+", row.text)[0])
        named = bool(m["word"] or m["of"] or "(" in row.text)
        row.furniture = named or counts or i in edges or last < number <= last + 2
        last = number if row.furniture else last


def _titles(rows: Sequence[Row], template: Template) -> None:
    """The document's own title where it comes back, wherever pages put it."""
    titled = [
        r for r in rows if any(t in r.text.lower() for t in template.titles) and not r.text.endswith(".")
    ]
    counts = Counter(_key(r) for r in titled)
    for row in titled:
        if counts[_key(row)] > 1:
            row.furniture = True


def _bare(row: Row) -> str:
    """Letters without a number before them, as criteria and scale lines may have."""
    return row.letters.lstrip("0123456789")


def _key(row: Row) -> str:
    return re.sub(r"\d+", "#", row.letters)


def _running(rows: Sequence[Row], edges: set[int], kept: frozenset[str]) -> None:
    """Lines that come back at the edges of pages or beside page numbers."""
    pages = {row.page for row in rows}
    beside = {
        j for i, r in enumerate(rows) if r.furniture for j in range(max(0, i - 2), min(len(rows), i + 3))
    }
    standing = "\n".join(kept)
    at_edges: Counter[str] = Counter()
    at_numbers: Counter[str] = Counter()
    seen: set[tuple[str, int]] = set()
    for i in sorted(edges | beside):
        row, key = rows[i], _key(rows[i])
        if row.furniture or len(key) > LONGEST or sum(c.isalpha() for c in key) < 4 or _bare(row) in standing:
            continue
        at_numbers[key] += i in beside
        at_edges[key] += i in edges and (key, row.page) not in seen
        seen.add((key, row.page))
    repeated = {k for k, n in at_edges.items() if n >= max(2, round(0.4 * len(pages)))}
    numbers = sum(row.furniture for row in rows)
    repeated |= {k for k, n in at_numbers.items() if n >= max(2 if numbers < 3 else 3, round(0.35 * numbers))}
    for i, row in enumerate(rows):
        key = _key(row)
        if key in repeated and (len(key) >= SURE or i in edges or i in beside):
            row.furniture = True
