"""What a check finds, and the data as named splits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.catalogue import Catalogue
from pipeline.corpus import tsv
from pipeline.corpus.tsv import CorpusReport
from pipeline.report import LISTS, SpurError

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong (error: training on it is refused) or worth a look (warning)."""

    severity: Severity
    kind: str
    where: str
    what: str


@dataclass(frozen=True)
class Split:
    """The reports of one argument: a folder or a file."""

    name: str
    reports: tuple[CorpusReport, ...]


def read(paths: Sequence[Path], catalogue: Catalogue) -> tuple[list[Split], list[Problem]]:
    """(splits, one for each path, without what could not be read; what is wrong in form)."""
    splits, problems = [], list[Problem]()
    homes: dict[str, str] = {}
    for path in paths:
        reports = []
        for file in tsv.find([path]):
            try:
                report = tsv.read(file)
            except (SpurError, OSError) as e:
                problems.append(Problem("error", "schema", str(file), str(e)))
                continue
            if report.id in homes:
                what = f"the same report id as {homes[report.id]}: rename or remove one"
                problems.append(Problem("error", "schema", str(file), what))
                continue
            homes[report.id] = str(file)
            problems += _schema(report, str(file), catalogue)
            reports.append(report)
        if not reports:
            problems.append(Problem("error", "schema", str(path), "no labelled report that can be read"))
        splits.append(Split(path.stem if path.is_file() else path.resolve().name, tuple(reports)))
    return splits, problems


def _schema(report: CorpusReport, file: str, catalogue: Catalogue) -> list[Problem]:
    out = []

    def add(severity: Severity, what: str, at: int | None = None) -> None:
        out.append(Problem(severity, "schema", file if at is None else f"{file}, sentence {at}", what))

    for i, row in enumerate(report.rows):
        if foreign := sorted(set(row.labels) - set(catalogue.by_id)):
            add("error", f"{', '.join(foreign)}: no criterion of {catalogue.name}", i)
        if row.section not in (*LISTS, *catalogue.areas):
            add("error", f"section {row.section}: no area of {catalogue.name}", i)
        if not any(c.isalnum() for c in row.text):
            add("error", "no words", i)
        if len(row.text) > 1500:
            add("warning", f"{len(row.text)} characters: more than one sentence?", i)
    if foreign := sorted({p.criterion for p in report.plan} - set(catalogue.by_id)):
        add("error", f"action plan: {', '.join(foreign)}: no criterion of {catalogue.name}")
    if not any(row.labels for row in report.rows):
        add("warning", "no label at all: an unlabelled report teaches that nothing is told")
    return out
