"""Hides who inspected: names become numbers, on the cover and wherever a sentence or a plan repeats them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from pipeline.audit.case import Case, Cases
from pipeline.people import hide as hide_names
from pipeline.report import AreaDraft, Draft, PlanEntry


@dataclass
class Mask:
    """Numbers names in the order in which they are met, the same name always with the same number."""

    numbers: dict[str, int] = field(default_factory=dict)

    def _number(self, name: str) -> str:
        return f"Inspektör {self.numbers.setdefault(name, len(self.numbers) + 1)}"

    def case(self, case: Case) -> Case:
        """The case without the names of its inspectors."""
        told = [*case.draft.report.inspectors, *_listed(case.known.get("inspectors", ""))]
        names = list(dict.fromkeys(n for n in told if n))
        hidden = {n: self._number(n) for n in names}
        known = {k: hide_names(v, hidden) for k, v in case.known.items() if k != "inspectors"}
        if told and not case.draft.report.inspectors:
            known["inspectors"] = " och ".join(sorted(hidden.values()))
        return replace(case, known=known, draft=_draft(case.draft, hidden))

    def wrap(self, cases: Cases) -> Cases:
        """The cases without names."""
        return lambda: map(self.case, cases())


def _listed(text: str) -> list[str]:
    return [n.strip() for n in re.split(r",|;|&|/|\boch\b", text) if n.strip()]


def _draft(draft: Draft, hidden: dict[str, str]) -> Draft:
    if not hidden:
        return draft

    def hide(text: str | None) -> str | None:
        return hide_names(text, hidden) if text else text

    return replace(
        draft,
        report=replace(draft.report, inspectors=tuple(hidden[n] for n in draft.report.inspectors if n)),
        sentences=tuple(replace(s, text=hide_names(s.text, hidden)) for s in draft.sentences),
        areas={k: _area(a, hidden) for k, a in draft.areas.items()},
        action_plan=tuple(_entry(e, hide) for e in draft.action_plan),
        warnings=tuple(hide_names(w, hidden) for w in draft.warnings),
    )


def _area(area: AreaDraft, hidden: dict[str, str]) -> AreaDraft:
    return replace(
        area,
        explanation=hide_names(area.explanation, hidden),
        counterfactual=hide_names(area.counterfactual, hidden),
        reason=hide_names(area.reason, hidden) if area.reason else area.reason,
    )


def _entry(entry: PlanEntry, hide: Callable[[str | None], str | None]) -> PlanEntry:
    return replace(
        entry,
        action=hide(entry.action),
        responsible=hide(entry.responsible),
        follow_up_text=hide(entry.follow_up_text),
        follow_up_responsible=hide(entry.follow_up_responsible),
    )
