"""A training of the grade layer as an MLflow run: recipe, data, figures by fold and together, plots, the layer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.report import AreaDraft
from pipeline.training import plots, tracking
from pipeline.training import record as records
from pipeline.training.evaluation import Figures
from pipeline.training.grades import Corpus, GradeRecipe, Trained
from pipeline.training.practice_fit import Judged, Practice

Pairs = list[tuple[str, AreaDraft]]  # true grade and draft of areas


def publish(recipe: GradeRecipe, trained: Trained, *files: Path) -> None:
    """The run in the experiment `spur-grades` of the tracking store that `tracking.mlflow` finds; `files` go with it."""
    with tracking.run(recipe.name, experiment=tracking.GRADES) as mlflow:
        on = trained.layer.fitted_on
        settings = {**asdict(recipe), **records.flat(on.get("practice", {}), "practice.")}
        mlflow.log_params({k: str(v)[:5000] for k, v in settings.items()})
        mlflow.set_tags({"model": on["model"], "policy": on["policy"], "kind": "grades"})
        _corpus(mlflow, trained.corpus)
        if trained.practice:
            sizes = [len(g.parsed.sentences) for g in trained.practice.reports]
            _dataset(mlflow, "practice", sizes, trained.digest)
        if trained.practice and trained.judged:
            _practice(mlflow, trained.practice, trained.judged)
        for path in files:
            mlflow.log_artifact(str(path))


def _dataset(mlflow: Any, name: str, rows: Any, digest: str) -> None:
    """Data by name and hash; no text and no grade is copied into the store."""
    mlflow.log_input(
        mlflow.data.from_numpy(np.asarray(rows), name=name, digest=digest[:36]), context="training"
    )


def _log(mlflow: Any, prefix: str, figures: Figures, step: int | None = None) -> None:
    tracking.log_metrics(mlflow, {f"{prefix}.{k}": v for k, v in figures.items()}, step or 0)


def _corpus(mlflow: Any, corpus: Corpus) -> None:
    _dataset(mlflow, "corpus", corpus.oof.index, corpus.oof.data)
    _log(mlflow, "corpus", {k: v for k, v in corpus.layer.metrics.items() if not isinstance(v, dict)})
    for f, figures in corpus.by_fold().items():
        _log(mlflow, "corpus.fold", figures, f)
    these, made = corpus.made
    areas, grades = list(these.catalogue.areas), these.policy.grades
    pairs = [
        (grades[k], made[str(n)][a])
        for n, row in zip(these.names, these.grade, strict=True)
        for a, k in zip(areas, row, strict=True)
    ]
    _plots(mlflow, "corpus", pairs, grades)


def _practice(mlflow: Any, practice: Practice, judged: Judged) -> None:
    every = np.ones(len(practice.reports), bool)
    for stage, made in (("before", judged.before), ("after", judged.after)):
        _log(mlflow, f"practice.{stage}", practice.figures(made, every))
        for f in np.unique(judged.fold):
            which = judged.fold == f
            some = [d for d, k in zip(made, which, strict=True) if k]
            _log(mlflow, f"practice.{stage}.fold", practice.figures(some, which), int(f))
        _plots(mlflow, f"practice-{stage}", list(_exact(practice, made)), practice.policy.grades)


def _exact(practice: Practice, made: Iterable[dict[str, AreaDraft]]) -> Iterable[tuple[str, AreaDraft]]:
    for graded, drafts in zip(practice.reports, made, strict=True):
        yield from ((p[0], drafts[a]) for a, p in graded.possible.items() if len(p) == 1)


def _plots(mlflow: Any, name: str, pairs: Pairs, grades: tuple[str, ...]) -> None:
    if not pairs:
        return
    truth = np.array([grades.index(g) for g, _ in pairs])
    got = np.array([grades.index(d.suggested_grade) for _, d in pairs])
    sure = np.array([d.probabilities[d.suggested_grade] for _, d in pairs])
    counts = np.zeros((len(grades), len(grades)), int)
    np.add.at(counts, (truth, got), 1)
    mlflow.log_figure(plots.confusion(counts, grades, "suggested"), f"figures/{name}-confusion.png")
    mlflow.log_figure(
        plots.reliability(sure, truth == got, "suggested grade"), f"figures/{name}-calibration.png"
    )
