"""Headings: which rows are list, part, level, scale or area headings, also merged, wrapped or glued ones."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise

from pipeline.catalogue import Catalogue
from pipeline.language import ends_sentence
from pipeline.parsing.rows import Head, Row
from pipeline.parsing.template import Template, letters

MANY = 4  # areas that begin «Namn: text», for headings without a letter to be believed
LONGEST = 130  # characters of a heading, on up to three rows
_AREA = re.compile(
    r"(?:(?:Område|Avsnitt|Del|Struktur|Process)\s+)?(?P<letter>[A-Z])(?:\s*[.:)–-]+\s*|\s+)(?P<name>[^\W\d_].*)",
    re.I,
)
_AGAIN = re.compile(
    r",?\s*[(\[–-]*\s*(?:forts\b\.?|fortsättning|fortsatt)\s*[)\]]*$", re.I
)  # «A Verksamheten (forts.)»
_LETTER = re.compile(r"(?:Område\s+)?\(?([A-Z])\s?[.:)]?")
_NUMBER = re.compile(r"\(?\d{1,2}[.)]\s*|\d\s+(?=[A-ZÅÄÖ])")
_GRADE = re.compile(r"(?:[\s:–-]+|\()(?:(?:gradering|grad|betyg)\s*:?\s*)?([A-D])\)?\.?$", re.I)
_LABEL = re.compile(r"([A-ZÅÄÖ][^\W\d_]+):\s+(?=[A-ZÅÄÖ\d])")
_SCALE_GRADE = re.compile(r"\s*[:–-]?\s*([A-D])\.?")
_FULL, _OPEN = r"[☒☑✓✔✗✘■●◉]|[\[(]\s?[xX]\s?[\])]|[xX]", r"[☐□○◯]|[\[(]\s?[\])]|_+"
_CHOICE = re.compile(
    rf"(?:(?P<full>{_FULL})|(?P<open>{_OPEN})|(?P<letter>[A-D])\b|(?P<unknown>[^\s,;:.–|-]))"
)


@dataclass(frozen=True)
class Names:
    """The areas' names and aliases: letters → (area, weight)."""

    weights: Mapping[str, tuple[str, float]]
    areas: frozenset[str]
    words: Mapping[str, frozenset[str]]  # area → stems of its names' longer words

    @classmethod
    def of(cls, catalogue: Catalogue) -> Names:
        weights: dict[str, tuple[str, float]] = {}
        words = {}
        for area in catalogue.areas.values():
            for alias in area.aliases:
                weights.setdefault(
                    letters(alias), (area.letter, 4.0 if " " in alias or "/" in alias else 2.0)
                )
            weights[letters(area.name)] = (area.letter, 5.0 if " " in area.name else 3.0)
            stems = {
                w[:6].lower() for n in (area.name, *area.aliases) for w in re.findall(r"[^\W\d_]{6,}", n)
            }
            words[area.letter] = frozenset(stems)
        return cls(weights, frozenset(catalogue.areas), words)

    def find(self, name: str) -> tuple[str, float] | None:
        """The area of a heading's name, allowing small slips of the pen in long names."""
        key = letters(name)
        if key in self.weights:
            area, weight = self.weights[key]
            slack = name[:1].islower() or name.rstrip().endswith((".", ","))
            return (area, weight) if not slack else ((area, weight - 1.5) if weight > 3.5 else None)
        if len(key) < 10 or not name[:1].isupper():
            return None
        matcher = SequenceMatcher(None, b=key, autojunk=False)
        best, found = 0.9, None
        for word, what in self.weights.items():
            if abs(len(word) - len(key)) > 0.12 * len(key):
                continue
            matcher.set_seq1(word)
            if matcher.quick_ratio() >= best and (ratio := matcher.ratio()) >= best:
                best, found = ratio, what
        return found


def _plain(text: str) -> str:
    text = re.sub(r"^[#*_\s]+|[*_\s]+$", "", text)
    text = _AGAIN.sub("", text)
    return text.rstrip(":").strip()


def _simple(text: str, t: Template) -> Head | None:
    """A heading that stands in the template's word lists."""
    key = letters(_NUMBER.sub("", text, count=1) if _NUMBER.match(text) else text)
    groups: tuple[tuple[Mapping[str, str], str], ...] = (
        (t.lists, "list"),
        (t.parts, "part"),
        (t.levels, "level"),
    )
    for group, kind in groups:
        if key in group:
            return Head(kind, group[key])  # type: ignore[arg-type]
    if key in t.scale:
        return Head("scale")
    if key in t.lists_heading:
        return Head("summary")
    if key in t.table or key in t.contents:
        return Head("table")
    return _graded_scale(text, t) or _chosen(text, t) or _part(key, t)


