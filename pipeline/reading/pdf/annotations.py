"""What lies upon a PDF page: form fields, highlights, free text and pen strokes."""

from __future__ import annotations

from typing import Any

from pdfminer.pdfpage import PDFPage
from pdfminer.pdftypes import PDFStream, dict_value, list_value, resolve1
from pdfminer.psparser import PSLiteral
from pdfminer.utils import decode_text

from pipeline.reading.limits import too_large_inside
from pipeline.reading.pdf.page import Glyph, PageContent, Shape, place

_MOST = 5_000  # on one page
_HIDDEN = 0b10 | 0b100000  # flags: hidden, not viewed
_PARENTS = 20


def _name(value: Any) -> str:
    value = resolve1(value)
    return str(value.name) if isinstance(value, PSLiteral) else ""


def _string(value: Any) -> str:
    value = resolve1(value)
    if isinstance(value, PDFStream):
        value = value.get_data()
    if isinstance(value, PSLiteral):
        return str(value.name)
    return decode_text(value) if isinstance(value, bytes) else value if isinstance(value, str) else ""


def _inherited(annotation: dict[str, Any], key: str) -> Any:
    """A field's property, its own or that of the field it belongs to."""
    for _ in range(_PARENTS):
        if key in annotation:
            return resolve1(annotation[key])
        parent = resolve1(annotation.get("Parent"))
        if not isinstance(parent, dict):
            return None
        annotation = parent
    return None


def _write(content: PageContent, text: str, box: tuple[float, float, float, float]) -> None:
    """Text that a field or note shows, as glyphs in its box, a row for each of its lines."""
    x0, top, x1, bottom = box
    rows = [r for r in text.replace("\r\n", "\n").replace("\r", "\n").split("\n") if r.strip()]
    height = min(12.0, (bottom - top) / max(1, len(rows)))
    for i, row in enumerate(rows):
        y = top + (bottom - top - height * len(rows)) / 2 + i * height
        width = min(0.5 * height, (x1 - x0) / max(1, len(row)))
        for j, char in enumerate(row):
            left = x0 + j * width
            content.glyphs.append(
                Glyph(
                    char, left, left + width, y, y + height, y + 0.8 * height, height, bold=False, colour=None
                )
            )


def _widget(content: PageContent, annotation: dict[str, Any], box: tuple[float, float, float, float]) -> None:
    kind = _name(_inherited(annotation, "FT"))
    if kind == "Btn":
        if "AS" in annotation or _inherited(annotation, "V") is not None:
            state = _name(annotation["AS"]) if "AS" in annotation else _name(_inherited(annotation, "V"))
            content.shapes.append(Shape("widget", *box, key=state not in ("Off", "")))
        return
    if kind in ("Tx", "Ch"):
        value = _inherited(annotation, "V")
        values = value if isinstance(value, list) else [value]
        _write(content, "\n".join(_string(v) for v in values if v is not None), box)


def _add(content: PageContent, annotation: dict[str, Any]) -> None:
    rect = [resolve1(v) for v in list_value(annotation.get("Rect"))]
    flags = resolve1(annotation.get("F", 0))
    if len(rect) != 4 or not all(isinstance(v, int | float) for v in rect):
        return
    if isinstance(flags, int) and flags & _HIDDEN:
        return
    box, subtype = place(content, rect), _name(annotation.get("Subtype"))
    if subtype == "Widget":
        _widget(content, annotation, box)
    elif subtype == "FreeText":
        _write(content, _string(annotation.get("Contents")), box)
    elif subtype == "Highlight":
        content.shapes.append(Shape("highlight", *box))
    elif subtype in ("Ink", "Circle", "Stamp", "Polygon", "PolyLine", "Line"):
        content.shapes.append(Shape("path", *box, stroke=True))


def add_annotations(content: PageContent, page: PDFPage) -> None:
    """Adds to the page what its annotations show: a form's text as glyphs, its ticks as shapes."""
    annotations = list_value(page.annots) if page.annots else []
    if len(annotations) > _MOST:
        raise too_large_inside()
    for annotation in annotations:
        _add(content, dict_value(annotation))
