"""Word: styles for headings and items, check boxes as content controls, page fields in the footer."""

from __future__ import annotations

import datetime
import io
import zipfile
from typing import Any

import docx
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Pt, RGBColor

from pipeline.corpus.document import Document, Mark, PageBreak, Table, Text

_STAMP = datetime.datetime(2024, 1, 1)  # the same input gives the same bytes
_ZIP_STAMP = (2024, 1, 1, 0, 0, 0)
_W14 = "http://schemas.microsoft.com/office/word/2010/wordml"
_STYLES = {"title": "Title", "caption": "Caption"}


def print_(document: Document) -> bytes:
    """The document as the bytes of a DOCX file."""
    word = docx.Document()
    word.core_properties.title = document.title
    word.core_properties.author = "spur"
    word.core_properties.created = word.core_properties.modified = _STAMP
    word.styles["Normal"].font.size = Pt(10.5)
    if document.header:
        word.sections[0].header.paragraphs[0].text = document.header
    if document.footer:
        _fields(word.sections[0].footer.paragraphs[0], document.footer)
    for element in document.elements:
        if isinstance(element, PageBreak):
            word.add_page_break()
        elif isinstance(element, Table):
            _table(word, element)
        else:
            _text(word, element)
    return _stable(word)


def _text(word: Any, e: Text) -> None:
    paragraph = word.add_paragraph()
    if style := _style(e):
        paragraph._p.style = style  # by id: python-docx's look-up by name takes milliseconds a paragraph
    if e.role in ("line", "furniture"):
        paragraph.paragraph_format.space_after = Pt(4)
    if e.tight:
        paragraph.paragraph_format.space_after = Pt(0)
    if e.mark:
        _sign(paragraph, e.mark)
    run = paragraph.add_run(f"{e.number} {e.text}".strip())
    if e.role == "line" and e.level:
        run.bold = True
    if e.role == "furniture":
        run.font.size = Pt(8)
    if e.mark and e.mark.chosen:
        run.bold = e.mark.look == "bold" or None
        if e.mark.look == "colour":
            run.font.color.rgb = RGBColor(0xC0, 0x00, 0x00)


def _style(e: Text) -> str | None:
    """The id of the paragraph style; None for the default."""
    if e.role == "heading":
        return f"Heading{e.level or 2}"
    return "ListBullet" if e.bullet else _STYLES.get(e.role)


def _sign(paragraph: Any, mark: Mark) -> None:
    if mark.look == "box":
        sign = "☒" if mark.chosen else "☐"
        xml = (
            f'<w:sdt {nsdecls("w")} xmlns:w14="{_W14}"><w:sdtPr><w14:checkbox>'
            f'<w14:checked w14:val="{int(mark.chosen)}"/></w14:checkbox></w:sdtPr>'
            f"<w:sdtContent><w:r><w:t>{sign}</w:t></w:r></w:sdtContent></w:sdt>"
        )
        paragraph._p.append(parse_xml(xml))
        paragraph.add_run(" ")
    elif mark.look == "filled":
        paragraph.add_run("■ " if mark.chosen else "□ ")
    elif mark.look == "tick" and mark.chosen:
        paragraph.add_run("✓ ")


def _table(word: Any, table: Table) -> None:
    grid = word.add_table(rows=0, cols=len(table.rows[0]), style="Table Grid")
    for n, row in enumerate(table.rows):
        for cell, text in zip(grid.add_row().cells, row, strict=True):
            cell.text = text
            for run in cell.paragraphs[0].runs:
                run.font.size = Pt(9)
                run.bold = True if table.head and n == 0 else None
    word.add_paragraph()


def _fields(paragraph: Any, text: str) -> None:
    """`text` with {page} and {pages} as Word's own fields."""
    for part in text.replace("{pages}", "\0NUMPAGES\0").replace("{page}", "\0PAGE\0").split("\0"):
        if part in ("PAGE", "NUMPAGES"):
            field = parse_xml(f"<w:fldSimple {nsdecls('w')}><w:r><w:t>1</w:t></w:r></w:fldSimple>")
            field.set(qn("w:instr"), part)
            paragraph._p.append(field)
        elif part:
            paragraph.add_run(part)


def _stable(word: Any) -> bytes:
    """The file with fixed times in its zip directory."""
    raw, out = io.BytesIO(), io.BytesIO()
    word.save(raw)
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            info = zipfile.ZipInfo(name, _ZIP_STAMP)
            info.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(info, source.read(name))
    return out.getvalue()
