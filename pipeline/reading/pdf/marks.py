"""Drawn marks: ticks, crosses, filled boxes, small images and highlights beside or behind lines."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.reading.marks import NEIGHBOURS, odd_ones
from pipeline.reading.pdf.layout import PlacedLine
from pipeline.reading.pdf.page import RGB, PageContent, Shape

SMALLEST, LARGEST = 2.5, 26.0  # points: a sign's side
RING = (120.0, 30.0)  # points: largest width and height of a ring drawn round a letter or word
SAME_PLACE = 5.0  # points: signs in one column of signs
MOST_SIGNS = 1_000  # on one page; beyond it they are a drawing
MOST_SHAPES = 10_000
PANEL = 0.2  # of the page's height from which a filled rectangle is a background, not a highlight
WHITE = 0.93  # brightness from which a filling is not seen


State = Literal["mark", "filled", "empty", "image"]


@dataclass(frozen=True, slots=True)
class Sighting:
    """A sign beside line number `line` of the file (from 0)."""

    line: int
    kind: State
    x: float
    key: object = None


def _bright(colour: RGB | None) -> float:
    return 1.0 if colour is None else 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]


def _is_sign(s: Shape) -> bool:
    return SMALLEST <= max(s.width, s.height) <= LARGEST and max(s.width, s.height) < 3.5 * max(
        1.0, min(s.width, s.height)
    )


def _inside(a: Shape, b: Shape) -> bool:
    slack = 0.5
    return (
        b.x0 - slack <= a.x0
        and a.x1 <= b.x1 + slack
        and b.top - slack <= a.top
        and a.bottom <= b.bottom + slack
    )


def _owner(s: Shape, page: Sequence[PlacedLine]) -> list[int]:
    """Lines whose band holds the sign's middle; of several in one flow the nearest, all of a table's row."""
    y = (s.top + s.bottom) / 2
    found = [i for i, p in enumerate(page) if p.line.text and p.band[0] - 2 <= y <= p.band[1] + 2]
    if not found:
        return []

    def off(i: int) -> tuple[float, float]:
        p = page[i]
        across = max(0.0, (p.line.x0 or 0.0) - s.x1, s.x0 - p.x1)
        return abs((p.band[0] + p.band[1]) / 2 - y), across

    nearest = min(found, key=off)
    cell = page[nearest].line.cell
    if cell is None:
        return [nearest]
    return [i for i in found if (page[i].line.cell or ())[:2] == cell[:2]]


def _outlines(s: Shape, signs: Sequence[Shape]) -> bool:
    """Whether a filled shape is a ring or frame: another of its kind lies within, as its inner edge."""
    return any(
        o is not s and o.kind == s.kind and o.fill is not None and _inside(o, s) and o.width > 0.5 * s.width
        for o in signs
    )


def _state(s: Shape, signs: Sequence[Shape]) -> State:
    if s.kind == "widget":
        return "mark" if s.key else "empty"
    if s.kind == "image":
        return "image"
    if s.kind not in ("rect", "round"):
        return "mark"
    unseen = s.fill is None or _bright(s.fill) > WHITE
    return "empty" if unseen or _outlines(s, signs) else "filled"


def _is_ring(s: Shape, content: PageContent) -> bool:
    """Whether a curve is drawn round glyphs."""
    if s.kind not in ("round", "path") or s.fill is not None or s.width > RING[0] or s.height > RING[1]:
        return False
    return any(
        s.x0 < (g.x0 + g.x1) / 2 < s.x1 and s.top < (g.top + g.bottom) / 2 < s.bottom
        for g in content.glyphs
        if not g.text.isspace()
    )


def _signs(content: PageContent) -> list[tuple[Shape, State]]:
    """Signs with their state; of a frame drawn as two outlines only the outer one."""
    small = [s for s in content.shapes if s.kind not in ("line", "highlight") and _is_sign(s)]
    curves = [s for s in content.shapes if s.kind in ("round", "path") and s.height >= SMALLEST]
    if max(len(small), len(curves)) > MOST_SIGNS:
        return []
    rings = [s for s in curves if _is_ring(s, content)]
    round_glyphs = {id(s) for s in rings}
    signs = [s for s in small if id(s) not in round_glyphs]
    inner = {id(o) for s in signs for o in signs if s.fill is not None and o is not s and _outlines(s, [o])}
    out: list[tuple[Shape, State]] = [(s, "mark") for s in rings]
    return out + [(s, _state(s, signs)) for s in signs if id(s) not in inner]


def _behind(s: Shape, page: Sequence[PlacedLine], height: float) -> list[int]:
    """Lines that a filled rectangle or a highlight lies behind."""
    filled = s.kind == "highlight" or (s.kind == "rect" and s.fill is not None and _bright(s.fill) < WHITE)
    if not filled or s.height > PANEL * height or s.height < 4:
        return []
    out = []
    for i, p in enumerate(page):
        line = p.line
        if line.x0 is None or line.top is None or line.bottom is None or not line.text:
            continue
        across = min(s.x1, p.x1) - max(s.x0, line.x0)
        down = min(s.bottom, line.bottom) - max(s.top, line.top)
        if across > 0.6 * (p.x1 - line.x0) and down > 0.6 * (line.bottom - line.top):
            out.append(i)
    return out


def sight(content: PageContent, page: Sequence[PlacedLine], first: int) -> list[Sighting]:
    """Signs beside and behind the page's lines, whose numbers in the file start at `first`."""
    out: list[Sighting] = []
    if len(content.shapes) > MOST_SHAPES:
        return out
    for s, state in _signs(content):
        out += [Sighting(first + i, state, s.x0, s.key) for i in _owner(s, page)]
    behind = [i for s in content.shapes for i in _behind(s, page, content.height)]
    if len(set(behind)) <= 0.5 * max(8, len(page)):
        out += [Sighting(first + i, "mark", 0.0) for i in behind]
    return out


def _columns(sightings: Sequence[Sighting]) -> list[list[Sighting]]:
    """Signs that stand below each other."""
    out: list[list[Sighting]] = []
    for s in sorted(sightings, key=lambda s: s.x):
        if not out or s.x - out[-1][-1].x > SAME_PLACE:
            out.append([])
        out[-1].append(s)
    return out


def _odd_images(column: Sequence[Sighting]) -> list[int]:
    """Lines with an image that is not that of the lines around: pictures of ticked and empty boxes."""
    out = []
    for s in column:
        near = Counter(o.key for o in column if abs(o.line - s.line) <= NEIGHBOURS)
        alone = len(near) == 1 or max(near.values()) > 1
        if near[s.key] == 1 and alone:
            out.append(s.line)
    return out


def decide(sightings: Sequence[Sighting], count: int) -> list[bool]:
    """For each of the file's `count` lines whether it is marked."""
    out = [False] * count
    for s in sightings:
        out[s.line] |= s.kind == "mark"
    for column in _columns([s for s in sightings if s.kind in ("filled", "empty")]):
        states: dict[int, bool] = defaultdict(bool)
        for s in column:
            states[s.line] |= s.kind == "filled"
        for i, odd in enumerate(odd_ones([states.get(k) for k in range(count)])):
            out[i] |= odd
    for column in _columns([s for s in sightings if s.kind == "image"]):
        for i in _odd_images(column):
            out[i] = True
    return out
