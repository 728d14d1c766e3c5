"""Judge the whole flow: labelled reports as report files, read, parsed, and drafted like any other file.

    python -m pipeline.training.rendered --model FOLDER --data data/corpus/dev --out experiments/FILE.md

Every layout in every given format, no stated grades; the figures are those of grades by report.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from pipeline import catalogue as catalogues
from pipeline import reading
from pipeline.catalogue import Catalogue
from pipeline.corpus.render import LAYOUTS, render
from pipeline.corpus.tsv import SIGNS, CorpusReport, read_all
from pipeline.drafting import Drafter
from pipeline.grading import Policy
from pipeline.report import SHORTFALLS, STATUSES, AreaDraft
from pipeline.training.evaluation import Figures, grade_figures
from pipeline.training.grading import COLUMNS
from pipeline.training.markdown import figures_table

_ANY_DAY = date(2025, 1, 1)


def truth(report: CorpusReport) -> dict[str, str]:
    """The worst status that a report's labels tell of each criterion."""
    worst: dict[str, str] = {}
    for row in report.rows:
        for criterion, sign in row.labels.items():
            worst[criterion] = max(SIGNS[sign], worst.get(criterion, "met"), key=STATUSES.index)
    return worst


def _draft(
    report: CorpusReport, drafter: Drafter, fmt: str, layout: int, folder: Path
) -> dict[str, AreaDraft]:
    path = folder / f"{report.id}.{fmt}"
    path.write_bytes(render(report, drafter.catalogue, fmt, layout))
    return dict(drafter.draft(reading.read(path)).areas)


def judge(
    reports: Sequence[CorpusReport], drafter: Drafter, formats: Sequence[str]
) -> Iterator[tuple[str, Figures]]:
    """(layout and format, figures of the drafts) for every layout in every format."""
    cat, policy = drafter.catalogue, drafter.policy
    worst = {r.id: truth(r) for r in reports}
    gold = {r: {a: policy.grade_of(a, told, cat) for a in cat.areas} for r, told in worst.items()}
    short = {r: frozenset(c for c, s in told.items() if s in SHORTFALLS) for r, told in worst.items()}
    for layout in LAYOUTS:
        for fmt in formats:
            with tempfile.TemporaryDirectory() as folder:
                drafts = {r.id: _draft(r, drafter, fmt, layout, Path(folder)) for r in reports}
            yield f"layout {layout}, {fmt}", grade_figures(gold, drafts, short, policy.grades)


def _drafter(model: str, layer: str | None, cat: Catalogue) -> Drafter:
    made = Drafter.load(model, cat.name, _ANY_DAY)
    return Drafter(made.model, cat, Policy.load(cat.name, layer), _ANY_DAY) if layer else made


def main(argv: Sequence[str] | None = None) -> None:
    """See the module's description."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.training.rendered", description=__doc__.split("\n")[0]
    )
    parser.add_argument(
        "--model", required=True, help="name or folder of a findings model that has not seen the data"
    )
    parser.add_argument("--layer", help="name of the grade layer, where it is not the model's own")
    parser.add_argument("--data", nargs="+", required=True, help="folders or files of labelled reports")
    parser.add_argument("--formats", nargs="+", default=["pdf", "docx", "txt", "md"])
    parser.add_argument("--catalogue", default=catalogues.DEFAULT)
    parser.add_argument("--out", type=Path, required=True, help="Markdown file to write the figures to")
    args = parser.parse_args(argv)
    reports = read_all(args.data)
    drafter = _drafter(args.model, args.layer, catalogues.load(args.catalogue))
    names = ", ".join(Path(d).name for d in args.data)
    lines = [
        f"# Grades of rendered reports: {names}",
        "",
        f"Made by `python -m pipeline.training.rendered` with {drafter.model.info.name} {drafter.model.info.version}",
        f"({Path(args.model).name}), {len(reports)} reports, no stated grades, through reading, parsing and drafting.",
        "",
        figures_table("file", COLUMNS, judge(reports, drafter, args.formats)),
        "",
    ]
    args.out.write_text("\n".join(lines), encoding="utf8")


if __name__ == "__main__":
    main()
