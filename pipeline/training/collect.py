"""From trained folds to what ships: out-of-fold probabilities, calibration, threshold, figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline import catalogue as catalogues
from pipeline.catalogue import Catalogue
from pipeline.findings import second_look as look
from pipeline.findings.base import Probabilities
from pipeline.findings.calibration import Calibration
from pipeline.findings.second_look import SecondLook
from pipeline.report import SpurError
from pipeline.training import calibrate, evaluation, labelled, oof, start
from pipeline.training import second_look as look_training
from pipeline.training.labelled import Labelled
from pipeline.training.recipe import Recipe
from pipeline.training.run import DONE, LOGITS, VIEWS, WEIGHTS, folder_of, held_out, network
from pipeline.training.run import view as sentences
from pipeline.training.trainer import predict

OOF, SETTINGS, LOOKS, FURTHER = "oof.npz", "calibration.json", "second-look", "further.npz"


@dataclass(frozen=True)
class Judged:
    """Labelled sentences with what was found in them: `codes` and `probability` [sentences, criteria], as
    `evaluation.found` gives them."""

    data: Labelled
    codes: NDArray[np.int8]
    probability: NDArray[np.float32]


@dataclass(frozen=True)
class Collected:
    """The scored sentences (writers of the finished folds), their fold, and their out-of-fold logits by view; for each
    group, the second look that was fitted on the others."""

    data: Labelled
    fold: NDArray[np.int32]
    logits: dict[str, calibrate.Logits]
    catalogue: Catalogue
    looks: Mapping[int, SecondLook] = field(default_factory=dict)

    @property
    def groups(self) -> NDArray[np.int32]:
        """What is calibrated by the rest: folds, or writers where only one fold is there."""
        if len(np.unique(self.fold)) > 1:
            return self.fold
        return np.unique(self.data.writers, return_inverse=True)[1].astype(np.int32)

    @cached_property
    def _usual(self) -> calibrate.CrossFitted:
        return calibrate.cross_fit(self.logits["context"], self.data.gold, self.groups)

    def judged(self, view: str = "context") -> Judged:
        """The cross-fitted findings of a view."""
        fitted = self.cross_fitted(view)
        return Judged(self.data, *evaluation.found(fitted.probabilities, fitted.thresholds[:, None]))

    def first_look(self) -> Collected:
        """The same without the second look."""
        return replace(self, looks={})

    @cached_property
    def _thresholds(self) -> NDArray[np.float32]:
        return calibrate.thresholds(self._seen("context"), self.data.gold, self.groups)

    def _seen(self, view: str) -> Probabilities:
        """A view's probabilities by the other groups' calibration and second look."""
        out = np.zeros((*self.data.gold.shape, 3), np.float32)
        for k, calibration in self._usual.calibrations.items():
            inside = self.groups == k
            out[inside] = calibration(self.logits[view][inside])
            if k in self.looks:
                inputs = sentences(self.data.take(inside), view)
                out[inside] = self.looks[k](inputs, out[inside], self.catalogue)
        return out

    def cross_fitted(self, view: str = "context") -> calibrate.CrossFitted:
        """Probabilities of a view by what the other groups say on the usual view: what an unseen writer meets."""
        usual = self._usual
        if view == "context" and not self.looks:
            return usual
        thresholds = self._thresholds if self.looks else usual.thresholds
        return calibrate.CrossFitted(self._seen(view), thresholds, usual.calibrations)


def finished(recipe: Recipe, out: Path) -> list[int]:
    """The folds that are trained to the end."""
    return [k for k in range(recipe.folds) if (folder_of(out, k) / DONE).is_file()]


def _has(path: Path, view: str) -> bool:
    with np.load(path, allow_pickle=False) as z:
        return f"held.{view}" in z.files


def read(recipe: Recipe, out: Path) -> Collected:
    """The finished folds' logits, put together, in the views that all of them have.

    Raises SpurError where no fold is finished, or one is of other data.
    """
    catalogue = catalogues.load(recipe.catalogue)
    data = labelled.load([Path(p) for p in recipe.train], catalogue)
    folds = finished(recipe, out)
    if not folds:
        raise SpurError(f"{out}: no fold is trained to the end; run `spur train` first")
    fold = np.full(len(data), -1, np.int32)
    kept = [v for v in VIEWS if all(_has(folder_of(out, k) / LOGITS, v) for k in folds)]
    logits = {v: np.zeros((len(data), len(catalogue.criteria), 4), np.float32) for v in kept}
    for k in folds:
        held, path = held_out(data, k), folder_of(out, k) / LOGITS
        fold[held] = k
        with np.load(path, allow_pickle=False) as z:
            for v in kept:
                if len(z[f"held.{v}"]) != int(held.sum()):
                    raise SpurError(
                        f"{path} is of other data than {', '.join(recipe.train)}: train fold {k} again"
                    )
                logits[v][held] = z[f"held.{v}"]
    scored = fold >= 0
    kept_logits = {v: x[scored] for v, x in logits.items()}
    return Collected(data.take(scored), fold[scored], kept_logits, catalogue, looks(out))


def figures(
    collected: Collected, view: str = "context"
) -> tuple[evaluation.Figures, dict[str, evaluation.Figures]]:
    """(pooled, by writer) of cross-fitted findings."""
    found = collected.judged(view)
    values = (found.data.gold, found.codes, found.probability)
    return evaluation.sentence_figures(*values), evaluation.by_group(found.data.writers, *values)


def by_slice(found: Judged) -> dict[str, dict[str, evaluation.Figures]]:
    """Figures by kind of section, length of the sentence and number of findings: how the model errs."""
    gold, data = found.data.gold, found.data
    words = np.array([len(t.split()) for t in data.texts])
    lengths = np.select(
        [words <= 6, words <= 14, words <= 25], ["1–6 words", "7–14 words", "15–25 words"], "26+ words"
    )
    number = (gold > 0).sum(1)
    counts = np.select([number == 0, number == 1, number == 2], ["no finding", "one", "two"], "three or more")
    slices = {"section": data.sections, "length": lengths, "findings": counts}
    return {k: evaluation.by_group(v, gold, found.codes, found.probability) for k, v in slices.items()}


def by_criterion(found: Judged) -> dict[str, dict[str, Any]]:
    """Precision, recall and F1 of shortfalls and of relevance for every criterion, rarest first."""
    gold, codes = found.data.gold, found.codes
    out: dict[str, dict[str, Any]] = {}
    for c, name in enumerate(found.data.criteria):
        short = evaluation.precision_recall_f1(gold[:, c] > 1, codes[:, c] > 1)
        out[name] = {
            "shortfalls": int((gold[:, c] > 1).sum()),
            "precision": short[0],
            "recall": short[1],
            "f1": short[2],
            "relevance_f1": evaluation.f1(gold[:, c] > 0, codes[:, c] > 0),
        }
    return dict(sorted(out.items(), key=lambda x: int(x[1]["shortfalls"])))


def look_of(out: Path, fold: int | None) -> Path:
    """The second look that goes with a fold's network (None: that of all of the corpus)."""
    return out / LOOKS / f"{'all' if fold is None else fold}.npz"


