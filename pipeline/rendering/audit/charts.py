"""Places and lengths for the page's charts; the drawing is SVG in `templates/audit/charts.html.j2`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.audit.overview import Share, Shortfall
from pipeline.audit.severity import Pair

_LINES = 5
_YEARS = 2


@dataclass(frozen=True, slots=True)
class Line:
    """A criterion's share by year: points (x, y) in the unit square, y upwards; `style` of the line and its marks."""

    name: str
    style: int
    points: tuple[tuple[float, float], ...]


def spread(pairs: Sequence[Pair]) -> float:
    """Half the width of the severity chart, in steps: a half step or more, rounded up to a tenth."""
    most = max((abs(v) for p in pairs for v in (*p.interval, p.shrunk)), default=0.5)
    return max(0.5, math.ceil(most * 10) / 10)


def lines(
    compared: Mapping[str, Mapping[str, Share]], shortfalls: Sequence[Shortfall]
) -> tuple[list[str], list[Line]]:
    """(years, lines) of the commonest criteria; nothing where fewer than two years are known."""
    years = [y for y in sorted(compared) if y.isdecimal()]
    if len(years) < _YEARS:
        return [], []
    first, last = int(years[0]), int(years[-1])
    out = []
    for n, s in enumerate(shortfalls[:_LINES]):
        shares = ((y, compared[y][s.criterion]) for y in years)
        points = tuple(((int(y) - first) / (last - first), x.hits / x.of) for y, x in shares if x.of)
        out.append(Line(s.criterion, n, points))
    return years, out
