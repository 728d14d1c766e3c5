"""Drafts as a Word document: a section a report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import docx
from docx.shared import Cm, Pt, RGBColor

from pipeline.catalogue import Catalogue
from pipeline.rendering import words
from pipeline.report import AreaDraft, Draft

_COLOURS = {
    "met": RGBColor(0x2E, 0x7D, 0x32),
    "partly": RGBColor(0xB2, 0x6A, 0x00),
    "unmet": RGBColor(0xB7, 0x1C, 0x1C),
}

OVERVIEW_WIDTHS = (6.2, 2.4, 2.0)  # cm: area, suggestion, stated; the other columns share the rest of 17 cm
PLAN_WIDTHS = (1.8, 2.0, 4.0, 2.1, 2.6, 2.2, 2.3)


def write(drafts: Sequence[Draft], catalogue: Catalogue, path: Path) -> None:
    """Writes the drafts to a DOCX file."""
    word = docx.Document()
    word.core_properties.title = "Utkast till gradering"
    word.core_properties.author = "spur"
    word.styles["Normal"].font.size = Pt(10)
    page = word.sections[0]
    page.page_width, page.page_height = Cm(21), Cm(29.7)
    page.left_margin = page.right_margin = page.top_margin = page.bottom_margin = Cm(2)
    for n, draft in enumerate(drafts):
        if n:
            word.add_page_break()
        _report(word, draft, catalogue)
    word.save(str(path))


def _report(word: Any, draft: Draft, catalogue: Catalogue) -> None:
    word.add_heading(words.title(draft.report), 1)
    for label, value in words.cover(draft.report):
        paragraph = word.add_paragraph()
        paragraph.paragraph_format.space_after = Pt(0)
        paragraph.add_run(f"{label}: ").bold = True
        paragraph.add_run(value)
    for warning in draft.warnings:
        word.add_paragraph(words.clean(f"Obs: {warning}"), style="Intense Quote")
    _overview(word, draft, catalogue)
    for letter, area in draft.areas.items():
        _area(word, draft, letter, area, catalogue)
    if draft.action_plan:
        word.add_heading("Handlingsplan", 2)
        rows = words.plan_rows(draft)
        _table(word, [list(rows[0]), *(list(r.values()) for r in rows)], PLAN_WIDTHS)
    word.add_paragraph(words.disclaimer(draft)).runs[0].italic = True


def _overview(word: Any, draft: Draft, catalogue: Catalogue) -> None:
    heads = ["Område", "Förslag", "Angivet", *catalogue.grades, "Efter plan"]
    rows = []
    for letter, area in draft.areas.items():
        name = words.area_name(catalogue, letter)
        mark = f" ({words.UNSURE})" if area.abstain else ""
        chances = [words.percent(area.probabilities.get(g, 0.0)) for g in catalogue.grades]
        suggestion = f"{area.suggested_grade}{mark}"
        rows.append(
            [f"{letter} {name}", suggestion, words.stated(area), *chances, area.grade_after_plan or "–"]
        )
    rest = (17.0 - sum(OVERVIEW_WIDTHS)) / (len(heads) - len(OVERVIEW_WIDTHS))
    _table(word, [heads, *rows], [*OVERVIEW_WIDTHS, *[rest] * (len(heads) - len(OVERVIEW_WIDTHS))])


def _table(word: Any, rows: Sequence[Sequence[str]], widths: Sequence[float]) -> None:
    """A table with a head; widths in cm."""
    grid = word.add_table(rows=0, cols=len(rows[0]), style="Light Grid Accent 1")
    grid.autofit = False
    for column, width in zip(grid.columns, widths, strict=True):
        column.width = Cm(width)
    for row in rows:
        for cell, text, width in zip(grid.add_row().cells, row, widths, strict=True):
            cell.text = text
            cell.width = Cm(width)
            for run in cell.paragraphs[0].runs:
                run.font.size = Pt(8.5)
    word.add_paragraph()


def _area(word: Any, draft: Draft, letter: str, area: AreaDraft, catalogue: Catalogue) -> None:
    name = words.area_name(catalogue, letter)
    mark = f" ({words.UNSURE}, möjliga: {words.grade_set(area)})" if area.abstain else ""
    word.add_heading(f"{letter} {name}: {area.suggested_grade}{mark}", 2)
    for line in (area.reason, area.explanation, area.counterfactual):
        if line:
            word.add_paragraph(words.clean(line))
    for c in words.deciding(draft, area, catalogue):
        paragraph = word.add_paragraph(style="List Bullet")
        run = paragraph.add_run(f"{c.id} {c.told} ({c.probability}) ")
        run.bold = True
        run.font.color.rgb = _COLOURS[c.status]
        paragraph.add_run(f"{c.wording} ({c.level})" + (f" [{c.plan}]" if c.plan else ""))
        for e in c.evidence:
            _quote(word, f"«{e.text}»", e.where)
        for e in c.against:
            _quote(word, f"Mot: «{e.text}»", e.where)


def _quote(word: Any, text: str, where: str) -> None:
    paragraph = word.add_paragraph(style="List Continue")
    paragraph.paragraph_format.space_after = Pt(2)
    paragraph.add_run(text).italic = True
    if where:
        paragraph.add_run(f" ({where})").font.size = Pt(8)
