"""From glyphs to lines in reading order: rows, columns, cells of ruled tables."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from pipeline.reading.characters import ACCENTS, normalise
from pipeline.reading.pdf.page import ASLANT, Glyph, PageContent, Shape
from pipeline.reading.pdf.tables import Cell, cells
from pipeline.report import Line

Row = list[Glyph]  # from left to right

SAME_ROW = 0.4  # of the larger size: how far baselines in a row lie apart (raised figures)
SPACE = 0.17  # of the size: a gap between words where the file has no space characters
SPACE_BESIDE_SPACES = 0.3  # where it has
GUTTER = 8.0  # points: least room between two columns
COLUMN_WIDTH = 60.0  # points: least width of the left column
COLUMN_ROWS = 5  # least rows of a column
COLUMN_CHARACTERS = 18  # least mean length of its rows; shorter ones are labels beside values
MOST_SPLITS = 3


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """A line with where it ends and the band in which a mark beside it belongs to it."""

    line: Line
    x1: float
    band: tuple[float, float]


def _rotate(
    angle: int, width: float, height: float, box: tuple[float, float, float, float]
) -> tuple[float, ...]:
    """A box on a page that is turned so that writing at an angle runs to the right."""
    x0, top, x1, bottom = box
    if angle == 90:
        return height - bottom, x0, height - top, x1
    if angle == 270:
        return top, width - x1, bottom, width - x0
    return width - x1, height - bottom, width - x0, height - top


def _turn(content: PageContent, angle: int, glyphs: Sequence[Glyph]) -> list[Glyph]:
    out = []
    for g in glyphs:
        box = _rotate(angle, content.width, content.height, (g.x0, g.top, g.x1, g.bottom))
        x0, top, x1, bottom = box
        size = bottom - top
        out.append(
            replace(g, x0=x0, top=top, x1=x1, bottom=bottom, base=bottom - 0.2 * size, size=size, angle=0)
        )
    return out


def _turn_shapes(content: PageContent, angle: int) -> list[Shape]:
    out = []
    for s in content.shapes:
        x0, top, x1, bottom = _rotate(angle, content.width, content.height, (s.x0, s.top, s.x1, s.bottom))
        out.append(replace(s, x0=x0, top=top, x1=x1, bottom=bottom))
    return out


def rows(glyphs: Sequence[Glyph]) -> list[Row]:
    """Glyphs on a common baseline, from the top; each row from left to right, doubled glyphs once."""
    out: list[Row] = []
    base = size = 0.0
    for g in sorted(glyphs, key=lambda g: (g.base, g.x0)):
        if not out or g.base - base > SAME_ROW * max(size, g.size):
            out.append([])
            base = size = 0.0
        out[-1].append(g)
        if g.size > size and not g.text.isspace():
            base, size = g.base, g.size
        elif len(out[-1]) == 1:
            base = g.base
    cleaned = [_once(sorted(row, key=lambda g: g.x0)) for row in out]
    return [row for row in cleaned if any(not g.text.isspace() for g in row)]


def _once(row: Row) -> Row:
    """Without glyphs that are drawn twice in one place to look bold."""
    out: Row = []
    for g in row:
        near = next((i for i in range(len(out) - 1, max(-1, len(out) - 4), -1) if _same(out[i], g)), None)
        if near is None:
            out.append(g)
        elif not g.text.isspace():
            out[near] = replace(out[near], bold=True)
    return out


def _same(a: Glyph, b: Glyph) -> bool:
    return a.text == b.text and abs(a.x0 - b.x0) < 0.12 * b.size and abs(a.base - b.base) < 0.12 * b.size


def _accented(row: Row) -> Row:
    """With an accent that is drawn over a letter put onto it."""
    if not any(g.text in ACCENTS for g in row):
        return row
    out = list(row)
    for g in [g for g in row if g.text in ACCENTS]:
        i = next(k for k, x in enumerate(out) if x is g)
        near = [x for x in out[max(0, i - 1) : i + 2] if x is not g and x.text.isalpha()]
        over = max(near, key=lambda x: min(x.x1, g.x1) - max(x.x0, g.x0), default=None)
        if over is not None and min(over.x1, g.x1) - max(over.x0, g.x0) > 0.5 * (g.x1 - g.x0):
            k = next(k for k, x in enumerate(out) if x is over)
            out[k] = replace(over, text=over.text + ACCENTS[g.text], x1=max(over.x1, g.x1))
            del out[i]
    return out


def _words(row: Row) -> list[Row]:
    share = SPACE_BESIDE_SPACES if any(g.text.isspace() for g in row) else SPACE
    words: list[Row] = []
    last: Glyph | None = None
    for g in row:
        if g.text.isspace():
            last = None
            continue
        if last is None or g.x0 - last.x1 > share * min(g.size, last.size):
            words.append([])
        words[-1].append(g)
        last = g
    return words


def _unspaced(words: list[Row]) -> list[Row]:
    """Letters that are spaced out («S T Y R K O R») joined to words."""
    single = [w for w in words if len(w) == 1 and w[0].text.isalpha()]
    letters = [w[0].text for w in single]
    if len(single) < 6 or len(single) < 0.7 * len(words) or letters == sorted(letters):
        return words
    flat = [g for w in words for g in w]
    usual = statistics.median(b.x0 - a.x1 for a, b in pairwise(flat))
    if usual > flat[0].size:
        return words  # columns of letters
    out = [[flat[0]]]
    for a, b in pairwise(flat):
        if b.x0 - a.x1 > 1.7 * usual + 0.5:
            out.append([])
        out[-1].append(b)
    return out


def _line(row: Row, cell: tuple[int, int, int] | None = None) -> Line:
    row = _accented(row)
    words = _unspaced(_words(row))
    solid = [g for w in words for g in w]
    sizes = Counter(round(g.size, 1) for g in solid)
    colour, most = Counter(g.colour for g in solid).most_common(1)[0]
    return Line(
        normalise(" ".join("".join(g.text for g in w) for w in words)).strip(),
        x0=round(min(g.x0 for g in solid), 2),
        top=round(min(g.top for g in solid), 2),
        bottom=round(max(g.bottom for g in solid), 2),
        size=sizes.most_common(1)[0][0],
        bold=sum(g.bold for g in solid) >= 0.9 * len(solid),
        colour=colour if most > 0.6 * len(solid) else None,
        cell=cell,
    )


# --- columns -----------------------------------------------------------------------------------


def _solid(row: Row) -> Row:
    return [g for g in row if not g.text.isspace()]


def _gaps(row: Row) -> list[tuple[float, float]]:
    """Gaps wide enough to be a gutter."""
    out, right = [], row[0].x1
    for g in row[1:]:
        if g.x0 - right > GUTTER:
            out.append((right, g.x0))
        right = max(right, g.x1)
    return out


def _side(extent: tuple[float, float], gaps: list[tuple[float, float]], x: float) -> str:
    """Where a row lies: left (L) or right (R) of x, on both sides (B), or across (X)."""
    half = GUTTER / 2
    if extent[1] <= x - half:
        return "L"
    if extent[0] >= x + half:
        return "R"
    return "B" if any(a <= x - half and b >= x + half for a, b in gaps) else "X"


def _is_split(part: Sequence[Row], sides: Sequence[str], x: float) -> bool:
    left = [[g for g in r if g.x1 <= x] for r, s in zip(part, sides, strict=True) if s in "LB"]
    right = [[g for g in r if g.x0 >= x] for r, s in zip(part, sides, strict=True) if s in "RB"]
    if min(len(left), len(right)) < COLUMN_ROWS:
        return False
    if min(statistics.mean(map(len, left)), statistics.mean(map(len, right))) < COLUMN_CHARACTERS:
        return False
    tops = [r[0].base for r in right]
    beside = sum(any(abs(r[0].base - t) < 1.2 * r[0].size for t in tops) for r in left)
    return beside >= COLUMN_ROWS


def _gutter(part: Sequence[Row]) -> tuple[int, int, float] | None:
    """First and last+1 row of the longest run of rows with a common gutter, and its place."""
    gaps = [_gaps(r) for r in part]
    extents = [(r[0].x0, max(g.x1 for g in r)) for r in part]
    edge = min((x0 for x0, _ in extents), default=0.0)
    starts = [b for row in gaps for _, b in row] + [x0 for x0, _ in extents if x0 > edge + COLUMN_WIDTH]
    candidates = {round(x - GUTTER / 2 - 0.5) for x in starts} | {
        round((a + b) / 2) for row in gaps for a, b in row
    }
    best: tuple[int, int, float] | None = None
    for x in candidates if len(candidates) < 400 else ():
        sides = [_side(e, g, x) for e, g in zip(extents, gaps, strict=True)]
        start = 0
        for i in range(len(part) + 1):
            if i < len(part) and sides[i] != "X":
                continue
            longer = best is None or i - start > best[1] - best[0]
            if longer and i - start >= COLUMN_ROWS and _is_split(part[start:i], sides[start:i], x):
                best = (start, i, x)
            start = i + 1
    return best


def ordered(part: Sequence[Row], splits: int = MOST_SPLITS) -> list[Row]:
    """Rows in reading order: where text stands in two columns, the left one first."""
    found = _gutter([_solid(r) for r in part]) if splits and len(part) >= COLUMN_ROWS else None
    if found is None:
        return list(part)
    start, end, x = found
    left = [[g for g in r if g.x0 < x] for r in part[start:end]]
    right = [[g for g in r if g.x0 >= x] for r in part[start:end]]
    return [
        *ordered(part[:start], splits - 1),
        *ordered([r for r in left if _solid(r)], splits - 1),
        *ordered([r for r in right if _solid(r)], splits - 1),
        *ordered(part[end:], splits - 1),
    ]


# --- pages -------------------------------------------------------------------------------------


def _free(row: Row) -> PlacedLine:
    line = _line(row)
    return PlacedLine(line, max(g.x1 for g in row), (min(g.top for g in row), max(g.bottom for g in row)))


def _table(table: Sequence[Cell], held: Sequence[Sequence[Glyph]]) -> Iterator[PlacedLine]:
    """Lines of a table, cell by cell; a mark in a row of the table belongs to all its lines."""
    bands: dict[int, tuple[float, float]] = {}
    for c in table:
        top, bottom = bands.get(c.row, (c.top, c.bottom))
        bands[c.row] = min(top, c.top), max(bottom, c.bottom)
    for cell, glyphs in sorted(zip(table, held, strict=True), key=lambda p: (p[0].row, p[0].column)):
        place = (cell.table, cell.row, cell.column)
        made = [(_line(r, place), max(g.x1 for g in r)) for r in rows(glyphs)]
        if not made:
            empty = Line("", x0=cell.x0, top=cell.top, bottom=cell.bottom, cell=place, paragraph_end=True)
            made = [(empty, cell.x0)]
        for i, (line, x1) in enumerate(made):
            yield PlacedLine(replace(line, paragraph_end=i == len(made) - 1), x1, bands[cell.row])


def _holder(glyph: Glyph, grid: Sequence[Cell]) -> int | None:
    x, y = (glyph.x0 + glyph.x1) / 2, (glyph.top + glyph.bottom) / 2
    inside = [i for i, c in enumerate(grid) if c.x0 <= x <= c.x1 and c.top <= y <= c.bottom]
    return min(inside, key=lambda i: grid[i].area, default=None)


def _upright(content: PageContent) -> tuple[list[Glyph], list[Row]]:
    """Glyphs at the angle of most, the page turned to it, and rows of the others."""
    counts = Counter(g.angle for g in content.glyphs if g.angle != ASLANT and not g.text.isspace())
    main = counts.most_common(1)[0][0] if counts else 0
    by_angle: dict[int, list[Glyph]] = {main: []}
    for g in content.glyphs:
        by_angle.setdefault(g.angle, []).append(g)
    aslant = by_angle.pop(ASLANT, [])
    turned = {a: _turn(content, a, g) if a else g for a, g in by_angle.items()}
    if main:
        content.shapes = _turn_shapes(content, main)
    others = [row for a, group in sorted(turned.items()) if a != main for row in rows(group)]
    return turned[main], [*others, *([aslant] if _solid(aslant) else [])]


def lines(content: PageContent) -> list[PlacedLine]:
    """The page's lines in reading order; writing at another angle than the page's comes last."""
    main, others = _upright(content)
    grid = cells(content.shapes)
    held: list[list[Glyph]] = [[] for _ in grid]
    free: list[Glyph] = []
    for g in main:
        i = _holder(g, grid) if grid else None
        (free if i is None else held[i]).append(g)
    flow = [_free(r) for r in ordered(rows(free))]
    tables = sorted({c.table for c in grid}, key=lambda t: min(c.top for c in grid if c.table == t))
    for t in tables:
        of = [i for i, c in enumerate(grid) if c.table == t]
        block = list(_table([grid[i] for i in of], [held[i] for i in of]))
        if all(not p.line.text for p in block):
            continue
        top = min(grid[i].top for i in of)
        at = next((k for k, p in enumerate(flow) if not p.line.cell and p.band[0] > top), len(flow))
        flow[at:at] = block
    flow += [_free(r) for r in others]
    return [p for p in flow if p.line.text or p.line.cell]
