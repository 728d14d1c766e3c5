"""The second look: what a report's other sentences say about a finding.

A reviewer tells of the same matter in several places: a narrative, the lists, the advice. The network reads a section at a
time; here each (sentence, criterion) is weighed again beside what the network found of that criterion in the rest of the
report, in the sentence's other criteria and in its neighbours (stacked generalisation, Wolpert 1992). Nothing is known of a
criterion but its area and level, so that a new catalogue is looked at alike. A few small networks of numbers, numpy only.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.catalogue import Catalogue
from pipeline.findings.base import Probabilities, SentenceInput
from pipeline.report import LISTS

FILE = "second_look.npz"
FLOOR = -8.0  # log odds of what is not there; nothing is told to be less likely
NEAR = -7.0  # log odds of relevance from which a pair is looked at again: nine in ten thousand
LEVELS = 3  # of a catalogue that are told apart, in its order; further ones count as the last
FEATURES = (
    *("relevance", "shortfall", "met", "partly", "unmet"),
    *("relevance_before", "relevance_after", "shortfall_before", "shortfall_after"),
    *("best_rival", "best_rival_shortfall", "number_of_rivals"),
    *("relevance_in_lists", "relevance_in_areas", "shortfall_in_lists", "shortfall_in_areas"),
    *("number_elsewhere", "shortfalls_elsewhere", "met_elsewhere", "unmet_elsewhere"),
    *("own_area", "strengths", "weaknesses", "proposals", "level_1", "level_2", "level_3"),
    *("sentences", "sections", "lists"),
)
_STATUS = slice(FEATURES.index("met"), FEATURES.index("unmet") + 1)
Array = NDArray[np.float32]
Sections = Sequence[str | None]


def _log_odds(p: Array) -> Array:
    p = np.clip(p, 1e-5, 1 - 1e-5)
    odds: Array = np.maximum(np.log(p / (1 - p)), FLOOR).astype(np.float32)
    return odds


def _best_other(x: Array, axis: int) -> Array:
    """For each entry, the greatest of the others along an axis; FLOOR where there is none."""
    if x.shape[axis] < 2:
        return np.full_like(x, FLOOR)
    first, second = (np.partition(x, -k, axis=axis).take([-k], axis=axis) for k in (1, 2))
    return np.where(x >= first, second, first)


def _neighbours(x: Array, same: NDArray[np.bool_]) -> tuple[Array, Array]:
    """The sentence before and after; FLOOR where it is of another section. `same` [n - 1]."""
    before, after = np.full_like(x, FLOOR), np.full_like(x, FLOOR)
    before[1:][same], after[:-1][same] = x[:-1][same], x[1:][same]
    return before, after


def _among(x: Array, which: NDArray[np.bool_]) -> Array:
    """The greatest among the sentences that a mask picks, the entry's own left out."""
    out = np.full_like(x, FLOOR)
    if which.any():
        out[which] = _best_other(x[which], 0)
        out[~which] = x[which].max(axis=0)
    return out


def features(probabilities: Probabilities, sections: Sections, catalogue: Catalogue) -> Array:
    """What is known of each pair [sentences, criteria, FEATURES] in one report.

    `probabilities` [sentences, criteria, 3] are the network's; `sections` an area, a list or None each. Best values are log
    odds, numbers the logarithm of one plus a sum of probabilities, the rest 0 or 1 or the report's size.
    """
    names = np.array([s or "" for s in sections])
    n = len(names)
    told, short = probabilities.sum(axis=2), probabilities[..., 1:].sum(axis=2)
    r, s = _log_odds(told), _log_odds(short)
    status = np.log(np.clip(probabilities / np.maximum(told[..., None], 1e-9), 1e-3, 1))
    same, lists = names[1:] == names[:-1], np.isin(names, LISTS)
    level = list(catalogue.levels)
    place = np.array([min(level.index(c.level), LEVELS - 1) for c in catalogue.criteria])
    area = np.array([c.area for c in catalogue.criteria])

    def elsewhere(p: Array) -> Array:
        rest: Array = np.log1p(np.maximum(p.sum(axis=0) - p, 0))
        return rest

    columns = [r, s, *np.moveaxis(status, 2, 0), *_neighbours(r, same), *_neighbours(s, same)]
    columns += [_best_other(r, 1), _best_other(s, 1), np.log1p(told.sum(axis=1, keepdims=True) - told)]
    columns += [_among(x, mask) for x in (r, s) for mask in (lists, ~lists)]
    columns += [elsewhere(p) for p in (told, short, probabilities[..., 0], probabilities[..., 2])]
    columns += [names[:, None] == area, *((names == name)[:, None] for name in LISTS)]
    columns += [place[None] == k for k in range(LEVELS)]
    sizes = (
        np.log(max(n, 1)),
        len(np.unique(names)) / (len(catalogue.areas) + len(LISTS)),
        lists.mean() if n else 0,
    )
    columns += [np.full((1, 1), x) for x in sizes]
    out = np.empty((*r.shape, len(FEATURES)), np.float32)
    for k, column in enumerate(columns):
        out[..., k] = column
    return out


