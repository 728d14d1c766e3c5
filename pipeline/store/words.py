"""Swedish words as the index holds them: case-folded, stemmed by Snowball."""

from __future__ import annotations

import re
import unicodedata

import snowballstemmer

_WORD = re.compile(r"[^\W_]+")


class Stems:
    """A stemmer with a memory. Of one thread: the library's stemmer keeps its place in the word."""

    def __init__(self) -> None:
        self._stemmer = snowballstemmer.stemmer("swedish")
        self._known: dict[str, str] = {}

    def word(self, word: str) -> str:
        """The stem of one case-folded word: «handledaren» and «handledare» have the same."""
        if word not in self._known:
            self._known[word] = self._stemmer.stemWord(word)
        return self._known[word]

    def of(self, text: str) -> list[str]:
        """The stems of a text's words in order. They hold letters and digits only."""
        return [self.word(w) for w in words(text)]


def words(text: str) -> list[str]:
    """The case-folded words of a text: runs of letters and digits, so «ST-läkare» is two."""
    return _WORD.findall(unicodedata.normalize("NFC", text).casefold())


def storable(text: str) -> str:
    """A text that someone typed as every database can take it: without NUL and halves of characters."""
    return text.replace("\0", "\ufffd").encode("utf8", "replace").decode("utf8")
