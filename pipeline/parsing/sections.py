"""Which section each row belongs to: a walk over the rows with the headings that take effect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pipeline.catalogue import Catalogue
from pipeline.language import split
from pipeline.parsing.flow import Flow
from pipeline.parsing.rows import Head, Row
from pipeline.parsing.template import Template

Mode = Literal["cover", "list", "between", "area"]


def _content_after(rows: Sequence[Row], i: int, until: set[int]) -> int:
    """Letters of running text between a heading and the next one."""
    total = 0
    for j in range(i + 1, len(rows)):
        if j in until:
            break
        total += len(rows[j].letters) if rows[j].free else 0
    return total


def _isolated(rows: Sequence[Row], i: int, flow: Flow) -> bool:
    """Whether a row stands for itself: nothing runs on into it or out of it, or, in hard-wrapped text, it ends where
    its line does not."""
    before = next((r for r in reversed(rows[:i]) if not r.furniture), None)
    after = next((r for r in rows[i + 1 :] if not r.furniture), None)
    opened = before is not None and before.free and flow.open(before)
    if after is not None and after.free and after.text[:1].islower() and not opened:
        return False
    if after is not None and flow.full and flow.short(rows[i], after, 0.7):
        return True
    if before is not None and opened and not flow.short(before, rows[i]):
        return False
    return after is not None and (not after.free or not after.text[:1].islower())


def effective(rows: Sequence[Row], catalogue: Catalogue, flow: Flow) -> dict[int, str]:
    """Area headings that take effect, {row index: area}: the chain in the areas' order that explains most text."""
    _demote(rows, flow)
    order = {a: n for n, a in enumerate(catalogue.areas)}
    named = {r.head.key for r in rows if r.head and r.head.kind == "area" and r.head.weight >= 1}
    candidates = [
        (i, r.head)
        for i, r in enumerate(rows)
        if r.head
        and r.head.weight > 0
        and (r.head.kind == "area" or (r.head.kind == "letter" and r.head.key not in named))
    ]
    places = {i for i, _ in candidates}
    weights = [_weight(h, _content_after(rows, i, places)) for i, h in candidates]
    best: list[tuple[float, int]] = []
    for n, (_, head) in enumerate(candidates):
        reach = [(best[m][0], m) for m in range(n) if order[candidates[m][1].key] <= order[head.key]]
        total, previous = max(reach, default=(0.0, -1))
        best.append((total + weights[n], previous))
    chain: dict[int, str] = {}
    at = max(range(len(best)), key=lambda n: best[n][0], default=-1)
    while at >= 0:
        i, head = candidates[at]
        chain[i] = head.key
        at = best[at][1]
    empty = {i for i in chain if _content_after(rows, i, places) < 20}
    last = {area: i for i, area in sorted(chain.items())}
    return {i: a for i, a in sorted(chain.items()) if i not in empty or last[a] == i}


def _weight(head: Head, content: int) -> float:
    """What a heading adds to the chain: one with no text below it (a table of contents) hardly anything."""
    return (head.weight if content >= 20 else 0.5) + min(content / 60, 6.0)


def _late(rows: Sequence[Row], chain: Mapping[int, str], catalogue: Catalogue) -> bool:
    """Whether the file has each area's heading behind its narrative: directly above the area's own criteria."""
    behind = set()
    for i, area in chain.items():
        below = next((r for r in rows[i + 1 :] if r.free or r.standing in catalogue.by_id), None)
        above = next((r for r in reversed(rows[:i]) if not r.furniture), None)
        own = below is not None and below.standing in catalogue.by_id
        if (
            own
            and below is not None
            and catalogue.by_id[below.standing or ""].area == area
            and above
            and above.free
        ):
            behind.add(area)
    return len(behind) > 0.5 * len(set(chain.values()))


