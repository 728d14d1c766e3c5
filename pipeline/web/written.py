"""A report that someone writes area by area, as the parsed report it would become; and back."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline import language
from pipeline.catalogue import Catalogue
from pipeline.drafting import Parsed
from pipeline.parsing import compose, grades, lists
from pipeline.parsing.flow import Flow
from pipeline.parsing.rows import Row, rows_of
from pipeline.parsing.template import template
from pipeline.report import LISTS, Draft, Facts, Line, Page, Report, Source

NAME = ""  # a written report has no file


def _rows(sections: Mapping[str, str]) -> list[Row]:
    """The lines of all sections, each knowing where it stands."""
    out: list[Row] = []
    for number, (section, text) in enumerate(sections.items(), 1):
        lines = tuple(Line(line) for line in text.splitlines())
        for row in rows_of(Source(NAME, (Page(number, lines),))):
            row.section, row.role = section, "list" if section in LISTS else "narrative"
            out.append(row)
    return out


def parsed(sections: Mapping[str, str], catalogue: Catalogue) -> Parsed:
    """The sections (keys: LISTS and the catalogue's areas) as a report; taken as they are, each where it was written.

    Wrapped lines are joined as in a file, a regrade remark is read, and an area without text has none.
    """
    ordered = {k: sections[k] for k in (*LISTS, *catalogue.areas) if sections.get(k, "").strip()}
    rows = _rows(ordered)
    flow = Flow.of(rows)
    lists.items(rows, flow)
    composed = compose.compose(rows, flow)
    facts = Facts(catalogue=catalogue.name)
    report = Report(facts, composed.text, composed.blocks, {})
    sentences = tuple(language.sentences(report))
    narratives: dict[str, list[str]] = {}
    for s in sentences:
        if s.section and s.section not in LISTS:
            narratives.setdefault(s.section, []).append(s.text)
    areas = grades.stated(rows, narratives, set(), catalogue, template())
    return Parsed(Report(facts, composed.text, composed.blocks, areas), sentences)


def sections_of(draft: Draft) -> dict[str, str]:
    """The running text of a draft by section, an item or a paragraph a line, as the form for writing takes it."""
    out: dict[str, str] = {}
    end: dict[str, int] = {}
    for s in draft.sentences:
        if s.section is None:
            continue
        between = draft.text[end[s.section] : s.start] if s.section in end else ""
        breaks = "\n" in between or len(between) > 3 or s.section in LISTS
        joint = "" if s.section not in out else "\n" if breaks else " "
        out[s.section] = out.get(s.section, "") + joint + s.text
        end[s.section] = s.end
    return out
