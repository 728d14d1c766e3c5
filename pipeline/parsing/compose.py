"""The rows in reading order as `Report.text` and its blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.parsing.flow import Flow, texts
from pipeline.parsing.rows import Row
from pipeline.report import Block, BlockKind

FLOWING: frozenset[str] = frozenset({"narrative", "list", "standing", "scale"})


def mend(rows: Sequence[Row], flow: Flow) -> list[Row]:
    """The rows with what interrupts a sentence moved behind the row in which it goes on."""
    out: list[Row] = []
    last: dict[tuple[str | None, str | None, int | str | None], int] = {}
    for row in rows:
        key = (row.role, row.section, _thread(row))
        at = last.get(key)
        if at is not None and at < len(out) - 1 and _goes_on(out[at], row, flow):
            out.insert(at + 1, row)
            last = {k: v + (v > at) for k, v in last.items()}
            last[key] = at + 1
            continue
        out.append(row)
        last[key] = len(out) - 1
    return out


def _thread(row: Row) -> int | str | None:
    """What a sentence may go on within: one list item, one criterion, the narrative of an area."""
    return row.item if row.role == "list" else row.standing


def _goes_on(previous: Row, row: Row, flow: Flow) -> bool:
    if row.role not in FLOWING:
        return False
    if row.role != "narrative":
        return previous.item == row.item and (row.role == "list" or previous.standing == row.standing)
    if not flow.open(previous) or row.bullet:
        return False
    return row.text[:1].islower() or flow.runs_on(previous, row)


@dataclass
class Composed:
    text: str
    blocks: tuple[Block, ...]


def compose(rows: Sequence[Row], flow: Flow) -> Composed:
    """Text with one line a paragraph, item or heading, and the blocks that cover it."""
    parts: list[str] = []
    blocks: list[Block] = []
    at = 0
    for kind, section, some in _grouped(rows):
        lines = [texts(p, flow) for p in _paragraphs(some, kind, flow)]
        text = "\n".join(lines)
        blocks.append(Block(kind, section, at, at + len(text)))
        parts.append(text)
        at += len(text) + 1
    return Composed("\n".join(parts), tuple(blocks))


def _grouped(rows: Sequence[Row]) -> Iterator[tuple[BlockKind, str | None, list[Row]]]:
    group: list[Row] = []
    for row in rows:
        if group and (row.role, row.section) != (group[0].role, group[0].section):
            yield group[0].role or "other", group[0].section, group
            group = []
        group.append(row)
    if group:
        yield group[0].role or "other", group[0].section, group


def _paragraphs(rows: Sequence[Row], kind: BlockKind, flow: Flow) -> Iterator[list[Row]]:
    group: list[Row] = []
    for row in rows:
        if group and not _together(group[-1], row, kind, flow):
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def _together(previous: Row, row: Row, kind: BlockKind, flow: Flow) -> bool:
    if kind == "list":
        return previous.item == row.item
    if kind in ("standing", "scale"):
        return previous.standing == row.standing and not row.bullet
    if kind == "narrative":
        if not previous.first and not row.first:
            return True
        return flow.runs_on(previous, row) or flow.paragraph(previous, row)
    if kind == "heading":
        return row.head is not None and row.head.kind == "area" and row.head.weight == 0.0
    return kind in ("cover", "plan", "other") and flow.open(previous) and not row.first
