"""Layout 1: as in reports that come as near-Markdown. Cover with each label below its value, lists and
criteria as dash items, every area's criteria directly after its narrative, the plan as headed fields."""

from __future__ import annotations

import random

from pipeline.catalogue import Area, Catalogue
from pipeline.corpus import phrases
from pipeline.corpus.content import AreaContent, Content, day, level_heading
from pipeline.corpus.document import Document, Element, Look, Mark, Text
from pipeline.report import LIST_NAMES, LISTS

LOOKS: tuple[Look, ...] = ("box", "bold", "colour")
PLAN_LABELS = (
    ("action", "Planerad åtgärd"),
    ("deadline", "Datum när åtgärden ska vara genomförd"),
    ("responsible", "Ansvarig för genomförandet"),
    ("follow_up", "Datum för uppföljning"),
    ("follow_up_responsible", "Ansvarig för uppföljningen"),
)


def compose(content: Content, catalogue: Catalogue, rng: random.Random) -> Document:
    """The report in layout 1."""
    look = rng.choice(LOOKS)
    out = _cover(content)
    for name in LISTS:
        out.append(Text(LIST_NAMES[name], "heading", level=2))
        out += [Text(item, "item", bullet=True) for item in content.lists[name]]
    part = ""
    for area in content.areas:
        if area.area.part != part:
            part = area.area.part
            out.append(Text(phrases.PARTS.get(part, part.upper()), "heading", level=1))
        out += _area(area, catalogue, look, rng)
    out += _plan(content, catalogue, rng)
    return Document(content.facts.unit or content.id, tuple(out))


def _cover(content: Content) -> list[Element]:
    f = content.facts
    pairs = (
        (f.unit, "Klinik"),
        (f.specialty, "Specialitet"),
        (f.date, "Datum"),
        (f.place, "Ort"),
        (f.inspectors, "Inspektörer"),
        (f.regulation, "Föreskrift"),
    )
    out: list[Element] = [Text(phrases.TITLE, "title")]
    for value, label in pairs:
        if value:
            out += [Text(value, "value", tight=True), Text(label, "caption")]
    return out


def _area(content: AreaContent, catalogue: Catalogue, look: Look, rng: random.Random) -> list[Element]:
    area = content.area
    out: list[Element] = [Text(f"{area.letter} {area.name}", "heading", level=2)]
    out += [Text(p.text) for p in content.paragraphs]
    if content.remark:
        out.append(Text(content.remark))
    if rng.random() < 0.1:
        out.append(Text("-"))  # a stray dash, as real files have
    out += _criteria(area, catalogue, rng)
    out.append(Text(phrases.SCALE, "heading", level=3))
    for letter, wording in content.scale:
        mark = Mark(look, letter == content.stated) if content.stated else None
        out.append(Text(f"{letter}. {wording}", "scale", bullet=True, mark=mark))
    return out


def _criteria(area: Area, catalogue: Catalogue, rng: random.Random) -> list[Element]:
    out: list[Element] = []
    slip = rng.random() < 0.2
    for level in catalogue.levels:
        criteria = area.at(level)
        if not criteria:
            continue
        heading = level_heading(level, catalogue)
        plural = level == "K" and len(criteria) > 1 and rng.random() < 0.5
        out.append(Text(heading + "er" * plural, "heading", level=3))
        if level == "F" and area.letter not in phrases.WITHOUT_DUTY:
            out += [Text(phrases.DUTY), Text(rng.choice(phrases.MEANS))]
        for n, c in enumerate(criteria):
            if area.letter == "D" and c.id == "D.F4":
                out.append(Text(heading, "heading", level=3))  # the template has the heading twice there
            text = c.text
            for usual, slipped in phrases.SPELLINGS:
                text = text.replace(usual, slipped) if slip else text
            out.append(Text(text, "criterion", bullet=not (level == "K" and n == 0 and area.letter == "A")))
    return out


def _plan(content: Content, catalogue: Catalogue, rng: random.Random) -> list[Element]:
    if not content.plan:
        return []
    out: list[Element] = [Text("HANDLINGSPLAN", "heading", level=1), Text(phrases.PLAN_INTRO[0])]
    for row in content.plan:
        criterion = catalogue.by_id.get(row.criterion)
        if criterion:
            area = catalogue.areas[criterion.area]
            out.append(Text(f"{area.letter}. {area.name}", "heading", level=2))
        out.append(Text(criterion.text if criterion else row.criterion))
        for key, label in PLAN_LABELS:
            value = str(getattr(row, key))
            if value:
                out += [Text(label, "heading", level=3), Text(day(value, rng) if key != "action" else value)]
    return out
