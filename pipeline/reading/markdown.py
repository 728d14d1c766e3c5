"""Markdown, lightly: marks of headings, lists, emphasis and tables are taken off, lines stay as they are.

Line by line and on purpose not a renderer: much that is called Markdown is plain text, where a paragraph's
lines and the blank ones between them tell the parser more than a syntax tree would.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace

from pipeline.reading import text
from pipeline.reading.characters import normalise
from pipeline.reading.limits import Budget
from pipeline.reading.marks import mark_signs
from pipeline.report import Line, Page

_HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.*?)(?:\s+#+)?$")
_UNDERLINE = re.compile(r"^ {0,3}(=+|-{2,})$")
_RULE = re.compile(r"^ {0,3}(?:(?:\*\s*){3,}|(?:-\s*){3,}|(?:_\s*){3,})$")
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)[\w-]*$")
_QUOTE = re.compile(r"^ {0,3}(?:>\s?)+")
_BULLET = re.compile(r"^\s*[-*+•]\s+(?=\S)")
_NUMBER = re.compile(r"^\s*\d{1,3}[.)]\s+(?=\S)")
_ROW = re.compile(r"^\s*\|.*\|$")
_RULED = re.compile(r"^\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?$")
_COMMENT = re.compile(r"<!--.*?-->")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\((?:[^()\s]*)(?:\s+\"[^\"]*\")?\)")
_BREAK = re.compile(r"<br\s*/?>", re.I)
_TAGS = re.compile(r"</?(?:b|i|u|em|strong|sup|sub|span|mark|font|p|div|center)\b[^<>]*>", re.I)
_STRONG = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")
_EMPHASIS = re.compile(
    r"(?<![\w*])\*(?=[^\s*])([^*]+?)(?<=[^\s*])\*(?![\w*])|(?<![\w_])_(?=[^\s_])([^_]+?)(?<=[^\s_])_(?![\w_])"
)
_CODE = re.compile(r"(`+)(.+?)\1")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_ALL_BOLD = re.compile(r"^(?:\*\*|__)(?=\S).*(?<=\S)(?:\*\*|__)[:.]?$")
_HOLD = 0xE000  # escaped characters wait in the private use area while the marks are taken off


def plain(line: str) -> str:
    """The text of a line without the marks inside it."""
    line = _ESCAPE.sub(lambda m: chr(_HOLD + ord(m[1])), line)
    line = _CODE.sub(r"\2", _LINK.sub(r"\1", _COMMENT.sub("", line)))
    line = _EMPHASIS.sub(lambda m: m[1] or m[2], _STRONG.sub(r"\2", _STRONG.sub(r"\2", _TAGS.sub("", line))))
    line = re.sub("[\ue020-\ue07f]", lambda m: chr(ord(m[0]) - _HOLD), line.removesuffix("\\"))
    return normalise(html.unescape(line)) if "&" in line else line


def _whole_bold(line: str) -> bool:
    return bool(_ALL_BOLD.match(line)) and not _STRONG.sub("", line).strip(" :.")


def _simple(raw: str) -> Iterator[Line]:
    """A line that is neither heading nor table; more where it holds <br>."""
    raw = _QUOTE.sub("", raw)
    sign = _BULLET.match(raw)
    bullet = bool(sign or _NUMBER.match(raw))
    for i, part in enumerate(_BREAK.split(raw[sign.end() :] if sign else raw)):
        yield Line(plain(part), bold=_whole_bold(part.strip()), bullet=bullet and i == 0)


def _row(raw: str, table: int, row: int) -> Iterator[Line]:
    for column, cell in enumerate(re.split(r"(?<!\\)\|", raw.strip().strip("|"))):
        for part in _BREAK.split(cell.strip()):
            yield replace(next(_simple(part), Line("")), cell=(table, row, column), paragraph_end=True)


def _lines(raw: list[str]) -> Iterator[Line]:
    table, row = -1, None
    for i, line in enumerate(raw):
        if _ROW.match(line) or (row is not None and _RULED.match(line) and "|" in line):
            if not _RULED.match(line):
                table, row = (table + 1, 0) if row is None else (table, row + 1)
                yield from _row(line, table, row)
            continue
        row = None
        before = raw[i - 1] if i else ""
        after = _UNDERLINE.match(raw[i + 1]) if i + 1 < len(raw) else None
        if heading := _HEADING.match(line):
            yield Line(plain(heading[2]), heading=len(heading[1]), paragraph_end=True)
        elif _UNDERLINE.match(line) and before.strip() and not _UNDERLINE.match(before):
            continue  # it has made the line before it a heading
        elif _FENCE.match(line) or _RULE.match(line):
            yield Line("")
        elif after and line.strip() and not _BULLET.match(line):
            yield Line(plain(line), heading=1 if after[1][0] == "=" else 2, paragraph_end=True)
        else:
            yield from _simple(line)


def read(data: bytes, budget: Budget) -> tuple[Page, ...]:
    """Lines with heading levels, list items and whole lines in bold; blank lines stay.

    A list's sign goes (`bullet` tells of it), a number stays. Raises SpurError for what is no text.
    """
    read_pages = text.pages(text.decode(data), budget)
    return tuple(Page(n, mark_signs(tuple(_lines(lines)))) for n, lines in enumerate(read_pages, 1))
