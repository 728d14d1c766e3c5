"""HTML: what a browser would show, as lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from lxml import etree

from pipeline.reading import text
from pipeline.reading.characters import normalise
from pipeline.reading.limits import Budget, too_large_inside
from pipeline.reading.marks import mark_signs
from pipeline.report import Line, Page, SpurError

_META = re.compile(
    rb"<meta[^>]+charset\s*=\s*[\"']?\s*([\w-]+)|<\?xml[^>]+encoding\s*=\s*[\"']([\w-]+)", re.I
)
_HIDDEN = {
    "script", "style", "nav", "head", "template", "noscript", "svg", "iframe", "object", "canvas", "audio",
    "video", "map", "datalist",
}  # fmt: skip
_BLOCKS = {
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog",
    "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5",
    "h6", "header", "hr", "html", "legend", "li", "main", "ol", "option", "p", "pre", "section", "summary",
    "table", "tbody", "td", "textarea", "tfoot", "th", "thead", "title", "tr", "ul",
}  # fmt: skip
_BOLD = re.compile(r"font-weight\s*:\s*(?:bold|bolder|[6-9]00)", re.I)
_INVISIBLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
_COLOUR = re.compile(r"(?<![-\w])color\s*:\s*(#[0-9a-f]{6}|#[0-9a-f]{3})\b", re.I)
_BACKGROUND = re.compile(
    r"background(?:-color)?\s*:\s*(?!none|transparent|inherit|#fff\b|#ffffff\b|white)[#\w]", re.I
)
_ALIASES = {"iso-8859-1": "cp1252", "latin1": "cp1252", "us-ascii": "cp1252"}  # as browsers do
_DEPTH = 200


def _decode(data: bytes) -> str:
    """By mark, by what the page declares, else as any text."""
    declared = _META.search(data[:4096])
    if declared and not data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode(
                _ALIASES.get(name := (declared[1] or declared[2]).decode("ascii").lower(), name)
            )
        except (LookupError, UnicodeError):
            pass  # no such encoding, or a false declaration: the bytes decide
    return text.decode(data)


@dataclass(frozen=True, slots=True)
class _Style:
    """What a line takes from the elements around it."""

    bold: bool = False
    colour: str | None = None
    marked: bool = False
    heading: int | None = None
    pre: bool = False
    cell: tuple[int, int, int] | None = None


@dataclass(slots=True)
class _Collector:
    """Lines in the making: text and style of the pieces of the one not yet ended."""

    budget: Budget
    lines: list[Line] = field(default_factory=list)
    pieces: list[tuple[str, _Style]] = field(default_factory=list)
    bullet: bool = False
    marked: bool = False
    tables: int = 0

    def add(self, string: str, style: _Style) -> None:
        self.budget.spend_characters(len(string))
        if not style.pre:
            self.pieces.append((re.sub(r"[ \t\r\n\f]+", " ", string), style))
            return
        for i, part in enumerate(re.split(r"\r\n|\r|\n", string)):
            if i:
                self.end(blank=True)
            self.pieces.append((part, style))

    def end(self, paragraph: bool = False, blank: bool = False) -> None:
        """The line ends here."""
        string = "".join(s for s, _ in self.pieces)
        string = normalise(
            string.rstrip() if any(s.pre for _, s in self.pieces) else re.sub(" +", " ", string).strip()
        )
        if string.strip() or blank:
            self.lines.append(self._line(string, paragraph))
        elif paragraph and self.lines:
            self.lines[-1] = replace(self.lines[-1], paragraph_end=True)
        if string.strip():
            self.bullet = False
            self.marked = False
        self.pieces.clear()

    def _line(self, string: str, paragraph: bool) -> Line:
        styles = [s for piece, s in self.pieces if piece.strip()] or [_Style()]
        colours = {s.colour for s in styles}
        return Line(
            string,
            bold=all(s.bold for s in styles),
            colour=colours.pop() if len(colours) == 1 else None,
            marked=self.marked or all(s.marked for s in styles),
            heading=styles[0].heading,
            bullet=self.bullet,
            paragraph_end=paragraph,
            cell=styles[0].cell,
        )


def _style(element: Any, style: _Style) -> _Style:
    css, tag = element.get("style") or "", element.tag
    if tag in ("b", "strong", "th") or _BOLD.search(css):
        style = replace(style, bold=True)
    if tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
        style = replace(style, heading=int(tag[1]))
    if tag in ("pre", "textarea"):
        style = replace(style, pre=True)
    if tag == "mark" or (_BACKGROUND.search(css) and tag not in ("body", "html", "div", "table")):
        style = replace(style, marked=True)
    colour = _COLOUR.search(css) or re.match("(#[0-9a-f]{6})$", element.get("color") or "", re.I)
    if colour:
        code = colour[1].lower()
        code = code if len(code) == 7 else "#" + "".join(c * 2 for c in code[1:])
        style = replace(style, colour=None if code == "#000000" else code)
    return style


def _hidden(element: Any) -> bool:
    return (
        not isinstance(element.tag, str)
        or element.tag in _HIDDEN
        or element.get("hidden") is not None
        or bool(_INVISIBLE.search(element.get("style") or ""))
    )


def _input(element: Any, out: _Collector, style: _Style) -> None:
    kind = (element.get("type") or "text").lower()
    if kind in ("checkbox", "radio"):
        ticked = element.get("checked") is not None
        out.add("☒ " if ticked else "☐ ", style)
        out.marked |= ticked
    elif kind in ("text", "date", "number", "email"):
        out.add(f" {element.get('value') or ''} ", style)


def _rows(table: Any) -> Iterator[Any]:
    for child in table:
        if child.tag == "tr":
            yield child
        elif child.tag in ("thead", "tbody", "tfoot"):
            yield from (r for r in child if r.tag == "tr")


def _table(element: Any, out: _Collector, style: _Style, depth: int) -> None:
    number, out.tables = out.tables, out.tables + 1
    for child in element:
        if child.tag == "caption":
            _walk(child, out, style, depth + 1)
    for r, row in enumerate(_rows(element)):
        for c, cell in enumerate(x for x in row if x.tag in ("td", "th")):
            place = (number, r, c)
            inner = replace(_style(row, style), cell=place)
            count = len(out.lines)
            _walk(cell, out, inner, depth + 1)
            if len(out.lines) == count:
                out.lines.append(Line("", paragraph_end=True, cell=place))


def _children(element: Any, out: _Collector, style: _Style, depth: int) -> None:
    if element.text:
        out.add(element.text, style)
    for child in element:
        _walk(child, out, style, depth + 1)
        if child.tail:
            out.add(child.tail, style)


def _walk(element: Any, out: _Collector, style: _Style, depth: int) -> None:
    if depth > _DEPTH:
        raise SpurError("filen har för djupt nästlade element: spara sidan på nytt, t.ex. som PDF")
    if _hidden(element):
        return
    tag = element.tag
    if tag == "br":
        out.end(blank=not out.pieces)
        return
    if tag == "input":
        return _input(element, out, style)
    if tag == "option" and element.get("selected") is None:
        return
    block = tag in _BLOCKS
    if block:
        out.end(paragraph=True)
    if tag == "li":
        out.bullet = True
    inner = _style(element, style)
    if tag == "table" and next(_rows(element), None) is not None:
        _table(element, out, inner, depth)
    else:
        _children(element, out, inner, depth)
    if block:
        out.end(paragraph=True)
        out.bullet = out.bullet and tag != "li"


def read(data: bytes, budget: Budget) -> tuple[Page, ...]:
    """One page: a line for each block and each line break; hidden elements and navigation are left out."""
    if len(data) > budget.limits.xml:
        raise too_large_inside()
    string = _decode(data)
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
    root = etree.fromstring(string.encode("utf-8", "replace"), parser)
    out = _Collector(budget)
    if root is not None:
        _walk(root, out, _Style(), 0)
    out.end(paragraph=True)
    return (Page(1, mark_signs(out.lines)),)
