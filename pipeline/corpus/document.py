"""What a layout hands to a printer: a report as printed matter, without a file format.

A flowing document (layouts 1 and 3) is wrapped and paged by the printer. A set document (layout 2) has its
lines and pages already: every element is one physical line (`role="line"` or `"furniture"`) or a page
break.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal[
    "title", "heading", "value", "caption", "body", "item", "criterion", "scale", "line", "furniture"
]
Look = Literal["box", "filled", "tick", "bold", "colour"]  # how a scale shows which grade was chosen


@dataclass(frozen=True, slots=True)
class Mark:
    """How one line of a scale is shown: `chosen` or one of the others."""

    look: Look
    chosen: bool


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph, heading, item or physical line."""

    text: str
    role: Role = "body"
    level: int | None = None  # of a heading, from 1
    bullet: bool = False
    number: str = ""  # printed before the text, e.g. "1."
    mark: Mark | None = None
    tight: bool = False  # no space after it: the next element belongs to it


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells; the first row is a head if `head`."""

    rows: tuple[tuple[str, ...], ...]
    head: bool = True


@dataclass(frozen=True, slots=True)
class PageBreak:
    pass


Element = Text | Table | PageBreak


@dataclass(frozen=True, slots=True)
class Document:
    """`header` and `footer` stand on every page; `{page}` and `{pages}` in them are filled in.

    `width`: characters a line where the printer wraps text itself (TXT); None is one line a paragraph.
    `airy`: a blank line between any two physical lines (as some PDF-to-text tools give).
    """

    title: str
    elements: tuple[Element, ...]
    header: str = ""
    footer: str = ""
    width: int | None = None
    airy: bool = False
