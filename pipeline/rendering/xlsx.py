"""Drafts as a workbook: a row an area, the findings with their sentences, the action plans."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from pipeline.catalogue import Catalogue
from pipeline.rendering import words
from pipeline.report import AreaDraft, Draft

_LONGEST = 32_000  # a cell holds 32,767 characters
_FILLS = {"A": "D9EAD3", "B": "DDEBF7", "C": "FFF2CC", "D": "F8CBAD"}
_WIDTHS: Mapping[str, int] = {
    "Fil": 24,
    "Enhet": 34,
    "Områdets namn": 34,
    "Mening": 90,
    "Åtgärd": 70,
    "Kriterium": 60,
    "Förklaring": 70,
    "Vad som skulle ändra": 60,
    "Avgörande kriterier": 40,
    "Avgörande meningar": 90,
}  # characters


def cell(value: Any) -> Any:
    """A value as it can stand in a cell: text without control characters, and never a formula."""
    if not isinstance(value, str):
        return value
    text = words.clean(value)[:_LONGEST]
    return f"'{text}" if text.lstrip()[:1] in tuple("=+-@") or text[:1] in ("\t", "\r") else text


def write(drafts: Sequence[Draft], catalogue: Catalogue, path: Path) -> None:
    """Writes the drafts to an XLSX file."""
    book = Workbook()
    sheet = book.active
    sheet.title = "Områden"
    _fill(sheet, [_area_row(d, letter, a, catalogue) for d in drafts for letter, a in d.areas.items()])
    for row in sheet.iter_rows(min_row=2):
        for c in row:
            if sheet.cell(1, c.column).value == "Förslag" and c.value in _FILLS:
                c.fill = PatternFill("solid", fgColor=_FILLS[c.value])
    _fill(book.create_sheet("Fynd"), [row for d in drafts for row in _finding_rows(d, catalogue)])
    _fill(
        book.create_sheet("Handlingsplan"),
        [{"Fil": d.report.file, **row} for d in drafts for row in words.plan_rows(d)],
    )
    _fill(
        book.create_sheet("Anmärkningar"),
        [{"Fil": d.report.file, "Anmärkning": w} for d in drafts for w in d.warnings],
    )
    book.save(path)


def _area_row(draft: Draft, letter: str, area: AreaDraft, catalogue: Catalogue) -> dict[str, Any]:
    short = [c for c in words.deciding(draft, area, catalogue) if c.status != "met"]
    f = draft.report
    return {
        "Fil": f.file,
        "Enhet": f.unit,
        "Specialitet": f.specialty,
        "Datum": f.date,
        "Föreskrift": f.regulation,
        "Område": letter,
        "Områdets namn": words.area_name(catalogue, letter),
        "Förslag": area.suggested_grade,
        "Osäkert": "ja" if area.abstain else "nej",
        "Möjliga": words.grade_set(area),
        **{f"P({g})": round(float(area.probabilities.get(g, 0.0)), 4) for g in catalogue.grades},
        "Angivet": area.stated_grade,
        "Före plan": area.grade_before_plan,
        "Efter plan": area.grade_after_plan,
        "Har text": "ja" if area.has_text else "nej",
        "Avgörande kriterier": ", ".join(f"{c.id} ({c.told})" for c in short),
        "Avgörande meningar": "\n".join(e.text for c in short for e in c.evidence[:2]),
        "Förklaring": " ".join(t for t in (area.reason, area.explanation) if t),
        "Vad som skulle ändra": area.counterfactual,
        "Modell": f"{draft.model.name} {draft.model.version}",
    }


def _finding_rows(draft: Draft, catalogue: Catalogue) -> Iterable[dict[str, Any]]:
    for s, found in zip(draft.sentences, draft.findings, strict=True):
        for f in found:
            criterion = catalogue.by_id.get(f.criterion)
            yield {
                "Fil": draft.report.file,
                "Mening nr": s.id,
                "Avsnitt": words.section(s.section),
                "Mening": s.text,
                "Id": f.criterion,
                "Kriterium": criterion.text if criterion else "",
                "Status": words.STATUS[f.status],
                "Sannolikhet": round(float(f.probability), 4),
            }


def _fill(sheet: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    """Heads, rows, frozen head, filter, widths."""
    if not rows:
        sheet.append(["Inget att visa"])
        return
    heads = list(rows[0])
    sheet.append(heads)
    for row in rows:
        sheet.append([cell(row[h]) for h in heads])
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = sheet.dimensions
    for n, head in enumerate(heads, 1):
        sheet.cell(1, n).font = Font(bold=True)
        width = _WIDTHS.get(head, max(10, len(head) + 3))
        sheet.column_dimensions[get_column_letter(n)].width = width
        if width > 30:
            for c in sheet[get_column_letter(n)][1:]:
                c.alignment = Alignment(wrap_text=True, vertical="top")
