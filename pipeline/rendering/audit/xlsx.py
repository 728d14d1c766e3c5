"""An audit as a workbook: a sheet a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from pipeline.audit import Audit, Cases
from pipeline.audit.agreement import Agreement
from pipeline.audit.contradictions import KINDS
from pipeline.rendering import words as common
from pipeline.rendering.audit import words
from pipeline.rendering.xlsx import cell

_FILLS = {
    "A": "9CC9E3",
    "B": "CFE8F7",
    "C": "FBE0A6",
    "D": "F4B183",
}  # apart for the colour-blind, dark text on all
_WIDE = {
    "Varför": 110,
    "Åtgärd": 70,
    "Kriteriets lydelse": 70,
    "Slag": 44,
    "Rapport": 30,
    "Enhet": 36,
    "Uppgift": 36,
    "Värde": 44,
    "Grupp": 36,
}
_GRADES = ("Angivet före plan", "Senast angivet", "Enligt texten")


def write(audit: Audit, cases: Cases, path: Path) -> None:
    """Writes the audit to an XLSX file. The cases are not needed; every writer takes them."""
    del cases
    book = Workbook()
    book.remove(book.active)
    sheets: Mapping[str, Iterable[Mapping[str, Any]]] = {
        "Sammanfattning": _summary(audit),
        "Graderingar": _gradings(audit),
        "Motsägelser": _contradictions(audit),
        "Överensstämmelse": _agreements(audit),
        "Förväxlingar": _confusion(audit),
        "Inspektörspar": _pairs(audit),
        "Enheter och områden": _heat(audit),
        "Brister": _shortfalls(audit),
        "Brister i grupper": _compared(audit),
        "Handlingsplaner": _promises(audit),
        "Obesvarade brister": _open(audit),
    }
    for name, rows in sheets.items():
        _sheet(book, name, rows)
    _colour(book["Enheter och områden"], {*audit.catalogue.areas})
    _colour(book["Graderingar"], {*_GRADES})
    book.save(path)


def _sheet(book: Any, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
    sheet = book.create_sheet(name)
    heads: list[str] = []
    for row in rows:
        if not heads:
            heads = list(row)
            sheet.append(heads)
        sheet.append([cell(row[h]) for h in heads])
    if not heads:
        sheet.append(["Inget att visa"])
        return
    sheet.freeze_panes = "A2"
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", sheet.PAPERSIZE_A4
    sheet.page_setup.fitToHeight, sheet.sheet_properties.pageSetUpPr.fitToPage = 0, True
    sheet.print_title_rows = "1:1"
    sheet.auto_filter.ref = sheet.dimensions
    for n, head in enumerate(heads, 1):
        sheet.cell(1, n).font = Font(bold=True)
        sheet.cell(1, n).alignment = Alignment(wrap_text=True, vertical="top")
        letter = get_column_letter(n)
        sheet.column_dimensions[letter].width = _WIDE.get(head) or min(24, max(10, len(head) + 3))
        percent = head.startswith(("Andel", "Tvekan", "P("))
        for c in sheet[letter][1:]:
            c.alignment = Alignment(wrap_text=head in _WIDE, vertical="top")
            if isinstance(c.value, float):
                c.number_format = "0 %" if percent else "0.00"


def _colour(sheet: Any, heads: set[str]) -> None:
    columns = [c.column for c in sheet[1] if c.value in heads]
    for row in sheet.iter_rows(min_row=2):
        for c in row:
            if c.column in columns and (fill := _FILLS.get(str(c.value or "")[:1])):
                c.fill = PatternFill("solid", fgColor=fill)


def _summary(audit: Audit) -> list[dict[str, Any]]:
    a = audit.overall
    late = sum(p.state == "overdue" for p in audit.promises)
    pairs: list[tuple[str, Any]] = [
        ("Rapporter", len(audit.rows)),
        ("Jämförda graderingar", a.gradings),
        ("Exakt överensstämmelse", words.share(a.exact)),
        ("– 95 % intervall", words.shares(a.exact_interval)),
        ("Inom ett steg", words.share(a.within_one)),
        ("Kvadratiskt viktad kappa", words.number(a.kappa)),
        ("– 95 % intervall", words.interval(a.kappa_interval)),
        ("Angivna betyg mot texten", words.strictness(a)),
        ("Motsägelser inom rapporter", len(audit.contradictions)),
        ("Poster i handlingsplaner", len(audit.promises)),
        ("– vars tidsgräns har passerat", late),
        ("Planer bedömda per den", audit.as_of.isoformat()),
        ("Modell", ", ".join(f"{m.name} {m.version}" for m in audit.models)),
        ("Föreskrift", audit.catalogue.regulation or audit.catalogue.name),
        *(("Obs", n) for n in audit.notes),
    ]
    return [{"Uppgift": k, "Värde": v} for k, v in pairs]


def _gradings(audit: Audit) -> Iterable[dict[str, Any]]:
    facts = {r.id: r for r in audit.rows}
    for n, g in enumerate(audit.gradings, 1):
        yield {
            "Nr": n,
            "Rapport": g.report,
            "Enhet": facts[g.report].unit,
            "Område": g.area,
            "Angivet före plan": g.stated_grade,
            "Senast angivet": g.told_grade,
            "Enligt texten": g.suggested_grade,
            "Tvekan": g.doubt,
            "Varför": g.reason,
            **{f"P({k})": float(g.probabilities.get(k, 0.0)) for k in audit.grades},
            "Osäkert förslag": "ja" if g.abstain else "nej",
            "Källa": g.source,
            "Meningar": ", ".join(map(str, g.sentences)),
        }


def _contradictions(audit: Audit) -> Iterable[dict[str, Any]]:
    for c in audit.contradictions:
        yield {
            "Rapport": c.report,
            "Område": c.area,
            "Slag": KINDS[c.kind],
            "Varför": c.reason,
            "Meningar": ", ".join(map(str, c.sentences)),
        }


def _agreement(kind: str, group: str, a: Agreement) -> dict[str, Any]:
    low, high = a.exact_interval or (None, None)
    klow, khigh = a.kappa_interval or (None, None)
    return {
        "Indelning": kind,
        "Grupp": group,
        "Rapporter": a.reports,
        "Graderingar": a.gradings,
        "Andel exakt": a.exact,
        "Andel exakt, lägst": low,
        "Andel exakt, högst": high,
        "Andel inom ett steg": a.within_one,
        "Viktad kappa": a.kappa,
        "Kappa, lägst": klow,
        "Kappa, högst": khigh,
        "Steg strängare än texten": a.severity,
        "Varning": words.SMALL if a.small else "",
    }


def _agreements(audit: Audit) -> Iterable[dict[str, Any]]:
    yield _agreement("Alla", "Alla", audit.overall)
    for letter, a in audit.by_area.items():
        yield _agreement("Område", f"{letter} {audit.catalogue.areas[letter].name}", a)
    for dimension, values in audit.groups.items():
        for value, a in values.items():
            yield _agreement(audit.dimensions[dimension], value, a)


def _confusion(audit: Audit) -> Iterable[dict[str, Any]]:
    for stated, row in audit.overall.confusion.items():
        yield {"Angivet": stated, **{f"Texten {g}": n for g, n in row.items()}}


def _pairs(audit: Audit) -> Iterable[dict[str, Any]]:
    for p in audit.severity.pairs:
        yield {
            "Grupp": p.name,
            "Rapporter": p.reports,
            "Graderingar": p.gradings,
            "Steg strängare än texten, medel": p.mean,
            "Mot alla pars medel, krympt": p.shrunk,
            "Lägst": p.interval[0],
            "Högst": p.interval[1],
            "Varning": words.SMALL if p.small else "",
        }
    if audit.severity.note and not audit.severity.pairs:
        yield {"Grupp": audit.severity.note}


def _heat(audit: Audit) -> Iterable[dict[str, Any]]:
    for r in audit.rows:
        cells = {}
        for a in audit.catalogue.areas:
            c = r.cells.get(a)
            differs = c and c.stated and c.stated != c.suggested
            cells[a] = "" if c is None else f"{c.stated} (texten {c.suggested})" if differs else c.suggested
        facts = {audit.dimensions[d]: r.facts.get(d) for d in audit.dimensions}
        yield {"Rapport": r.id, "Enhet": r.unit, **facts, **cells}


def _shortfalls(audit: Audit) -> Iterable[dict[str, Any]]:
    for s in audit.shortfalls:
        yield {
            "Kriterium": s.criterion,
            "Kriteriets lydelse": audit.catalogue.by_id[s.criterion].text,
            "Nivå": audit.catalogue.levels[s.level],
            "Rapporter med brist": len(s.hits),
            "varav inte uppfyllt": s.unmet,
            "Rapporter med osäker läsning": len(s.unsure),
            "Av": s.of,
            "Andel": s.share,
            "Andel, lägst": s.interval[0],
            "Andel, högst": s.interval[1],
        }


def _compared(audit: Audit) -> Iterable[dict[str, Any]]:
    for dimension, values in audit.compared.items():
        for value, shares in values.items():
            for criterion, s in shares.items():
                low, high = s.interval or (None, None)
                yield {
                    "Indelning": audit.dimensions[dimension],
                    "Grupp": value,
                    "Kriterium": criterion,
                    "Rapporter med brist": s.hits,
                    "Av": s.of,
                    "Andel": s.hits / s.of if s.of else None,
                    "Andel, lägst": low,
                    "Andel, högst": high,
                }


def _promises(audit: Audit) -> Iterable[dict[str, Any]]:
    for p in audit.promises:
        yield {
            "Rapport": p.report,
            "Område": p.area,
            "Kriterier": ", ".join(p.criteria),
            "Åtgärd": common.clean(p.action),
            "Klart": p.deadline,
            "Ansvarig": p.responsible,
            "Uppföljning": p.follow_up,
            "Läge": words.STATES[p.state] if p.state else "",
            "Saknar": ", ".join(words.LACKS.get(x, x) for x in p.lacks),
        }


def _open(audit: Audit) -> Iterable[dict[str, Any]]:
    for report, criterion, state in audit.open_breaches:
        yield {
            "Rapport": report,
            "Kriterium": criterion,
            "Kriteriets lydelse": audit.catalogue.by_id[criterion].text,
            "Läge": words.STATES[state],
        }
