"""Ruled tables of a PDF page: cells told by the lines drawn around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pdfplumber.table import cells_to_tables, edges_to_intersections, intersections_to_cells, merge_edges

from pipeline.reading.pdf.page import Shape

THIN = 2.5  # points: a filled rectangle thinner than this is a rule
SMALL = 12.0  # points: a box smaller than this is a check box or bullet
NEAR = 3.0  # points: rules this close are one
MOST_EDGES, MOST_RULES = 4_000, 250  # beyond them a page holds a drawing, and finding cells would take long


@dataclass(frozen=True, slots=True)
class Cell:
    table: int
    row: int
    column: int
    x0: float
    top: float
    x1: float
    bottom: float

    @property
    def area(self) -> float:
        return (self.x1 - self.x0) * (self.bottom - self.top)


def _edge(x0: float, top: float, x1: float, bottom: float) -> dict[str, Any]:
    return {
        "x0": x0, "x1": x1, "top": top, "bottom": bottom, "width": x1 - x0, "height": bottom - top,
        "orientation": "h" if x1 - x0 > bottom - top else "v", "object_type": "line",
    }  # fmt: skip


def _edges(shapes: Sequence[Shape]) -> list[dict[str, Any]]:
    out = []
    for s in shapes:
        thin = min(s.width, s.height) < THIN
        if s.kind == "line" or (s.kind == "rect" and thin):
            x, y = (s.x0 + s.x1) / 2, (s.top + s.bottom) / 2
            if max(s.width, s.height) >= SMALL:
                flat = s.width > s.height
                out.append(_edge(s.x0, y, s.x1, y) if flat else _edge(x, s.top, x, s.bottom))
        elif s.kind == "rect" and s.stroke and s.width >= SMALL and s.height >= SMALL:
            out += [_edge(s.x0, y, s.x1, y) for y in (s.top, s.bottom)]
            out += [_edge(x, s.top, x, s.bottom) for x in (s.x0, s.x1)]
    return out


def cells(shapes: Sequence[Shape]) -> list[Cell]:
    """Cells of the page's tables that have at least two columns; frames around text are no tables."""
    edges = _edges(shapes)
    if len(edges) < 4 or len(edges) > MOST_EDGES:
        return []
    merged = merge_edges(edges, NEAR, NEAR, NEAR, NEAR)
    if len(merged) > MOST_RULES:
        return []
    boxes = intersections_to_cells(edges_to_intersections(merged, NEAR, NEAR))
    out: list[Cell] = []
    for number, table in enumerate(cells_to_tables(boxes)):
        tops = sorted({c[1] for c in table})
        lefts = sorted({c[0] for c in table})
        if len(lefts) > 1:
            out += [Cell(number, tops.index(c[1]), lefts.index(c[0]), *c) for c in table]
    return out
