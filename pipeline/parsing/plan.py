"""The action plan: where it begins, its entries and their fields, in headed, labelled and tabular forms."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.catalogue import Catalogue
from pipeline.parsing import dates
from pipeline.parsing.flow import Flow
from pipeline.parsing.heads import Names
from pipeline.parsing.match import criteria_of
from pipeline.parsing.rows import BULLET, Row
from pipeline.parsing.template import Template, letters
from pipeline.report import PlanEntry

FIELDS = ("criterion", "action", "deadline", "responsible", "follow_up", "follow_up_responsible")
REACH = 60  # rows in which a plan's labels come close to each other
_LEAD = re.compile(r"(?P<letter>[A-Z])\s?[.):]\s+(?=\S)")
_NAMED = re.compile(r"(?:[A-Z]\s?[.:)]?\s+)?(?P<name>[^:–]{4,90}?)\s*[:–-]\s+(?=\S)")
_DOT = re.compile(r"[\s.;,]+$")


def label(row: Row, t: Template, loose: bool = False) -> tuple[str, str] | None:
    """(field, value on the same row) where a row is or begins with a label.

    `loose`: a label of several words counts without a colon after it, as in the rows of a table.
    """
    text = row.text.strip("*_ |")
    if (key := t.plan_labels.get(letters(text))) and not row.bullet:
        return key, ""
    for word, field_name in t.plan_words:
        if text[: len(word)].lower() != word.lower():
            continue
        rest = text[len(word) :]
        if m := re.match(r"\s*[:|]\s*", rest):
            return field_name, rest[m.end() :].strip()
        if loose and " " in word and re.match(r"\s+[A-ZÅÄÖ\d]", rest):
            return field_name, rest.strip()
    return None


def begins(rows: Sequence[Row], t: Template, scales: int) -> int | None:
    """Index of the row with which the plan begins; None without a plan. `scales`: index of the last scale's row."""
    heads = [i for i, r in enumerate(rows) if _heading(r, t)]
    found = {i: label(r, t) for i, r in enumerate(rows) if not r.furniture and r.head is None}
    labels = {i: f[0] for i, f in found.items() if f}
    for i, name in labels.items():
        about = {k for j, k in labels.items() if i <= j < i + REACH}
        if name == "action" and len(about) >= 2:
            near = [h for h in heads if i - REACH <= h <= i]
            return next(h for h in near if h >= near[-1] - 4) if near else _entry_above(rows, i)
    late = [i for i in heads if i > scales and letters(rows[i].text) in t.plan_headings]
    return late[0] if late and late[0] > len(rows) // 3 else None


def _heading(row: Row, t: Template) -> bool:
    """«HANDLINGSPLAN», «Åtgärdsplan Kliniken X», «Bilaga 1. Handlingsplan»."""
    key = re.sub(r"^bilaga\d*", "", row.letters)
    if (
        row.furniture
        or row.standing
        or not any(key.startswith(h) for h in t.plan_headings)
        or len(row.text) > 100
    ):
        return False
    return row.text[:1].isupper() and not re.search(r"[.,;]$", row.text) and "," not in row.text


def _entry_above(rows: Sequence[Row], i: int) -> int:
    """A plan without a heading begins with its first entry's area or wording."""
    for j in range(i - 1, max(-1, i - 6), -1):
        if rows[j].standing or rows[j].role == "scale":
            return j + 1
        if rows[j].head and rows[j].head.kind == "area":  # type: ignore[union-attr]
            return j
    return i


@dataclass
class _Entry:
    area: str | None = None
    fields: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, text: str) -> None:
        if text:
            self.fields.setdefault(name, []).append(text)

    def has(self, *names: str) -> bool:
        return any(n in self.fields for n in names)


