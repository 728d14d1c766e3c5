"""How the grade layer learns from practice: corpus reports rendered as files that state their grades, by inspectors.

    python experiments/practice.py --model FOLDER --oof FILE --data data/corpus/dev --out experiments/practice.md

The model must not have seen the data. One inspector grades by the scale's wording, one passes over every föreskrift that
is only partly met, and one tells only what a report with a plan does: D where it is D, and elsewhere nothing, so not D.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline import catalogue as catalogues
from pipeline import reading
from pipeline.corpus.grades import Told
from pipeline.corpus.render import render
from pipeline.corpus.tsv import CorpusReport, read_all
from pipeline.drafting import Drafter
from pipeline.grading.layer import Layer
from pipeline.grading.policy import Policy
from pipeline.training import grading, practice, practice_fit
from pipeline.training import oof as oofs
from pipeline.training.evaluation import Figures
from pipeline.training.markdown import figures_table
from pipeline.training.practice import Graded
from pipeline.training.practice_fit import Practice
from pipeline.training.rendered import truth

COLUMNS = {
    "reports": "reports",
    "counted": "F partly met that count",
    "log_loss": "log loss",
    "possible": "suggestion possible",
    "grade_accuracy": "accuracy",
    "grade_qwk": "QWK",
    "grade_d_recall": "D recall",
    "grade_d_precision": "D precision",
    "grade_ece": "ECE",
    "decided_share": "decided",
    "decided_accuracy": "decided accuracy",
    "set_coverage": "coverage",
    "set_size": "set size",
}


def stated(report: CorpusReport, policy: Policy, drafter: Drafter, lenient: bool) -> dict[str, Told]:
    """The grades that an inspector gives: by the rule, or passing over föreskrifter that are partly met."""
    cat, status = drafter.catalogue, truth(report)
    if lenient:
        status = {c: s for c, s in status.items() if (s, cat.by_id[c].level) != ("partly", "F")}
    return {a: Told(policy.grade_of(a, status, cat)) for a in cat.areas}


def graded(reports: Sequence[CorpusReport], drafter: Drafter, lenient: bool) -> list[Graded]:
    """The reports as files in turn of three formats and layouts, read back."""
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for i, report in enumerate(reports):
            fmt = ("md", "docx", "txt")[i % 3]
            told: Mapping[str, Told] = stated(report, drafter.policy, drafter, lenient)
            files.append(Path(folder) / f"{report.id}.{fmt}")
            files[-1].write_bytes(render(report, drafter.catalogue, fmt, i // 3 % 3 + 1, told))
        read = [o.result for o in practice.read(list(reading.find(files)), drafter)]
    return [r for r in read if r is not None]


def silent(some: Sequence[Graded], of: Practice) -> list[Graded]:
    """The same reports, telling only which areas had the worst grade."""
    worst = of.policy.grades[-1]
    each = {a: tuple(g for g in of.catalogue.scale(a) if g != worst) for a in of.catalogue.areas}
    return [
        replace(g, possible={a: p if p == (worst,) else each[a] for a, p in g.possible.items()}) for g in some
    ]


def rows(name: str, of: Practice, sizes: Sequence[int]) -> Iterator[tuple[str, Figures]]:
    """Figures on the reports by the corpus' layer and by layers cross-validated on some of them."""
    every = np.ones(len(of.reports), bool)
    yield f"{name}, before", {"counted": 1.0, **of.figures(of.drafts(of.base, every), every)}
    for n in sizes:
        fold = practice_fit.folds(len(of.reports), 4, seed=1)
        after: list[Mapping[str, object]] = [{}] * len(fold)
        shares = []
        for f in range(4):
            some = np.flatnonzero(fold != f)[:: max(1, sum(fold != f) // n)][:n]
            layer = of.fit(np.isin(np.arange(len(fold)), some))
            shares.append(layer.counted.get("F", (1.0, 1.0))[0])
            for i, d in zip(np.flatnonzero(fold == f), of.drafts(layer, fold == f), strict=True):
                after[i] = d
        figures = of.figures(after, every)  # type: ignore[arg-type]
        yield f"{name}, after {n}", {"counted": float(np.mean(shares)), **figures}


def main() -> None:
    """See the module's description."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", required=True, help="findings model that has not seen the data")
    parser.add_argument("--oof", type=Path, required=True, help="out-of-fold probabilities of the corpus")
    parser.add_argument("--data", nargs="+", required=True, help="labelled reports")
    parser.add_argument("--weight", type=float, default=20.0, help="the corpus weighs as so many reports")
    parser.add_argument("--out", type=Path, required=True, help="Markdown file to write")
    args = parser.parse_args()
    cat = catalogues.load()
    policy = Policy.load(cat.name, layer=Layer())
    drafter = replace(Drafter.load(args.model), policy=policy)
    data = grading.of(oofs.load(args.oof), cat, policy)
    data = data.take(~np.isin(data.names, [r.id for r in read_all(args.data)]))  # judged on the others' layer
    base = grading.fit(data)
    corpus = practice_fit.of_corpus(data, base.combine, args.weight)
    reports = read_all(args.data)
    most = len(reports) * 3 // 4
    lenient, strict = (
        Practice(base, corpus, graded(reports, drafter, x), drafter.model.thresholds, cat, policy)
        for x in (True, False)
    )
    plan = replace(strict, reports=silent(strict.reports, strict))
    table = [
        *rows("lenient", lenient, (2, 8, most)),
        *rows("by the rule", strict, (2, most)),
        *rows("D or not told", plan, (2, most)),
    ]
    lines = [
        "# Learning from practice",
        "",
        "Made by `python experiments/practice.py` with a model and a layer that have not seen the reports; layers after n",
        f"reports are fitted on n others than they are judged on (four folds); the corpus weighs {args.weight:g} reports.",
        "The lenient inspector passes over föreskrifter that are partly met; «D or not told»: only D is stated.",
        "",
        figures_table("inspector", COLUMNS, table),
        "",
    ]
    args.out.write_text("\n".join(lines), encoding="utf8")


if __name__ == "__main__":
    main()
