"""Near-duplicates between splits: what was trained on must not be judged on.

Sentences are compared by the cosine of their sets of character 4-grams. The domain repeats itself (two inspectors may both
write «Handledning är schemalagd varannan vecka»), so one like sentence is no leak: a report is refused when it shares
several and a good part of its longer sentences with one report of another split, and a single sentence when it is long,
labelled and all but the same.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from pipeline.training.checks.base import Problem, Split

_WORDS = re.compile(r"\w+")
_BLOCK = 512


@dataclass(frozen=True)
class Limits:
    """What counts as shared. Lengths in words."""

    likeness: float = 0.88
    words: int = 6  # shorter sentences are not compared
    sentences: int = 3
    share: float = 0.2  # of the report's compared sentences
    single_likeness: float = 0.95
    single_words: int = 12


@dataclass(frozen=True, slots=True)
class _Sentence:
    report: str
    place: int
    text: str
    words: int
    labelled: bool


def _sentences(split: Split, least: int) -> list[_Sentence]:
    out = []
    for r in split.reports:
        for i, row in enumerate(r.rows):
            words = _WORDS.findall(row.text.lower())
            if len(words) >= least:
                out.append(_Sentence(r.id, i, " ".join(words), len(words), bool(row.labels)))
    return out


def near(one: Sequence[str], other: Sequence[str], likeness: float) -> Iterator[tuple[int, int, float]]:
    """(row of `one`, row of `other`, cosine) of pairs at least so alike."""
    vectors = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(4, 4), binary=True, use_idf=False, dtype=np.float32
    )
    b = vectors.fit_transform(other)
    a = vectors.transform(one)
    grams = np.array([len(set(_grams(t))) for t in one])  # also those that `other` lacks
    known = np.asarray((a > 0).sum(axis=1)).ravel()
    shrink = np.sqrt(known / np.maximum(grams, 1))
    for start in range(0, a.shape[0], _BLOCK):
        like = (a[start : start + _BLOCK] @ b.T).tocoo()
        value = like.data * shrink[start + like.row]
        for k in np.flatnonzero(value >= likeness):
            yield start + int(like.row[k]), int(like.col[k]), float(value[k])


def _grams(text: str) -> Iterator[str]:
    for word in text.split():
        padded = f" {word} "
        yield from (padded[i : i + 4] for i in range(max(1, len(padded) - 3)))


def across(splits: Sequence[Split], limits: Limits | None = None) -> list[Problem]:
    """Reports and sentences that splits share (errors)."""
    limits = limits or Limits()
    problems = []
    for first, second in combinations(splits, 2):
        a, b = _sentences(first, limits.words), _sentences(second, limits.words)
        if not a or not b:
            continue
        pairs = list(near([s.text for s in a], [s.text for s in b], limits.likeness))
        leaks = _reports(a, b, pairs, limits)
        for (x, y), shared in leaks.items():
            what = f"{shared} sentences are nearly those of {second.name}/{y}: keep the report in one split"
            problems.append(Problem("error", "duplicate", f"{first.name}/{x}", what))
        for i, j, v in pairs:
            s, t = a[i], b[j]
            if (s.report, t.report) not in leaks and _single(s, t, v, limits):
                what = (
                    f"nearly the same as {second.name}/{t.report}, sentence {t.place} ({v:.2f}): «{s.text}»"
                )
                problems.append(
                    Problem("error", "duplicate", f"{first.name}/{s.report}, sentence {s.place}", what)
                )
    return problems


def _single(s: _Sentence, t: _Sentence, likeness: float, limits: Limits) -> bool:
    long = min(s.words, t.words) >= limits.single_words
    return long and s.labelled and t.labelled and likeness >= limits.single_likeness


def _reports(
    a: Sequence[_Sentence], b: Sequence[_Sentence], pairs: Sequence[tuple[int, int, float]], limits: Limits
) -> dict[tuple[str, str], int]:
    """Pairs of reports that share too much: how many sentences."""
    size = Counter(s.report for s in a)
    other = Counter(s.report for s in b)
    shared: dict[tuple[str, str], set[int]] = {}
    for i, j, _ in pairs:
        shared.setdefault((a[i].report, b[j].report), set()).add(i)
    return {
        (x, y): len(rows)
        for (x, y), rows in sorted(shared.items())
        if len(rows) >= limits.sentences and len(rows) >= limits.share * min(size[x], other[y])
    }
