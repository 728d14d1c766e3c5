"""The action plan: where it begins, its entries and their fields, in headed, labelled and tabular forms."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.catalogue import Catalogue
from pipeline.parsing import dates
from pipeline.parsing.flow import Flow
from pipeline.parsing.match import criteria_of
from pipeline.parsing.rows import BULLET, Row
from pipeline.parsing.template import Template, letters
from pipeline.report import PlanEntry

FIELDS = ("criterion", "action", "deadline", "responsible", "follow_up", "follow_up_responsible")
REACH = 60  # rows in which a plan's labels come close to each other
_LEAD = re.compile(r"(?P<letter>[A-Z])\s?[.):]\s+(?=\S)")
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
    found = {i: label(r, t) for i, r in enumerate(rows) if not r.furniture}
    labels = {i: f[0] for i, f in found.items() if f}
    cluster = next(
        (i for i in labels if len({k for j, k in labels.items() if i <= j < i + REACH}) >= 3), None
    )
    if cluster is not None:
        near = [i for i in heads if cluster - REACH <= i <= cluster]
        if near:
            return next(i for i in near if i >= near[-1] - 4)
        return _entry_above(rows, cluster)
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
    field: str = "criterion"

    @property
    def entry(self) -> _Entry:
        return self.entries[-1]

    def begin(self, area: str | None = None) -> None:
        """A new entry, unless the last one is still without action."""
        if self.entry.has(*FIELDS[1:]):
            self.entries.append(_Entry())
        elif area and self.entry.area and self.entry.area != area and self.entry.has("criterion"):
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
        elif row.verbatim and self.field not in ("criterion", "action", "deadline"):
            area = self.entry.area
            self.begin()
            known = self.catalogue.by_id[row.verbatim].area
            self.entry.area = known if self.entry.area is None else (self.entry.area or area)
        self.entry.add(self.field, text)


def entries(rows: Sequence[Row], catalogue: Catalogue, t: Template, flow: Flow) -> tuple[PlanEntry, ...]:
    """The plan's entries; `rows` begin with its heading."""
    running = [r for r in rows[1:] if not r.furniture]
    loose = (
        sum(label(r, t, loose=True) is not None for r in running)
        > sum(label(r, t) is not None for r in running) + 1
    )
    columns = _columns(running, t)
    if columns is not None:
        read = _table(running[columns[0] + len(columns[1]) :], columns[1], catalogue)
    else:
        reader = _Reader(catalogue, t, flow, loose)
        for row in running:
            reader.read(row)
        read = reader.entries
    out = [
        _finished(e, catalogue, t, flow) for e in read if e.has("criterion", "action") and e.has(*FIELDS[1:])
    ]
    return tuple(e for e in out if e.action or e.deadline_text or e.responsible)


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


def _finished(e: _Entry, catalogue: Catalogue, t: Template, flow: Flow) -> PlanEntry:
    def text(name: str) -> str | None:
        out = ""
        for part in e.fields.get(name, ()):
            out = flow.join(out, part) if out else part
        return out.strip() or None

    wording = text("criterion") or ""
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
