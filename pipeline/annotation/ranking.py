"""Which sentences are worth a person's time: what the model is least sure of, spread over unlike sentences.

A sentence's score is the weighted mean of its ranks (shares of sentences with less, in [0, 1]) in four respects:

- uncertainty: entropy of none, met, partly, unmet, summed over criteria (uncertainty sampling, Settles 2009);
- disagreement: how far several models' distributions lie apart, as mutual information (BALD, Houlsby et al. 2011,
  arXiv:1112.5745); nothing with one model;
- rarity: relevance of criteria that few labelled sentences tell of;
- novelty: share of its words that no labelled sentence has; nothing without labelled sentences.

What says the same for all sentences has no part. Then sentences are taken one by one, the best after what its likeness to
those taken costs it (maximal marginal relevance, Carbonell & Goldstein 1998).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.feature_extraction.text import TfidfVectorizer

Array = NDArray[np.float64]
WEIGHTS = {"uncertainty": 0.4, "disagreement": 0.25, "rarity": 0.2, "novelty": 0.15}
WORDS = {
    "uncertainty": "modellen är osäker",
    "disagreement": "modellerna är oense",
    "rarity": "sällsynt kriterium",
    "novelty": "ovanliga ord",
}
LIKENESS = 1.0  # what being the same as one already taken costs
POOL = 8  # candidates for each sentence wanted
_TELLS = 0.75  # rank from which a respect is named as the reason
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class Known:
    """What is labelled already: its texts, and how many sentences tell of each criterion [criteria]."""

    texts: Sequence[str] = ()
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))


@dataclass(frozen=True, slots=True)
class Choice:
    """A sentence by its row, its score in [0, 1], and its ranks in the respects that are high."""

    row: int
    score: float
    respects: tuple[str, ...]


def entropy(distribution: Array) -> Array:
    """Entropy in nats [...] of distributions [..., k]."""
    p = np.clip(distribution, 1e-9, 1)
    return np.asarray(-(p * np.log(p)).sum(-1))


def _with_none(probabilities: NDArray[np.floating]) -> Array:
    p = np.asarray(probabilities, np.float64)
    none = np.clip(1 - p.sum(-1, keepdims=True), 0, 1)
    return np.concatenate([none, p], axis=-1)


def respects(texts: Sequence[str], models: Sequence[NDArray[np.floating]], known: Known) -> dict[str, Array]:
    """Each respect's raw value [n]; `models`: probabilities [n, criteria, 3] of one model or several."""
    each = [_with_none(m) for m in models]
    mean = np.mean(each, axis=0)
    certain = entropy(mean)
    out = {"uncertainty": certain.sum(-1)}
    out["disagreement"] = (certain - np.mean([entropy(e) for e in each], axis=0)).clip(0).sum(-1)
    counts = known.counts if len(known.counts) else np.zeros(mean.shape[1])
    rare = 1 / np.sqrt(1 + counts)
    out["rarity"] = ((1 - mean[..., 0]) * (rare / rare.max() if rare.min() < rare.max() else 0)).max(-1)
    seen = {w for t in known.texts for w in _WORD.findall(t.lower())}
    words = [set(_WORD.findall(t.lower())) for t in texts]
    new = [len(w - seen) / max(4, len(w)) if seen else 0.0 for w in words]  # short items would win else
    return {**out, "novelty": np.array(new)}


def scores(values: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
    """(score [n], ranks of each respect [n] in [0, 1])."""
    ranks = {k: (rankdata(v) - 1) / max(1, len(v) - 1) for k, v in values.items() if np.ptp(v) > 1e-12}
    if not ranks:
        return np.zeros(len(next(iter(values.values())))), ranks
    total = sum(WEIGHTS[k] for k in ranks)
    score = np.sum([WEIGHTS[k] * r for k, r in ranks.items()], axis=0) / total
    return np.asarray(score, np.float64), ranks


def _normal(text: str) -> str:
    return " ".join(_WORD.findall(text.lower()))


def rank(
    texts: Sequence[str], models: Sequence[NDArray[np.floating]], known: Known, number: int
) -> list[Choice]:
    """The `number` sentences most worth labelling, best first; none that is labelled already, none twice."""
    done = {_normal(t) for t in known.texts}
    fresh = dict[str, int]()
    for i, t in enumerate(texts):
        normal = _normal(t)
        if normal and normal not in done:
            fresh.setdefault(normal, i)
    if not fresh:
        return []
    score, ranks = scores(respects(texts, models, known))
    pool = sorted(fresh.values(), key=lambda i: (-score[i], i))[: max(POOL * number, 200)]
    return [
        Choice(i, float(score[i]), tuple(k for k in WEIGHTS if k in ranks and ranks[k][i] >= _TELLS))
        for i in _spread(pool, [texts[i] for i in pool], score, number)
    ]


def _spread(pool: Sequence[int], texts: Sequence[str], score: Array, number: int) -> list[int]:
    """`number` of the pool, each unlike those before it."""
    vectors = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\w+").fit_transform(
        texts
    )
    left = np.array([score[i] for i in pool])
    nearest = np.zeros(len(pool))
    taken: list[int] = []
    for _ in range(min(number, len(pool))):
        best = int(np.argmax(left - LIKENESS * nearest))
        taken.append(pool[best])
        left[best] = -np.inf
        nearest = np.maximum(nearest, (vectors @ vectors[best].T).toarray().ravel())
    return taken
