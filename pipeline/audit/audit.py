"""Cases in, the audit out: one pass over the cases, which are then known by their counts and rows alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from pipeline.audit.agreement import Agreement, agreement, by_group
from pipeline.audit.case import DIMENSIONS, Case, Cases, facts_of, judged
from pipeline.audit.contradictions import Contradiction, contradictions
from pipeline.audit.gradings import Grading, gradings
from pipeline.audit.masking import Mask
from pipeline.audit.overview import Promise, Row, Share, Shortfall, Tally, compared
from pipeline.audit.settings import Settings
from pipeline.audit.severity import Severity, severity
from pipeline.audit.tables import Grades, stem
from pipeline.catalogue import Catalogue
from pipeline.grading import Policy
from pipeline.report import ModelInfo, PlanState

__all__ = ["Audit", "Settings", "build"]

_OWN = ("report", "unit", *DIMENSIONS)
_MOST_VALUES = 60  # a column of metadata with more values than this is no group


@dataclass(frozen=True)
class Audit:
    """An audit: `gradings` most doubtful first, `groups` {dimension: {value: figures}}, `compared` {dimension: {value:
    {criterion: share}}}, `open_breaches` (report, criterion, state) that a plan does not answer in full, `notes` in
    Swedish on what was left out. `dimensions` gives each dimension its Swedish name.
    """

    as_of: date
    models: tuple[ModelInfo, ...]
    catalogue: Catalogue
    grades: tuple[str, ...]
    rows: tuple[Row, ...]
    gradings: tuple[Grading, ...]
    contradictions: tuple[Contradiction, ...]
    overall: Agreement
    by_area: Mapping[str, Agreement]
    groups: Mapping[str, Mapping[str, Agreement]]
    severity: Severity
    shortfalls: tuple[Shortfall, ...]
    compared: Mapping[str, Mapping[str, Mapping[str, Share]]]
    promises: tuple[Promise, ...]
    open_breaches: tuple[tuple[str, str, PlanState], ...]
    dimensions: Mapping[str, str]
    notes: tuple[str, ...] = ()
    masked: bool = False


def build(
    cases: Cases,
    catalogue: Catalogue,
    policy: Policy,
    as_of: date,
    grades: Grades | None = None,
    settings: Settings | None = None,
    mask: Mask | None = None,
    notes: Sequence[str] = (),
) -> Audit:
    """The audit of all cases. `grades` go before what the reports state; `mask` hides names of inspectors."""
    settings, grades = settings or Settings.load(), grades or {}
    tally = Tally(catalogue, policy, as_of, settings.told)
    rated: list[Grading] = []
    against: list[Contradiction] = []
    models: dict[ModelInfo, None] = {}
    for raw in cases():
        case = _prepared(raw, catalogue, policy, as_of, mask)
        models[case.draft.model] = None
        its = list(gradings(case, grades, catalogue, policy, settings))
        tally.add(case, facts_of(case), its)
        rated += its
        against += contradictions(case.id, case.draft, its, catalogue, policy, settings)
    rated.sort(key=lambda g: (-g.doubt, g.report, g.area))
    facts = {r.id: r.facts for r in tally.rows}
    order, small = tuple(policy.grades), settings.small
    scales = {a: catalogue.scale(a) for a in catalogue.areas}
    dimensions = _dimensions(tally.rows)
    shortfalls = tally.shortfalls()
    return Audit(
        as_of=as_of,
        models=tuple(models),
        catalogue=catalogue,
        grades=order,
        rows=tuple(tally.rows),
        gradings=tuple(rated),
        contradictions=tuple(against),
        overall=agreement(rated, order, scales, small),
        by_area={
            a: agreement([g for g in rated if g.area == a], order, scales, small) for a in catalogue.areas
        },
        groups={d: by_group(rated, facts, d, order, scales, small) for d in dimensions},
        severity=severity(rated, facts, small),
        shortfalls=tuple(shortfalls),
        compared={d: compared(tally.rows, shortfalls, d) for d in dimensions if d != "inspectors"},
        promises=tuple(tally.promises),
        open_breaches=tuple(tally.unanswered),
        dimensions=dimensions,
        notes=(*notes, *_notes(tally.rows, rated, grades, dimensions)),
        masked=mask is not None,
    )


def _prepared(case: Case, catalogue: Catalogue, policy: Policy, as_of: date, mask: Mask | None) -> Case:
    case = replace(case, draft=judged(case.draft, catalogue, policy, as_of))
    return mask.case(case) if mask else case


def _dimensions(rows: Sequence[Row]) -> dict[str, str]:
    """What reports can be grouped by: the usual, and columns of the metadata that have few values."""
    values: dict[str, set[str]] = {}
    for row in rows:
        for k, v in row.facts.items():
            values.setdefault(k, set()).add(v)
    more = {k: k for k, v in values.items() if k not in _OWN and len(v) <= _MOST_VALUES}
    return {**DIMENSIONS, **more}


def _notes(
    rows: Sequence[Row], rated: Sequence[Grading], grades: Grades, dimensions: Mapping[str, str]
) -> list[str]:
    out = []
    here = {r.id for r in rows} | {stem(r.id) for r in rows}
    if lost := [r for r in grades if r not in here]:
        some = ", ".join(lost[:5]) + (" …" if len(lost) > 5 else "")
        out.append(f"Betygsfilen har {len(lost)} rapport(er) som inte finns bland filerna: {some}")
    if without := len(rows) - len({g.report for g in rated}):
        out.append(f"{without} av {len(rows)} rapporter anger ingen gradering.")
    for key, name in dimensions.items():
        if unknown := sum(key not in r.facts for r in rows):
            out.append(f"{name} är okänt för {unknown} av {len(rows)} rapporter.")
    return out