@dataclass(frozen=True)
class Member:
    """One small network: `weights` and `biases` of its layers, each [in, out] and [out]; SiLU between them. It gives what is
    added to the log odds of relevance and to the three statuses' logarithms."""

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]

    def __call__(self, x: Array) -> Array:
        """[pairs, features] -> [pairs, 4]."""
        for k, (w, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            if k:
                x = x / (1 + np.exp(-np.clip(x, -30, 30)))
            x = x @ w + b
        return x


@dataclass(frozen=True)
class SecondLook:
    """Small networks whose probabilities are averaged. `mean`, `scale` [features] of what they were trained on."""

    mean: Array
    scale: Array
    members: tuple[Member, ...]

    def pairs(self, told: Array) -> Probabilities:
        """Features of pairs [pairs, FEATURES] -> P(criterion with status) [pairs, 3]."""
        out, x = np.zeros((len(told), 3), np.float32), (told - self.mean) / self.scale
        for member in self.members:
            z = np.concatenate([told[:, :1], told[:, _STATUS]], axis=1) + member(x)
            status = np.exp(z[:, 1:] - z[:, 1:].max(axis=1, keepdims=True))
            relevance = 1 / (1 + np.exp(-np.clip(z[:, :1], -30, 30)))
            out += relevance * status / status.sum(axis=1, keepdims=True)
        return out / np.float32(len(self.members))

    def report(self, probabilities: Probabilities, sections: Sections, catalogue: Catalogue) -> Probabilities:
        """One report's probabilities [sentences, criteria, 3], looked at again."""
        told = features(probabilities, sections, catalogue)
        near, out = told[..., 0] > NEAR, probabilities.copy()
        out[near] = self.pairs(told[near])
        return out

    def __call__(
        self, sentences: Sequence[SentenceInput], probabilities: Probabilities, catalogue: Catalogue
    ) -> Probabilities:
        """The probabilities [n, criteria, 3] of many reports' sentences; sentences without a report, or alone in it, keep
        theirs."""
        out = probabilities.copy()
        for rows in reports(sentences):
            out[rows] = self.report(probabilities[rows], [sentences[k].section for k in rows], catalogue)
        return out

    def save(self, path: Path) -> None:
        """Write the npz that `load` reads."""
        arrays = {"mean": self.mean, "scale": self.scale}
        for m, member in enumerate(self.members):
            for k, (w, b) in enumerate(zip(member.weights, member.biases, strict=True)):
                arrays |= {f"weight_{m}_{k}": w, f"bias_{m}_{k}": b}
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **arrays)  # type: ignore[arg-type]


def reports(sentences: Sequence[SentenceInput]) -> Iterator[list[int]]:
    """The rows of each report of two sentences or more, in the order given."""
    rows: dict[str, list[int]] = {}
    for k, sentence in enumerate(sentences):
        if sentence.report is not None:
            rows.setdefault(sentence.report, []).append(k)
    yield from (its for its in rows.values() if len(its) > 1)


def load(path: Path) -> SecondLook:
    """What `SecondLook.save` wrote. Raises ValueError where the file is something else."""
    try:
        with np.load(path, allow_pickle=False) as z:
            arrays: Mapping[str, Array] = {k: z[k].astype(np.float32) for k in z.files}
    except (OSError, ValueError, zipfile.BadZipFile) as e:
        raise ValueError(f"{path.name}: {e}") from e
    members: list[Member] = []
    while f"weight_{len(members)}_0" in arrays:
        m, layers = len(members), 0
        while f"weight_{m}_{layers}" in arrays:
            layers += 1
        members.append(
            Member(*(tuple(arrays[f"{kind}_{m}_{k}"] for k in range(layers)) for kind in ("weight", "bias")))
        )
    width = {"mean", "scale"} <= set(arrays) and len(arrays["mean"])
    if not members or width != len(FEATURES):
        raise ValueError(f"{path.name}: no second look of {len(FEATURES)} features")
    return SecondLook(arrays["mean"], arrays["scale"], tuple(members))
