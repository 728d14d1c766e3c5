"""How much two sentences of a report are about the same in their words, whatever a model makes of them.

Cosine of their sets of letter groups, each weighted by how few of the report's sentences have it (inverse document
frequency). Groups within words rather than words, because Swedish compounds share parts: «sidouppdrag», «uppdraget».
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from pipeline.report import Sentence

_SIZE = 4  # letters of a group; shorter words are left out
_WORD = re.compile(rf"[^\W\d_]{{{_SIZE},}}")


def _groups(text: str) -> frozenset[str]:
    words = _WORD.findall(text.lower())
    return frozenset(w[i : i + _SIZE] for w in words for i in range(len(w) - _SIZE + 1))


@dataclass(frozen=True)
class Alike:
    """The sentences of one report, by id: `alike(a, b)` is in [0, 1], 1 for the same words, 0 where none is shared."""

    groups: Mapping[int, frozenset[str]]
    weights: Mapping[str, float]

    @classmethod
    def of(cls, sentences: Sequence[Sentence]) -> Alike:
        """What is needed to compare any two of a report's sentences."""
        groups = {s.id: _groups(s.text) for s in sentences}
        often = Counter(chain.from_iterable(groups.values()))
        return cls(groups, {g: math.log((len(groups) + 2) / (n + 1)) for g, n in often.items()})

    def _weight(self, groups: frozenset[str]) -> float:
        return sum(self.weights[g] for g in groups)

    def __call__(self, one: int, other: int) -> float:
        a, b = self.groups[one], self.groups[other]
        both = self._weight(a & b)
        return both / math.sqrt(self._weight(a) * self._weight(b)) if both else 0.0
