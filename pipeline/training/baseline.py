"""Train, cross-validate and ship the linear baseline.

    python -m pipeline.training.baseline --out models/baseline        # fit, calibrate, store
    python -m pipeline.training.baseline --cv experiments/baseline.md # figures by writer and by report
    python -m pipeline.training.baseline --oof FILE                   # out-of-fold probabilities, for grading

With both `--out` and `--oof`, the extra sets' probabilities by the shipped model are written beside the latter.

Needs scikit-learn. `--out` and `--oof` use the same folds by writer, so the shipped calibration comes from
unseen writers.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from pipeline import __version__, catalogue
from pipeline.catalogue import Catalogue
from pipeline.findings import baseline, manifest
from pipeline.findings.base import Probabilities
from pipeline.findings.baseline import Baseline, Calibration, Linear, Weights
from pipeline.findings.tfidf import Sparse, learn_features
from pipeline.report import LISTS, ModelInfo
from pipeline.training import evaluation, oof
from pipeline.training.evaluation import Figures
from pipeline.training.folds import FOLDS, writer_folds
from pipeline.training.labelled import Labelled, folds, load
from pipeline.training.markdown import figures_table

Array = NDArray[np.float32]
Logits = tuple[Array, Array, Array]
NAME = "baseline"
DATA = ("data/corpus/train", "data/corpus/dev")
_RECALL = 1.15  # weight of recall against precision when the threshold is chosen: a missed breach costs more


@dataclass(frozen=True)
class Recipe:
    """What a training run is told. Inverse regularisations C as scikit-learn has them."""

    min_df: tuple[int, int] = (4, 12)  # words, characters
    section_weight: float = 0.25
    relevance_c: float = 10.0
    status_c: float = 3.0
    own_c: float = 10.0
    tolerance: float = 0.02
    keep: int = 900_000  # weights stored of each matrix
    seed: int = 0


def matrix(rows: Sequence[Sparse], width: int) -> sp.csr_matrix:
    """Rows of `Features` as one sparse matrix."""
    ends = np.cumsum([0, *(len(at) for at, _ in rows)])
    at = np.concatenate([a for a, _ in rows])
    return sp.csr_matrix((np.concatenate([v for _, v in rows]), at, ends), shape=(len(rows), width))


def _regression(X: sp.csr_matrix, y: NDArray[np.bool_], c: float, recipe: Recipe) -> Array:
    """Weights and, last, intercept of one logistic regression; a constant where `y` is one-sided."""
    if y.all() or not y.any():
        odds = (y.sum() + 0.5) / ((~y).sum() + 0.5)
        return np.append(np.zeros(X.shape[1], np.float32), np.float32(np.log(odds)))
    model = LogisticRegression(
        C=c,
        solver="liblinear",
        dual=True,
        tol=recipe.tolerance,
        max_iter=1000,
        intercept_scaling=3,
        random_state=recipe.seed,
    ).fit(X, y)
    return np.append(model.coef_[0], model.intercept_[0]).astype(np.float32)


def _shared(X: sp.csr_matrix, pair: NDArray[np.int64], y: NDArray[np.bool_], k: int, recipe: Recipe) -> Array:
    """One regression over all (sentence, criterion) pairs with a bias for each criterion: [features + 1 +
    criteria]."""
    one_hot = sp.csr_matrix(
        (np.full(len(pair), 0.5, np.float32), (np.arange(len(pair)), pair[:, 1])), shape=(len(pair), k)
    )
    w = _regression(sp.hstack([X[pair[:, 0]], one_hot]).tocsr(), y, recipe.status_c, recipe)
    return np.concatenate([w[:-1][: X.shape[1]], w[-1:], 0.5 * w[X.shape[1] : -1]])


def train(data: Labelled, wordings: dict[str, str], recipe: Recipe) -> Linear:
    """Fit features and regressions to labelled sentences."""
    areas = sorted({c.partition(".")[0] for c in data.criteria})
    features = learn_features(
        data.texts, [str(s) for s in data.sections], (*LISTS, *areas), recipe.min_df, recipe.section_weight
    )
    X = matrix(
        [features.row(t, str(s)) for t, s in zip(data.texts, data.sections, strict=True)], features.width
    )
    k = len(data.criteria)
    pair = np.argwhere(data.gold > 0)
    code = data.gold[pair[:, 0], pair[:, 1]]
    short = pair[code > 1]
    relevance, own = np.zeros((2, features.width + 1, k), np.float32)
    for c in range(k):
        relevance[:, c] = _regression(X, data.gold[:, c] > 0, recipe.relevance_c, recipe)
        told = pair[pair[:, 1] == c, 0]
        if len(told):
            own[:, c] = _regression(X[told], data.gold[told, c] > 1, recipe.own_c, recipe)
    weights = Weights(
        relevance=relevance,
        own=own,
        shared=_shared(X, pair, code > 1, k, recipe),
        partly=_shared(X, short, data.gold[short[:, 0], short[:, 1]] == 2, k, recipe),
    )
    return Linear(features, weights, wordings)


def logits(linear: Linear, data: Labelled, sections: bool = True) -> Logits:
    """Uncalibrated logits of labelled sentences; `sections=False` hides where they stand."""
    return linear.logits([linear.features.row(s.text, s.section) for s in data.inputs(sections)])


# --- calibration -------------------------------------------------------------------------------


def _line(x: Array, y: NDArray[np.bool_]) -> tuple[float, float]:
    """Platt's line on logits (unpenalised), slope kept positive."""
    model = LogisticRegression(C=1e4, max_iter=500).fit(x.reshape(-1, 1), y)
    return max(0.05, float(model.coef_[0, 0])), float(model.intercept_[0])


