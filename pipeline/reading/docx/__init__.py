"""DOCX: the body in document order, as Word would show it with every tracked change accepted."""

from __future__ import annotations

from pipeline.reading.docx.body import Body
from pipeline.reading.docx.container import Container
from pipeline.reading.docx.numbering import Numbering
from pipeline.reading.docx.styles import Styles
from pipeline.reading.limits import Budget
from pipeline.reading.marks import mark_signs
from pipeline.report import Page


def read(data: bytes, budget: Budget) -> tuple[Page, ...]:
    """Pages (parted by page breaks) of lines; an empty paragraph is an empty line.

    Headers, footers, notes, comments and hidden text are left out. Raises SpurError for a file that is
    damaged, encrypted, or too large when unpacked.
    """
    with Container(data, budget) as container:
        styles = Styles(container.xml("styles.xml"))
        numbering = Numbering(container.xml("numbering.xml"), styles)
        body = Body(styles, numbering, budget)
        body.read(container.document())
    return tuple(Page(n, mark_signs(lines)) for n, lines in enumerate(body.pages(), 1))
