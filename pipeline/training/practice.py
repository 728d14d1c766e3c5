"""What reports with stated grades tell of inspectors' practice.

Of each area a report leaves some grades possible: the stated one before any plan; all but the worst, where the report
has a plan and the area neither a remark nor an entry in it (a breach would have had one); all, where nothing is told.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline import drafting, reading
from pipeline.catalogue import Catalogue
from pipeline.drafting import Drafter, Outcome, Parsed
from pipeline.findings.base import Probabilities
from pipeline.grading.combine import Combine, gather, statuses
from pipeline.grading.policy import Policy
from pipeline.report import PlanEntry, Report, Source, StatedGrade

Array = NDArray[np.float64]
Possible = Mapping[
    str, tuple[str, ...]
]  # area: the grades that a report leaves possible; others: nothing told


@dataclass(frozen=True)
class Graded:
    """A report with stated grades: parsed, with the findings model's probabilities [sentences, criteria, 3]."""

    parsed: Parsed
    proba: Probabilities
    possible: Possible

    @property
    def report(self) -> Report:
        return self.parsed.report


@dataclass(frozen=True)
class Known:
    """What is known of reports' grades. R reports.

    `status` [R, criteria, 3] over met, partly, unmet; `possible` [R, areas, grades of the policy]: the grades that are
    not ruled out, all of them where nothing is told; `text` [R, areas]: the area has text to judge by; `weight` [R].
    """

    status: Array
    possible: NDArray[np.bool_]
    text: NDArray[np.bool_]
    weight: Array

    @property
    def told(self) -> NDArray[np.bool_]:
        """Areas [R, areas] of which something is told."""
        return np.asarray(~self.possible.all(axis=-1))

    @property
    def exact(self) -> NDArray[np.bool_]:
        """Areas [R, areas] whose grade is told."""
        return np.asarray(self.possible.sum(axis=-1) == 1)

    @property
    def grade(self) -> NDArray[np.intp]:
        """Index of the grade [R, areas], where it is told."""
        return np.asarray(self.possible.argmax(axis=-1))

    def __add__(self, other: Known) -> Known:
        pairs = ((getattr(self, k), getattr(other, k)) for k in self.__dataclass_fields__)
        return Known(*(np.concatenate(p) for p in pairs))


def _about(entry: PlanEntry, area: str, catalogue: Catalogue) -> bool:
    return entry.area == area or any(
        catalogue.by_id[c].area == area for c in entry.criteria if c in catalogue.by_id
    )


def possible(report: Report, catalogue: Catalogue, policy: Policy) -> dict[str, tuple[str, ...]]:
    """The grades that a report leaves possible in each area that it tells something of.

    A grade that can't be given in the area before a plan tells nothing, nor does a change of grade from one that is not
    told. Silence tells of no breach only where the report tells the grade of every area that its plan has an entry for:
    else an entry could be about any area, or the areas with a breach would go unseen and only those without one count.
    """
    plan, worst = report.action_plan, policy.grades[-1]
    out: dict[str, tuple[str, ...]] = {}
    silent, complete = [], all(e.area or e.criteria for e in plan)
    for a in catalogue.areas:
        stated, scale = report.areas.get(a, StatedGrade()), catalogue.scale(a)
        planned = any(_about(e, a, catalogue) for e in plan)
        if stated.grade_before_plan in scale:
            out[a] = (stated.grade_before_plan,)
        elif planned:
            complete = False
        elif stated.stated_grade is None:
            silent.append(a)
    if plan and complete:
        out |= {a: tuple(g for g in catalogue.scale(a) if g != worst) for a in silent}
    return {a: out[a] for a in catalogue.areas if a in out}


def read(files: Sequence[Path], drafter: Drafter) -> Iterator[Outcome[Graded]]:
    """Reports with what they tell of their grades, as the drafter's model sees them. What fails is told.

    Files are read in a process of their own, as everywhere.
    """

    def work(source: Source) -> Graded:
        parsed = drafting.parse(source, drafter.catalogue)
        proba = drafter.model.predict(drafting.inputs(parsed))
        return Graded(parsed, proba, possible(parsed.report, drafter.catalogue, drafter.policy))

    with reading.IsolatedReader() as reader:
        yield from drafting.each(files, work, reader.read)


def known(reports: Sequence[Graded], combine: Combine, catalogue: Catalogue, policy: Policy) -> Known:
    """Reports as arrays, each of weight 1; their sentences combined as `combine` says."""
    areas, grades, n = list(catalogue.areas), policy.grades, len(catalogue.criteria)
    status = np.zeros((len(reports), n, 3))
    open_ = np.ones((len(reports), len(areas), len(grades)), bool)
    text = np.zeros((len(reports), len(areas)), bool)
    for r, graded in enumerate(reports):
        p = np.asarray(graded.proba, np.float64)
        status[r] = statuses(gather(p, np.zeros(len(p), np.intp)), combine)[0]
        for j, a in enumerate(areas):
            text[r, j] = graded.report.areas.get(a, StatedGrade()).has_text
            if a in graded.possible:
                open_[r, j] = [g in graded.possible[a] for g in grades]
    return Known(status, open_, text, np.ones(len(reports)))


def digest(reports: Sequence[Graded], model: str) -> str:
    """SHA-256 over texts, what they tell of the grades, and the model that read them: names the data exactly."""
    out = hashlib.sha256(model.encode())
    for one in sorted(
        hashlib.sha256(f"{g.report.text}\n{sorted(g.possible.items())}".encode()).digest() for g in reports
    ):
        out.update(one)
    return out.hexdigest()


def counts(reports: Sequence[Graded], catalogue: Catalogue) -> dict[str, object]:
    """How many reports, and areas by kind of label."""
    told = Counter(len(p) == 1 for g in reports for p in g.possible.values())
    grades = Counter(p[0] for g in reports for p in g.possible.values() if len(p) == 1)
    areas = len(reports) * len(catalogue.areas)
    return {
        "reports": len(reports),
        "areas": {"exact": told[True], "not_worst": told[False], "untold": areas - told.total()},
        "grades": dict(sorted(grades.items())),
    }
