"""Where a parsed report's characters stand in the text that it was parsed from.

Parsing undoes wraps and hyphens, normalises characters, and moves what interrupts a sentence. So the two texts are
matched by their visible characters, in runs that may have changed places.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from pipeline.reading import normalise

Offsets = NDArray[np.int64]
_GRAMS = (32, 16, 8, 4, 2)  # characters that must agree before a run is taken to go on elsewhere
_NEAR = (
    400  # source characters within which a short gram counts, and which a range may skip (a page's furniture)
)
_SURE = 16  # a gram of this length counts at any distance


@dataclass(frozen=True)
class Alignment:
    """`start`, `end` [characters of the target]: the source's half-open range for each, -1 where there is none."""

    start: Offsets
    end: Offsets

    def ranges(self, start: int, end: int) -> list[tuple[int, int]]:
        """Half-open ranges of the source that hold the target's [start, end), in the source's order.

        What stands between two parts, such as a page header, is covered; parts far apart are told apart.
        """
        return [(a, b) for a, b, _ in self._parts(start, end)]

    def range(self, start: int, end: int) -> tuple[int, int] | None:
        """The range that holds most of the target's [start, end); None where the source has nothing of it."""
        best = max(self._parts(start, end), key=lambda p: p[2], default=None)
        return best[:2] if best else None

    def _parts(self, start: int, end: int) -> list[tuple[int, int, int]]:
        at = self.start[start:end]
        known = np.flatnonzero(at >= 0)
        if not len(known):
            return []
        order = known[np.argsort(at[known], kind="stable")]
        begins, ends = at[order], self.end[start:end][order]
        cuts = np.flatnonzero(begins[1:] - ends[:-1] > _NEAR) + 1
        return [
            (int(b[0]), int(e.max()), len(b))
            for b, e in zip(np.split(begins, cuts), np.split(ends, cuts), strict=True)
        ]


@dataclass(frozen=True)
class _Visible:
    """A text's characters that are no white space, with where each stands and whether it begins a line."""

    text: str
    start: list[int]
    end: list[int]
    first: list[bool]


@cache
def _normal(cluster: str) -> str:
    return "".join(normalise(cluster).split())


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    """Ranges of characters with the combining marks that follow them."""
    start = 0
    for i, char in enumerate(text):
        if i > start and not unicodedata.combining(char):
            yield start, i
            start = i
    if text:
        yield start, len(text)


def _visible(text: str) -> _Visible:
    chars: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    first: list[bool] = []
    new = True
    for a, b in _clusters(text):
        raw = text[a:b]
        new = new or raw in "\n\r\f\v"
        for char in _normal(raw):
            chars.append(char)
            starts.append(a)
            ends.append(b)
            first.append(new)
            new = False
    return _Visible("".join(chars), starts, ends, first)


def align(source: str, target: str) -> Alignment:
    """Where each character of `target` stands in `source`, of which it is a rearrangement.

    Every source character is used once at most. White space stands nowhere, except where the texts are the same.
    """
    if source == target:
        at = np.arange(len(target), dtype=np.int64)
        return Alignment(at, at + 1)
    s, t = _visible(source), _visible(target)
    start = np.full(len(target), -1, np.int64)
    end = start.copy()
    for i, j in _pairs(s, t):
        begin = t.start[j]
        if start[begin] < 0:
            start[begin] = s.start[i]
        end[begin] = s.end[i]
    return Alignment(start, end)


def _pairs(s: _Visible, t: _Visible) -> Iterator[tuple[int, int]]:
    """(source, target) indices of equal characters, each at most once, by the target's order.

    A run goes on while characters agree; where either text begins a line, a gram must agree, since there what follows
    may have been moved.
    """
    used = bytearray(len(s.text))
    line_end = _line_ends(t)
    i = j = 0
    sought = -1  # a target index is looked up once: what is found by a short gram need not pass the long one
    while j < len(t.text):
        same = i < len(s.text) and not used[i] and s.text[i] == t.text[j]
        border = same and (t.first[j] or s.first[i]) and j != sought
        if same and not (border and not _agree(s.text, i, t.text[j : min(j + 8, line_end[j])])):
            used[i] = 1
            yield i, j
            i, j = i + 1, j + 1
            continue
        found = None if sought == j else _find(s.text, used, t.text[j : line_end[j]][: _GRAMS[0]], i)
        if found is None:
            j += 1
        else:
            i, sought = found, j


def _agree(text: str, i: int, gram: str) -> bool:
    return text.startswith(gram, i)


def _line_ends(t: _Visible) -> list[int]:
    """For each character, the index behind its line's last."""
    out = [len(t.text)] * len(t.text)
    for j in range(len(t.text) - 2, -1, -1):
        out[j] = j + 1 if t.first[j + 1] else out[j + 1]
    return out


def _find(text: str, used: bytearray, ahead: str, near: int) -> int | None:
    """The unused place nearest to `near` where the longest possible beginning of `ahead` stands."""
    tried = 0
    for size in _GRAMS:
        gram = ahead[:size]
        if len(gram) == tried:
            continue
        tried = len(gram)
        low, high = (0, len(text)) if tried >= _SURE else (max(0, near - _NEAR), near + _NEAR)
        places = [
            p for p in (_after(text, used, gram, near, high), _before(text, used, gram, near, low)) if p >= 0
        ]
        if places:
            return min(places, key=lambda p: abs(p - near))
    return None


def _after(text: str, used: bytearray, gram: str, near: int, high: int) -> int:
    at = text.find(gram, near, high)
    while at >= 0 and any(used[at : at + len(gram)]):
        at = text.find(gram, at + 1, high)
    return at


def _before(text: str, used: bytearray, gram: str, near: int, low: int) -> int:
    at = text.rfind(gram, low, near)
    while at >= 0 and any(used[at : at + len(gram)]):
        at = text.rfind(gram, low, at + len(gram) - 1)
    return at
