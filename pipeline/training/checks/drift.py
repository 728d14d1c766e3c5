"""Whether new reports are unlike the training data: by sizes that are compared, and by whether a classifier tells them
apart.

A classifier two-sample test (Lopez-Paz & Oquab 2017, arXiv:1610.06545) by itself says little of text: any writer can be
told from others. So its AUC is held against what the training data's own writers reach against each other, one against
the rest, with the same number of sentences. Population stability index: below 0.1 alike, above 0.25 another population
(Siddiqi 2006).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline

_WORD = re.compile(r"[^\W\d_]+")
MOST = 1500  # sentences of each side that the classifier sees
RESAMPLES = 200
WRITERS = 8  # of the training data that are held against the rest
PSI_ALIKE, PSI_OTHER = 0.1, 0.25


@dataclass(frozen=True)
class Texts:
    """Sentences with their report, section and writer, all of one length n; `relevance` [n] the highest of a sentence's
    criteria by a model that had not seen it, where it is known."""

    texts: Sequence[str]
    reports: NDArray[np.str_]
    sections: NDArray[np.str_]
    writers: NDArray[np.str_]
    relevance: NDArray[np.float64] | None = None

    def take(self, rows: NDArray[np.intp]) -> Texts:
        """The sentences of these rows."""
        relevance = None if self.relevance is None else self.relevance[rows]
        texts = [self.texts[i] for i in rows]
        return Texts(texts, self.reports[rows], self.sections[rows], self.writers[rows], relevance)


@dataclass(frozen=True)
class Drift:
    """`auc` of new against known (`auc_least`: its 95 % interval's lower end, bootstrapped over the new reports), None with
    fewer than two reports on a side; `own`: the training writers' AUCs; `psi` by
    what is compared; `new_words`: share of running words that the training data lacks, `own_new_words` the writers'."""

    new: int
    known: int
    auc: float | None
    auc_least: float | None
    own: Mapping[str, float]
    psi: Mapping[str, float]
    new_words: float
    own_new_words: Mapping[str, float]

    @property
    def unlike(self) -> list[str]:
        """In which respects the new reports are unlike the training data, in words; none: they are alike."""
        out = [f"{k}: PSI {v:.2f}" for k, v in self.psi.items() if v > PSI_OTHER]
        if self.auc_least is not None and self.own and self.auc_least > max(self.own.values()):
            out.append(
                f"classifier: AUC {self.auc:.3f}, the training data's own writers at most {max(self.own.values()):.3f}"
            )
        if self.own_new_words and self.new_words > 1.5 * max(self.own_new_words.values()):
            out.append(
                f"words: {self.new_words:.1%} unknown, an own writer's at most {max(self.own_new_words.values()):.1%}"
            )
        return out


def psi(expected: NDArray[np.integer], actual: NDArray[np.integer]) -> float:
    """Population stability index of two distributions over the same bins, given as counts."""
    e = (expected + 0.5) / (expected + 0.5).sum()
    a = (actual + 0.5) / (actual + 0.5).sum()
    return float(((a - e) * np.log(a / e)).sum())


def _binned(known: NDArray[np.floating], new: NDArray[np.floating]) -> float:
    edges = np.unique(np.quantile(known, np.linspace(0, 1, 11)[1:-1]))
    bins = len(edges) + 1
    counts = [np.bincount(np.searchsorted(edges, x, side="right"), minlength=bins) for x in (known, new)]
    return psi(counts[0], counts[1])


def separability(one: Texts, other: Texts, seed: int = 0) -> tuple[float, float] | None:
    """(AUC, lower end of its 95 % interval over reports of `one`) of a linear classifier that tells sentences of `one` from
    those of `other`, on reports that it has not seen; None with fewer than two reports on a side."""
    rng = np.random.default_rng(seed)
    a, b = (
        t.take(np.sort(rng.choice(len(t.texts), min(MOST, len(t.texts)), replace=False)))
        for t in (one, other)
    )
    folds = min(5, len(set(a.reports)), len(set(b.reports)))
    if folds < 2:
        return None
    texts = np.array([*a.texts, *b.texts], object)
    y = np.r_[np.ones(len(a.texts)), np.zeros(len(b.texts))]
    groups = np.r_[[f"1 {r}" for r in a.reports], [f"0 {r}" for r in b.reports]]
    score = np.zeros(len(y))
    for train, test in StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(texts, y, groups):
        model = make_pipeline(
            TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True),
            LogisticRegression(C=3, max_iter=300, class_weight="balanced"),
        ).fit(texts[train], y[train])
        score[test] = model.decision_function(texts[test])
    auc = float(roc_auc_score(y, score))
    mine = [np.flatnonzero(groups == g) for g in np.unique(groups[y == 1])]
    rest = score[y == 0]
    each = []
    for _ in range(RESAMPLES):
        drawn = score[np.concatenate([mine[k] for k in rng.integers(len(mine), size=len(mine))])]
        each.append(roc_auc_score(np.r_[np.ones(len(drawn)), np.zeros(len(rest))], np.r_[drawn, rest]))
    return auc, float(np.quantile(each, 0.025))


def _new_words(texts: Sequence[str], known: frozenset[str]) -> float:
    words = [w for t in texts for w in _WORD.findall(t.lower())]
    return sum(w not in known for w in words) / max(1, len(words))


def _vocabulary(texts: Sequence[str]) -> frozenset[str]:
    return frozenset(w for t in texts for w in _WORD.findall(t.lower()))


def compare(known: Texts, new: Texts, seed: int = 0) -> Drift:
    """How far the new sentences lie from the known ones."""
    rng = np.random.default_rng(seed)
    names = np.unique(known.writers)
    own, own_words = dict[str, float](), dict[str, float]()
    for w in sorted(rng.choice(names, min(WRITERS, len(names)), replace=False)) if len(names) > 2 else ():
        inside = np.flatnonzero(known.writers == w)
        inside = np.sort(rng.choice(inside, min(len(inside), max(len(new.texts), 50)), replace=False))
        rest = known.take(np.flatnonzero(known.writers != w))
        mine = known.take(inside)
        own_words[str(w)] = _new_words(mine.texts, _vocabulary(rest.texts))
        if (told := separability(mine, rest, seed)) is not None:
            own[str(w)] = told[0]
    sections = sorted({*known.sections, *new.sections})
    counts = [np.array([(t.sections == s).sum() for s in sections]) for t in (known, new)]
    lengths = [np.array([len(_WORD.findall(t)) for t in x.texts], float) for x in (known, new)]
    values = {"words in a sentence": _binned(*lengths), "sections": psi(*counts)}
    if known.relevance is not None and new.relevance is not None:
        values["highest relevance"] = _binned(known.relevance, new.relevance)
    auc, least = separability(new, known, seed) or (None, None)
    return Drift(
        len(new.texts),
        len(known.texts),
        auc,
        least,
        own,
        values,
        _new_words(new.texts, _vocabulary(known.texts)),
        own_words,
    )
