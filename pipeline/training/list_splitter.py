"""Trains the model that tells the three lists apart: `python -m pipeline.training.list_splitter`.

Reads the items of the corpus' training set, writes `models/list-splitter/`, and prints how often both boundaries of a
report's run of items are found on the sets that were not trained on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from pipeline.corpus.tsv import CorpusReport, read_all
from pipeline.findings.manifest import checksums
from pipeline.parsing.splitter import BUCKETS, Splitter, boundaries, features
from pipeline.report import LISTS

C = 15.0  # inverse strength of the L2 penalty, chosen by cross-validation over writers (flat from 15 to 250)


def _items(reports: Sequence[CorpusReport]) -> tuple[list[str], list[int]]:
    rows = [r for report in reports for r in report.rows if r.section in LISTS]
    return [r.text for r in rows], [LISTS.index(r.section) for r in rows]


def _matrix(texts: Sequence[str]) -> csr_matrix:
    found = [features(t) for t in texts]
    indices = np.array([k for f in found for k in f])
    data = np.array([v for f in found for v in f.values()])
    return csr_matrix((data, indices, np.cumsum([0, *map(len, found)])), shape=(len(texts), BUCKETS))


def fit(reports: Sequence[CorpusReport]) -> Splitter:
    """The model fitted to the list items of some reports."""
    texts, lists = _items(reports)
    model = LogisticRegression(C=C, max_iter=2000).fit(_matrix(texts), lists)
    return Splitter(model.coef_.astype(np.float32), model.intercept_.astype(np.float32))


def evaluate(splitter: Splitter, reports: Sequence[CorpusReport]) -> dict[str, float]:
    """Share of reports with both boundaries right, of items in the right list, with and without the run's order."""
    both, right, alone, items = 0, 0, 0, 0
    for report in reports:
        texts, lists = _items([report])
        evidence = splitter.log_probabilities(texts)
        a, b = boundaries(evidence, [0.0] * len(texts))
        guess = [0] * a + [1] * (b - a) + [2] * (len(texts) - b)
        both += guess == lists
        right += sum(g == w for g, w in zip(guess, lists, strict=True))
        alone += int((evidence.argmax(axis=1) == np.array(lists)).sum())
        items += len(texts)
    return {
        "reports": len(reports),
        "both_boundaries": both / len(reports),
        "items": right / items,
        "items_alone": alone / items,
    }


def save(splitter: Splitter, folder: Path, metrics: dict[str, dict[str, float]]) -> None:
    """Writes weights (8 bits each) and a manifest with checksum and figures."""
    folder.mkdir(parents=True, exist_ok=True)
    scale = np.abs(splitter.weights).max(axis=1) / 127
    weights = np.round(splitter.weights / scale[:, None]).astype(np.int8)
    target = folder / "weights.npz"
    np.savez_compressed(target, weights=weights, scale=scale.astype(np.float32), bias=splitter.bias)
    manifest = {
        "name": "list-splitter",
        "files": checksums(folder, [target.name]),
        "lists": list(LISTS),
        "metrics": metrics,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--corpus", type=Path, default=Path("data/corpus"))
    options.add_argument("--out", type=Path, default=Path("models/list-splitter"))
    given = options.parse_args(arguments)
    splitter = fit(read_all([given.corpus / "train"]))
    metrics = {name: evaluate(splitter, read_all([given.corpus / name])) for name in ("dev", "stress")}
    save(splitter, given.out, metrics)
    print(json.dumps(metrics, indent=1))


if __name__ == "__main__":
    main()
