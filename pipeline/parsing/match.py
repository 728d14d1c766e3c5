"""Which criteria a free wording means: weighted word overlap, tolerant of compounds, and a greedy cover of the
wording's distinctive words where it names several («återkoppling … i ledarskap, kommunikation och undervisning»)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from pipeline.catalogue import Catalogue, Criterion
from pipeline.language import words as closed_classes

BINDING = 1.0  # weight of criteria of the first level (plans answer binding ones) …
OTHERS = 0.6  # … and of the others
KNOWN = 0.3  # weight of words already covered, when the next criterion is chosen
MORE = 0.1  # share of the wording's weight that a further criterion must add
LIKE = 0.2  # share of a criterion's own weight that the wording must hold
_WORD = re.compile(r"[^\W\d_]+")
_ID = re.compile(r"\b([A-Z]\.[A-Z]\d{1,2})\b")


@cache
def _alike(a: str, b: str) -> float:
    """How near two words are, in [0, 1]: equal, a shared stem, one inside the other (compounds)."""
    if a == b:
        return 1.0
    short, long = sorted((a, b), key=len)
    prefix = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(short))
    if prefix >= 5 and prefix >= 0.6 * len(short):
        return 0.8 if prefix >= 0.75 * len(short) else 0.6
    return 0.6 if len(short) >= 6 and short[:-1] in long else 0.0


def content(text: str) -> list[str]:
    """The words of a text that carry meaning, lower-case, each once."""
    closed = closed_classes().running
    return list(dict.fromkeys(w for w in _WORD.findall(text.lower()) if len(w) > 2 and w not in closed))


@dataclass(frozen=True)
class Index:
    """Criteria with the weights of their words among each other."""

    criteria: tuple[Criterion, ...]
    words: tuple[tuple[str, ...], ...]
    known: dict[str, tuple[float, ...]] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, criteria: Sequence[Criterion]) -> Index:
        return cls(tuple(criteria), tuple(tuple(content(c.text)) for c in criteria))

    def near(self, word: str, n: int) -> float:
        """How near a word is to the nearest of a criterion's words."""
        return self._all(word)[n]

    def weight(self, word: str) -> float:
        """Inverse document frequency among the criteria; 0 for a word that none has."""
        found = sum(self._all(word))
        return math.log((len(self.criteria) + 1.5) / (found + 0.5)) if found else 0.0

    def _all(self, word: str) -> tuple[float, ...]:
        if word not in self.known:
            self.known[word] = tuple(max((_alike(word, w) for w in some), default=0.0) for some in self.words)
        return self.known[word]


@cache
def _index(criteria: tuple[Criterion, ...]) -> Index:
    return Index.of(criteria)


@dataclass(frozen=True)
class Meaning:
    criteria: tuple[str, ...]
    likeness: float  # of the first, share of its own weight that the wording holds, in [0, 1]


def meant(wording: str, criteria: Sequence[Criterion]) -> Meaning:
    """The criteria that a wording means, in catalogue order; none where nothing is near."""
    index = _index(tuple(criteria))
    said = [(w, index.weight(w)) for w in content(wording)]
    said = [(w, x) for w, x in said if x > 0]
    total = sum(x for _, x in said)
    if not total:
        return Meaning((), 0.0)
    covered = {w: 0.0 for w, _ in said}
    first = criteria[0].level
    like = [_likeness(index, n, wording) for n in range(len(criteria))]
    chosen: list[int] = []
    while True:
        # A wording that quotes one criterion in full means another only if it quotes that too.
        least = LIKE / 2 if not chosen else 0.75 if like[chosen[0]] > 0.9 else LIKE
        open_to = [n for n in range(len(criteria)) if n not in chosen and like[n] >= least]
        n, gain = _next(index, said, covered, chosen, open_to, first)
        if n < 0 or (chosen and gain < MORE * total):
            break
        chosen.append(n)
        for w, _ in said:
            covered[w] = max(covered[w], index.near(w, n))
    likeness = like[chosen[0]] if chosen else 0.0
    return Meaning(tuple(index.criteria[n].id for n in sorted(chosen)), likeness)


def _next(
    index: Index,
    said: Sequence[tuple[str, float]],
    covered: Mapping[str, float],
    chosen: Sequence[int],
    open_to: Sequence[int],
    first: str,
) -> tuple[int, float]:
    """The criterion that adds most, and what it adds. Of equals the one that shares most of what the chosen have in
    common: in «återkoppling på undervisning och handledning» that is the feedback."""
    shared = {w for w, _ in said if all(index.near(w, n) for n in chosen)}
    best, at, its_gain = 0.0, -1, 0.0
    for n in open_to:
        criterion = index.criteria[n]
        near = [(x, index.near(w, n), covered[w]) for w, x in said]
        gain = sum(x * max(0.0, s - c) for x, s, c in near)
        own = sum(index.weight(w) for w in index.words[n]) or 1.0
        level = BINDING if criterion.level == first else OTHERS
        whole = sum(x * s for (w, _), (x, s, _) in zip(said, near, strict=True) if w in shared)
        score = level * (gain + KNOWN * whole + 2.0 * whole / (own + 4.0))
        if gain > 0 and score > best:
            best, at, its_gain = score, n, gain
    return at, its_gain


def _likeness(index: Index, n: int, wording: str) -> float:
    said = content(wording)
    own = [(index.weight(w), max((_alike(w, s) for s in said), default=0.0)) for w in index.words[n]]
    whole = sum(x for x, _ in own)
    return sum(x * s for x, s in own) / whole if whole else 0.0


def criteria_of(wording: str, area: str | None, catalogue: Catalogue) -> tuple[str, ...]:
    """Criteria that a plan's wording means: named by id, else of its area, unless it is plainly another area's."""
    ids = [i for i in dict.fromkeys(_ID.findall(wording)) if i in catalogue.by_id]
    if ids:
        return tuple(sorted(ids, key=lambda i: catalogue.index[i]))
    named = catalogue.areas.get(area or "")
    own = meant(wording, named.criteria) if named else Meaning((), 0.0)
    if own.likeness >= 0.5:
        return own.criteria
    anywhere = meant(wording, catalogue.criteria)
    if area is None or anywhere.likeness >= 0.9:
        return anywhere.criteria
    return own.criteria
