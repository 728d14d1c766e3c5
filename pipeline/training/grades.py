"""`spur train` of kind grades: the grade layer on the corpus and, where reports state their grades, on practice.

The corpus' layer comes first; reports with stated grades move it (`practice_fit`). The layer's JSON tells what it was
fitted on and the cross-validated figures before and after. Needs scipy; torch only if the findings model does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from pipeline import catalogue as catalogues
from pipeline import reading
from pipeline.catalogue import Catalogue
from pipeline.drafting import Drafter
from pipeline.grading import layer as layers
from pipeline.grading.layer import Layer
from pipeline.grading.policy import Policy
from pipeline.report import SpurError
from pipeline.training import grading, practice, practice_fit
from pipeline.training import oof as oofs
from pipeline.training.evaluation import Figures
from pipeline.training.folds import writer_folds
from pipeline.training.oof import OutOfFold
from pipeline.training.practice import Graded
from pipeline.training.practice_fit import Judged, Practice

Tell = Callable[[str], None]


@dataclass(frozen=True)
class GradeRecipe:
    """See configs/train/grades.yaml. `corpus_weight` is in reports; `policy` a name or file where it is not the
    catalogue's own."""

    oof: str
    name: str = "grades"
    model: str = "baseline"
    reports: str | None = None
    catalogue: str = catalogues.DEFAULT
    policy: str | None = None
    corpus_weight: float = 20.0
    folds: int = 5
    level: float = 0.9
    seed: int = 7

    @classmethod
    def load(cls, path: Path, **changes: Any) -> GradeRecipe:
        """A recipe file, with single values changed. Raises SpurError on unknown keys and values out of range."""
        try:
            raw = {**yaml.safe_load(path.read_text(encoding="utf8")), **changes}
            raw.pop("kind", None)
            out = cls(**raw)
            if not (out.corpus_weight > 0 and out.folds > 1 and 0 < out.level < 1):
                raise ValueError("corpus_weight > 0, folds > 1, level between 0 and 1")
        except (OSError, TypeError, ValueError, yaml.YAMLError) as e:
            raise SpurError(f"{path}: {e}; see configs/train/grades.yaml for the keys") from e
        return out


@dataclass(frozen=True)
class Corpus:
    """Out-of-fold drafts of the corpus, judged across writers, and the layer fitted on all of them."""

    oof: OutOfFold
    reports: grading.Reports
    made: grading.Made
    layer: Layer

    @classmethod
    def fit(cls, oof: OutOfFold, reports: grading.Reports) -> Corpus:
        """The corpus' layer, with its cross-fitted figures."""
        made = grading.cross_fitted(reports, grading.learnt)
        return cls(oof, reports, made, grading.shipped(reports, oof, made))

    def by_fold(self) -> dict[int, Figures]:
        """The figures of each fold of writers."""
        these, drafts = self.made
        fold = writer_folds(these.writers)
        out = {}
        for f in np.unique(fold):
            part = these.take(fold == f)
            out[int(f)] = grading.figures(part, {str(n): drafts[str(n)] for n in part.names})
        return out


@dataclass(frozen=True)
class Trained:
    """What came out: the layer, the corpus' part, and where there are reports, theirs."""

    layer: Layer
    corpus: Corpus
    practice: Practice | None = None
    judged: Judged | None = None
    digest: str = ""
    failed: int = 0


def train(recipe: GradeRecipe, tell: Tell) -> Trained:
    """Fits the layer that a recipe describes; `tell` gets a line for what can't be used.

    Raises SpurError where the recipe's files are missing, or do not fit each other.
    """
    cat = catalogues.load(recipe.catalogue)
    drafter, files = (_drafter(recipe, cat), _files(recipe)) if recipe.reports else (None, [])
    oof = oofs.load(Path(recipe.oof))
    oofs.check(oof, cat, recipe.oof)
    policy = Policy.load(recipe.policy or cat.name, layer=Layer())
    policy = replace(policy, confidence=recipe.level)
    graded, failed = _read(files, drafter, oof, tell) if drafter else ([], 0)
    corpus = Corpus.fit(oof, grading.of(oof, cat, policy))
    if not drafter or not graded:
        return Trained(replace(corpus.layer, fitted_on=_dated(corpus.layer)), corpus, failed=failed)
    weight = recipe.corpus_weight
    of_corpus = practice_fit.of_corpus(corpus.reports, corpus.layer.combine, weight)
    learning = Practice(corpus.layer, of_corpus, graded, drafter.model.thresholds, cat, policy)
    judged = practice_fit.cross_validate(learning, recipe.folds, recipe.seed) if len(graded) > 1 else None
    digest = practice.digest(graded, oof.model)
    layer = _told(learning.fit(), learning, judged, recipe, digest)
    return Trained(layer, corpus, learning, judged, digest, failed)


def _drafter(recipe: GradeRecipe, cat: Catalogue) -> Drafter:
    made = Drafter.load(recipe.model, recipe.catalogue)
    return replace(made, policy=Policy.load(recipe.policy or cat.name, layer=Layer()))


def _files(recipe: GradeRecipe) -> list[Path]:
    folder = Path(recipe.reports or "")
    if not folder.exists():
        raise SpurError(f"reports: {folder} does not exist: give a folder of report files")
    return list(reading.find([folder]))


def _read(files: list[Path], drafter: Drafter, oof: OutOfFold, tell: Tell) -> tuple[list[Graded], int]:
    """The reports that tell something of their grades, and how many files could not be read."""
    info = drafter.model.info
    if oof.model != f"{info.name} {info.version}":
        tell(
            f"out-of-fold probabilities are of {oof.model}, the reports are read by {info.name} {info.version}"
        )
    graded, failed = [], 0
    for outcome in practice.read(files, drafter):
        if outcome.result is None:
            failed += 1
            tell(f"{outcome.path}: {outcome.error}")
        elif outcome.result.possible:
            graded.append(outcome.result)
        else:
            tell(f"{outcome.path}: states no grade before a plan: not fitted on")
    return graded, failed


def _dated(layer: Layer) -> dict[str, Any]:
    return {**layer.fitted_on, "date": date.today().isoformat()}


def rounded(figures: Figures) -> Figures:
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in figures.items()}


def _told(layer: Layer, of: Practice, judged: Judged | None, recipe: GradeRecipe, digest: str) -> Layer:
    """The layer with what it was fitted on and the figures before and after."""
    on = {
        **practice.counts(of.reports, of.catalogue),
        "data": digest,
        "corpus_weight": recipe.corpus_weight,
        "folds": recipe.folds,
        "seed": recipe.seed,
    }
    metrics = dict(layer.metrics)
    if judged:
        every = np.ones(len(of.reports), bool)
        stages = {"before": judged.before, "after": judged.after}
        metrics["practice"] = {k: rounded(of.figures(made, every)) for k, made in stages.items()}
    return replace(layer, fitted_on={**_dated(layer), "practice": on}, metrics=metrics)


def run(recipe: GradeRecipe, out: Path, tell: Tell, track: bool = True) -> int:
    """Trains, writes the layer to `out`, logs the run to MLflow. Returns how many report files could not be read."""
    trained = train(recipe, tell)
    layers.write(out, trained.layer)
    if track:
        from pipeline.training import grade_tracking  # noqa: PLC0415  MLflow takes seconds to import

        grade_tracking.publish(recipe, trained, out)
    return trained.failed
