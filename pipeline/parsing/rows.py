"""The line stream that all passes work on: `Source` → rows without blank lines, each with the gap above it."""

from __future__ import annotations

import re
import statistics
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Literal

from pipeline.parsing.template import letters
from pipeline.report import BlockKind, Line, Source

HeadKind = Literal["list", "part", "level", "scale", "area", "letter", "table", "summary"]
BULLET = re.compile(
    r"(?:[•◦▪▫▸►▶➢➤‣⁃●■○□·*\uf0b7\uf0a7\uf02d\ufffd]|\(cid:\d+\)|[-–—−])\s+|[-–•](?=[A-ZÅÄÖ])|o\s+(?=[A-ZÅÄÖ\d])"
)
LONE = re.compile(r"[•◦▪▫▸►▶➢➤‣⁃●·\uf0b7\uf0a7\uf02d\ufffd]|\(cid:\d+\)")
_BAR = re.compile(r"\s\|\s|^\s*\||\|\s*$")
_CELL = re.compile(r"(?:^\|+)?(?:(?!\s\|(?:\s|$)).)+(?:\s\|+(?=\s|$))?|\|+")
NUMBER = re.compile(r"\(?(?:\d{1,2}|[a-zåäö])[.)]\s+")


@dataclass(frozen=True, slots=True)
class Head:
    """A heading that a row is: `key` is the list, part, level or area letter; `weight` how sure it is an area's."""

    kind: HeadKind
    key: str = ""
    weight: float = 0.0
    grade: str | None = None  # a grade told in the heading's line

    @property
    def weak(self) -> bool:
        """An area's heading that may as well be running text."""
        return self.kind == "area" and 0 < self.weight < 3.5


@dataclass(slots=True, eq=False)
class Row:
    """A line, or a part of one, with what the passes have found of it."""

    line: Line
    text: str
    page: int
    gap: float | None  # blank lines, or line heights of empty space, above; None at a page's top
    first: bool = True  # begins a physical line
    role: BlockKind | None = None
    section: str | None = None
    head: Head | None = None
    standing: str | None = None  # criterion id, "phrase", or "scale:<grade>"
    verbatim: str | None = None  # a criterion that begins here word for word, standing text or not
    furniture: bool = False
    tail: str = ""  # bars of a plain-text table, kept behind the text
    item: int | None = None  # number of the list item it belongs to
    letters: str = field(init=False, default="")

    def __post_init__(self) -> None:
        self.letters = letters(self.text)

    @property
    def bullet(self) -> bool:
        """Begins an item by its sign, or by what the format says."""
        return self.first and (self.line.bullet or BULLET.match(self.text) is not None)

    @property
    def free(self) -> bool:
        """Running text so far: neither heading, standing text nor furniture."""
        return not self.furniture and self.head is None and self.standing is None

    def split(self, at: Sequence[int]) -> list[Row]:
        """Parts of this row, cut at character offsets (ascending, inside the text)."""
        edges = [0, *at, len(self.text)]
        parts = [self.text[a:b].strip() for a, b in pairwise(edges)]
        kept = [p for p in parts if p]
        out = []
        for n, text in enumerate(kept):
            line = self.line if n + 1 == len(kept) else replace(self.line, paragraph_end=False)
            last = n + 1 == len(kept)
            gap = self.gap if n == 0 else 0.0
            out.append(
                Row(line, text, self.page, gap, first=self.first and n == 0, tail=self.tail if last else "")
            )
        return out


def _clean(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _gaps(lines: Sequence[Line]) -> Iterable[float | None]:
    """The space above each line: coordinates where there are some, else blank lines."""
    blanks, previous = 0, None
    for line in lines:
        if not line.text.strip():
            blanks += 1
            yield None
            continue
        if previous is None:
            yield None
        elif line.top is not None and previous.bottom is not None:
            height = max(1.0, (previous.bottom - (previous.top or 0.0)) or 10.0)
            yield max(0.0, (line.top - previous.bottom) / height)
        else:
            yield float(blanks)
        blanks, previous = 0, line


def _piped(lines: Sequence[Line], table: int) -> Iterator[tuple[Line, str]]:
    """Lines with bars between columns as cells, each with the bar after it."""
    row = -1
    for line in lines:
        if line.cell is not None or not _BAR.search(line.text):
            table, row = (table + 1, -1) if row >= 0 else (table, row)
            yield line, ""
            continue
        row += 1
        text = line.text.strip()
        for column, cell in enumerate(_CELL.findall(text)):
            inner = cell.strip("| ")
            bars = "|" * (cell.count("|") - inner.count("|"))
            yield replace(line, text=inner, cell=(-table, row, column), paragraph_end=True), bars


def rows_of(source: Source) -> list[Row]:
    """The non-blank lines of all pages in order."""
    out: list[Row] = []
    barred = sum(_BAR.search(line.text) is not None for page in source.pages for line in page.lines) > 1
    for page in source.pages:
        lines = (
            list(_piped(page.lines, 1000 * page.number)) if barred else [(line, "") for line in page.lines]
        )
        for (line, tail), gap in zip(lines, _gaps([line for line, _ in lines]), strict=True):
            if text := _clean(line.text):
                out.append(Row(line, text, page.number, gap, tail=tail))
            elif tail:
                out.append(Row(line, tail, page.number, gap, furniture=True))
    return _signed(out)


def _signed(rows: Sequence[Row]) -> list[Row]:
    """The rows with signs that stand alone on a row set before the item that they begin."""
    out: list[Row] = []
    for row in rows:
        if out and LONE.fullmatch(out[-1].text) and out[-1].page == row.page and not LONE.fullmatch(row.text):
            sign = out.pop()
            row = Row(row.line, f"{sign.text} {row.text}", row.page, sign.gap, tail=row.tail)  # noqa: PLW2901
        out.append(row)
    return out


def body_size(rows: Sequence[Row]) -> float | None:
    """The usual type size, where the format tells sizes."""
    sizes = [r.line.size for r in rows if r.line.size is not None]
    return statistics.median(sizes) if sizes else None