def _graded_scale(text: str, t: Template) -> Head | None:
    """«Gradering: B» on a line of its own."""
    for cut in range(len(text) - 1, max(len(text) - 6, 2), -1):
        m = _SCALE_GRADE.fullmatch(text[cut:])
        if m and letters(text[:cut]) in t.scale:
            return Head("scale", grade=m.group(1))
    return None


def _chosen(text: str, t: Template) -> Head | None:
    """«Gradering: ☐ A ☒ B ☐ C ☐ D»: a scale of bare letters on one row, the box before or behind each."""
    start = next(
        (n for n in range(len(text)) if letters(text[:n]) in t.scale and text[n : n + 1] in " :\t"), 0
    )
    found = list(_CHOICE.finditer(text, start))
    kinds = "".join((m.lastgroup or "?")[0] for m in found)  # f(ull), o(pen), l(etter), u(nknown)
    named = [m.group() for m in found if m.lastgroup == "letter"]
    if (
        len(found) < 4
        or "u" in kinds
        or kinds.count("f") > 1
        or not 2 <= len(named) <= 4
        or named != sorted(set(named))
    ):
        return None
    at = kinds.find("f")
    if at < 0:
        return Head("scale") if set(kinds) == {"l", "o"} else None
    boxes = kinds.replace("l", "")
    if kinds == len(named) * "l" + boxes and len(boxes) == len(named):  # all letters, then all boxes
        return Head("scale", grade=named[at - len(named)])
    if re.fullmatch(r"(?:[fo]?l){2,}", kinds):
        return Head("scale", grade=found[at + 1].group())
    return Head("scale", grade=found[at - 1].group()) if re.fullmatch(r"(?:l[fo]?){2,}", kinds) else None


def _part(key: str, t: Template) -> Head | None:
    """«Struktur (A–C)», «Del 1 Struktur»."""
    stripped = re.sub(r"^(?:del\d?|[ivx]{1,3}|\d)|(?:[ad][-–]?[ch]|abc|defgh)$", "", key)
    return Head("part", t.parts[stripped]) if stripped in t.parts and stripped != key else None


def _area(text: str, names: Names) -> Head | None:
    """«A Verksamheten», «A. Verksamheten», «Verksamheten», «1. Verksamheten», with a grade after it or not."""
    for candidate, grade in _graded(text):
        m = _AREA.fullmatch(candidate)
        if m and m["letter"].upper() in names.areas and m["letter"].isupper():
            found = names.find(m["name"])
            if found and found[0] == m["letter"]:
                return Head("area", found[0], max(found[1], 4.0) + 1, grade)
        bare = _NUMBER.sub("", candidate, count=1)
        if found := names.find(bare):
            return Head("area", found[0], found[1] + (1.0 if bare != candidate else 0.0), grade)
    return None


def _graded(text: str) -> Iterator[tuple[str, str | None]]:
    yield text, None
    if m := _GRADE.search(text):
        yield text[: m.start()], m.group(1).upper()


def _unknown_area(text: str, names: Names) -> Head | None:
    """A letter and a name that no catalogue has, «B. Bemanning och kompetens»."""
    m = _AREA.fullmatch(text)
    if m is None or m["letter"] not in names.areas or len(text) > 80 or text.rstrip()[-1:] in ".,;!?-":
        return None
    if not m["name"][:1].isupper() or len(m["name"].split()) > 9 or re.search(r"[.!?]\s", m["name"]):
        return None
    stems = {w[:6].lower() for w in re.findall(r"[^\W\d_]{6,}", m["name"])}
    return Head("area", m["letter"], 3.0 if stems & names.words[m["letter"]] else 1.5)


def _letter(text: str, names: Names) -> Head | None:
    m = _LETTER.fullmatch(text)
    return Head("letter", m.group(1), 1.0) if m and m.group(1) in names.areas else None


def _wrapped(rows: Sequence[Row], i: int, names: Names) -> tuple[list[Row], Head] | None:
    """An area's name over up to three rows, also across a page break, the longest reading first."""
    following = [r for r in rows[i : i + 8] if not r.furniture][:3]
    for n in (3, 2):
        some = following[:n]
        text = " ".join(_plain(r.text) for r in some)
        if len(some) < n or len(text) > LONGEST or any(re.search(r"..[.!?]$", r.text) for r in some):
            continue
        head = _area(text, names)
        if head and not (len(some[0].text) <= 2 and head.weight < 4):
            return some, head
    return None


