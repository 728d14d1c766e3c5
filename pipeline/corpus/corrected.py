"""People's corrections as training data: JSON Lines, a grades file, and labelled reports in the corpus format (`tsv`)."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.corpus.tsv import SIGNS, CorpusReport, Row, dump

if TYPE_CHECKING:
    from pipeline.store.corrections import LabelledGrade, LabelledSentence

_SIGN: Mapping[str, str] = {status: sign for sign, status in SIGNS.items()}


def name(report: str) -> str:
    """What a report is called in training data: each is a voice of its own (`CorpusReport.writer`)."""
    return f"k{report[:16]}"


def write_jsonl(rows: Iterable[LabelledSentence], path: Path) -> None:
    """One sentence a line, as `spur classify` takes them, with all that it tells now and what a person said of it."""
    with path.open("w", encoding="utf8") as out:
        for r in rows:
            line = {
                "id": f"{name(r.report)}/{r.sentence}",
                "report": name(r.report),
                "section": r.section,
                "text": r.text,
                "before": r.before,
                "after": r.after,
                "findings": [{"criterion": c, "status": s} for c, s in r.labels.items()],
                "corrected": r.corrected,
            }
            out.write(json.dumps(line, ensure_ascii=False) + "\n")


def write_grades(grades: Iterable[LabelledGrade], path: Path) -> None:
    """Grades that people gave, as `spur audit --grades` takes them (`report` is the file's name)."""
    with path.open("w", encoding="utf8", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(("report", "area", "grade", "suggested"))
        for g in grades:
            rows.writerow((g.file or name(g.report), g.area, g.grade, g.suggested))


def _row(r: LabelledSentence, section: str) -> Row:
    """The sentence as the corpus has it, and as none of the format's own lines: those begin with @ or #."""
    labels = {c: _SIGN[status] for c, status in sorted(r.labels.items())}
    return Row(section, " ".join(r.text.split()).lstrip("@# "), labels)


def write_tsv(rows: Sequence[LabelledSentence], folder: Path) -> tuple[int, int]:
    """A file for each report; files of earlier exports are removed. (how many, sentences without a section left out)."""
    for old in folder.glob("k*.tsv"):
        old.unlink()
    reports: dict[str, list[Row]] = {}
    for r in rows:
        if r.section is not None and (row := _row(r, r.section)).text:
            reports.setdefault(name(r.report), []).append(row)
    for report, its in reports.items():
        told = CorpusReport(report, {"report": report}, tuple(its))
        (folder / f"{report}.tsv").write_text(dump(told), encoding="utf8")
    return len(reports), len(rows) - sum(map(len, reports.values()))