def calibrate(out: Logits, gold: NDArray[np.int8]) -> Calibration:
    """Lines for the three steps, from logits of sentences whose writers the model had not seen."""
    relevance, shortfall, partly = out
    told, short = gold > 0, gold > 1
    return Calibration(
        relevance=_line(relevance.ravel(), told.ravel()),
        shortfall=_line(shortfall[told], short[told]),
        partly=_line(partly[short], gold[short] == 2),
    )


def likeness(linear: Linear, data: Labelled) -> tuple[tuple[float, float, float], Figures]:
    """The curve for unknown criteria, fitted on the known as if they were not, and what its ranking is worth.

    `map`: mean over criteria of average precision; `chance`: mean share of sentences that tell of one.
    """
    texts = [linear.features.text(t) for t in data.texts]
    cosine = linear.features.similarity(texts, list(linear.criteria.values()))
    own = np.array([[s == c.partition(".")[0] for c in data.criteria] for s in data.sections], np.float32)
    told = data.gold > 0
    model = LogisticRegression(C=1e4, max_iter=500).fit(
        np.stack([cosine.ravel(), own.ravel()], axis=1), told.ravel()
    )
    curve = (float(model.coef_[0, 0]), float(model.coef_[0, 1]), float(model.intercept_[0]))
    score = curve[0] * cosine + curve[1] * own
    there = np.flatnonzero(told.any(axis=0))
    each = [average_precision(score[:, c], told[:, c]) for c in there]
    return curve, {"map": float(np.mean(each)), "chance": float(told[:, there].mean())}


def average_precision(score: Array, told: NDArray[np.bool_]) -> float:
    """Mean precision at each true sentence when sorted by falling score."""
    right = told[np.argsort(-score, kind="stable")]
    return float((np.cumsum(right) / np.arange(1, len(right) + 1))[right].mean())


def threshold(proba: Probabilities, gold: NDArray[np.int8]) -> float:
    """The relevance threshold with the best F-score (recall weighted slightly) of shortfall and exact status
    together."""
    grid = np.arange(0.15, 0.66, 0.025)
    scores = []
    for t in grid:
        codes, _ = evaluation.found(proba, np.full(proba.shape[1], t, np.float32))
        scores.append(
            _f_beta(gold > 1, codes > 1)
            + _f_beta((gold == codes) & (gold > 0), codes > 0, total=int((gold > 0).sum()))
        )
    return float(grid[int(np.argmax(scores))])


def _f_beta(gold: NDArray[np.bool_], told: NDArray[np.bool_], total: int | None = None) -> float:
    both, b = int((gold & told).sum()), _RECALL**2
    return (1 + b) * both / max(1, int(told.sum()) + b * (int(gold.sum()) if total is None else total))


# --- cross-validation --------------------------------------------------------------------------


def _rows(out: Logits, which: NDArray[np.bool_]) -> Logits:
    return out[0][which], out[1][which], out[2][which]


