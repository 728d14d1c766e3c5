"""What a second look at a report's findings brings, and what of it:

    python experiments/second_look.py RUN --config RECIPE > experiments/second-look.md

Figures on writers left out (train + dev) are cross-fitted by the run's folds; those of the recipe's further sets by their
own writers, dealt over the same number of groups. `stress` and `fresh` teach nothing. About twenty minutes on two cores.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline import catalogue as catalogues
from pipeline.catalogue import Catalogue
from pipeline.findings.base import Probabilities, SentenceInput
from pipeline.findings.second_look import SecondLook
from pipeline.training import collect, evaluation, second_look
from pipeline.training.labelled import Labelled
from pipeline.training.markdown import table
from pipeline.training.recipe import Recipe

FIGURES = ("weakness_f1", "shortfall_micro_f1", "status_micro_f1", "finding_ece")
APART = ("data/corpus/stress", "data/corpus/fresh")


@dataclass(frozen=True)
class Readings:
    """Sentences, what a network that had not seen them says, and who may not teach whom (`group` [n])."""

    data: Labelled
    first: Probabilities
    group: NDArray[np.intp]

    def take(self, which: NDArray[np.bool_]) -> Readings:
        return Readings(self.data.take(which), self.first[which], self.group[which])

    def sections_apart(self) -> list[SentenceInput]:
        """The sentences as if each section were a report of its own."""
        return [replace(s, report=f"{s.report} {s.section}") for s in self.data.inputs()]


def together(some: list[Readings]) -> Readings:
    return Readings(
        second_look.together([r.data for r in some]),
        np.concatenate([r.first for r in some]),
        np.concatenate([r.group for r in some]),
    )


def dealt(writers: NDArray[np.str_], groups: int) -> NDArray[np.intp]:
    """Each writer's group."""
    return np.unique(writers, return_inverse=True)[1] % groups


def figures(gold: evaluation.Codes, proba: Probabilities, threshold: float) -> str:
    """The four figures, divided by slashes."""
    told = evaluation.sentence_figures(gold, *evaluation.found(proba, np.array(threshold)))
    return "/".join(f"{told[k] or 0:.3f}" for k in FIGURES)


Seen = tuple[Probabilities, Probabilities]  # beside whole reports, and each section alone


def seen(r: Readings, look: SecondLook, catalogue: Catalogue) -> Seen:
    whole = look(r.data.inputs(), r.first, catalogue)
    return whole, look(r.sections_apart(), r.first, catalogue)


def cross_fitted(r: Readings, teachers: NDArray[np.bool_], catalogue: Catalogue, seed: int) -> Seen:
    """Each group as the teachers of the other groups see it."""
    whole, alone = r.first.copy(), r.first.copy()
    for k in np.unique(r.group):
        mine, others = r.group == k, r.take(teachers & (r.group != k))
        look = second_look.fit(others.data, others.first, catalogue, seed)
        whole[mine], alone[mine] = seen(r.take(mine), look, catalogue)
    return whole, alone


def read(recipe: Recipe, run: Path) -> tuple[dict[str, Readings], dict[str, Readings]]:
    """(what may teach: the corpus and the further sets; what may not), by name."""
    collected = collect.read(recipe, run).first_look()
    calibration, _ = collect.settings(run)
    paths = [*recipe.second_look, *APART]
    taught = {
        "writers left out": Readings(
            collected.data, collected.cross_fitted().probabilities, collected.groups.astype(np.intp)
        )
    }
    apart = {}
    for path, (data, logits) in zip(paths, collect.further(recipe, run, paths), strict=True):
        into = apart if path in APART else taught
        into[Path(path).name] = Readings(data, calibration(logits), dealt(data.writers, recipe.folds))
    return taught, apart


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--config", type=Path, required=True)
    given = parser.parse_args()
    recipe, catalogue = Recipe.load(given.config), catalogues.load()
    _, threshold = collect.settings(given.run)
    taught, apart = read(recipe, given.run)
    every = together([*taught.values()])
    name = np.repeat([*taught], [len(r.data) for r in taught.values()])
    sets = {**{n: (r, name == n) for n, r in taught.items()}, **{n: (r, None) for n, r in apart.items()}}
    rows = [(n, "the network", figures(r.data.gold, r.first, threshold), "–") for n, (r, _) in sets.items()]
    for title, teachers in (
        ("a second look, taught by the folds", name == "writers left out"),
        ("the same, and by the further sets", name != ""),
    ):
        crossed = cross_fitted(every, teachers, catalogue, recipe.seed)
        its = every.take(teachers)
        look = second_look.fit(its.data, its.first, catalogue, recipe.seed)
        for n, (r, mine) in sets.items():
            views = seen(r, look, catalogue) if mine is None else tuple(x[mine] for x in crossed)
            rows.append((n, title, *(figures(r.data.gold, x, threshold) for x in views)))
    order = [*sets]
    print(
        "# The second look\n\nMade by `python experiments/second_look.py`: weakness F1 / shortfall micro-F1 / status"
        f"\nmicro-F1 / finding ECE at threshold {threshold:.2f}; float32.\n"
    )
    rows.sort(key=lambda r: order.index(r[0]))
    print(table(["set", "read by", "whole reports", "every section alone"], rows))


if __name__ == "__main__":
    main()
