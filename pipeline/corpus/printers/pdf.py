"""PDF with reportlab: flowing documents with its platypus, set lines straight on the canvas.

Marks are drawn.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import reportlab
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import PageBreak as FlowBreak
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, TableStyle
from reportlab.platypus import Table as FlowTable

from pipeline.corpus.document import Document, Mark, PageBreak, Table, Text
from pipeline.report import SpurError

PLAIN, BOLD = "SpurVera", "SpurVera-Bold"
WIDTH, HEIGHT = A4
MARGIN = 62.0  # points
RED = colors.HexColor("#c00000")
_SIZES = {1: 14.0, 2: 12.0, 3: 10.5}


def _register() -> None:
    """The fonts that reportlab brings, embedded; they have Latin-1 and the dashes and quotes of Swedish."""
    folder = Path(reportlab.__file__).parent / "fonts"
    for name, file in ((PLAIN, "Vera.ttf"), (BOLD, "VeraBd.ttf")):
        if name not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(TTFont(name, str(folder / file)))
    pdfmetrics.registerFontFamily(PLAIN, normal=PLAIN, bold=BOLD, italic=PLAIN, boldItalic=BOLD)


def _check(text: str) -> str:
    known = pdfmetrics.getFont(PLAIN).face.charToGlyph
    if missing := {c for c in text if ord(c) not in known}:
        signs = " ".join(sorted(missing))
        raise SpurError(f"the PDF font lacks {signs} (in «{text[:60]}»); choose format docx, txt or md")
    return text


def print_(document: Document) -> bytes:
    """The document as the bytes of a PDF file.

    Raises SpurError where the text has a character that the embedded font lacks.
    """
    _register()
    return _set(document) if document.airy else _flowing(document)


def _draw(canvas: Canvas, mark: Mark, x: float, y: float, size: float = 7.0) -> None:
    """A box, empty, crossed or filled, or a tick, with its lower left corner at (x, y)."""
    canvas.saveState()
    canvas.setLineWidth(0.8)
    if mark.look in ("box", "filled"):
        canvas.rect(x, y, size, size, stroke=1, fill=int(mark.look == "filled" and mark.chosen))
        if mark.look == "box" and mark.chosen:
            canvas.line(x + 1, y + 1, x + size - 1, y + size - 1)
            canvas.line(x + 1, y + size - 1, x + size - 1, y + 1)
    elif mark.look == "tick" and mark.chosen:
        canvas.setLineWidth(1.2)
        path = canvas.beginPath()
        path.moveTo(x, y + size * 0.4)
        path.lineTo(x + size * 0.35, y)
        path.lineTo(x + size, y + size)
        canvas.drawPath(path, stroke=1, fill=0)
    canvas.restoreState()


# --- set lines ---------------------------------------------------------------------------------


def _set(document: Document) -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=1)
    canvas.setTitle(document.title)
    lines = [e.text for e in document.elements if isinstance(e, Text)]
    widest = max((pdfmetrics.stringWidth(t, PLAIN, 1) for t in lines), default=1.0)
    size = min(10.0, (WIDTH - 2 * MARGIN) / widest)
    y = HEIGHT - MARGIN
    for e in document.elements:
        if isinstance(e, PageBreak):
            canvas.showPage()
            y = HEIGHT - MARGIN
        elif isinstance(e, Text) and e.role == "furniture":
            top = y == HEIGHT - MARGIN
            canvas.setFont(PLAIN, 7.5)
            canvas.drawString(MARGIN, HEIGHT - MARGIN / 2 if top else MARGIN / 2, _check(e.text))
        elif isinstance(e, Text):
            _set_line(canvas, e, y, size)
            y -= size * 1.65
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _set_line(canvas: Canvas, e: Text, y: float, size: float) -> None:
    canvas.saveState()
    if e.mark:
        if e.mark.look == "colour" and e.mark.chosen:
            canvas.setFillColor(RED)
        _draw(canvas, e.mark, MARGIN - 14, y - 0.5)
    canvas.setFont(BOLD if e.level or (e.mark and e.mark.look == "bold" and e.mark.chosen) else PLAIN, size)
    canvas.drawString(MARGIN, y, _check(e.text))
    canvas.restoreState()


# --- flowing text ------------------------------------------------------------------------------


class _Marked(Paragraph):  # type: ignore[misc]
    """A paragraph with a box or tick drawn in its left margin."""

    mark: Mark

    def draw(self) -> None:
        super().draw()
        _draw(self.canv, self.mark, 2, self.height - 10.5)


class _Numbered(Canvas):  # type: ignore[misc]
    """Draws header and footer when the number of pages is known."""

    document: Document

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802 - reportlab's name
        self._pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        for number, page in enumerate(self._pages, 1):
            self.__dict__.update(page)
            self.setFont(PLAIN, 7.5)
            words = {"page": number, "pages": len(self._pages)}
            self.drawString(MARGIN, HEIGHT - MARGIN / 2, self.document.header.format(**words))
            self.drawRightString(WIDTH - MARGIN, MARGIN / 2, self.document.footer.format(**words))
            super().showPage()
        super().save()


def _flowing(document: Document) -> bytes:
    buffer = io.BytesIO()
    frame = SimpleDocTemplate(
        buffer,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title=document.title,
        author="spur",
        invariant=1,
    )
    numbered = type("_Pages", (_Numbered,), {"document": document})
    frame.build([f for e in document.elements for f in _flowables(e)], canvasmaker=numbered)
    return buffer.getvalue()


def _flowables(e: Text | Table | PageBreak) -> list[Any]:
    if isinstance(e, PageBreak):
        return [FlowBreak()]
    if isinstance(e, Table):
        return [_table(e), Spacer(1, 10)]
    text = escape(_check(e.text))
    if e.mark and e.mark.chosen and e.mark.look == "bold":
        text = f"<b>{text}</b>"
    if e.mark and e.mark.chosen and e.mark.look == "colour":
        text = f'<font color="#c00000">{text}</font>'
    drawn = e.mark is not None and e.mark.look in ("box", "filled", "tick")
    bullet = None if drawn else e.number or ("•" if e.bullet else None)
    paragraph = (_Marked if drawn else Paragraph)(text, _style(e), bulletText=bullet)
    if drawn:
        paragraph.mark = e.mark
    return [paragraph]


def _style(e: Text) -> ParagraphStyle:
    listed = e.bullet or bool(e.number) or e.mark is not None
    size = 18.0 if e.role == "title" else _SIZES.get(e.level or 0, 9.5) if e.role == "heading" else 9.5
    return ParagraphStyle(
        "s",
        fontName=BOLD if e.role in ("title", "heading") else PLAIN,
        fontSize=8.0 if e.role == "caption" else size,
        leading=(8.0 if e.role == "caption" else size) * 1.35,
        spaceBefore=10 if e.role == "heading" else 0,
        spaceAfter=0 if e.tight else 3 if listed else 7,
        leftIndent=16 if listed else 0,
        bulletFontName=PLAIN,
        bulletFontSize=9.5,
        embeddedHyphenation=1,
    )


def _table(table: Table) -> Any:
    """A ruled table; its type is small enough for the longest word of every column, so that none is cut."""
    room, columns, padding = WIDTH - 2 * MARGIN, len(table.rows[0]), 3.0
    shares = (0.22, 0.78) if columns == 2 else (0.22, 0.22, 0.105, 0.175, 0.105, 0.175)
    fits = [8.0]
    for n, share in enumerate(shares):
        words = (w for row in table.rows for w in row[n].split())
        longest = max((pdfmetrics.stringWidth(w, BOLD, 1) for w in words), default=1.0)
        fits.append((room * share - 2 * padding - 0.5) / longest)
    size = min(fits)
    plain = ParagraphStyle("c", fontName=PLAIN, fontSize=size, leading=size * 1.35)
    bold = ParagraphStyle("h", parent=plain, fontName=BOLD)
    rows = [
        [Paragraph(escape(_check(c)), bold if table.head and n == 0 else plain) for c in row]
        for n, row in enumerate(table.rows)
    ]
    style = TableStyle(
        [
            ("GRID", (0, 0), (-1, -1), 0.5, colors.grey),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), padding),
            ("RIGHTPADDING", (0, 0), (-1, -1), padding),
        ]
    )
    return FlowTable(rows, colWidths=[room * s for s in shares], style=style, repeatRows=int(table.head))