def _demote(rows: Sequence[Row], flow: Flow) -> None:
    """Weak headings become running text where a stronger one of the same area stands, or text runs through them; not
    where they repeat the stronger one's name after it, as pages do."""
    strongest: dict[str, tuple[float, int]] = {}
    for i, row in enumerate(rows):
        if (
            row.head
            and row.head.kind == "area"
            and row.head.weight > strongest.get(row.head.key, (0.0, 0))[0]
        ):
            strongest[row.head.key] = (row.head.weight, i)
    for i, row in enumerate(rows):
        head = row.head
        if head is None or not head.weak:
            continue
        weight, first = strongest[head.key]
        repeats = i > first and rows[first].letters.endswith(row.letters)
        if not _isolated(rows, i, flow) or (weight > head.weight + 1 and not repeats):
            row.head = None


@dataclass
class Walker:
    """Walks the rows once and gives each its role and section."""

    rows: list[Row]
    catalogue: Catalogue
    template: Template
    flow: Flow
    chain: Mapping[int, str]
    mode: Mode = "cover"
    area: str | None = None
    listed: str | None = None  # the list whose heading came last
    part: str | None = None
    scaled: set[str] = field(default_factory=set)  # areas whose scale has been printed
    last_criterion: str | None = None  # area of the last criterion seen
    pending: str | None = None  # area whose heading interrupted a sentence
    owed: str | None = None  # area that text after a full scale belongs to

    def walk(self) -> list[Row]:
        """The rows, some cut, with `role` and `section` set."""
        out: list[Row] = []
        order = list(self.catalogue.areas)
        self.order = {a: n for n, a in enumerate(order)}
        self.index = {id(r): i for i, r in enumerate(self.rows)}
        self.lists_first = self._lists_first()
        self.late = _late(self.rows, self.chain, self.catalogue)
        for i, row in enumerate(self.rows):
            out += self._step(i, row)
        return out

    def _lists_first(self) -> set[int]:
        """List headings that take effect: before the areas or after them, not sub-headings inside them."""
        places = [i for i, r in enumerate(self.rows) if r.head and r.head.kind == "list"]
        if not self.chain:
            return set(places)
        first, last = min(self.chain), max(self.chain)
        before = {i for i in places if i < first}
        return before or {i for i in places if i > last}

    def _step(self, i: int, row: Row) -> list[Row]:
        if row.furniture:
            row.role = "other"
        elif row.head is not None:
            self._heading(i, row, row.head)
        elif row.standing is not None:
            self._standing(row)
        else:
            return self._running(i, row)
        return [row]

    def _heading(self, i: int, row: Row, head: Head) -> None:
        row.role = "heading"
        if head.kind == "list":
            if i in self.lists_first:
                self.mode, self.listed = "list", head.key
            row.section = self.listed if i in self.lists_first else self.area
        elif head.kind == "part":
            self.part = head.key
            if self.mode in ("cover", "list"):
                self.mode = "between"
        elif head.kind == "summary":
            self.mode = "between" if self.mode == "cover" else self.mode
        elif i in self.chain:
            self._enter(i, row, self.chain[i])
        else:
            self._other_heading(i, row, head)

    def _list_goes_on(self, i: int) -> bool:
        """Whether a displaced heading stands in the middle of a list: items follow it, not standing text."""
        for j in range(i + 1, len(self.rows)):
            row = self.rows[j]
            if row.free:
                return True
            if row.standing or j in self.chain or (row.head and row.head.kind == "part"):
                return False
        return False

    def _other_heading(self, i: int, row: Row, head: Head) -> None:
        if self.mode == "cover":
            row.role = "cover"
            return
        if head.kind in ("level", "scale") and self.mode == "list" and not self._list_goes_on(i):
            self.mode = "between"
        if head.kind in ("area", "letter"):
            row.section = head.key
        elif self.mode == "area":
            row.section = self.area

    def _enter(self, i: int, row: Row, area: str) -> None:
        row.section = area
        if self.mode == "area" and area != self.area and self._interrupts(i):
            self.pending = area
            return
        self.mode, self.area, self.pending, self.owed = "area", area, None, None

    def _interrupts(self, i: int) -> bool:
        """Whether the heading stands in the middle of a sentence of the area before."""
        before = next((r for r in reversed(self.rows[:i]) if r.free), None)
        after = next((r for r in self.rows[i + 1 :] if r.free), None)
        if before is None or after is None or before.role != "narrative":
            return False
        standing = any(r.standing for r in self.rows[self.index_of(before) : i])
        return not standing and self.flow.open(before) and after.text[:1].islower()

    def index_of(self, row: Row) -> int:
        """Where a row stands; a row that was cut stands where it was before."""
        return self.index.get(id(row), 0)

    def _standing(self, row: Row) -> None:
        key = row.standing or ""
        row.role = "scale" if key.startswith("scale:") else "standing"
        if key in self.catalogue.by_id:
            self.last_criterion = self.catalogue.by_id[key].area
            row.section = self.last_criterion
        elif row.role == "scale":
            row.section = self.last_criterion or self.area
        else:
            row.section = self.area
        if row.role == "scale" and row.section:
            self.scaled.add(row.section)
            if self.mode in ("cover", "list"):
                self.mode = "between"
        elif self.mode == "list":
            self.mode = "between"

    def _running(self, i: int, row: Row) -> list[Row]:
        if self.mode == "cover":
            row.role = "cover"
        elif self.mode == "list":
            row.role, row.section = "list", self.listed
        elif self.mode == "between":
            self._between(i, row)
        elif self.pending is not None:
            return self._pending(i, row)
        else:
            self._narrative(i, row)
        return [row]

    def _pending(self, i: int, row: Row) -> list[Row]:
        """The rest of an interrupted sentence stays with its area; then the interrupting heading takes effect."""
        area, new = self.area, self.pending
        ends = [b for _, b in split(row.text)]
        done = not self.flow.open(row) or len(ends) > 1
        again = any(j > i and a == new for j, a in self.chain.items())
        if not done or again:
            row.role, row.section = "narrative", area
            return [row]
        parts = row.split([ends[0]]) if len(ends) > 1 else [row]
        self.area, self.pending, self.owed = new, None, None
        for n, part in enumerate(parts):
            part.role, part.section = "narrative", area if n == 0 else new
        return parts

    def _between(self, i: int, row: Row) -> None:
        """Text after the lists and before any area's heading: of an area whose heading comes late, or is missing."""
        area = self._headless(i, None)
        if area is None or (self.owed is None and len(row.letters) < 12):
            row.role = "other"
        else:
            self.owed = area
            row.role, row.section = "narrative", area

    def _narrative(self, i: int, row: Row) -> None:
        if self.area in self.scaled and self.last_criterion in (self.area, None):
            self.owed = self.owed or self._headless(i, self.area) or self._leftover()
            row.role, row.section = ("narrative", self.owed) if self.owed != "?" else ("other", None)
        else:
            row.role, row.section = "narrative", self.area

    def _leftover(self) -> str:
        """Text after the last area's scale is no narrative (signatures, notes); elsewhere it is kept."""
        last = self.area == list(self.order)[-1]
        return "?" if last or self.area is None else self.area

    def _headless(self, i: int, after: str | None) -> str | None:
        """The area that text belongs to after an area that is finished: the next in order, if its own heading is missing
        or stands behind its text."""
        names = list(self.order)
        if after is None:
            following = next(
                (a for a in names if self.part is None or self.catalogue.areas[a].part == self.part), None
            )
        else:
            n = self.order[after] + 1
            following = names[n] if n < len(names) else None
        if following is None:
            return None
        places = [j for j, a in self.chain.items() if a == following]
        if not places:
            return following if self._substantial(i) else None
        if self.late:
            return following
        until = {j for j, a in self.chain.items() if a != following}
        return (
            following if all(_content_after(self.rows, j, until | set(places)) < 30 for j in places) else None
        )

    def _substantial(self, i: int) -> bool:
        """Whether enough text for a narrative stands here before the next heading that takes effect."""
        total = 0
        for j in range(i, len(self.rows)):
            if j in self.chain:
                break
            total += len(self.rows[j].letters) if self.rows[j].free else 0
        return total >= 40
