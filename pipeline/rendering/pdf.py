"""Drafts as a PDF for paper and files: a section a report, fonts embedded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_CENTER
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.platypus import (
    CondPageBreak,
    HRFlowable,
    PageBreak,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)

from pipeline.catalogue import Catalogue
from pipeline.rendering import words
from pipeline.report import AreaDraft, Draft, SpurError

_FONTS = Path(__file__).resolve().parent / "fonts"
_PLAIN, _BOLD, _ITALIC = "SourceSans3", "SourceSans3-SemiBold", "SourceSans3-Italic"
_INK, _DIM, _LINE, _GROUND = (
    HexColor("#1b2733"),
    HexColor("#55616e"),
    HexColor("#d3dae2"),
    HexColor("#f3f5f8"),
)
_STATUS = {"met": "#1d6b3f", "partly": "#8a5300", "unmet": "#a3231c"}
_GRADES = {"A": "#1d6b3f", "B": "#1f5f99", "C": "#8a5300", "D": "#a3231c"}
_MARGIN = 18 * mm
_PADDING = 6  # points that reportlab's frame leaves inside its margins
_WIDTH = A4[0] - 2 * _MARGIN
QUOTES = 4  # sentences quoted for a criterion
_AREA, _GRADE, _CHANCE = 62 * mm, 16 * mm, 13 * mm  # columns of the overview
_PLAN = (0.075, 0.1, 0.275, 0.115, 0.15, 0.13, 0.155)  # columns of the plan, of the width


@cache
def _register() -> None:
    """Makes the fonts known to reportlab, whose table of fonts is the process's own."""
    files = {
        _PLAIN: "SourceSans3_400Regular.ttf",
        _BOLD: "SourceSans3_600SemiBold.ttf",
        _ITALIC: "SourceSans3_400Regular_Italic.ttf",
    }
    for name, file in files.items():
        try:
            pdfmetrics.registerFont(TTFont(name, str(_FONTS / file)))
        except TTFError as e:
            raise SpurError(f"typsnittet {file} saknas i installationen: installera paketet på nytt") from e
    pdfmetrics.registerFontFamily(_PLAIN, normal=_PLAIN, bold=_BOLD, italic=_ITALIC, boldItalic=_BOLD)


def _style(size: float, font: str = _PLAIN, **more: Any) -> ParagraphStyle:
    told = {"leading": size * 1.35, "textColor": _INK, "spaceAfter": 2.5, **more}
    return ParagraphStyle("x", fontName=font, fontSize=size, splitLongWords=1, **told)


def _text(text: str, style: ParagraphStyle) -> Paragraph:
    """What comes from a report, as it is: nothing of it is markup."""
    return Paragraph(escape(words.clean(text)), style)


def write(drafts: Sequence[Draft], catalogue: Catalogue, path: Path) -> None:
    """Writes the drafts to a PDF file.

    Raises SpurError where the installation lacks the fonts.
    """
    _register()
    document = SimpleDocTemplate(
        str(path),
        pagesize=A4,
        leftMargin=_MARGIN - _PADDING,
        rightMargin=_MARGIN - _PADDING,
        topMargin=16 * mm,
        bottomMargin=18 * mm,
        title="Utkast till gradering",
        author="spur",
        lang="sv-SE",
    )
    story: list[Any] = []
    for n, draft in enumerate(drafts):
        story += [PageBreak()] if n else []
        story += _report(draft, catalogue)
    document.build(story, onFirstPage=_foot, onLaterPages=_foot)


def _foot(canvas: Any, document: Any) -> None:
    canvas.saveState()
    canvas.setFont(_PLAIN, 8)
    canvas.setFillColor(_DIM)
    canvas.drawString(_MARGIN, 10 * mm, "Utkast till gradering – ett underlag: graderingen gör inspektörerna")
    canvas.drawRightString(A4[0] - _MARGIN, 10 * mm, f"Sida {document.page}")
    canvas.restoreState()


def _report(draft: Draft, catalogue: Catalogue) -> Iterator[Any]:
    yield _text(words.title(draft.report), _style(17, _BOLD, leading=21, spaceAfter=3))
    facts = "  ·  ".join(
        f"{label}: {value}" for label, value in words.cover(draft.report) if label != "Enhet"
    )
    yield _text(facts, _style(9, textColor=_DIM, spaceAfter=8))
    for warning in draft.warnings:
        yield _text(
            f"Obs: {warning}", _style(9, borderColor=_LINE, borderWidth=0.5, borderPadding=4, spaceAfter=9)
        )
    yield _overview(draft, catalogue)
    yield Spacer(0, 4 * mm)
    for letter, area in draft.areas.items():
        yield from _area(draft, letter, area, catalogue)
    if draft.action_plan:
        yield CondPageBreak(40 * mm)
        yield _text("Handlingsplan", _style(12.5, _BOLD, spaceBefore=8, spaceAfter=4))
        yield _plan(draft)
    yield Spacer(0, 4 * mm)
    yield _text(words.disclaimer(draft), _style(8.5, _ITALIC, textColor=_DIM))


