"""From probabilities to findings: what the two bars cost and bring.

    python -m pipeline.training.decisions runs/e5-small-sv --config configs/train/e5-small-sv.yaml > experiments/decisions.md

For every threshold of relevance and every bar for a weak sentence (`pipeline.findings.base.WEAK`; at 1 there is none), the
figures of cross-fitted probabilities on writers left out, and of the network of all of the corpus on `stress/`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline import catalogue as catalogues
from pipeline.findings import second_look
from pipeline.findings.base import WEAK, Probabilities
from pipeline.training import collect, evaluation, labelled
from pipeline.training.evaluation import Codes
from pipeline.training.markdown import table
from pipeline.training.recipe import Recipe
from pipeline.training.run import LOGITS, folder_of

THRESHOLDS, BARS = (0.3, 0.4, 0.46, 0.5, 0.6), (1.0, 0.5, 0.4, 0.35, 0.3, 0.25)
FIGURES = ("weakness_f1", "shortfall_micro_f1", "status_micro_f1", "finding_ece")


def rows(sets: Sequence[tuple[Probabilities, Codes]]) -> list[list[object]]:
    """A row for each pair of bars: threshold, bar, and the figures of each set."""
    out: list[list[object]] = []
    for bar in BARS:
        for threshold in THRESHOLDS:
            row: list[object] = [threshold, "none" if bar >= 1 else bar]
            for proba, gold in sets:
                codes, sure = evaluation.found(proba, np.array(threshold), bar)
                told = evaluation.sentence_figures(gold, codes, sure)
                row.append("/".join(f"{told[k] or 0:.3f}" for k in FIGURES))
            out.append(row)
    return out


def main(argv: Sequence[str] | None = None) -> None:
    """See the module's description."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.training.decisions")
    parser.add_argument("run", type=Path)
    parser.add_argument("--config", type=Path, required=True)
    args = parser.parse_args(argv)
    recipe = Recipe.load(args.config)
    collected = collect.read(recipe, args.run)
    calibration, threshold = collect.settings(args.run)
    stress = labelled.load([Path("data/corpus/stress")], catalogues.load(recipe.catalogue))
    with np.load(folder_of(args.run, None) / LOGITS, allow_pickle=False) as z:
        first = calibration(z["stress.context"].astype(np.float32))
    apart = second_look.load(collect.look_of(args.run, None))(stress.inputs(), first, collected.catalogue)
    sets = [(collected.cross_fitted().probabilities, collected.data.gold), (apart, stress.gold)]
    head = (
        "# Two bars of a finding",
        "",
        "Made by `python -m pipeline.training.decisions`: weakness F1 / shortfall micro-F1 / status micro-F1 / ECE.",
        f"Shipped: threshold {threshold:.2f}, bar {WEAK}.",
        "",
    )
    print("\n".join(head) + "\n" + table(["threshold", "bar", "writers left out", "stress"], rows(sets)))


if __name__ == "__main__":
    main()
