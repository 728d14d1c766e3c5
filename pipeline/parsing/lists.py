"""The three lists: rows into items, and items of one run into the lists whose headings stand together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.parsing import splitter
from pipeline.parsing.flow import Flow, texts
from pipeline.parsing.rows import NUMBER, Row
from pipeline.report import LISTS

HEADING = 6.0  # what a heading adds to a boundary before the item that follows it
GAP = 1.5  # what more space than usual adds


@dataclass
class Item:
    rows: list[Row]
    head: str | None = None  # list whose heading stands directly above
    heads: tuple[str, ...] = field(default=())


def items(rows: Sequence[Row], flow: Flow) -> list[Item]:
    """The list rows as items, each with the headings that stand between it and the item before."""
    running = [r for r in rows if r.role == "list"]
    if not running:
        return []
    bulleted = _usual(running, lambda r: r.bullet)
    numbered = _usual(running, lambda r: NUMBER.match(r.text) is not None)
    out: list[Item] = []
    heads: list[str] = []
    previous: Row | None = None
    for row in rows:
        if row.role == "heading" and row.head and row.head.kind == "list":
            heads.append(row.head.key)
        if row.role != "list":
            continue
        # A heading that comes back at a page break does not end the item.
        new = [h for h in heads if not out or h != out[-1].rows[-1].section]
        signs = row.section in bulleted, row.section in numbered
        if previous is None or new or not _continues(previous, row, flow, *signs):
            out.append(Item([row], new[-1] if new else None, tuple(new)))
        else:
            out[-1].rows.append(row)
        heads, previous = [], row
    for n, item in enumerate(out):
        for row in item.rows:
            row.item = n
    return out


def _usual(rows: Sequence[Row], test: Callable[[Row], bool]) -> set[str | None]:
    """The lists in which many rows pass a test."""
    all_rows, passed = Counter(r.section for r in rows), Counter(r.section for r in rows if test(r))
    return {name for name, n in all_rows.items() if passed[name] >= 0.3 * n}


def _continues(previous: Row, row: Row, flow: Flow, bulleted: bool, numbered: bool) -> bool:
    if previous.line.cell != row.line.cell:
        return False
    if numbered and row.first:
        return (
            not NUMBER.match(row.text)
            and not row.bullet
            and not (flow.honest and previous.line.paragraph_end)
        )
    return flow.runs_on(previous, row, bulleted=bulleted, item=True)


def assign(rows: Sequence[Row], flow: Flow) -> None:
    """Sets `section` and `item` of the list rows.

    Where every list has items below its own heading the headings decide. Where headings stand together, or a list is
    left empty, the items themselves tell where one list ends and the next begins.
    """
    columns = _columns(rows)
    found = [i for i in items(rows, flow) if not _in_column(i, columns)]
    headings = [
        r.head.key
        for r in rows
        if r.role == "heading" and r.head and r.head.kind == "list" and r.head.key not in columns.values()
    ]
    present = [name for name in LISTS if name in headings]
    if not found or len(present) < 2:
        return
    ordered = sorted(set(headings), key=headings.index)
    for group, names in _groups(found, ordered):
        if len(names) > 1:
            _divide(group, names, flow)


Column = tuple[int, int, int]  # page, table, column


def _columns(rows: Sequence[Row]) -> dict[Column, str]:
    """The lists of columns, where headings of several lists stand beside each other in a table."""
    heads = [
        (r.page, *r.line.cell, r.head.key) for r in rows if r.line.cell and r.head and r.head.kind == "list"
    ]
    return {
        (page, table, column): key
        for page, table, at, column, key in heads
        if any(h[:3] == (page, table, at) and h[3] != column for h in heads)
    }


def _in_column(item: Item, columns: Mapping[Column, str]) -> bool:
    """Whether the item stands below a list's heading in a table; it then gets that list."""
    row = item.rows[0]
    key = columns.get((row.page, row.line.cell[0], row.line.cell[2])) if row.line.cell else None
    for row in item.rows if key else ():
        row.section = key
    return key is not None


def _groups(found: Sequence[Item], names: Sequence[str]) -> list[tuple[list[Item], list[str]]]:
    """Runs of items, each with the lists that share it: headings together share what follows them; a heading with
    nothing below it shares the run before it."""
    out: list[tuple[list[Item], list[str]]] = []
    seen: list[str] = []
    for item in found:
        if item.heads:
            new = [h for h in dict.fromkeys(item.heads) if h not in seen]
            if new or not out:
                out.append(([], new))
                seen += new
        if not out:
            out.append(([], []))
        out[-1][0].append(item)
    left = [n for n in names if n not in seen]
    if left and out:
        out[-1][1].extend(left)
    return out


def _divide(group: Sequence[Item], names: Sequence[str], flow: Flow) -> None:
    """Finds the boundaries of `names` in a run of items and sets the sections."""
    columns = [LISTS.index(n) for n in names]
    evidence = splitter.load().log_probabilities([texts(i.rows, flow) for i in group])[:, columns]
    gain = [GAP if flow.apart(i.rows[0]) else 0.0 for i in group]
    cuts = splitter.boundaries(evidence, gain)
    for n, item in enumerate(group):
        which = sum(n >= c for c in cuts)
        for row in item.rows:
            row.section = names[which]
