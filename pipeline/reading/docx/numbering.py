"""Lists of Word: which paragraphs are items, and the label that Word would print before a numbered one."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

from pipeline.reading.docx.names import W, child, number, val
from pipeline.reading.docx.styles import Styles

_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"),
          (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip
_MOST = 3999  # beyond it roman numerals have no form, and a hostile start value would make a long label


def _roman(n: int) -> str:
    out = ""
    for value, letters in _ROMAN:
        out += letters * (n // value)
        n %= value
    return out


def _letters(n: int) -> str:
    """a … z, aa, bb …"""
    return "" if n < 1 else chr(97 + (n - 1) % 26) * min((n - 1) // 26 + 1, 9)


def _label(n: int, form: str) -> str:
    n = max(0, min(n, _MOST))
    if form.endswith("Roman"):
        return _roman(n).upper() if form.startswith("upper") else _roman(n)
    if form.endswith("Letter"):
        return _letters(n).upper() if form.startswith("upper") else _letters(n)
    return "" if form in ("none", "bullet") else str(n)


class Numbering:
    """Counts along the document; ask `item` once for each paragraph, in order."""

    def __init__(self, root: Any | None, styles: Styles) -> None:
        self._styles = styles
        self._levels: dict[str, dict[int, Any]] = {}
        self._abstract: dict[str, str] = {}
        self._starts: dict[tuple[str, int], int] = {}
        self._counts: dict[str, dict[int, int]] = defaultdict(dict)
        self._started: set[str] = set()
        for abstract in [] if root is None else root.findall(W + "abstractNum"):
            levels = {number(x.get(W + "ilvl")): x for x in abstract.findall(W + "lvl")}
            self._levels[abstract.get(W + "abstractNumId", "")] = levels
        for num in [] if root is None else root.findall(W + "num"):
            num_id = num.get(W + "numId", "")
            self._abstract[num_id] = val(child(num, "abstractNumId")) or ""
            for override in num.findall(W + "lvlOverride"):
                if (start := child(override, "startOverride")) is not None:
                    self._starts[num_id, number(override.get(W + "ilvl"))] = number(val(start), 1)

    def item(self, ppr: Any | None) -> tuple[bool, str]:
        """Whether the paragraph is a list item, and its label ("A.", "2.1"; "" for a bullet)."""
        numpr = self._styles.paragraph(ppr, "numPr")
        num_id = val(child(numpr, "numId")) or "0"
        if numpr is None or num_id == "0" or num_id not in self._abstract:
            return False, ""
        level = number(val(child(numpr, "ilvl")))
        levels = self._levels.get(self._abstract[num_id], {})
        if level not in levels:
            return True, ""
        self._count(num_id, level, levels)
        return True, self._text(num_id, level, levels)

    def _count(self, num_id: str, level: int, levels: dict[int, Any]) -> None:
        abstract = self._abstract[num_id]
        counts = self._counts[abstract]
        if num_id not in self._started:
            self._started.add(num_id)
            for (n, lv), start in self._starts.items():
                if n == num_id:
                    counts[lv] = start - 1
        counts[level] = counts.get(level, number(val(child(levels[level], "start")), 1) - 1) + 1
        for deeper in [k for k in counts if k > level]:
            del counts[deeper]

    def _text(self, num_id: str, level: int, levels: dict[int, Any]) -> str:
        counts = self._counts[self._abstract[num_id]]
        if val(child(levels[level], "numFmt")) in ("bullet", "none"):
            return ""

        def one(match: re.Match[str]) -> str:
            k = int(match[1]) - 1
            form = val(child(levels[k], "numFmt")) if k in levels else None
            return _label(counts.get(k, 1), form or "decimal")

        return re.sub("%([1-9])", one, val(child(levels[level], "lvlText")) or "")
