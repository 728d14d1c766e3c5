"""Dates as reports write them, and as ISO where they are told to the day."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping

_NUMERIC = re.compile(
    r"(?<![\d.:/-])(?P<y>(?:19|20)\d\d)[-./–\s]?(?P<m>\d\d)[-./–\s]?(?P<d>\d\d)(?![\d:])(?!-\d)"
)
_SHORT = re.compile(r"(?<![\d.:/-])(?P<y>\d\d)-?(?P<m>\d\d)-?(?P<d>\d\d)(?![\d:/-])")
_REVERSED = re.compile(r"(?<![\d.:/-])(?P<d>\d{1,2})[/.](?P<m>\d{1,2})[\s/.-]+(?P<y>(?:19|20)\d\d)(?!\d)")


def _words(months: Mapping[str, int]) -> re.Pattern[str]:
    names = "|".join(f"{m[:3]}(?:{m[3:]}|{m[3:4]})?\\.?" if len(m) > 3 else m for m in months)
    return re.compile(
        rf"(?<!\d)(?P<d>\d{{1,2}})(?::?[ae]|\.)?(?:\s*[-–]\s*\d{{1,2}})?\s+(?P<m>{names})\s+(?P<y>(?:19|20)\d\d)",
        re.I,
    )


def days(text: str, months: Mapping[str, int]) -> list[str]:
    """All dates of a text that are told to the day, as ISO, in order and without those that no calendar has."""
    return _find(text, months)[0]


def _find(text: str, months: Mapping[str, int]) -> tuple[list[str], str]:
    """The dates, and the text without them."""
    found: list[tuple[int, str]] = []
    taken: list[range] = []
    for pattern in (_NUMERIC, _words(months), _REVERSED, _SHORT):
        for m in pattern.finditer(text):
            span = range(m.start(), m.end())
            if any(m.start() in t or m.end() - 1 in t for t in taken):
                continue
            if iso := _iso(m["y"], m["m"], m["d"], months):
                found.append((m.start(), iso))
                taken.append(span)
    rest = "".join(c for i, c in enumerate(text) if not any(i in t for t in taken))
    return [iso for _, iso in sorted(found)], rest


def _iso(year: str, month: str, day: str, months: Mapping[str, int]) -> str | None:
    number = (
        int(month)
        if month.isdigit()
        else next(n for m, n in months.items() if m.startswith(month[:3].lower()))
    )
    try:
        date = datetime.date(int(year) + (2000 if len(year) == 2 else 0), number, int(day))
    except ValueError:
        return None
    return date.isoformat() if 1990 <= date.year <= 2079 else None


def day(text: str, months: Mapping[str, int]) -> str | None:
    """The one date that a text tells to the day; None where it tells none, several different ones, or also a time less
    exact («1) under hela 2024 2) 2024-12-31»)."""
    found, rest = _find(text, months)
    other = re.search(r"(?<!\d)(?:19|20)\d\d(?!\d)", rest) or any(m in rest.lower() for m in months)
    return found[0] if len(set(found)) == 1 and not other else None
