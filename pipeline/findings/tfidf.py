"""TF-IDF features of a sentence, the same code in training and in scoring (numpy only).

Three blocks stand beside each other: words and word pairs, character 3- to 5-grams inside words, and the
section. The first two are sublinear TF x IDF, each of length 1 (Salton & Buckley 1988); the section is
one-hot at a low weight, so that it is evidence and never a mask.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_WORD = re.compile(r"\w+")
_DIGIT = re.compile(r"\d")
_SIZES = (3, 4, 5)

Sparse = tuple[NDArray[np.int64], NDArray[np.float32]]  # column indices and values of one row


def words(text: str) -> list[str]:
    """Lower-case words of a text in order, every digit as 0."""
    return _WORD.findall(_DIGIT.sub("0", unicodedata.normalize("NFC", text).lower()))


def word_terms(tokens: Sequence[str]) -> Iterator[str]:
    """Words and pairs of neighbours."""
    yield from tokens
    yield from map(" ".join, pairwise(tokens))


def char_terms(tokens: Sequence[str]) -> Iterator[str]:
    """Character n-grams inside each word, its ends marked by a space."""
    for token in tokens:
        padded = f" {token} "
        for size in _SIZES:
            for i in range(max(1, len(padded) - size + 1)):
                yield padded[i : i + size]


@dataclass(frozen=True)
class Block:
    """The terms of one block and their IDF; columns are numbered from `first`."""

    terms: tuple[str, ...]
    idf: NDArray[np.float32]
    first: int = 0
    index: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "index", {t: i for i, t in enumerate(self.terms)})

    def row(self, terms: Iterable[str]) -> Sparse:
        """Columns and values (length 1, or none) of one text's terms."""
        counts = Counter(t for t in terms if t in self.index)
        at = np.fromiter((self.index[t] for t in counts), np.int64, len(counts))
        value = np.fromiter(counts.values(), np.float32, len(counts))
        value = (1 + np.log(value)) * self.idf[at]
        norm = float(np.sqrt(value @ value))
        return at + self.first, value / norm if norm else value


def learn(documents: Iterable[Iterable[str]], min_df: int, first: int = 0) -> Block:
    """The block of all terms that occur in at least `min_df` documents, with smoothed IDF, in alphabetic
    order."""
    df: Counter[str] = Counter()
    n = 0
    for terms in documents:
        df.update(set(terms))
        n += 1
    kept = sorted(t for t, k in df.items() if k >= min_df)
    idf = np.log((1 + n) / (1 + np.array([df[t] for t in kept], np.float32))) + 1
    return Block(tuple(kept), idf.astype(np.float32), first)


@dataclass(frozen=True)
class Features:
    """All blocks. Columns: words, characters, sections.

    `prior` is the share of each section in training: what a sentence without a known section gets, so that
    not knowing the section is the average over sections and not a twelfth one never seen.
    """

    words: Block
    chars: Block
    sections: tuple[str, ...]
    prior: NDArray[np.float32]
    section_weight: float

    @property
    def width(self) -> int:
        return self.chars.first + len(self.chars.terms) + len(self.sections)

    def text(self, text: str) -> Sparse:
        """Columns and values of a text, its two blocks of length 1 each."""
        tokens = words(text)
        w, c = self.words.row(word_terms(tokens)), self.chars.row(char_terms(tokens))
        return np.concatenate([w[0], c[0]]), np.concatenate([w[1], c[1]])

    def row(self, text: str, section: str | None) -> Sparse:
        """Columns and values of a sentence in a section (None: not known)."""
        at, value = self.text(text)
        first = self.width - len(self.sections)
        if section in self.sections:
            tail, weight = np.array([first + self.sections.index(section)]), np.ones(1, np.float32)
        else:
            tail, weight = np.arange(first, self.width), self.prior
        return np.concatenate([at, tail]), np.concatenate([value, self.section_weight * weight]).astype(
            np.float32
        )

    def similarity(self, texts: Sequence[Sparse], wordings: Sequence[str]) -> NDArray[np.float32]:
        """Cosine of texts (rows of `text`) and wordings, mean over both blocks: [texts, wordings] in [0,
        1]."""
        dense = np.zeros((self.width, len(wordings)), np.float32)
        for j, wording in enumerate(wordings):
            at, value = self.text(wording)
            dense[at, j] = value
        return (
            np.stack([value @ dense[at] / 2 for at, value in texts])
            if texts
            else np.zeros((0, len(wordings)), np.float32)
        )


def learn_features(
    texts: Sequence[str],
    sections: Sequence[str],
    names: Sequence[str],
    min_df: tuple[int, int],
    section_weight: float,
) -> Features:
    """Learn vocabularies from training sentences; `names` are the sections in the order of their columns."""
    tokens = [words(t) for t in texts]
    w = learn((word_terms(t) for t in tokens), min_df[0])
    c = learn((char_terms(t) for t in tokens), min_df[1], len(w.terms))
    prior = np.array([sum(s == n for s in sections) for n in names], np.float32) / np.float32(
        max(1, len(sections))
    )
    return Features(w, c, tuple(names), prior, section_weight)
