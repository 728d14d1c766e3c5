"""PDF: lines with coordinates, look and drawn marks, read within bounds."""

from __future__ import annotations

import io
import logging
import re
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pdfminer.pdfdocument import (
    PDFDocument,
    PDFEncryptionError,
    PDFNoValidXRef,
    PDFPasswordIncorrect,
)
from pdfminer.pdfexceptions import PDFException
from pdfminer.pdfinterp import PDFResourceManager
from pdfminer.pdfpage import PDFPage
from pdfminer.psexceptions import PSException

from pipeline.reading.characters import REPLACEMENT
from pipeline.reading.limits import Budget
from pipeline.reading.marks import mark_signs
from pipeline.reading.pdf.annotations import add_annotations
from pipeline.reading.pdf.bounded import BoundedParser
from pipeline.reading.pdf.layout import PlacedLine, lines
from pipeline.reading.pdf.marks import Sighting, decide, sight
from pipeline.reading.pdf.page import PageContent, draw
from pipeline.reading.sniff import damaged, encrypted
from pipeline.report import Line, Page, SpurError

SCANNED = 40  # letters a page below which an image over the page means a scan with a stamp or page number
_OCR = "OCR-behandla den (t.ex. med OCRmyPDF eller Adobe Acrobat) och försök igen"
# What pdfminer is known to raise on broken files, beside its own exceptions
_BROKEN = (
    PDFException, PSException, ValueError, TypeError, KeyError, IndexError, AttributeError, AssertionError,
    ArithmeticError, NotImplementedError, RecursionError, EOFError, struct.error,
)  # fmt: skip


def _complete(data: bytes) -> bool:
    """Whether the file's end is there: the last object stands before the last end mark."""
    return max(data.rfind(b"%%EOF"), data.rfind(b"startxref")) > data.rfind(b"endobj")


def _open(data: bytes, budget: Budget) -> PDFDocument:
    if not _complete(data):
        raise damaged("PDF-filen")
    try:
        return PDFDocument(BoundedParser(io.BytesIO(data), budget))
    except (PDFPasswordIncorrect, PDFEncryptionError) as e:
        raise encrypted() from e
    except PDFNoValidXRef as e:
        raise damaged("PDF-filen") from e


def _contents(document: PDFDocument, budget: Budget) -> Iterator[PageContent]:
    resources = PDFResourceManager()
    for number, page in enumerate(PDFPage.create_pages(document), 1):
        budget.check_page(number)
        content = draw(page, resources, budget)
        add_annotations(content, page)
        budget.spend_characters(sum(len(g.text) for g in content.glyphs))
        yield content


def _usual_colour(placed: list[list[PlacedLine]]) -> str | None:
    """The colour of most text in the file."""
    counts: Counter[str | None] = Counter()
    for page in placed:
        for line in page:
            counts[line.line.colour] += len(line.line.text)
    return counts.most_common(1)[0][0] if counts else None


def _require_text(placed: list[list[PlacedLine]], scans: list[bool]) -> None:
    """Refuses a file whose text is in its images, or whose fonts do not tell which letters they show."""
    sizes = [sum(len(re.findall(r"\w", p.line.text)) for p in page) for page in placed]
    text = "".join(p.line.text for page in placed for p in page)
    if not re.search(r"[^\W_]", text):
        raise SpurError(f"PDF-filen saknar text (inskannad bild?): {_OCR}")
    if scans and all(scan and size < SCANNED for scan, size in zip(scans, sizes, strict=True)):
        raise SpurError(f"PDF-filen är inskannad och saknar text: {_OCR}")
    if text.count(REPLACEMENT) > 0.3 * len(re.sub(r"\s", "", text)):
        raise SpurError(f"PDF-filens teckensnitt går inte att tolka som text: spara om den, eller {_OCR}")


def _read(data: bytes, budget: Budget) -> tuple[Page, ...]:
    placed: list[list[PlacedLine]] = []
    sightings: list[Sighting] = []
    scans: list[bool] = []
    count = 0
    for content in _contents(_open(data, budget), budget):
        page = lines(content)
        sightings += sight(content, page, first=count)
        count += len(page)
        placed.append(page)
        scans.append(content.scanned)
    if not placed:
        raise damaged("PDF-filen")
    _require_text(placed, scans)
    usual, marked = _usual_colour(placed), decide(sightings, count)
    pages, at = [], 0
    for number, page in enumerate(placed, 1):
        finished: list[Line] = []
        for p in page:
            colour = None if p.line.colour == usual else p.line.colour
            finished.append(replace(p.line, colour=colour, marked=p.line.marked or marked[at]))
            at += 1
        pages.append(Page(number, mark_signs(finished)))
    return tuple(pages)


def read(data: bytes, budget: Budget) -> tuple[Page, ...]:
    """Pages of lines in reading order.

    Raises SpurError for a file that is encrypted, damaged, scanned, or beyond the limits. What a hostile
    file can make the PDF library do is bounded here in bytes, glyphs and time; for files from strangers use
    `read_isolated`, which bounds memory too.
    """
    # without a handler the library's warnings on odd files would land on the user's terminal
    logger: Any = logging.getLogger("pdfminer")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    try:
        return _read(data, budget)
    except _BROKEN as e:
        raise damaged("PDF-filen") from e
