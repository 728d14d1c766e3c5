"""From the body's elements to lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.reading.characters import normalise, sign
from pipeline.reading.docx.names import W, child, is_on, local, number, val
from pipeline.reading.docx.numbering import Numbering
from pipeline.reading.docx.styles import Styles
from pipeline.reading.limits import Budget
from pipeline.report import Line, SpurError

_DEPTH = 60
_PASS = frozenset(
    {"ins", "moveTo", "hyperlink", "smartTag", "fldSimple", "customXml", "dir", "bdo", "ruby", "rubyBase"}
)
_BREAKS = ("nextPage", "oddPage", "evenPage", None)  # kinds of section; no kind is the next page
_PLAIN_FILLS = ("auto", "ffffff", None)


@dataclass(slots=True)
class _Piece:
    """Text of one look. "\\n" is a line break, "\\f" a page break."""

    text: str
    bold: bool = False
    colour: str | None = None
    marked: bool = False


@dataclass(slots=True)
class _Paragraph:
    pieces: list[_Piece] = field(default_factory=list)
    boxes: list[Any] = field(default_factory=list)  # text boxes anchored in it
    ticked: bool = False


class Body:
    """Collects lines; `read` once, then `pages`."""

    def __init__(self, styles: Styles, numbering: Numbering, budget: Budget) -> None:
        self._styles, self._numbering, self._budget = styles, numbering, budget
        self._pages: list[list[Line]] = [[]]
        self._tables = 0

    def read(self, document: Any) -> None:
        body = child(document, "body")
        if body is None:
            raise SpurError("Word-filen saknar innehåll: öppna den i Word och spara den på nytt")
        self._blocks(body, None, 0)

    def pages(self) -> list[list[Line]]:
        """Lines by page, without empty pages at the end."""
        while len(self._pages) > 1 and not self._pages[-1]:
            self._pages.pop()
        return self._pages

    def _new_page(self) -> None:
        if self._pages[-1]:
            self._budget.check_page(len(self._pages) + 1)
            self._pages.append([])

    # --- blocks ------------------------------------------------------------------------------------

    def _blocks(self, parent: Any, cell: tuple[int, int, int] | None, depth: int) -> None:
        if depth > _DEPTH:
            raise SpurError("Word-filen har för djupt nästlade element: spara den på nytt som PDF")
        for element in parent:
            name = local(element)
            if name == "p":
                self._budget.check_time()
                self._paragraph(element, cell, depth)
            elif name == "tbl":
                self._table(element, cell, depth)
            elif name == "sdt":
                self._blocks(
                    child(element, "sdtContent") if child(element, "sdtContent") is not None else (),
                    cell,
                    depth + 1,
                )
            elif name in _PASS:
                self._blocks(element, cell, depth + 1)
            elif name == "AlternateContent":
                self._blocks(_choice(element), cell, depth + 1)

    def _table(self, table: Any, outer: tuple[int, int, int] | None, depth: int) -> None:
        """Row by row. Lines of a table inside a cell stay that cell's."""
        index, self._tables = self._tables, self._tables + 1
        for r, row in enumerate(_within(table, "tr")):
            if child(row, "trPr", "del") is not None:
                continue
            column = number(val(child(row, "trPr", "gridBefore")))
            for cell in _within(row, "tc"):
                merge = child(cell, "tcPr", "vMerge")
                count = len(self._pages[-1])
                place = outer or (index, r, column)
                column += max(1, number(val(child(cell, "tcPr", "gridSpan")), 1))
                if merge is not None and val(merge, "continue") == "continue":
                    continue
                self._blocks(cell, place, depth + 1)
                self._trim_cell(count, place)
                self._shade(cell, count)

    def _trim_cell(self, start: int, place: tuple[int, int, int]) -> None:
        """A cell has its lines of text, or one empty line where it has none."""
        page = self._pages[-1]
        start = min(start, len(page))
        kept = [line for line in page[start:] if line.text]
        page[start:] = kept or [Line("", paragraph_end=True, cell=place)]

    def _shade(self, cell: Any, start: int) -> None:
        if _filled(child(cell, "tcPr", "shd")):
            page = self._pages[-1]
            page[start:] = [replace(line, marked=bool(line.text)) for line in page[start:]]

    # --- paragraphs --------------------------------------------------------------------------------

    def _paragraph(self, element: Any, cell: tuple[int, int, int] | None, depth: int) -> None:
        ppr = child(element, "pPr")
        if is_on(self._styles.paragraph(ppr, "pageBreakBefore")) and cell is None:
            self._new_page()
        paragraph = _Paragraph()
        self._inline(element, ppr, paragraph, depth)
        bullet, label = self._numbering.item(ppr)
        heading = self._styles.heading(ppr)
        if label and (heading or re.search(r"[^\W\d_]{2}|^[A-ZÅÄÖ]\b", label)) and paragraph.pieces:
            paragraph.pieces.insert(0, replace(paragraph.pieces[0], text=f"{label} "))
        shade = _filled(child(ppr, "shd"))
        look = Line(
            "",
            heading=heading,
            bullet=bullet and heading is None,
            marked=paragraph.ticked or shade,
            cell=cell,
        )
        self._emit(paragraph.pieces, look)
        for box in paragraph.boxes:
            self._blocks(box, cell, depth + 1)
        section = child(ppr, "sectPr")
        if section is not None and val(child(section, "type")) in _BREAKS and cell is None:
            self._new_page()

    def _emit(self, pieces: list[_Piece], look: Line) -> None:
        """Lines of a paragraph: parted at breaks, the last one ends it."""
        lines: list[list[_Piece]] = [[]]
        breaks: list[str] = []
        for piece in pieces:
            for i, part in enumerate(re.split("([\n\f])", piece.text)):
                if i % 2:
                    breaks.append(part)
                    lines.append([])
                elif part:
                    lines[-1].append(replace(piece, text=part))
        for i, (line, end) in enumerate(zip(lines, [*breaks, ""], strict=True)):
            made = _line(line, look)
            self._budget.spend_characters(len(made.text))
            # a page break alone in its paragraph is no line
            if made.text or (end != "\f" and (i == 0 or breaks[i - 1] != "\f")):
                self._pages[-1].append(replace(made, paragraph_end=not end, bullet=made.bullet and i == 0))
            if end == "\f" and look.cell is None:
                self._new_page()

    def _inline(self, parent: Any, ppr: Any | None, out: _Paragraph, depth: int) -> None:
        if depth > _DEPTH:
            raise SpurError("Word-filen har för djupt nästlade element: spara den på nytt som PDF")
        for element in parent:
            name = local(element)
            if name == "r":
                self._run(element, ppr, out)
            elif name == "sdt":
                out.ticked |= _checked(element)
                content = child(element, "sdtContent")
                if content is not None:
                    self._inline(content, ppr, out, depth + 1)
            elif name in _PASS:
                self._inline(element, ppr, out, depth + 1)
            elif name == "AlternateContent":
                self._inline(_choice(element), ppr, out, depth + 1)
            elif name in ("oMath", "oMathPara"):
                out.pieces.append(_Piece("".join(t.text or "" for t in element.iter() if local(t) == "t")))

    def _run(self, run: Any, ppr: Any | None, out: _Paragraph) -> None:
        rpr = child(run, "rPr")
        if self._styles.hidden(rpr, ppr):
            return
        text = "".join(self._run_text(run, out))
        if text:
            highlight = child(rpr, "highlight")
            marked = (highlight is not None and val(highlight) not in ("none", "white")) or _filled(
                child(rpr, "shd")
            )
            # Underlined text stands out as bold text does.
            bold = self._styles.bold(rpr, ppr) or self._styles.underlined(rpr, ppr)
            colour = self._styles.colour(rpr, ppr)
            out.pieces.append(_Piece(text, bold, colour, marked))

    def _run_text(self, run: Any, out: _Paragraph) -> Iterator[str]:
        for element in run:
            name = local(element)
            if name == "t":
                yield re.sub("[\n\f]", " ", element.text or "")
            elif name in ("tab", "ptab"):
                yield " "
            elif name in ("br", "cr"):
                yield "\f" if element.get(W + "type") == "page" else "\n"
            elif name == "noBreakHyphen":
                yield "-"
            elif name == "sym":
                yield _symbol(element)
            elif name == "fldChar":
                box = child(element, "ffData", "checkBox")
                if box is not None:
                    ticked = is_on(child(box, "checked"))
                    ticked = bool(is_on(child(box, "default")) if ticked is None else ticked)
                    out.ticked |= ticked
                    yield "☒" if ticked else "☐"
            elif name in ("drawing", "pict", "object", "AlternateContent"):
                out.boxes.extend(_boxes(element))


