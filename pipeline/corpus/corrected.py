"""People's corrections as training data: JSON Lines, a grades file, and labelled reports in the corpus format (`tsv`)."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.corpus.tsv import SIGNS

if TYPE_CHECKING:
    from pipeline.store.corrections import LabelledGrade, LabelledSentence

_SIGN = {status: sign for sign, status in SIGNS.items()}


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


def _line(r: LabelledSentence) -> str:
    """A line that is none of the format's own: those begin with @ or #."""
    text = " ".join(r.text.split()).lstrip("@# ")
    labels = " ".join(f"{c}{_SIGN[s]}" for c, s in sorted(r.labels.items()))  # type: ignore[index]
    return f"{text}\t{labels}" if labels else text


def write_tsv(rows: Sequence[LabelledSentence], folder: Path) -> tuple[int, int]:
    """A file for each report; files of earlier exports are removed. (how many, sentences without a section left out)."""
    for old in folder.glob("k*.tsv"):
        old.unlink()
    reports: dict[str, list[LabelledSentence]] = {}
    for r in rows:
        if r.section is not None and _line(r):
            reports.setdefault(r.report, []).append(r)
    for report, its in reports.items():
        lines = [f"@report {name(report)}"]
        section = None
        for r in its:
            if r.section != section:
                section = r.section
                lines.append(f"# {section}")
            lines.append(_line(r))
        (folder / f"{name(report)}.tsv").write_text("\n".join(lines) + "\n", encoding="utf8")
    return len(reports), len(rows) - sum(map(len, reports.values()))
