"""What the cover tells: unit, specialty, date, place, inspectors, regulation."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.catalogue import Catalogue
from pipeline.parsing import dates
from pipeline.parsing.rows import Row
from pipeline.parsing.template import Template, letters
from pipeline.report import Facts

_PAIR = re.compile(r"(?P<label>[^:\t|]{2,40}?)\s*[:\t|]\s*(?P<value>\S.*)")
PAIRS = 3  # rows «Label value» that make a cover of such rows
_NAMES = re.compile(r"\s*(?:,|;|/|&|\boch\b|\bsamt\b)\s*")


def _label(text: str, t: Template) -> str | None:
    return t.cover.get(letters(text))


def _valid(key: str, value: str, t: Template) -> bool:
    """Whether a text can be the value of a label: a date for a date, a regulation for a regulation."""
    if key == "date":
        return bool(dates.days(value, t.months))
    if key == "regulation":
        return t.regulations.search(value) is not None
    return any(c.isalpha() for c in value) and len(value) <= 150 and not dates.days(value, t.months)


def _labelled(texts: Sequence[str], t: Template) -> dict[str, str]:
    """Values of labels. «Label: value» as it stands; else the label's neighbour, above or below as most labels have it."""
    found: dict[str, str] = {}
    places = []
    for i, text in enumerate(texts):
        m = _PAIR.fullmatch(text)
        if m and (key := _label(m["label"], t)) and _valid(key, m["value"], t):
            found.setdefault(key, m["value"].strip())
        elif key := _label(text.rstrip(" :"), t):
            places.append((i, key))
    found = {**_spaced(texts, t), **found}
    step = _side(texts, places, t)
    for i, key in places:
        if value := _neighbour(texts, i, step, key, t):
            found.setdefault(key, value)
    return found


def _spaced(texts: Sequence[str], t: Template) -> dict[str, str]:
    """Values behind their labels with nothing but space between, as tables become text: told by form, else only where
    several rows are such pairs."""
    found: dict[str, str] = {}
    for text in texts:
        for m in list(re.finditer(r"\s+", text[:45]))[3::-1]:
            key, value = _label(text[: m.start()], t), text[m.end() :]
            if key and key not in found and _valid(key, value, t) and not value[:1].islower():
                found[key] = value
                break
    if len(found) >= PAIRS:
        return found
    return {key: value for key, value in found.items() if key in ("date", "regulation")}


def _side(texts: Sequence[str], places: Sequence[tuple[int, str]], t: Template) -> int:
    """-1 where values stand above their labels, 1 where below: by the labels whose values can be told by form."""
    votes = 0
    for i, key in places:
        above = _neighbour(texts, i, -1, key, t) is not None
        below = _neighbour(texts, i, 1, key, t) is not None
        sure = 3 if key in ("date", "regulation") else 1
        votes += sure * (int(below) - int(above))
    if votes == 0 and places:
        # As many either way: a cover that begins with a label has the values below.
        return 1 if texts[0].rstrip(" :") and _label(texts[0].rstrip(" :"), t) else -1
    return 1 if votes > 0 else -1


def _neighbour(texts: Sequence[str], i: int, step: int, key: str, t: Template) -> str | None:
    j = i + step
    if not 0 <= j < len(texts) or _label(texts[j].rstrip(" :"), t) or _PAIR.fullmatch(texts[j]):
        return None
    return texts[j] if _valid(key, texts[j], t) else None


def facts(
    cover: Sequence[Row], everything: Sequence[Row], file: str, catalogue: Catalogue, t: Template
) -> Facts:
    """The facts of the cover's rows; a regulation may stand elsewhere, and a running title may name the unit."""
    texts = _texts(cover)
    found = _labelled(texts, t)
    regulation = _regulation(found.get("regulation", ""), t) or _regulation(" ".join(texts), t)
    date = dates.days(found.get("date", ""), t.months) or _only_date(texts, t)
    return Facts(
        file=file,
        unit=found.get("unit") or _titled(everything, t),
        specialty=found.get("specialty"),
        date=date[0] if date else None,
        regulation=regulation,
        catalogue=catalogue.name,
        place=found.get("place"),
        inspectors=tuple(n.strip() for n in _NAMES.split(found.get("inspectors", "")) if n.strip()),
    )


def _texts(cover: Sequence[Row]) -> list[str]:
    """The cover's rows, those of one cell of a table together."""
    out: list[str] = []
    cell: tuple[int, tuple[int, int, int]] | None = None
    for row in cover:
        if row.furniture:
            continue
        here = (row.page, row.line.cell) if row.line.cell else None
        if here and here == cell:
            out[-1] += f" {row.text}"
        else:
            out.append(row.text)
        cell = here
    return out


def _only_date(texts: Sequence[str], t: Template) -> list[str]:
    """The date of a cover that tells just one."""
    found = sorted({d for text in texts for d in dates.days(text, t.months)})
    return found if len(found) == 1 else []


def _regulation(text: str, t: Template) -> str | None:
    m = t.regulations.search(text)
    if m is None:
        return None
    name, _, year, number = re.split(r"(?<=[A-Z])(\s*)((?:19|20)\d\d)\s*:\s*", m.group().upper(), maxsplit=1)
    return f"{name.strip().replace('HSLFFS', 'HSLF-FS')} {year}:{number}"


def _titled(rows: Sequence[Row], t: Template) -> str | None:
    """The unit of a running title «SPUR-granskning …, Kliniken X»."""
    for row in rows:
        if row.furniture:
            for title in sorted(t.title_tails, key=len, reverse=True):
                if row.text.lower().startswith(title.lower()):
                    rest = re.sub(
                        r"\s*(?:sida|sid\.?)?\s*\d+\s*(?:\(\d+\))?$", "", row.text[len(title) :], flags=re.I
                    )
                    rest = rest.strip(" ,–-—:|")
                    return rest if rest[:1].isupper() and sum(c.isalpha() for c in rest) > 3 else None
    return None