def looks(out: Path) -> dict[int, SecondLook]:
    """The groups' second looks, where they have been fitted."""
    return {int(p.stem): look.load(p) for p in sorted((out / LOOKS).glob("*.npz")) if p.stem.isdecimal()}


def further(recipe: Recipe, out: Path, paths: Sequence[str]) -> list[tuple[Labelled, calibrate.Logits]]:
    """Labelled sets with what the network of all of the corpus says of them, read once; none where it is not trained."""
    folder = folder_of(out, None)
    catalogue, path = catalogues.load(recipe.catalogue), folder / FURTHER  # goes when that network goes
    if not (folder / WEIGHTS).is_file():
        return []
    sets = {p: labelled.load([Path(p)], catalogue) for p in paths}
    known: dict[str, NDArray[np.float16]] = {}
    if path.is_file():
        with np.load(path, allow_pickle=False) as z:
            known = {k: z[k] for k in z.files}
    if lacking := {d.hash(): d for d in sets.values() if d.hash() not in known}:
        net, maker = network(recipe, folder, catalogue)
        for key, d in lacking.items():
            known[key] = predict(net, d.inputs(), maker, catalogue, torch.device("cpu")).astype(np.float16)
        np.savez_compressed(path, **known)  # type: ignore[arg-type]
    return [(d, known[d.hash()].astype(np.float32)) for d in sets.values()]