def _overview(draft: Draft, catalogue: Catalogue) -> Table:
    head, cell = _style(8, _BOLD, textColor=_DIM, spaceAfter=0), _style(9, spaceAfter=0)
    middle = _style(9, alignment=TA_CENTER, spaceAfter=0)
    heads = ["Område", "Förslag", "Angivet", *catalogue.grades, "Efter plan"]
    centred = _style(8, _BOLD, textColor=_DIM, spaceAfter=0, alignment=TA_CENTER)
    rows: list[list[Any]] = [[_text(h, centred if n else head) for n, h in enumerate(heads)]]
    for letter, area in draft.areas.items():
        rows.append(
            [
                _text(f"{letter}  {words.area_name(catalogue, letter)}", cell),
                _grade(area),
                _text(words.stated(area), middle),
                *(_text(words.percent(area.probabilities.get(g, 0.0)), middle) for g in catalogue.grades),
                _text(area.grade_after_plan or "–", middle),
            ]
        )
    rest = _WIDTH - _AREA - 2 * _GRADE - _CHANCE * len(catalogue.grades)
    widths = [_AREA, _GRADE, _GRADE, *[_CHANCE] * len(catalogue.grades), rest]
    return Table(rows, colWidths=widths, style=_lines(), repeatRows=1)


def _grade(area: AreaDraft) -> Paragraph:
    colour = _GRADES.get(area.suggested_grade, "#1b2733")
    unsure = f' <font size="7">({words.UNSURE})</font>' if area.abstain else ""
    return Paragraph(
        f'<font name="{_BOLD}" color="{colour}">{escape(area.suggested_grade)}</font>{unsure}',
        _style(10, alignment=TA_CENTER, spaceAfter=0),
    )


def _lines() -> TableStyle:
    return TableStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, -1), 0.5, _LINE),
            ("BACKGROUND", (0, 0), (-1, 0), _GROUND),
            ("TOPPADDING", (0, 0), (-1, -1), 2.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
            ("LEFTPADDING", (0, 0), (-1, -1), 4),
            ("RIGHTPADDING", (0, 0), (-1, -1), 4),
        ]
    )


def _area(draft: Draft, letter: str, area: AreaDraft, catalogue: Catalogue) -> Iterator[Any]:
    mark = f" ({words.UNSURE}, möjliga: {words.grade_set(area)})" if area.abstain else ""
    name = words.area_name(catalogue, letter)
    yield CondPageBreak(32 * mm)
    yield HRFlowable(width="100%", thickness=0.6, color=_LINE, spaceBefore=5, spaceAfter=5)
    yield _text(f"{letter}  {name}: {area.suggested_grade}{mark}", _style(12.5, _BOLD, spaceAfter=3))
    for line in (area.reason, area.explanation, area.counterfactual):
        if line:
            yield _text(line, _style(9.5))
    for c in words.deciding(draft, area, catalogue):
        yield from _criterion(c)


def _criterion(c: words.Deciding) -> Iterator[Any]:
    plan = f" [{escape(c.plan)}]" if c.plan else ""
    yield Paragraph(
        f'<font name="{_BOLD}" color="{_STATUS[c.status]}">{words.SIGN[c.status]} {escape(c.id)} {escape(c.told)}'
        f"</font> ({c.probability.replace('<', '&lt;').replace('>', '&gt;')}) {escape(words.clean(c.wording))}"
        f" <font color='#55616e'>({escape(c.level)})</font>{plan}",
        _style(9.5, spaceBefore=4, leftIndent=3 * mm, keepWithNext=1),
    )
    quoted = _style(9, leftIndent=7 * mm, textColor=_INK)
    for e in c.evidence[:QUOTES]:
        yield _text(f"«{e.text}» (mening {e.number}{', ' + e.where if e.where else ''})", quoted)
    if (more := len(c.evidence) - QUOTES) > 0:
        yield _text(f"och {more} {'mening' if more == 1 else 'meningar'} till", quoted)
    for e in c.against[:QUOTES]:
        yield _text(f"Mot: «{e.text}» (mening {e.number}{', ' + e.where if e.where else ''})", quoted)


def _plan(draft: Draft) -> Table:
    rows = words.plan_rows(draft)
    head, cell = _style(8, _BOLD, textColor=_DIM, spaceAfter=0), _style(8, spaceAfter=0)
    told = [[_text(h, head) for h in rows[0]], *([_text(v, cell) for v in r.values()] for r in rows)]
    return Table(told, colWidths=[w * _WIDTH for w in _PLAN], style=_lines(), repeatRows=1, splitInRow=1)
