"""How well a findings model reads criteria from their wording alone.

    python -m pipeline.training.unknown MODEL --on TSV... [--catalogue FILE] [--out FILE]

Measures the model twice on the same labelled sentences: with its own catalogue, and with one of the same criteria in words
that it was not trained on (`experiments/reworded-criteria.yaml`). `left_out` measures criteria that a training had not seen
at all.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from pipeline import catalogue as catalogues
from pipeline import findings
from pipeline.catalogue import Catalogue
from pipeline.findings import manifest
from pipeline.findings.base import FindingsModel
from pipeline.report import SpurError
from pipeline.training import evaluation
from pipeline.training.evaluation import Codes, Figures
from pipeline.training.labelled import Labelled, load
from pipeline.training.markdown import table

REWORDED = Path("experiments/reworded-criteria.yaml")
Scores = NDArray[np.floating]


class Ranking(TypedDict):
    """How the sentences that tell of a criterion rank among all, by falling score of relevance.

    None for `auc` and `average_precision` where no sentence, or every one, tells of it.
    """

    auc: float | None
    average_precision: float | None
    prevalence: float  # share of sentences that tell of it: the average precision of chance
    sentences: int  # that tell of it


class Left(TypedDict):
    """Rankings of criteria, and their means over those that have one."""

    criteria: dict[str, Ranking]
    mean: dict[str, float | None]


def ranking(score: Scores, told: NDArray[np.bool_]) -> Ranking:
    """The ranking of one criterion: `score` [n], whether the sentence tells of it [n].

    `auc`: probability that a sentence that tells of it scores above one that does not, ties count half (Mann-Whitney U).
    `average_precision`: mean over the telling sentences of the precision down to each; ties share one place.
    """
    positive, n = int(told.sum()), len(told)
    out = Ranking(auc=None, average_precision=None, prevalence=positive / n if n else 0.0, sentences=positive)
    if not 0 < positive < n:
        return out
    _, level = np.unique(-score, return_inverse=True)  # places by falling score
    counts = np.bincount(level)
    hits = np.bincount(level, weights=told)
    above, true = np.cumsum(counts), np.cumsum(hits)
    misses_below = (n - positive) - (above - true)
    wins = float((hits * (misses_below + (counts - hits) / 2)).sum())
    out["auc"] = wins / (positive * (n - positive))
    out["average_precision"] = float((hits * true / above).sum() / positive)
    return out


def left_out(logits: Scores, gold: Codes, criteria: Sequence[str], left_out: Collection[str]) -> Left:
    """Rankings of the criteria that a training left out, and their means.

    `logits` [n, criteria] or [n, criteria, 4]: relevance (first of the last axis), any rising scale; `gold` [n, criteria]:
    0 none, 1 met, 2 partly, 3 unmet; `criteria`: ids in the order of the columns. Raises ValueError where shapes or ids
    do not fit.
    """
    relevance = logits[..., 0] if logits.ndim == 3 else logits
    if relevance.shape != gold.shape or gold.shape[1] != len(criteria):
        raise ValueError(f"logits {logits.shape}, gold {gold.shape}, {len(criteria)} criteria: do not fit")
    if strangers := set(left_out) - set(criteria):
        raise ValueError(f"no such criteria: {', '.join(sorted(strangers))}")
    each = {c: ranking(relevance[:, i], gold[:, i] > 0) for i, c in enumerate(criteria) if c in set(left_out)}
    return Left(criteria=each, mean=_means(list(each.values())))


def _means(each: Sequence[Ranking]) -> dict[str, float | None]:
    """Unweighted means over the criteria that are ranked; None of none."""
    ranked = [r for r in each if r["auc"] is not None]
    return {
        "auc": _mean([r["auc"] for r in ranked]),
        "average_precision": _mean([r["average_precision"] for r in ranked]),
        "prevalence": _mean([r["prevalence"] for r in ranked]),
    }


def _mean(values: Sequence[float | None]) -> float | None:
    return float(np.mean([v for v in values if v is not None])) if values else None


# --- a model and two catalogues ----------------------------------------------------------------


@dataclass(frozen=True)
class Reading:
    """What a model makes of labelled sentences with one catalogue."""

    name: str
    rankings: Left
    figures: Figures  # pooled, at the model's thresholds; empty where no model read


@dataclass(frozen=True)
class Comparison:
    """Readings of the same sentences: with the model's own catalogue, with another, with another and sections hidden, and by
    the section alone (a sentence of a criterion's own area before all others), which is what a reading must beat."""

    own: Reading
    other: Reading
    hidden: Reading
    area: Reading
    sentences: int
    unknown: int  # criteria of the other catalogue whose wording the model was not trained on


def read(model: FindingsModel, data: Labelled, name: str, sections: bool = True) -> Reading:
    """A model's reading of sentences that are labelled by its catalogue's ids."""
    proba = model.predict(data.inputs(sections))
    codes, sure = evaluation.found(proba, model.thresholds)
    rankings = left_out(proba.sum(axis=2), data.gold, data.criteria, data.criteria)
    return Reading(name, rankings, evaluation.sentence_figures(data.gold, codes, sure))


def _by_area(data: Labelled, catalogue: Catalogue) -> Reading:
    areas = np.array([c.area for c in catalogue.criteria])
    score = (data.sections[:, None] == areas).astype(np.float32)
    return Reading("section alone, no model", left_out(score, data.gold, data.criteria, data.criteria), {})


def compare(model: str | Path, paths: Sequence[Path], other: Catalogue) -> Comparison:
    """A model's readings of labelled files. Raises SpurError where `other` lacks a criterion of the model's own
    catalogue."""
    folder = findings.available().get(str(model), Path(model))
    own = catalogues.load(manifest.read(folder).catalogue)
    if missing := own.index.keys() - other.index.keys():
        raise SpurError(f"{other.name} lacks criteria of {own.name}: {', '.join(sorted(missing))}")
    first, second = findings.load(model, own), findings.load(model, other)
    data = load(paths, other)
    return Comparison(
        own=read(first, load(paths, own), own.name),
        other=read(second, data, other.name),
        hidden=read(second, data, f"{other.name}, sections hidden", sections=False),
        area=_by_area(data, other),
        sentences=len(data),
        unknown=len(getattr(second, "unknown", ())),
    )


_FIGURES = {"shortfall_micro_f1": "shortfall micro-F1", "relevance_micro_f1": "relevance micro-F1"}
_PAGE = """# Criteria read from their wording alone: {model}

{sentences:,} labelled sentences of {sources}. ROC AUC and average precision (AP) tell how the
sentences that tell of a criterion rank among all by its relevance, as means over the criteria that are
told of; by chance, AUC is 0.5 and AP the prevalence. The section alone says much about the area: that row
is what a reading of the wording must beat. F1 is pooled over all criteria, at the model's thresholds.
{unknown} of {criteria} criteria of `{other}` have a wording that the model was not trained on.
Sentences that the model was trained on make its own catalogue's figures too good.

{pooled}

## Each criterion

Worst first by average precision in `{other}` («other»).

{each}
"""


def page(model: str, sources: Sequence[str], c: Comparison) -> str:
    """The comparison as Markdown."""
    measures = ("auc", "average_precision", "prevalence")
    rows = [
        [r.name, *(r.rankings["mean"][m] for m in measures), *(r.figures.get(k) for k in _FIGURES)]
        for r in (c.own, c.other, c.hidden, c.area)
    ]
    return _PAGE.format(
        model=model,
        sentences=c.sentences,
        sources=", ".join(sources),
        unknown=c.unknown,
        criteria=len(c.other.rankings["criteria"]),
        other=c.other.name,
        pooled=table(["catalogue", "ROC AUC", "AP", "prevalence", *_FIGURES.values()], rows),
        each=_each(c),
    )


def _each(c: Comparison) -> str:
    own = c.own.rankings["criteria"]
    rows: list[list[object]] = []
    for i, b in c.other.rankings["criteria"].items():
        a = own.get(i)
        if a and b["average_precision"] is not None:
            rows.append([i, b["sentences"], b["prevalence"], a["auc"], b["auc"]])
            rows[-1] += [a["average_precision"], b["average_precision"]]
    rows.sort(key=lambda row: (float(str(row[-1])), str(row[0])))
    head = ["criterion", "sentences", "prevalence", "AUC, own", "AUC, other", "AP, own", "AP, other"]
    return table(head, rows)


def main(argv: Sequence[str] | None = None) -> None:
    """See the module's description."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.training.unknown", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("model", help="name or folder of a findings model")
    parser.add_argument(
        "--on", nargs="+", type=Path, required=True, help="labelled TSV files, or folders of them"
    )
    parser.add_argument(
        "--catalogue", type=Path, default=REWORDED, help="the same criteria (ids) in other words"
    )
    parser.add_argument("--out", type=Path, help="Markdown file to write, else to standard output")
    args = parser.parse_args(argv)
    try:
        other = catalogues.load(args.catalogue)
        compared = compare(args.model, args.on, other)
    except SpurError as e:
        parser.exit(1, f"{e}\n")
    text = page(Path(args.model).name, [p.name for p in args.on], compared)
    if args.out:
        args.out.write_text(text, encoding="utf8")
    else:
        print(text)


if __name__ == "__main__":
    main()
