"""A draft as a readable Swedish table on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pipeline.catalogue import Catalogue
from pipeline.rendering import words
from pipeline.report import AreaDraft, Draft, Finding, Report, Sentence

STYLE = {"A": "green", "B": "cyan", "C": "yellow", "D": "bold red"}
_SIGNS = {"met": "green", "partly": "yellow", "unmet": "red"}
QUOTES = 3  # sentences quoted for a criterion


def draft_table(draft: Draft, catalogue: Catalogue) -> Group:
    """A draft: facts, warnings, a row an area, then what decides each area with the sentences behind it."""
    parts: list[Text | Table | Padding] = [Text(words.title(draft.report), style="bold underline")]
    facts = " · ".join(v for label, v in words.cover(draft.report) if label != "Enhet")
    parts.append(Text(facts, style="dim"))
    parts += [Text(f"! {words.clean(w)}", style="yellow") for w in draft.warnings]
    parts.append(_areas(draft, catalogue))
    for letter, area in draft.areas.items():
        parts += _details(draft, letter, area, catalogue)
    parts.append(Text(words.disclaimer(draft), style="dim italic"))
    parts.append(Text(""))
    return Group(*parts)


def _areas(draft: Draft, catalogue: Catalogue) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Område", overflow="fold")
    table.add_column("Förslag", justify="center")
    table.add_column("Angivet", justify="center")
    for grade in catalogue.grades:
        table.add_column(grade, justify="right")
    table.add_column("Avgörs av", overflow="fold")
    for letter, area in draft.areas.items():
        name = words.area_name(catalogue, letter)
        table.add_row(
            f"{letter} {name}",
            _suggestion(area),
            words.stated(area),
            *(words.percent(area.probabilities.get(g, 0.0)) for g in catalogue.grades),
            _short(area),
        )
    return table


def _suggestion(area: AreaDraft) -> Text:
    text = Text(area.suggested_grade, style=STYLE.get(area.suggested_grade, ""))
    if area.abstain:
        text.append("?")
        if len(area.grade_set) > 1:
            text.append(f" ({words.grade_set(area)})", style="dim")
    return text


def _short(area: AreaDraft) -> Text:
    text = Text()
    for c in area.criteria:
        if c.status != "met":
            text.append(f"{words.SIGN[c.status]}{c.id} ", style=_SIGNS[c.status])
    if not area.has_text:
        text.append(words.NO_TEXT, style="dim")
    return text


def _details(draft: Draft, letter: str, area: AreaDraft, catalogue: Catalogue) -> list[Text | Padding]:
    name = words.area_name(catalogue, letter)
    head = Text(f"{letter} {name}: ", style="bold")
    head.append_text(_suggestion(area))
    parts: list[Text | Padding] = [head]
    for line in (area.reason, area.explanation, area.counterfactual):
        if line:
            parts.append(Padding(Text(words.clean(line)), (0, 0, 0, 2), expand=False))
    if area.grade_after_plan and area.grade_after_plan != area.suggested_grade:
        parts.append(
            Padding(Text(f"Om handlingsplanen godtas: {area.grade_after_plan}"), (0, 0, 0, 2), expand=False)
        )
    met = []
    for c in words.deciding(draft, area, catalogue):
        if c.status == "met":
            met.append(c.id)
        else:
            parts.append(Padding(_criterion(c), (0, 0, 0, 2), expand=False))
    if met:
        parts.append(
            Padding(
                Text(f"+ uppfyllt enligt texten: {', '.join(met)}", style="green"), (0, 0, 0, 2), expand=False
            )
        )
    parts.append(Text(""))
    return parts


def _criterion(c: words.Deciding) -> Text:
    text = Text(f"{words.SIGN[c.status]} {c.id} ", style=_SIGNS[c.status])
    text.append(f"({c.level}, {c.told} {c.probability}) ")
    text.append(c.wording)
    if c.plan:
        text.append(f"  [{c.plan}]", style="magenta")
    for e in c.evidence[:QUOTES]:
        text.append(f"\n    «{e.text}»", style="italic")
        text.append(f" {e.number}, {e.where}" if e.where else f" {e.number}", style="dim")
    if more := len(c.evidence) - QUOTES:
        text.append(f"\n    och {more} mening{'ar' * (more > 1)} till" if more > 0 else "", style="dim")
    for e in c.against[:1]:
        text.append(f"\n    mot: «{e.text}» {e.number}", style="dim")
    return text


def report_table(report: Report, sentences: Sequence[Sentence], catalogue: Catalogue) -> Group:
    """A parsed report: facts, stated grades, sentences by section, plan."""
    parts: list[Text | Table | Padding] = [Text(words.title(report.facts), style="bold underline")]
    parts.append(Text(" · ".join(v for _, v in words.cover(report.facts)), style="dim"))
    parts += [Text(f"! {words.clean(w)}", style="yellow") for w in report.warnings]
    section: str | None = ""
    for s in sentences:
        if s.section != section:
            section = s.section
            parts.append(Text(_heading(report, section, catalogue), style="bold"))
        parts.append(Padding(Text(words.clean(s.text)), (0, 0, 0, 2), expand=False))
    for e in report.action_plan:
        parts.append(Text(f"Handlingsplan {', '.join(e.criteria) or e.area or '–'}", style="bold"))
        parts.append(Padding(Text(words.clean(e.action or "–")), (0, 0, 0, 2), expand=False))
    parts.append(Text(""))
    return Group(*parts)


def _heading(report: Report, section: str | None, catalogue: Catalogue) -> str:
    if section is not None and section in catalogue.areas:
        told = report.areas[section].stated_grade if section in report.areas else None
        return f"{section} {catalogue.areas[section].name}" + (f" (angiven gradering {told})" if told else "")
    return words.section(section).capitalize() or "Utan avsnitt"


def findings_text(text: str, found: Sequence[Finding], catalogue: Catalogue) -> Text:
    """One sentence of `spur classify` with its findings."""
    out = Text(words.clean(text))
    for f in found:
        out.append(f"\n  {words.SIGN[f.status]} {f.criterion} ", style=_SIGNS[f.status])
        out.append(f"{words.STATUS[f.status]} {words.percent(f.probability)} ")
        out.append(catalogue.by_id[f.criterion].text if f.criterion in catalogue.by_id else "", style="dim")
    return out


def console() -> Console:
    """stdout: coloured and as wide as the terminal there is, plain and 110 wide in a file or pipe."""
    probe = Console(highlight=False, soft_wrap=False)
    return probe if probe.is_terminal else Console(highlight=False, width=110)