def mark(rows: Sequence[Row], template: Template, catalogue: Catalogue) -> None:
    """Sets `head` on the rows that look like headings; whether an area's heading takes effect is decided later."""
    names = Names.of(catalogue)
    i = 0
    while i < len(rows):
        i += _mark_at(rows, i, template, names)


def _mark_at(rows: Sequence[Row], i: int, template: Template, names: Names) -> int:
    row = rows[i]
    text = _plain(row.text)
    if row.furniture or len(text) > LONGEST:
        return 1
    if text[:1].islower():
        return 1
    row.head = _simple(text, template) if not text.endswith(".") else None
    if row.head is not None:
        return 1
    if found := _wrapped(rows, i, names):
        some, head = found
        single = _area(text, names)
        if single is None or single.key == head.key:
            for r in some:
                r.head = Head("area", head.key, 0.0, head.grade)
            row.head = head
            return rows.index(some[-1], i) - i + 1
    row.head = _area(text, names) or _unknown_area(text, names)
    if row.head is None and not (text.endswith(".") and i > 0 and not ends_sentence(rows[i - 1].text)):
        row.head = _letter(text, names)
    return 1


def split_merged(rows: Sequence[Row], template: Template, catalogue: Catalogue) -> list[Row]:
    """Rows of several headings («Styrkor Svagheter Förbättringspotential»), and headings with their text on the same
    row («A. Verksamheten: Kliniken …», «Föreskrift Det finns …»), cut apart."""
    names = Names.of(catalogue)
    begun = {found for r in rows if (found := _run_in(r.text, names, bare=True)[1])}
    bare = len(begun) >= MANY
    levelled = sum(bool(_level_in(r.text, template)) for r in rows) >= MANY
    labelled = _labelled(rows, names)
    out: list[Row] = []
    for row in rows:
        cuts = [] if row.furniture else _several(row.text, template) or _run_in(row.text, names, bare)[0]
        if levelled and not cuts and not row.furniture:
            cuts = _level_in(row.text, template)
        cuts = cuts or labelled.get(id(row), [])
        out += row.split(cuts) if cuts else [row]
    return out


def _labelled(rows: Sequence[Row], names: Names) -> dict[int, list[int]]:
    """Where the text begins behind a label that many areas' first rows have, «Beskrivning: Kliniken …», by the row's id."""
    found = [
        (m.group(1), row, m.end())
        for before, row in pairwise(r for r in rows if not r.furniture)
        if (m := _LABEL.match(row.text)) and len(before.text) <= LONGEST and _area(_plain(before.text), names)
    ]
    often = Counter(word for word, _, _ in found)
    return {id(row): [end] for word, row, end in found if often[word] >= MANY}


def _several(text: str, t: Template) -> list[int]:
    """Offsets between headings where the whole row is headings; else none."""
    if len(text) > LONGEST:
        return []
    words = [m.span() for m in re.finditer(r"\S+", text)]
    cuts, at = [], 0
    while at < len(words):
        end = next(
            (
                e
                for e in range(min(len(words), at + 5), at, -1)
                if _known(text[words[at][0] : words[e - 1][1]], t)
            ),
            0,
        )
        if not end:
            return []
        cuts.append(words[at][0])
        at = end
    return cuts[1:] if len(cuts) > 1 else []


def _known(text: str, t: Template) -> bool:
    key = letters(text)
    return key in t.lists or key in t.levels or (key in t.scale and len(key) > 5)


def _level_in(text: str, t: Template) -> list[int]:
    """Where a criterion begins behind its level on one row, «Allmänna råd Studierektor har …»."""
    for m in list(re.finditer(r"\s+(?=[A-ZÅÄÖ])", text[:45]))[:3]:
        if letters(text[: m.start()]) in t.levels and len(text) - m.end() >= 15:
            return [m.end()]
    return []


_RUN_IN = re.compile(
    r"(?:(?P<letter>[A-Z])[.:)]?\s+)?(?P<name>[^.:–]{4,90}?)(?:\s*[:–]\s+|\.\s+)(?=[A-ZÅÄÖ\d])"
)


def _run_in(text: str, names: Names, bare: bool) -> tuple[list[int], str | None]:
    """(where a row's text begins after an area's heading, the area). `bare`: also after one without its letter."""
    m = _RUN_IN.match(text)
    if m is None or len(text) - m.end() < 15 or not (m["letter"] or bare):
        return [], None
    found = names.find(m["name"])
    return ([m.end()], found[0]) if found and m["letter"] in (None, found[0]) else ([], None)