@dataclass(frozen=True)
class Run:
    """Logits of the sentences `data` from models that had not seen their group; `fold` [n]."""

    data: Labelled
    out: Logits
    hidden: Logits  # the same sentences with the section hidden
    fold: NDArray[np.int32]

    def settings(self, which: NDArray[np.bool_] | None = None) -> tuple[Calibration, float]:
        """Calibration and threshold fitted on some (all) of the run's sentences."""
        keep = np.ones(len(self.fold), bool) if which is None else which
        seen, gold = _rows(self.out, keep), self.data.gold[keep]
        calibration = calibrate(seen, gold)
        return calibration, threshold(baseline.probabilities(*seen, calibration), gold)

    def cross_fitted(self, out: Logits) -> tuple[Probabilities, NDArray[np.int8]]:
        """Probabilities and codes, each fold's calibration and threshold fitted on the other folds."""
        gold = self.data.gold
        proba = np.zeros((*gold.shape, 3), np.float32)
        codes = np.zeros_like(gold)
        for f in np.unique(self.fold):
            here = self.fold == f
            calibration, level = self.settings(~here)
            proba[here] = baseline.probabilities(*_rows(out, here), calibration)
            codes[here] = evaluation.found(proba[here], np.full(gold.shape[1], level, np.float32))[0]
        return proba, codes


def cross_validate(data: Labelled, fold: NDArray[np.int32], wordings: dict[str, str], recipe: Recipe) -> Run:
    """Out-of-fold logits; sentences of fold -1 only ever train and are no part of the run."""
    scored = fold >= 0
    shape = (int(scored.sum()), data.gold.shape[1])
    out, hidden = (tuple(np.zeros(shape, np.float32) for _ in range(3)) for _ in range(2))
    for f in np.unique(fold[scored]):
        here, rows = fold == f, fold[scored] == f
        test, rest = data.take(here), data.take(~here)
        linear = train(rest, wordings, recipe)
        for keep, sections in ((out, True), (hidden, False)):
            for target, x in zip(keep, logits(linear, test, sections), strict=True):
                target[rows] = x
        print(f"fold {f + 1} done", file=sys.stderr, flush=True)
    return Run(data.take(scored), _logits(out), _logits(hidden), fold[scored])


def _logits(arrays: Sequence[Array]) -> Logits:
    relevance, shortfall, partly = arrays
    return relevance, shortfall, partly


# --- the commands ------------------------------------------------------------------------------


def wordings_of(cat: Catalogue) -> dict[str, str]:
    return {c.id: c.text for c in cat.criteria}


def ship(
    folder: Path, data: Labelled, run: Run, cat: Catalogue, recipe: Recipe, *, sources: Sequence[str]
) -> Baseline:
    """Train on all of `data`, calibrate by the out-of-fold `run` on it, and write the model folder."""
    wordings = wordings_of(cat)
    linear = train(data, wordings, recipe)
    calibration, level = run.settings()
    curve, unknown = likeness(linear, data)
    calibration = Calibration(**{**asdict(calibration), "likeness": curve})
    folder.mkdir(parents=True, exist_ok=True)
    baseline.save(folder / baseline.FILE, linear, recipe.keep)
    figures = _figures(run, run.out)[0]
    manifest.write(
        folder,
        manifest.Manifest(
            kind=baseline.KIND,
            name=NAME,
            version=__version__,
            catalogue=cat.name,
            criteria=wordings,
            files=manifest.checksums(folder, [baseline.FILE]),
            data={
                "hash": data.hash(),
                "reports": len(set(data.reports)),
                "sentences": len(data),
                "sources": [Path(s).name for s in sources],
            },
            metrics={
                "unseen_writers": _rounded(figures),
                "unknown_criteria": _rounded(unknown),
            },
            thresholds=dict.fromkeys(wordings, round(level, 4)),
            settings={"calibration": asdict(calibration), "recipe": asdict(recipe)},
        ),
    )
    return Baseline(linear, calibration, dict.fromkeys(wordings, level), cat, ModelInfo(NAME, __version__))


def _rounded(figures: Figures) -> Figures:
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in figures.items()}


_COLUMNS = {
    "weakness_f1": "weakness F1",
    "shortfall_micro_f1": "shortfall micro-F1",
    "shortfall_macro_f1": "shortfall macro-F1",
    "met_micro_f1": "met micro-F1",
    "relevance_micro_f1": "relevance micro-F1",
    "status_micro_f1": "status micro-F1",
    "finding_ece": "finding ECE",
}


