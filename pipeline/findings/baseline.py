"""The linear baseline: TF-IDF and logistic regressions, shipped as numbers.

Relevance is one logistic regression a criterion. Status is read in two steps, shortfall or not, then partly
or unmet: each from one regression shared by all criteria plus, for shortfall, one of the criterion's own.
All are linear in the same features, so a model is one matrix. Needs numpy only.

A criterion whose wording the model was not trained on is told by likeness: the cosine between sentence and
wording, its area and a logistic curve fitted on the trained criteria as if they were unknown. That ranks
sentences far above chance but misses every paraphrase without a shared word; the folder's manifest says how
far (`metrics.unknown_criteria`).
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.catalogue import Catalogue
from pipeline.findings import manifest as manifests
from pipeline.findings.base import Probabilities, SentenceInput
from pipeline.findings.tfidf import Block, Features, Sparse
from pipeline.report import LISTS, ModelInfo, SpurError

KIND = "baseline"
FILE = "weights.npz"
Array = NDArray[np.float32]
_OWN_SHARE = 0.5  # of a criterion's own shortfall regression beside the shared one


def sigmoid(x: Array) -> Array:
    """Logistic function, safe for any finite x."""
    return (1 / (1 + np.exp(-np.clip(x, -60, 60)))).astype(np.float32)


@dataclass(frozen=True)
class Calibration:
    """Straight lines on logits before the logistic function, fitted on unseen writers: (slope, shift)
    each."""

    relevance: tuple[float, float] = (1.0, 0.0)
    shortfall: tuple[float, float] = (1.0, 0.0)
    partly: tuple[float, float] = (1.0, 0.0)
    likeness: tuple[float, float, float] = (10.0, 1.0, -5.0)  # of cosine, of own area, constant


@dataclass(frozen=True)
class Weights:
    """What training learnt, for criteria in the order of `Linear.criteria`.

    `relevance`, `own` [features + 1, criteria], the last row the intercept; `shared`, `partly`
    [features + 1 + criteria], the last ones the criteria's biases.
    """

    relevance: Array
    own: Array
    shared: Array
    partly: Array


@dataclass(frozen=True)
class Linear:
    """Features and weights of a trained model, for its own criteria."""

    features: Features
    weights: Weights
    criteria: Mapping[str, str]  # id -> wording

    def logits(self, rows: Sequence[Sparse]) -> tuple[Array, Array, Array]:
        """Uncalibrated logits (relevance, shortfall given relevant, partly given shortfall), each [n,
        criteria]."""
        w, n = self.weights, self.features.width
        stack = np.concatenate([w.relevance, w.own, w.shared[: n + 1, None], w.partly[: n + 1, None]], axis=1)
        k = len(self.criteria)
        out = np.empty((len(rows), stack.shape[1]), np.float32)
        for i, (at, value) in enumerate(rows):
            out[i] = value @ stack[at] + stack[n]
        shortfall = out[:, [2 * k]] + w.shared[None, n + 1 :] + _OWN_SHARE * out[:, k : 2 * k]
        return out[:, :k], shortfall, out[:, [2 * k + 1]] + w.partly[None, n + 1 :]

    def generic_status(self, rows: Sequence[Sparse]) -> tuple[Array, Array]:
        """(shortfall, partly) logits [n, 1] of the shared regressions with the mean criterion's bias."""
        w, n = self.weights, self.features.width
        pair = np.stack([w.shared, w.partly], axis=1)
        bias = pair[n + 1 :].mean(axis=0) if len(pair) > n + 1 else np.zeros(2, np.float32)
        out = np.array([value @ pair[at] + pair[n] + bias for at, value in rows], np.float32).reshape(-1, 2)
        return out[:, :1], out[:, 1:]


def probabilities(
    relevance: Array, shortfall: Array, partly: Array, calibration: Calibration
) -> Probabilities:
    """Calibrated P(relevant and status) [n, criteria, 3] of logits [n, criteria]."""
    r, s, p = (
        sigmoid(a * x + b)
        for x, (a, b) in zip(
            (relevance, shortfall, partly),
            (calibration.relevance, calibration.shortfall, calibration.partly),
            strict=True,
        )
    )
    return np.stack([r * (1 - s), r * s * p, r * s * (1 - p)], axis=2).astype(np.float32)


def _wording(text: str) -> str:
    return " ".join(text.lower().split()).rstrip(".")


