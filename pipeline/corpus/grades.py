"""Which grades the rendered reports shall state: none, those of the reference rule, or those of a file."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.catalogue import Catalogue
from pipeline.corpus.tsv import SIGNS, CorpusReport
from pipeline.report import SpurError

BEFORE, AFTER = "before", "after"
_WORST = "+~-"


@dataclass(frozen=True, slots=True)
class Told:
    """What a report shall tell of one area: the grade before and after the action plan."""

    before: str | None = None
    after: str | None = None

    @property
    def last(self) -> str | None:
        return self.after or self.before


def worst_signs(report: CorpusReport) -> dict[str, str]:
    """The worst sign that the report tells of each criterion."""
    truth: dict[str, str] = {}
    for row in report.rows:
        for criterion, sign in row.labels.items():
            if _WORST.index(sign) >= _WORST.index(truth.get(criterion, "+")):
                truth[criterion] = sign
    return truth


def reference(report: CorpusReport, catalogue: Catalogue) -> dict[str, Told]:
    """The grade that the scale's rule gives each area from the report's labels; silence counts as met."""
    from pipeline.grading.policy import Policy  # noqa: PLC0415 - needed for this option only

    status = {c: SIGNS[s] for c, s in worst_signs(report).items()}
    policy = Policy.load(catalogue.name)
    return {a: Told(before=policy.grade_of(a, status, catalogue)) for a in catalogue.areas}


def _grade(row: Mapping[str, str | None], where: str, catalogue: Catalogue) -> tuple[str, str, str, str]:
    report, area, grade = ((row.get(k) or "").strip() for k in ("report", "area", "grade"))
    stage = (row.get("stage") or BEFORE).strip().lower() or BEFORE
    allowed = (("area", area, tuple(catalogue.areas)), ("grade", grade, tuple(catalogue.grades)))
    for what, value, values in (*allowed, ("stage", stage, (BEFORE, AFTER))):
        if value not in values:
            raise SpurError(f"{where}: {what} {value!r} should be one of {', '.join(values)}")
    if not report:
        raise SpurError(f"{where}: no report; give the stem of its file")
    return report, area, grade, stage


def read(path: Path, catalogue: Catalogue) -> dict[str, dict[str, Told]]:
    """Grades by report and area from a CSV file.

    Columns report (file stem), area, grade and optionally stage (before, after).

    Raises SpurError where a column is missing or a value is not one of the catalogue's.
    """
    out: dict[str, dict[str, dict[str, str]]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            sample = stream.readline()
            stream.seek(0)
            rows = csv.DictReader(stream, delimiter=";" if sample.count(";") > sample.count(",") else ",")
            if missing := {"report", "area", "grade"} - set(rows.fieldnames or ()):
                raise SpurError(
                    f"{path.name}: no column {', '.join(sorted(missing))} in its first line; add it"
                )
            for row in rows:
                report, area, grade, stage = _grade(row, f"{path.name}, line {rows.line_num}", catalogue)
                out.setdefault(report, {}).setdefault(area, {})[stage] = grade
    except (UnicodeDecodeError, csv.Error) as e:
        raise SpurError(f"{path.name}: not a CSV file in UTF-8 ({e})") from e
    return {r: {a: Told(t.get(BEFORE), t.get(AFTER)) for a, t in areas.items()} for r, areas in out.items()}
