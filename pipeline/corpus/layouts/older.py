"""Layout 3: an older template. Cover as «Etikett: värde», upper-case headings with dotted letters and older
area names, numbered items, criteria numbered or in tables, check boxes at the scale, the plan as a table, a
running header and page numbers."""

from __future__ import annotations

import random

from pipeline.catalogue import Area, Catalogue
from pipeline.corpus import phrases
from pipeline.corpus.content import AreaContent, Content, day, level_heading
from pipeline.corpus.document import Document, Element, Mark, PageBreak, Table, Text
from pipeline.corpus.tsv import PlanRow
from pipeline.report import LIST_NAMES, LISTS

WIDTH = 80
PLAN_HEAD = (
    "Föreskrift som inte är uppfylld",
    "Planerad åtgärd",
    "Klart senast",
    "Ansvarig",
    "Uppföljning",
    "Ansvarig för uppföljning",
)


def compose(content: Content, catalogue: Catalogue, rng: random.Random) -> Document:
    """The report in layout 3."""
    boxed, wide = rng.random() < 0.5, rng.random() < 0.5
    names = {a.area.letter: rng.choice((a.area.name, *a.area.aliases)) for a in content.areas}
    out = _cover(content)
    for section in LISTS:
        out.append(Text(LIST_NAMES[section].upper(), "heading", level=2))
        out += [Text(item, "item", number=f"{n}.") for n, item in enumerate(content.lists[section], 1)]
    part = ""
    for area in content.areas:
        if area.area.part != part:
            part = area.area.part
            out += [PageBreak(), Text(phrases.PARTS.get(part, part.upper()), "heading", level=1)]
        out += _area(area, names[area.area.letter], catalogue, boxed)
    out += _plan(content, names, catalogue, wide, rng)
    unit = content.facts.unit or content.id
    return Document(
        unit,
        tuple(out),
        header=f"{phrases.OLDER_TITLE} – {unit}",
        footer="Sida {page} ({pages})",
        width=WIDTH,
    )


def _cover(content: Content) -> list[Element]:
    f = content.facts
    pairs = (
        ("Enhet", f.unit),
        ("Specialitet", f.specialty),
        ("Datum för besök", f.date),
        ("Ort", f.place),
        ("Inspektörer", f.inspectors),
        ("Gällande föreskrift", f.regulation),
    )
    lines: list[Element] = [Text(f"{label}: {value}", "value", tight=True) for label, value in pairs if value]
    return [Text(phrases.OLDER_TITLE.upper(), "title"), *lines, PageBreak()]


def _area(content: AreaContent, name: str, catalogue: Catalogue, boxed: bool) -> list[Element]:
    area = content.area
    out: list[Element] = [Text(f"{area.letter}. {name.upper()}", "heading", level=2)]
    out += [Text(p.text) for p in content.paragraphs]
    if content.remark:
        out.append(Text(content.remark))
    out += _table(area, catalogue) if boxed else _numbered(area, catalogue)
    out.append(Text(phrases.SCALE.upper(), "heading", level=3))
    for letter, wording in content.scale:
        mark = Mark("box", letter == content.stated) if content.stated else None
        out.append(Text(f"{letter}. {wording}", "scale", mark=mark, tight=True))
    return out


def _table(area: Area, catalogue: Catalogue) -> list[Element]:
    """Criteria in a table: level, criterion."""
    rows = tuple(
        (level_heading(c.level, catalogue), c.text) for level in catalogue.levels for c in area.at(level)
    )
    return [Table((("Nivå", "Kriterium"), *rows))]


def _numbered(area: Area, catalogue: Catalogue) -> list[Element]:
    out: list[Element] = []
    for level in catalogue.levels:
        if criteria := area.at(level):
            out.append(Text(level_heading(level, catalogue).upper(), "heading", level=3))
            out += [Text(c.text, "criterion", number=f"{n}.") for n, c in enumerate(criteria, 1)]
    return out


def _plan(
    content: Content, names: dict[str, str], catalogue: Catalogue, wide: bool, rng: random.Random
) -> list[Element]:
    """The plan as one table with a row an entry, or as a table of two columns for each entry."""
    if not content.plan:
        return []
    out: list[Element] = [Text("ÅTGÄRDSPLAN", "heading", level=1), Text(phrases.PLAN_INTRO[1])]
    rows = tuple(_cells(row, names, catalogue, rng) for row in content.plan)
    if wide:
        return [*out, Table((PLAN_HEAD, *rows))]
    for row in rows:
        out.append(
            Table(
                tuple((label, value) for label, value in zip(PLAN_HEAD, row, strict=True) if value),
                head=False,
            )
        )
    return out


def _cells(row: PlanRow, names: dict[str, str], catalogue: Catalogue, rng: random.Random) -> tuple[str, ...]:
    criterion = catalogue.by_id.get(row.criterion)
    wording = f"{criterion.area}. {names[criterion.area]}: {criterion.text}" if criterion else row.criterion
    return (
        wording,
        row.action,
        day(row.deadline, rng),
        row.responsible,
        day(row.follow_up, rng),
        row.follow_up_responsible,
    )