def _line(pieces: list[_Piece], look: Line) -> Line:
    text = normalise("".join(p.text for p in pieces)).strip()
    solid = [p for p in pieces if p.text.strip()]
    total = sum(len(p.text) for p in solid) or 1

    def most(colour: str | None) -> bool:
        return sum(len(p.text) for p in solid if p.colour == colour) > 0.6 * total

    return replace(
        look,
        text=text,
        bold=bool(solid) and all(p.bold for p in solid),
        colour=next((c for c in {p.colour for p in solid} if c and most(c)), None),
        marked=bool(text) and (look.marked or sum(len(p.text) for p in solid if p.marked) > 0.6 * total),
    )


def _within(parent: Any, name: str) -> Iterator[Any]:
    """Rows of a table or cells of a row, also inside content controls."""
    for element in parent:
        if local(element) == name:
            yield element
        elif local(element) in ("sdt", "sdtContent", "customXml", "ins"):
            yield from _within(element, name)


def _choice(alternate: Any) -> Any:
    """Of alternative forms of the same content, the one to read (only one: they repeat each other)."""
    choices = [e for e in alternate if local(e) == "Choice"]
    return next((c for c in choices if len(c)), next((e for e in alternate if local(e) == "Fallback"), ()))


def _boxes(element: Any) -> Iterator[Any]:
    """Contents of text boxes in a drawing, outermost only."""
    if local(element) == "txbxContent":
        yield element
        return
    for inner in _choice(element) if local(element) == "AlternateContent" else element:
        yield from _boxes(inner)


def _symbol(element: Any) -> str:
    try:
        code = int(element.get(W + "char") or "", 16)
    except ValueError:
        return ""
    if code > 0x10FFFF:
        return ""
    return sign(element.get(W + "font") or "", code) or normalise(chr(code))


def _checked(sdt: Any) -> bool:
    """Whether a content control is a ticked check box (any version of the element)."""
    properties = child(sdt, "sdtPr")
    for box in () if properties is None else (e for e in properties if local(e) == "checkbox"):
        for state in (e for e in box if local(e) == "checked"):
            values = [v for k, v in state.attrib.items() if k.endswith("val")]
            return not values or values[0].lower() in ("1", "true", "on")
    return False


def _filled(shade: Any | None) -> bool:
    """Whether a shading has a colour of its own (not white)."""
    if shade is None:
        return False
    fill = shade.get(W + "fill")
    return (fill.lower() if fill else None) not in _PLAIN_FILLS