def _figures(run: Run, out: Logits) -> tuple[Figures, Probabilities, NDArray[np.int8]]:
    proba, codes = run.cross_fitted(out)
    return evaluation.sentence_figures(run.data.gold, codes, proba.max(axis=2)), proba, codes


def held_out(linear: Linear, test: Labelled, settings: tuple[Calibration, float]) -> Figures:
    """Figures on a set apart."""
    proba = baseline.probabilities(*logits(linear, test), settings[0])
    codes, sure = evaluation.found(proba, np.full(proba.shape[1], settings[1], np.float32))
    return evaluation.sentence_figures(test.gold, codes, sure)


def report(args: argparse.Namespace, cat: Catalogue, recipe: Recipe) -> list[str]:
    """The lines of `experiments/baseline.md`."""
    data, wordings = load(args.data, cat), wordings_of(cat)
    run = cross_validate(data, writer_folds(data.writers), wordings, recipe)
    reports = cross_validate(data, folds(data.reports, FOLDS, recipe.seed), wordings, recipe)
    known, proba, codes = _figures(run, run.out)
    rows = [
        ("unseen writers (4 folds)", known),
        ("unseen writers, section hidden", _figures(run, run.hidden)[0]),
        ("unseen reports of known writers (4 folds)", _figures(reports, reports.out)[0]),
    ]
    first = load(args.data[:1], cat)
    linear, settings = train(first, wordings, recipe), run.settings(np.isin(run.data.reports, first.reports))
    for path in (*args.data[1:], *args.extra):
        name = f"{Path(path).name} (trained on {Path(args.data[0]).name})"
        rows.append((name, held_out(linear, load([path], cat), settings)))
    unknown = likeness(linear, data)[1]
    worst = evaluation.by_group(run.data.writers, run.data.gold, codes, proba.max(axis=2))
    return [
        "# The linear baseline",
        "",
        f"Made by `python -m pipeline.training.baseline --cv {args.cv.as_posix()}`;",
        f"{len(set(data.reports))} reports, {len(data)} sentences, data {data.hash()[:12]}.",
        "Calibration and threshold of each fold come from the other folds.",
        "",
        figures_table("set", _COLUMNS, rows),
        "",
        "## Each unseen writer, worst first",
        "",
        figures_table("writer", _COLUMNS, worst.items()),
        "",
        "## Criteria that were not trained on",
        "",
        f"Relevance by likeness to the wording alone: mean average precision {unknown['map']:.3f} over",
        f"the criteria, by chance {unknown['chance']:.3f}.",
        "",
    ]


def main(argv: Sequence[str] | None = None) -> None:
    """See the module's description."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.training.baseline", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--data", nargs="+", default=list(DATA), help="folders or files of labelled reports")
    parser.add_argument(
        "--extra", nargs="*", default=["data/corpus/stress"], help="sets only to be scored, with --cv"
    )
    parser.add_argument("--catalogue", default=catalogue.DEFAULT)
    parser.add_argument("--out", type=Path, help="model folder to write")
    parser.add_argument("--cv", type=Path, help="Markdown file to write the figures to")
    parser.add_argument("--oof", type=Path, help="npz to write out-of-fold probabilities to")
    args = parser.parse_args(argv)
    cat, recipe = catalogue.load(args.catalogue), Recipe()
    if args.out or args.oof:
        data = load(args.data, cat)
        run = cross_validate(data, writer_folds(data.writers), wordings_of(cat), recipe)
        if args.oof:
            proba, _ = run.cross_fitted(run.out)
            levels = np.full(len(data.criteria), run.settings()[1], np.float32)
            oof.save(args.oof, oof.of(run.data, proba, levels, f"{NAME} {__version__}"))
        if args.out:
            model = ship(args.out, data, run, cat, recipe, sources=args.data)
            for path in args.extra if args.oof else ():
                test = load([path], cat)
                made = oof.of(test, model.predict(test.inputs()), model.thresholds, f"{NAME} {__version__}")
                oof.save(args.oof.with_stem(f"{args.oof.stem}-{Path(path).name}"), made)
    if args.cv:
        args.cv.write_text("\n".join(report(args, cat, recipe)), encoding="utf8")


if __name__ == "__main__":
    main()
