"""Plain text: one line a paragraph, hard-wrapped pages, or the set lines with blank lines between them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from pipeline.corpus.document import Document, Mark, PageBreak, Table, Text

PAGE = 52  # lines of body on a page, where the printer makes the pages
SIGNS = {"filled": ("■ ", "□ "), "tick": ("✓ ", ""), "bold": ("[x] ", ""), "colour": ("[x] ", "")}


def sign(mark: Mark | None, boxes: tuple[str, str]) -> str:
    """What stands before a line of a scale; plain text has no bold or colour, so a cross stands for them."""
    if mark is None:
        return ""
    return SIGNS.get(mark.look, boxes)[0 if mark.chosen else 1]


def print_(document: Document) -> bytes:
    """The document as UTF-8."""
    if document.airy:
        text = _set(document)
    elif document.width:
        text = _paged(document, document.width)
    else:
        text = "\n".join(_flowing(document)) + "\n"
    return text.encode("utf8")


def _set(document: Document) -> str:
    out = []
    for e in document.elements:
        if isinstance(e, PageBreak):
            out.append("\f")
        elif isinstance(e, Text):
            out.append(f"{sign(e.mark, ('☒ ', '☐ '))}{e.text}\n\n")
    return "".join(out)


def _flowing(document: Document) -> Iterator[str]:
    """One line a paragraph, a blank line after each, none between items and after tight elements."""
    elements = document.elements
    for e, after in zip(elements, (*elements[1:], None), strict=True):
        if isinstance(e, Text):
            yield ("- " if e.bullet else "") + sign(e.mark, ("[x] ", "[ ] ")) + e.text
            if not (e.tight or (e.bullet and isinstance(after, Text) and after.bullet)):
                yield ""
        elif isinstance(e, Table):
            yield from _rows(e)
            yield ""
        else:
            yield ""


def _rows(table: Table) -> Iterator[str]:
    for row in table.rows:
        yield (" | " if table.head else ": ").join(row)


def _wrapped(document: Document, width: int) -> Iterator[str | None]:
    """Physical lines; None for a forced page break."""
    elements = document.elements
    for e, after in zip(elements, (*elements[1:], None), strict=True):
        if isinstance(e, PageBreak):
            yield None
            continue
        if isinstance(e, Table):
            yield from _rows(e)
            yield ""
            continue
        start = f"{e.number} " if e.number else sign(e.mark, ("☒ ", "☐ "))
        yield from textwrap.wrap(
            start + e.text,
            width,
            subsequent_indent=" " * len(start),
            break_long_words=False,
            break_on_hyphens=True,
        )
        if not (
            isinstance(after, Text) and after.role == e.role and (e.tight or e.role in ("item", "criterion"))
        ):
            yield ""


def _pages(lines: Iterable[str | None]) -> Iterator[list[str]]:
    page: list[str] = []
    for line in lines:
        if line is None or len(page) >= PAGE:
            if any(page):
                yield page
            page = []
        if line is not None and (line or page):
            page.append(line)
    if any(page):
        yield page


def _paged(document: Document, width: int) -> str:
    pages = list(_pages(_wrapped(document, width)))
    out = []
    for n, page in enumerate(pages, 1):
        head, foot = (t.format(page=n, pages=len(pages)) for t in (document.header, document.footer))
        out.append("\n".join([head, "", *page, "", foot.rjust(width)]) + "\n")
    return "\f".join(out)