class Baseline:
    """The baseline for one catalogue; fills `FindingsModel`."""

    def __init__(
        self,
        linear: Linear,
        calibration: Calibration,
        thresholds: Mapping[str, float],
        catalogue: Catalogue,
        info: ModelInfo,
    ) -> None:
        self._linear, self._calibration, self._catalogue, self._info = linear, calibration, catalogue, info
        column = {_wording(t): i for i, t in enumerate(linear.criteria.values())}
        self._column = [column.get(_wording(c.text)) for c in catalogue.criteria]  # None: not trained
        ids = list(linear.criteria)
        default = float(np.median(list(thresholds.values()))) if thresholds else 0.5
        self._thresholds = np.array(
            [default if j is None else thresholds.get(ids[j], default) for j in self._column], np.float32
        )
        self._same = all(self._column[i] == i for i in range(len(self._column)))

    @property
    def info(self) -> ModelInfo:
        return self._info

    @property
    def thresholds(self) -> Array:
        """For each criterion of the catalogue, the least relevance that makes a finding."""
        return self._thresholds

    @property
    def catalogue(self) -> Catalogue:
        return self._catalogue

    @property
    def unknown(self) -> tuple[str, ...]:
        """Criteria of the catalogue that the model was not trained on."""
        return tuple(c.id for c, j in zip(self._catalogue.criteria, self._column, strict=True) if j is None)

    def _section(self, section: str | None) -> str | None:
        """Another catalogue's letters mean other areas: only lists are known there."""
        return section if self._same or section in LISTS else None

    def predict(self, sentences: Sequence[SentenceInput]) -> Probabilities:
        """Calibrated P(sentence tells of the criterion with the status), [n, criteria, 3]; no context is
        used."""
        out = np.zeros((len(sentences), len(self._catalogue.criteria), 3), np.float32)
        if not sentences:
            return out
        rows = [self._linear.features.row(s.text, self._section(s.section)) for s in sentences]
        known = [i for i, j in enumerate(self._column) if j is not None]
        if known:
            every = probabilities(*self._linear.logits(rows), self._calibration)
            out[:, known] = every[:, [j for j in self._column if j is not None]]
        if len(known) < len(self._column):
            unknown = [i for i, j in enumerate(self._column) if j is None]
            out[:, unknown] = self._by_likeness(sentences, rows, unknown)
        return out

    def _by_likeness(
        self, sentences: Sequence[SentenceInput], rows: Sequence[Sparse], unknown: list[int]
    ) -> Probabilities:
        criteria = [self._catalogue.criteria[i] for i in unknown]
        texts = [self._linear.features.text(s.text) for s in sentences]
        cosine = self._linear.features.similarity(texts, [c.text for c in criteria])
        own = np.array([[s.section == c.area for c in criteria] for s in sentences], np.float32)
        by_cosine, by_area, constant = self._calibration.likeness
        relevance = sigmoid((by_cosine * cosine + by_area * own + constant).astype(np.float32))
        shortfall, partly = self._linear.generic_status(rows)
        status = probabilities(np.full_like(shortfall, 60), shortfall, partly, self._calibration)
        return relevance[:, :, None] * status


# --- the folder --------------------------------------------------------------------------------


def _text(items: Sequence[str]) -> NDArray[np.uint8]:
    return np.frombuffer("\n".join(items).encode(), np.uint8)


def _lines(raw: NDArray[np.uint8]) -> tuple[str, ...]:
    return tuple(raw.tobytes().decode().split("\n"))


def _pack(matrix: Array, keep: int) -> dict[str, Any]:
    """The `keep` largest weights of a matrix, and its last row (intercepts), as positions and half floats."""
    flat = np.abs(matrix)
    flat[-1] = np.inf
    flat = flat.ravel()
    at = np.sort(np.argpartition(-flat, min(keep, flat.size - 1))[:keep])
    at = at[matrix.ravel()[at] != 0]
    return {"step": np.diff(at, prepend=0).astype(np.uint32), "value": matrix.ravel()[at].astype(np.float16)}


def _unpack(step: NDArray[np.uint32], value: NDArray[np.float16], shape: tuple[int, int]) -> Array:
    out = np.zeros(shape[0] * shape[1], np.float32)
    out[np.cumsum(step.astype(np.int64))] = value
    return out.reshape(shape)


def save(path: Path, linear: Linear, keep: int) -> None:
    """Write features and weights (the `keep` largest of each matrix) as one npz of plain numbers."""
    f, w = linear.features, linear.weights
    packed: dict[str, Any] = {
        f"{n}_{k}": v
        for n, m in (("relevance", w.relevance), ("own", w.own))
        for k, v in _pack(m, keep).items()
    }
    np.savez_compressed(
        path,
        words=_text(f.words.terms),
        words_idf=f.words.idf.astype(np.float16),
        chars=_text(f.chars.terms),
        chars_idf=f.chars.idf.astype(np.float16),
        sections=_text(f.sections),
        prior=f.prior,
        section_weight=np.float32(f.section_weight),
        shared=w.shared.astype(np.float16),
        partly=w.partly.astype(np.float16),
        **packed,
    )


def read_linear(path: Path, criteria: Mapping[str, str]) -> Linear:
    """What `save` wrote. Raises ValueError or KeyError where it is something else."""
    with np.load(path, allow_pickle=False) as z:
        terms = _lines(z["words"])
        block = Block(terms, z["words_idf"].astype(np.float32))
        chars = Block(_lines(z["chars"]), z["chars_idf"].astype(np.float32), len(terms))
        features = Features(block, chars, _lines(z["sections"]), z["prior"], float(z["section_weight"]))
        shape = (features.width + 1, len(criteria))
        weights = Weights(
            relevance=_unpack(z["relevance_step"], z["relevance_value"], shape),
            own=_unpack(z["own_step"], z["own_value"], shape),
            shared=z["shared"].astype(np.float32),
            partly=z["partly"].astype(np.float32),
        )
    if len(block.idf) != len(terms) or len(weights.shared) != features.width + 1 + len(criteria):
        raise ValueError("vocabulary and weights do not belong together")
    return Linear(features, weights, criteria)


def load(folder: Path, catalogue: Catalogue) -> Baseline:
    """The baseline of a model folder, for the criteria of `catalogue`.

    Raises SpurError (in Swedish) where the folder is damaged or holds another kind of model.
    """
    m = manifests.read(folder)
    manifests.require(folder, m, KIND, [FILE])
    try:
        linear = read_linear(folder / FILE, m.criteria)
        calibration = Calibration(**{k: tuple(v) for k, v in m.settings["calibration"].items()})
    except (KeyError, ValueError, TypeError, IndexError, OSError, zipfile.BadZipFile) as e:
        raise SpurError(
            f"{folder}: modellen går inte att läsa ({e}); hämta eller exportera den på nytt"
        ) from e
    return Baseline(linear, calibration, m.thresholds, catalogue, ModelInfo(m.name, m.version))
