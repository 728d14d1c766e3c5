"""Layout 2: as text extracted from PDF. Lines hard-wrapped with blank lines between them; the three list
headings together and all items after them in one run; headings, area letters and criteria displaced, at
times past the next area's narrative; headings repeated at page breaks; running titles and page numbers;
compounds split at line ends."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pipeline.catalogue import Area, Catalogue, Criterion
from pipeline.corpus import phrases
from pipeline.corpus.content import AreaContent, Content, day, level_heading
from pipeline.corpus.document import Document, Element, Look, Mark, PageBreak, Text
from pipeline.corpus.layouts.wrapping import Wrapper, vocabulary
from pipeline.report import LIST_NAMES, LISTS

WIDTH, PAGE = 88, 44  # characters a line, lines a page
LOOKS: tuple[Look, ...] = ("tick", "filled", "colour", "box")
PLAN_LABELS = (
    ("action", "Planerade åtgärder:"),
    ("deadline", "Tidsplan för genomförande:"),
    ("responsible", "Ansvarig:"),
    ("follow_up", "Tidsplan för uppföljning:"),
    ("follow_up_responsible", "Ansvarig för uppföljning:"),
)


@dataclass
class _Press:
    """Sets lines on pages: running title, page number, and at a page break the headings that are repeated."""

    wrapper: Wrapper
    running: str
    rng: random.Random
    elements: list[Element] = field(default_factory=list)
    used: int = 0
    page: int = 1
    repeat: str = ""  # heading to print again at the top of the next page

    def __post_init__(self) -> None:
        self.numbered = self.rng.random() < 0.7

    def line(self, text: str, mark: Mark | None = None, heading: bool = False) -> None:
        if self.used >= PAGE:
            self.turn()
        level = 2 if heading else None
        self.elements.append(Text(text, "line", level=level, mark=mark))
        self.used += 1

    def text(self, text: str, mark: Mark | None = None) -> None:
        whole = mark is not None and mark.look in ("colour", "bold")  # the others stand beside the first line
        for n, line in enumerate(self.wrapper.lines(text)):
            self.line(line, mark if n == 0 or whole else None)

    def headings(self, texts: Iterable[str]) -> None:
        for text in texts:
            self.line(text, heading=True)

    def turn(self) -> None:
        """A new page."""
        if not self.used:
            return
        if self.numbered:
            self.elements.append(Text(f"Sida {self.page}" if self.page % 2 else f"{self.page}", "furniture"))
        self.elements.append(PageBreak())
        self.page, self.used = self.page + 1, 0
        if self.running:
            self.elements.append(Text(self.running, "furniture"))
        if self.repeat:
            self.line(self.repeat, heading=True)


def compose(content: Content, catalogue: Catalogue, rng: random.Random) -> Document:
    """The report in layout 2."""
    press = _Press(_wrapper(content, catalogue, rng), _running(content, rng), rng)
    if rng.random() < 0.5:
        _cover(press, content)
    press.headings(LIST_NAMES[s] for s in LISTS)
    for section in LISTS:
        for item in content.lists[section]:
            press.text(item)
    press.turn()
    _areas(press, content.areas, catalogue, rng.choice(LOOKS))
    _plan(press, content, catalogue)
    return Document(content.facts.unit or content.id, tuple(press.elements), airy=True)


def _wrapper(content: Content, catalogue: Catalogue, rng: random.Random) -> Wrapper:
    texts = [p.text for a in content.areas for p in a.paragraphs] + [
        t for items in content.lists.values() for t in items
    ]
    words = vocabulary([*texts, *(c.text for c in catalogue.criteria)])
    return Wrapper(WIDTH, words, rng)


def _running(content: Content, rng: random.Random) -> str:
    if rng.random() < 0.4:
        return ""
    title = f"{phrases.OLDER_TITLE}, {content.facts.unit}"
    return title if content.facts.unit and len(title) <= WIDTH else phrases.OLDER_TITLE


def _cover(press: _Press, content: Content) -> None:
    f = content.facts
    pairs = (("Klinik", f.unit), ("Specialitet", f.specialty), ("Datum", f.date), ("Ort", f.place))
    press.line(phrases.TITLE, heading=True)
    for label, value in (*pairs, ("Inspektörer", f.inspectors), ("Föreskrift", f.regulation)):
        if value:
            press.headings([label])
            press.text(value)
    press.turn()


@dataclass(frozen=True)
class _Standing:
    """An area's standing text in print order, set at once or in two parts with a page break between."""

    area: AreaContent
    catalogue: Catalogue
    look: Look

    def levels(self) -> list[str]:
        return [level for level in self.catalogue.levels if self.area.area.at(level)]

    def names(self, levels: Sequence[str]) -> list[str]:
        return [level_heading(level, self.catalogue) for level in levels]

    def criteria(self, levels: Sequence[str]) -> list[Criterion]:
        return [c for level in levels for c in self.area.area.at(level)]


