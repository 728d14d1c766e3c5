"""Markdown: headings with #, dash and numbered items, pipe tables; set lines stay as they are."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.corpus.document import Document, Mark, PageBreak, Table, Text
from pipeline.corpus.printers import txt


def print_(document: Document) -> bytes:
    """The document as UTF-8."""
    if document.airy:
        return txt.print_(document)
    return ("\n".join(_lines(document)) + "\n").encode("utf8")


def _lines(document: Document) -> Iterator[str]:
    elements = document.elements
    for e, after in zip(elements, (*elements[1:], None), strict=True):
        if isinstance(e, PageBreak):
            yield from ("---", "")
        elif isinstance(e, Table):
            yield from _table(e)
            yield ""
        else:
            yield _line(e)
            same = isinstance(after, Text) and after.role == e.role and _listed(e) and _listed(after)
            if not (same or (e.tight and e.role == "value")):
                yield ""


def _listed(e: Text) -> bool:
    return e.bullet or bool(e.number) or e.role == "scale"


def _line(e: Text) -> str:
    if e.role in ("title", "heading"):
        return "#" * ((e.level or 0) + 1) + " " + e.text
    start = "- " if e.bullet or e.role == "scale" else f"{e.number} " if e.number else ""
    end = "  " if e.tight and e.role == "value" else ""  # a line break inside the paragraph
    return start + _marked(e.text, e.mark) + end


def _marked(text: str, mark: Mark | None) -> str:
    if mark and mark.look in ("bold", "colour"):
        return f"**{text}**" if mark.chosen else text
    return txt.sign(mark, ("[x] ", "[ ] ")) + text


def _table(table: Table) -> Iterator[str]:
    rows = [[c.replace("|", "\\|") for c in row] for row in table.rows]
    head = rows.pop(0) if table.head else [""] * len(rows[0])
    yield "| " + " | ".join(head) + " |"
    yield "|" + " --- |" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