@dataclass
class _Reader:
    """Reads plan rows one after the other; `field` is what the next text belongs to."""

    catalogue: Catalogue
    template: Template
    flow: Flow
    loose: bool = False
    entries: list[_Entry] = field(default_factory=lambda: [_Entry()])
    columns: Mapping[int, str] = field(default_factory=dict)
    field: str = "criterion"

    @property
    def entry(self) -> _Entry:
        return self.entries[-1]

    def begin(self, area: str | None = None) -> None:
        """A new entry, unless the last one is still without action."""
        if self.entry.has(*FIELDS[1:]):
            self.entries.append(_Entry())
        elif self.entry.area is None:
            self.entry.fields.clear()  # what stands before the first entry introduces the plan
        elif area and self.entry.area != area and self.entry.has("criterion"):
            self.entries.append(_Entry())
        self.entry.area = area or self.entry.area
        self.field = "criterion"

    def read(self, row: Row) -> None:
        if found := label(row, self.template, self.loose):
            self._label(*found)
        elif row.head and row.head.kind == "area" and not row.head.weak:
            self.begin(row.head.key)
        elif row.head and row.head.kind in ("part", "level", "table", "list"):
            if self.entry.has("action"):
                self.begin()
        elif row.head and row.head.kind == "letter":
            self.begin(row.head.key)
        else:
            self._text(row)

    def cells(self, cells: Mapping[int, str]) -> None:
        """A row of a table: a head of labels, values under such a head, or a label with its value beside it."""
        found = {c: self.template.plan_labels.get(letters(text)) for c, text in cells.items()}
        labels = {c: name for c, name in found.items() if name}
        if len(labels) >= 3:
            self.columns = labels
        elif len(cells) <= 2 and (name := found.get(min(cells))):
            self._label(name, " ".join(text for c, text in cells.items() if c != min(cells)))
        elif self.columns:
            self._under(cells, self.columns)
        else:
            for text in cells.values():
                self.entry.add(self.field, text)

    def _under(self, cells: Mapping[int, str], columns: Mapping[int, str]) -> None:
        """Values under a head. A row without a criterion, or that begins in the middle of one, goes on with the entry
        above (a row that a page break cut)."""
        first = next((cells.get(c, "") for c, name in columns.items() if name == "criterion"), "")
        if first and not first[:1].islower():
            self.entries.append(_Entry())
        for column, text in cells.items():
            name = columns.get(column)
            if name == "area":
                self.entry.area = self._letter(text) or self.entry.area
            elif name:
                self._value(name, text)

    def _label(self, name: str, value: str) -> None:
        e = self.entry
        if name == "area":
            self.begin(self._letter(value))
            return
        if name == "responsible" and e.has("responsible") and e.has("follow_up"):
            name = "follow_up_responsible"
        elif name == "deadline" and e.has("deadline") and e.has("responsible"):
            name = "follow_up"
        if name == "criterion" or (name == "action" and e.has("action") and e.has(*FIELDS[2:])):
            area = e.area
            self.begin()
            self.entry.area = self.entry.area or (area if name == "action" else None)
        self.field = name
        self._value(name, value)

    def _value(self, name: str, value: str) -> None:
        if name == "criterion" and (lead := _LEAD.match(value)) and lead["letter"] in self.catalogue.areas:
            self.entry.area, value = lead["letter"], value[lead.end() :]
        self.entry.add(name, value)

    def _letter(self, value: str) -> str | None:
        return value[:1] if value[:1] in self.catalogue.areas and not value[1:2].isalpha() else None

    def _text(self, row: Row) -> None:
        text = BULLET.sub("", row.text, count=1) if row.first and BULLET.match(row.text) else row.text
        lead = _LEAD.match(text)
        if (
            lead
            and lead["letter"] in self.catalogue.areas
            and self.field != "action"
            and row.text[lead.end()].isupper()
        ):
            self.begin(lead["letter"])
            text = text[lead.end() :]
        elif row.verbatim and self.entry.area is None and not self.entry.has(*FIELDS[1:]):
            self.entry.fields.clear()
        elif row.verbatim and self.field not in ("criterion", "action", "deadline"):
            area = self.entry.area
            self.begin()
            known = self.catalogue.by_id[row.verbatim].area
            self.entry.area = self.entry.area or area or known
        self.entry.add(self.field, text)


def entries(rows: Sequence[Row], catalogue: Catalogue, t: Template, flow: Flow) -> tuple[PlanEntry, ...]:
    """The plan's entries; `rows` begin with its heading."""
    running = [r for r in rows[1:] if not r.furniture]
    loose = (
        sum(label(r, t, loose=True) is not None for r in running)
        > sum(label(r, t) is not None for r in running) + 1
    )
    columns = _columns([r for r in running if r.line.cell is None], t)
    if columns is not None:
        read = _table(running[columns[0] + len(columns[1]) :], columns[1], catalogue)
    else:
        reader = _Reader(catalogue, t, flow, loose)
        for some in _units(running):
            if some[0].line.cell is None:
                reader.read(some[0])
            else:
                reader.cells(_cells(some, flow))
        read = reader.entries
    out = [
        _finished(e, catalogue, t, flow) for e in read if e.has("criterion", "action") and e.has(*FIELDS[1:])
    ]
    return tuple(e for e in out if e.action or e.deadline_text or e.responsible)