def _look_again(recipe: Recipe, out: Path, collected: Collected, calibration: Calibration) -> None:
    """Fit second looks: each group's on the others, and what ships on all; each also on the further sets, which are other
    writers'."""
    usual, more = collected.cross_fitted(), further(recipe, out, recipe.second_look)
    for stale in (out / LOOKS).glob("*.npz"):
        stale.unlink()
    for k, its in ((None, calibration), *usual.calibrations.items()):
        others = collected.groups != k if k is not None else np.ones(len(collected.data), bool)
        data = look_training.together([collected.data.take(others), *(d for d, _ in more)])
        probabilities = np.concatenate([usual.probabilities[others], *(its(x) for _, x in more)])
        look_training.fit(data, probabilities, collected.catalogue, recipe.seed).save(look_of(out, k))


def settle(recipe: Recipe, out: Path, name: str) -> tuple[Calibration, float]:
    """Fit what ships on all out-of-fold logits; write `calibration.json`, the second looks, and the cross-fitted
    `oof.npz`."""
    collected = read(recipe, out).first_look()
    calibration = calibrate.fit(collected.logits["context"], collected.data.gold)
    _look_again(recipe, out, collected, calibration)
    collected = read(recipe, out)
    fitted = collected.cross_fitted()
    threshold = calibrate.threshold(fitted.probabilities, collected.data.gold)
    levels = np.full(len(collected.data.criteria), threshold, np.float32)
    before = collected.first_look().cross_fitted().probabilities
    told = oof.of(collected.data, fitted.probabilities, levels, name, before, collected.groups)
    oof.save(out / OOF, told)
    return _write(out, calibration, threshold)


def carry(recipe: Recipe, out: Path) -> tuple[Calibration, float]:
    """What a training that went on from a model ships, written as `settle` does.

    The calibration is fitted on the sets that the recipe names for it (both trainings were without them), else it is that
    model's. So are the threshold and the second look always: they are of calibrated probabilities, and of more writers.
    """
    told = start.read_manifest(str(recipe.start))
    before, threshold = told.settings, float(told.settings["threshold"])
    if look.FILE in told.files:
        look.load(start.model_folder(str(recipe.start)) / look.FILE).save(look_of(out, None))
    if not recipe.calibrate:
        return _write(out, Calibration.of(before["calibration"]), threshold)
    catalogue, path = catalogues.load(recipe.catalogue), folder_of(out, None) / LOGITS
    sets = [labelled.load([p], catalogue) for p in recipe.calibrate]
    with np.load(path, allow_pickle=False) as z:
        logits = np.concatenate([z[f"{Path(p).name}.context"] for p in recipe.calibrate]).astype(np.float32)
    gold = np.concatenate([s.gold for s in sets])
    return _write(out, calibrate.fit(logits, gold), threshold)


def _write(out: Path, calibration: Calibration, threshold: float) -> tuple[Calibration, float]:
    values = {"calibration": calibration.settings(), "threshold": threshold}
    (out / SETTINGS).write_text(json.dumps(values, indent=1) + "\n", encoding="utf8")
    return calibration, threshold


def settings(out: Path) -> tuple[Calibration, float]:
    """What `settle` wrote. Raises SpurError where it has not."""
    path = out / SETTINGS
    if not path.is_file():
        raise SpurError(f"{path} is missing: run `spur train` with all folds first")
    raw = json.loads(path.read_text(encoding="utf8"))
    return Calibration.of(raw["calibration"]), float(raw["threshold"])
