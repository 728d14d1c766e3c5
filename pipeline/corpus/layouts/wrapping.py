"""Hard wrapping as printed Swedish has it: at spaces, at real hyphens, and inside compounds."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Set
from dataclasses import dataclass

_WORD = re.compile(r"[a-zåäöé]+")
_PARTS = re.compile(r"[^-–/]+[-–/]?|[-–/]")
_LEAST = 4  # letters in either part of a split compound


@dataclass(frozen=True)
class Wrapper:
    """Wraps text to `width` characters.

    `words`: lower-case words; a compound is only split where both parts are among them (the first with or
    without a linking s), so that every split is one that a reader would make.
    """

    width: int
    words: Set[str]
    rng: random.Random
    splitting: float = 0.8  # how often a split that is possible is made, in [0, 1]

    def lines(self, text: str) -> list[str]:
        """`text` as lines. Removing the line breaks (and a hyphen that split a compound) gives it back."""
        out, line = [], ""
        for word in text.split(" "):
            rest = word
            while len(line) + bool(line) + len(rest) > self.width:
                head, tail = self._split(rest, self.width - len(line) - bool(line))
                if not head and not line:  # longer than a line: cut where the line ends
                    head, tail = rest[: self.width], rest[self.width :]
                out.append(f"{line} {head}".strip() if head else line)
                line, rest = "", tail
            line = f"{line} {rest}".strip() if line else rest
        return [*out, line] if line else out

    def _split(self, word: str, room: int) -> tuple[str, str]:
        """The longest head of `word` that fits in `room`, and the tail; head "" for no split."""
        if room < 3 or self.rng.random() > self.splitting:
            return "", word
        at = max((end for end in self._hyphens(word) if end <= room), default=0)
        if at:
            return word[:at], word[at:]
        at = max((end for end in self._joints(word) if end < room), default=0)
        return (f"{word[:at]}-", word[at:]) if at else ("", word)

    @staticmethod
    def _hyphens(word: str) -> Iterable[int]:
        """Ends of the parts that stand before a hyphen or slash that is followed by a letter."""
        at = 0
        for part in _PARTS.findall(word):
            at += len(part)
            if at > 2 and part[-1] in "-/" and word[at : at + 1].isalpha():
                yield at

    def _joints(self, word: str) -> Iterable[int]:
        for m in _WORD.finditer(word.lower()):
            letters = m.group()
            for i in range(_LEAST, len(letters) - _LEAST + 1):
                first, second = letters[:i], letters[i:]
                if second in self.words and (first in self.words or first.removesuffix("s") in self.words):
                    yield m.start() + i


def vocabulary(texts: Iterable[str]) -> frozenset[str]:
    """The lower-case words of some texts, also the parts of hyphenated ones, of at least four letters."""
    return frozenset(w for t in texts for w in _WORD.findall(t.lower()) if len(w) >= _LEAST)