def _units(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows of the text one by one, rows of a table together."""
    out: list[list[Row]] = []
    for row in rows:
        cell = row.line.cell
        if cell is not None and out and (last := out[-1][0].line.cell) is not None and last[:2] == cell[:2]:
            out[-1].append(row)
        else:
            out.append([row])
    return out


def _cells(rows: Sequence[Row], flow: Flow) -> dict[int, str]:
    """The text of each column of a table's row."""
    out: dict[int, str] = {}
    for row in rows:
        column = row.line.cell[2] if row.line.cell else 0
        out[column] = flow.join(out[column], row.text) if column in out else row.text
    return out


def _columns(rows: Sequence[Row], t: Template) -> tuple[int, list[str]] | None:
    """(index of a table's head, the fields of its columns) where three labels or more follow each other without values."""
    for i in range(len(rows)):
        names: list[str] = []
        for row in rows[i:]:
            found = label(row, t)
            if found is None or found[1] or found[0] in names:
                break
            names.append(found[0])
        if len(names) >= 3:
            return i, names
    return None


def _table(rows: Sequence[Row], names: Sequence[str], catalogue: Catalogue) -> list[_Entry]:
    """A table read cell by cell: each wording of a criterion begins a row, whose cells are dealt out by form and order."""
    out: list[_Entry] = []
    groups: list[list[Row]] = []
    for row in rows:
        lead = _LEAD.match(row.text)
        starts = (
            (lead and lead["letter"] in catalogue.areas)
            or row.verbatim
            or (row.head and row.head.kind == "area")
        )
        if starts and not (groups and len(groups[-1]) < 2 and not groups[-1][0].verbatim and row.verbatim):
            groups.append([])
        if groups:
            groups[-1].append(row)
    if len(groups) * (len(names) + 2) < len(rows):  # rows without such a beginning: by number of cells
        groups = [list(rows[i : i + len(names)]) for i in range(0, len(rows), len(names))]
    for group in groups:
        entry = _Entry()
        for name, row in zip(_deal(group, names), group, strict=True):
            text = row.text
            lead = _LEAD.match(text) if name in ("criterion", "area") else None
            if lead and lead["letter"] in catalogue.areas:
                entry.area, text = lead["letter"], text[lead.end() :]
            entry.add(name, text)
        out.append(entry)
    return out


def _deal(cells: Sequence[Row], names: Sequence[str]) -> list[str]:
    """The column of each cell, in order; more cells than columns are dealt by what the columns hold."""
    if len(cells) <= len(names):
        return list(names[: len(cells)])
    dated = {"deadline", "follow_up"}
    best: list[list[tuple[float, int]]] = []
    for i, cell in enumerate(cells):
        date = bool(re.search(r"\d{4}|\d{6}", cell.text)) and len(cell.text) < 40
        row = []
        for n, name in enumerate(names):
            fit = 1.0 if date == (name in dated) else -1.0
            fit += min(len(cell.text) / 80, 1.0) if name in ("criterion", "action") else -len(cell.text) / 80
            back = (
                [(best[i - 1][m][0] - (0.3 if m == n else 0.0), m) for m in range(n + 1) if n - m <= 1]
                if i
                else []
            )
            start = (0.0 if n == 0 else -5.0, -1)
            row.append((fit + max(back, default=start)[0], max(back, default=start)[1]))
        best.append(row)
    at = max(range(len(names)), key=lambda n: best[-1][n][0])
    out = []
    for i in range(len(cells) - 1, -1, -1):
        out.append(names[at])
        at = best[i][at][1] if best[i][at][1] >= 0 else at
    return out[::-1]


def _named(wording: str, catalogue: Catalogue) -> tuple[str | None, str]:
    """(area, the rest) of «E. Handledning och kompetensbedömning: Det finns …»."""
    m = _NAMED.match(wording)
    found = Names.of(catalogue).find(m["name"]) if m else None
    return (found[0], wording[m.end() :]) if m and found else (None, wording)


def _finished(e: _Entry, catalogue: Catalogue, t: Template, flow: Flow) -> PlanEntry:
    def text(name: str) -> str | None:
        out = ""
        for part in e.fields.get(name, ()):
            out = flow.join(out, part) if out else part
        return out.strip() or None

    area, wording = _named(text("criterion") or "", catalogue)
    e.area = e.area or area
    criteria = criteria_of(wording, e.area, catalogue)
    areas = list(dict.fromkeys(catalogue.by_id[c].area for c in criteria))
    deadline, follow_up = text("deadline"), text("follow_up")
    return PlanEntry(
        area=areas[0] if len(areas) == 1 else (e.area or (areas[0] if areas else None)),
        criteria=criteria,
        action=text("action"),
        deadline=dates.day(deadline, t.months) if deadline else None,
        deadline_text=_DOT.sub("", deadline) if deadline else None,
        responsible=text("responsible"),
        follow_up=dates.day(follow_up, t.months) if follow_up else None,
        follow_up_text=_DOT.sub("", follow_up) if follow_up else None,
        follow_up_responsible=text("follow_up_responsible"),
    )
