"""Parsing: lines of a file → `Report` with sections, facts, told grades and action plan. Knows SPUR, does no I/O.

Small passes over one stream of rows, each a module with one job:
rows → furniture → heads → standing → plan (where it begins) → sections → lists → recurring → compose → facts, grades,
plan (entries).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from pipeline import language
from pipeline.catalogue import Catalogue
from pipeline.parsing import (
    compose,
    facts,
    furniture,
    grades,
    heads,
    lists,
    plan,
    recurring,
    refuse,
    sections,
    standing,
)
from pipeline.parsing.flow import Flow
from pipeline.parsing.rows import Row, rows_of
from pipeline.parsing.template import Template, letters, template
from pipeline.report import LIST_NAMES, LISTS, Facts, PlanEntry, Report, Source, StatedGrade

__all__ = ["parse"]


def parse(source: Source, catalogue: Catalogue) -> Report:
    """The report that a file holds.

    Raises SpurError, in Swedish and without the file's name, where it is no SPUR report or one of another kind than the
    catalogue's. A report with areas or lists missing is parsed, and says so in `warnings`.
    """
    t = template()
    rows = _prepared(source, catalogue, t)
    rows, planned = _sectioned(rows, catalogue, t)
    flow = Flow.of([r for r in rows if r.role in ("narrative", "list")] or rows)
    lists.assign(rows, flow)
    recurring.mark(rows, flow)
    standing.by_place(rows, catalogue)
    body = compose.mend(rows, flow)
    composed = compose.compose([*body, *planned], flow)
    everything = [*rows, *planned]
    refuse.check(everything, _narratives(rows), _listed(rows), catalogue, t)
    told = facts.facts([r for r in rows if r.role == "cover"], everything, source.name, catalogue, t)
    entries = plan.entries(planned, catalogue, t, flow) if planned else ()
    report = Report(told, composed.text, composed.blocks, {}, entries)
    areas = grades.stated(rows, _sentences(report), {e.area or "" for e in entries}, catalogue, t)
    return Report(
        told,
        composed.text,
        composed.blocks,
        areas,
        entries,
        _warnings(told, areas, report, catalogue, planned),
    )


def _prepared(source: Source, catalogue: Catalogue, t: Template) -> list[Row]:
    """Rows with furniture, headings and standing text marked."""
    rows = rows_of(source)
    kept = frozenset(
        letters(x)
        for x in (
            *(c.text for c in catalogue.criteria),
            *(n for a in catalogue.areas.values() for n in (a.name, *a.aliases, f"{a.letter} {a.name}")),
            *t.phrases,
            *(f"{g}{w}" for g in catalogue.grades for w in catalogue.wordings(g)),
        )
    ).union(t.lists, t.levels, t.scale, t.parts, t.plan_labels, t.plan_headings, t.cover)
    furniture.mark(rows, t, kept)
    rows = heads.split_merged(rows, t, catalogue)
    furniture.mark(rows, t, kept)
    heads.mark(rows, t, catalogue)
    return standing.mark(rows, catalogue, t)


def _sectioned(rows: list[Row], catalogue: Catalogue, t: Template) -> tuple[list[Row], list[Row]]:
    """Rows before the plan with roles and sections, and the plan's."""
    scales = max((i for i, r in enumerate(rows) if (r.standing or "").startswith("scale:")), default=-1)
    start = plan.begins(rows, t, scales)
    body, planned = (rows, []) if start is None else (rows[:start], rows[start:])
    for row in planned:
        row.role, row.standing = ("other" if row.furniture else "plan"), None
    flow = Flow.of(body)
    chain = sections.effective(body, catalogue, flow)
    return sections.Walker(body, catalogue, t, flow, chain).walk(), planned


def _listed(rows: Sequence[Row]) -> set[str]:
    return {r.section for r in rows if r.role == "list" and r.section}


def _narratives(rows: Sequence[Row]) -> dict[str, int]:
    out: dict[str, int] = defaultdict(int)
    for row in rows:
        if row.role == "narrative" and row.section:
            out[row.section] += len(row.letters)
    return out


def _sentences(report: Report) -> dict[str, list[str]]:
    out: dict[str, list[str]] = defaultdict(list)
    for sentence in language.sentences(report):
        if sentence.section and sentence.section not in LISTS:
            out[sentence.section].append(sentence.text)
    return out


def _warnings(
    told: Facts, areas: dict[str, StatedGrade], report: Report, catalogue: Catalogue, planned: Sequence[Row]
) -> tuple[str, ...]:
    out = []
    if told.regulation and catalogue.regulation and told.regulation != catalogue.regulation:
        out.append(
            f"Rapporten gäller {told.regulation}, som saknar egen kriteriekatalog: den bedöms enligt {catalogue.regulation}."
        )
    for letter, area in catalogue.areas.items():
        if not areas[letter].has_text:
            out.append(f"Område {letter} ({area.name}) saknar text i rapporten.")
    present = {b.section for b in report.blocks if b.kind == "list"}
    out += [f"Listan {LIST_NAMES[name]} hittades inte." for name in LISTS if name not in present]
    out += [_unmatched(n, e) for n, e in enumerate(report.action_plan, 1) if not e.criteria]
    if planned and not report.action_plan:
        out.append("Handlingsplanen kunde inte delas upp i åtgärder.")
    return tuple(out)


def _unmatched(number: int, entry: PlanEntry) -> str:
    where = f" (område {entry.area})" if entry.area else ""
    return f"Handlingsplanens punkt {number}{where} kunde inte knytas till något kriterium."
