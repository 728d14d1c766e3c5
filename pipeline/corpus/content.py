"""What a rendered report shall say, before any layout: cover facts, lists, paragraphs, scales, remarks,
plan.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.catalogue import Area, Catalogue
from pipeline.corpus import phrases
from pipeline.corpus.grades import Told
from pipeline.corpus.tsv import CorpusReport, PlanRow, Row
from pipeline.report import LISTS

_ENDS = re.compile(r"[.!?…:][»\"”)]*$")
_BEGINS = re.compile(r"[A-ZÅÄÖ0-9»«\"”(]")
_BULLET = re.compile(r"^[-–•*]\s+")
PARAGRAPH = (2, 5)  # sentences


@dataclass(frozen=True, slots=True)
class Facts:
    """The cover; "" where the corpus report does not tell."""

    unit: str
    specialty: str
    date: str
    place: str
    inspectors: str
    regulation: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: str
    item: bool = False  # a dash item inside a narrative; its text keeps the dash


@dataclass(frozen=True, slots=True)
class AreaContent:
    area: Area
    paragraphs: tuple[Paragraph, ...]
    remark: str  # what the narrative says of the grade, "" where nothing
    scale: tuple[tuple[str, str], ...]  # (letter, wording) as printed
    stated: str | None  # the letter to mark


@dataclass(frozen=True, slots=True)
class Content:
    id: str
    facts: Facts
    lists: Mapping[str, tuple[str, ...]]
    areas: tuple[AreaContent, ...]
    plan: tuple[PlanRow, ...]


def flow(rows: Sequence[Row], rng: random.Random) -> tuple[Paragraph, ...]:
    """Sentences as paragraphs of two to five; a dash item, and what lacks a sentence's end, ends its
    paragraph.
    """
    out: list[Paragraph] = []
    current: list[str] = []
    room = rng.randint(*PARAGRAPH)

    def close() -> None:
        if current:
            out.append(Paragraph(" ".join(current)))
            current.clear()

    for row in rows:
        if _BULLET.match(row.text):
            close()
            out.append(Paragraph(row.text, item=True))
            continue
        if not _BEGINS.match(row.text):
            close()
        current.append(row.text)
        if len(current) >= room or not _ENDS.search(row.text):
            close()
            room = rng.randint(*PARAGRAPH)
    close()
    return tuple(out)


def remark(told: Told, rng: random.Random) -> str:
    """The sentence or sentences in which the narrative tells the grade; "" for none."""
    if told.after is None:
        wording = rng.choice(phrases.STATED) if told.before and rng.random() < 0.3 else ""
        return wording.format(grade=told.before)
    if told.before == told.after:
        return rng.choice(phrases.KEPT).format(after=told.after)
    return rng.choice(phrases.REGRADED if told.before else phrases.CHANGED).format(
        before=told.before, after=told.after
    )


def scale(
    catalogue: Catalogue, letter: str, stated: str | None, rng: random.Random
) -> tuple[tuple[str, str], ...]:
    """The printed scale of an area. One without råd has no C line unless C is what the area got."""
    letters = [g for g in catalogue.grades if g in catalogue.scale(letter) or g == stated]
    key = "text" if catalogue.has_advice(letter) else "text_without_advice"
    wordings = {g: catalogue.grades[g].get(key) or catalogue.grades[g]["text"] for g in letters}
    if "B" in wordings and not catalogue.has_advice(letter) and rng.random() < 0.5:
        wordings["B"] = phrases.SHORT_B
    return tuple(wordings.items())


def level_heading(level: str, catalogue: Catalogue) -> str:
    """What stands above an area's criteria of one level."""
    return phrases.LEVELS.get(level, catalogue.levels[level].capitalize())


def facts(report: CorpusReport, catalogue: Catalogue) -> Facts:
    """Unit and specialty as the corpus tells them; date and inspectors are made up, the same in every
    layout.
    """
    rng = random.Random(report.id)
    unit = report.meta.get("namn", "")
    return Facts(
        unit=unit,
        specialty=report.meta.get("spec", ""),
        date=f"{rng.randint(2016, 2024)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
        place=unit.rpartition(", ")[2] if ", " in unit else "",
        inspectors=rng.choice(phrases.INSPECTORS),
        regulation=catalogue.regulation or "",
    )


def build(
    report: CorpusReport, catalogue: Catalogue, told: Mapping[str, Told], rng: random.Random
) -> Content:
    """The content of one corpus report. Areas that it lacks are left out."""
    lists = {s: tuple(_BULLET.sub("", r.text) for r in report.rows if r.section == s) for s in LISTS}
    areas = []
    for letter, area in catalogue.areas.items():
        rows = [r for r in report.rows if r.section == letter]
        tell = told.get(letter, Told())
        areas.append(
            AreaContent(
                area, flow(rows, rng), remark(tell, rng), scale(catalogue, letter, tell.last, rng), tell.last
            )
        )
    return Content(report.id, facts(report, catalogue), lists, tuple(areas), report.plan)


def day(iso: str, rng: random.Random) -> str:
    """An ISO date in one of the ways people write it, told to the day; other text as it is."""
    if not (m := re.fullmatch(r"(\d\d)(\d\d)-(\d\d)-(\d\d)", iso)):
        return iso
    century, year, month, date = m.groups()
    return rng.choice(
        (
            iso,
            f"{century}{year}{month}{date}",
            f"{year}{month}{date}",
            f"{int(date)} {phrases.MONTHS[int(month) - 1]} {century}{year}",
        )
    )