def _areas(press: _Press, areas: Sequence[AreaContent], catalogue: Catalogue, look: Look) -> None:
    part, owed = "", None
    for n, content in enumerate(areas):
        area = content.area
        if area.part != part:
            if owed:  # criteria never wait past the end of their part
                _standing(press, owed)
            part, owed = area.part, None
            press.turn()
            press.line(phrases.PARTS.get(part, part.upper()), heading=True)
        _narrative(press, content)
        here = _Standing(content, catalogue, look)
        if owed:
            press.headings(here.names(here.levels()[:1]))
            _standing(press, owed)
            owed = None
        last = n + 1 == len(areas) or areas[n + 1].area.part != part
        owed = _finish(press, here, None if last else areas[n + 1].area)
    if owed:
        _standing(press, owed)


def _narrative(press: _Press, content: AreaContent) -> None:
    press.line(content.area.name, heading=True)
    press.repeat = content.area.name if press.rng.random() < 0.5 else ""
    for paragraph in content.paragraphs:
        press.text(paragraph.text)
    if content.remark:
        press.text(content.remark)
    press.repeat = ""


def _finish(press: _Press, here: _Standing, following: Area | None) -> _Standing | None:
    """Sets an area's standing text in one of the ways that PDF extraction leaves it; what is returned is
    still owed.
    """
    way = press.rng.choice(("same", "split", "next") if following else ("same", "split"))
    if way == "next":
        press.headings([*here.names(here.levels()), phrases.SCALE])
        press.line(here.area.area.letter)
        press.turn()
        return here
    if way == "split" and len(here.levels()) > 1:
        first, rest = here.levels()[:1], here.levels()[1:]
        _duty(press, here)
        press.headings(here.names(first))
        press.line(here.area.area.letter)
        _criteria(press, here, first)
        press.turn()
        ahead = [following.name, following.letter] if following and press.rng.random() < 0.4 else []
        press.headings([*here.names(rest), phrases.SCALE, *ahead[:1]])
        _criteria(press, here, rest)
        _scale(press, here)
        press.headings(ahead[1:])
        press.turn()
        return None
    _duty(press, here)
    press.headings([*here.names(here.levels()[1:]), phrases.SCALE])
    press.line(here.area.area.letter)
    _criteria(press, here, here.levels())
    _scale(press, here)
    if press.rng.random() < 0.5:
        press.turn()
    return None


def _duty(press: _Press, here: _Standing) -> None:
    press.headings(here.names(here.levels()[:1]))
    if here.area.area.letter not in phrases.WITHOUT_DUTY:
        press.text(phrases.DUTY)
        press.line(press.rng.choice(phrases.MEANS))


def _standing(press: _Press, owed: _Standing) -> None:
    _criteria(press, owed, owed.levels())
    _scale(press, owed)


def _criteria(press: _Press, here: _Standing, levels: Sequence[str]) -> None:
    for criterion in here.criteria(levels):
        press.text(criterion.text)


def _scale(press: _Press, here: _Standing) -> None:
    for letter, wording in here.area.scale:
        mark = Mark(here.look, letter == here.area.stated) if here.area.stated else None
        press.text(f"{letter}. {wording}", mark)


def _plan(press: _Press, content: Content, catalogue: Catalogue) -> None:
    if not content.plan:
        return
    press.turn()
    press.line(f"Åtgärdsplan {content.facts.specialty}".strip(), heading=True)
    press.line("Föreskriftspunkt som ej är uppfylld:")
    part = ""
    for row in content.plan:
        criterion = catalogue.by_id.get(row.criterion)
        wording = criterion.text if criterion else row.criterion
        if criterion:
            area = catalogue.areas[criterion.area]
            if area.part != part:
                part = area.part
                press.line(part.capitalize(), heading=True)
            lowered = wording[0].lower() + wording[1:] if wording[1:2].islower() else wording
            wording = f"{area.letter}. " + press.rng.choice(phrases.NOT_MET).format(wording=lowered)
        press.text(wording)
        for key, label in PLAN_LABELS:
            if value := str(getattr(row, key)):
                press.line(label)
                press.text(day(value, press.rng) if key != "action" else value)
