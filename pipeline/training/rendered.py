"""Judge the whole flow: labelled reports as report files, read, parsed, and drafted like any other file.

    python -m pipeline.training.rendered --model FOLDER --data data/corpus/stress --out experiments/FILE.md
    python -m pipeline.training.rendered --oof FILE --data data/corpus/dev --out experiments/FILE.md

The model must not have seen the data; with `--oof` every sentence gets what it got from the fold that had not.

Every layout in every given format, no stated grades; the figures are those of grades by report.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path

from pipeline import catalogue as catalogues
from pipeline import reading
from pipeline.catalogue import Catalogue
from pipeline.corpus.render import LAYOUTS, render
from pipeline.corpus.tsv import SIGNS, CorpusReport, read_all
from pipeline.drafting import Drafter
from pipeline.grading import Policy
from pipeline.report import SHORTFALLS, STATUSES, AreaDraft, ModelInfo
from pipeline.training import collect
from pipeline.training import oof as oofs
from pipeline.training.evaluation import Figures, grade_figures
from pipeline.training.grading import COLUMNS
from pipeline.training.markdown import figures_table
from pipeline.training.recalled import recalled

_ANY_DAY = date(2025, 1, 1)


def truth(report: CorpusReport) -> dict[str, str]:
    """The worst status that a report's labels tell of each criterion."""
    worst: dict[str, str] = {}
    for row in report.rows:
        for criterion, sign in row.labels.items():
            worst[criterion] = max(SIGNS[sign], worst.get(criterion, "met"), key=STATUSES.index)
    return worst


DrafterOf = Callable[[CorpusReport], Drafter]


def _draft(
    report: CorpusReport, drafter: Drafter, fmt: str, layout: int, folder: Path
) -> dict[str, AreaDraft]:
    path = folder / f"{report.id}.{fmt}"
    path.write_bytes(render(report, drafter.catalogue, fmt, layout))
    return dict(drafter.draft(reading.read(path)).areas)


def judge(
    reports: Sequence[CorpusReport], cat: Catalogue, policy: Policy, of: DrafterOf, formats: Sequence[str]
) -> Iterator[tuple[str, Figures]]:
    """(layout and format, figures of the drafts) for every layout in every format."""
    worst = {r.id: truth(r) for r in reports}
    gold = {r: {a: policy.grade_of(a, told, cat) for a in cat.areas} for r, told in worst.items()}
    short = {r: frozenset(c for c, s in told.items() if s in SHORTFALLS) for r, told in worst.items()}
    for layout in LAYOUTS:
        for fmt in formats:
            with tempfile.TemporaryDirectory() as folder:
                drafts = {r.id: _draft(r, of(r), fmt, layout, Path(folder)) for r in reports}
            yield f"layout {layout}, {fmt}", grade_figures(gold, drafts, short, policy.grades)


def _drafter(model: str, layer: str | None, cat: Catalogue) -> tuple[DrafterOf, Policy, ModelInfo]:
    made = Drafter.load(model, cat.name, _ANY_DAY)
    if layer:
        made = Drafter(made.model, cat, Policy.load(cat.name, layer), _ANY_DAY)
    return lambda _: made, made.policy, made.model.info


def _recalling(path: Path, layer: str | None, cat: Catalogue) -> tuple[DrafterOf, Policy, ModelInfo]:
    oof = oofs.load(path)
    oofs.check(oof, cat, path.name)
    policy = Policy.load(cat.name, layer or oof.model)
    info, looks = ModelInfo(oof.model, "out of fold"), collect.looks(path.parent)
    return lambda r: Drafter(recalled(oof, [r], cat, looks), cat, policy, _ANY_DAY), policy, info


def main(argv: Sequence[str] | None = None) -> None:
    """See the module's description."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.training.rendered", description=__doc__.split("\n")[0]
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--model", help="name or folder of a findings model that has not seen the data")
    which.add_argument("--oof", type=Path, help="out-of-fold probabilities of the data (npz)")
    parser.add_argument("--layer", help="name of the grade layer, where it is not the model's own")
    parser.add_argument("--data", nargs="+", required=True, help="folders or files of labelled reports")
    parser.add_argument("--formats", nargs="+", default=["pdf", "docx", "txt", "md"])
    parser.add_argument("--catalogue", default=catalogues.DEFAULT)
    parser.add_argument("--out", type=Path, required=True, help="Markdown file to write the figures to")
    args = parser.parse_args(argv)
    reports = read_all(args.data)
    cat = catalogues.load(args.catalogue)
    of, policy, info = (
        _recalling(args.oof, args.layer, cat) if args.oof else _drafter(args.model, args.layer, cat)
    )
    names = ", ".join(Path(d).name for d in args.data)
    lines = [
        f"# Grades of rendered reports: {names}",
        "",
        f"Made by `python -m pipeline.training.rendered` with {info.name} {info.version}",
        f"({Path(args.model or args.oof).name}), {len(reports)} reports, no stated grades, through reading, parsing",
        "and drafting.",
        "",
        figures_table("file", COLUMNS, judge(reports, cat, policy, of, args.formats)),
        "",
    ]
    args.out.write_text("\n".join(lines), encoding="utf8")


if __name__ == "__main__":
    main()
