"""De-wrapping: whether a row runs on from the one before, and how the two are joined."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.language import ends_sentence, words
from pipeline.parsing.rows import NUMBER, Row

_NARROW, _WIDE = frozenset("ijltfrI.,:;'|!()[]-/ 1"), frozenset("mwMWÅÄÖ%@")
_TORN = re.compile(r"(?P<left>[^\W_]+)[-‐‑]$")
_LAST = re.compile(r"[^\s/(]*$")
_FIRST = re.compile(r"[^\W_]+")


def width(text: str) -> float:
    """Rough width of printed text, in average characters; as good for proportional as for fixed type."""
    wide = sum(c in _WIDE or c.isupper() for c in text)
    return len(text) + 0.35 * wide - 0.4 * sum(c in _NARROW for c in text)


@dataclass(frozen=True)
class Flow:
    """What the whole document tells of its line breaks."""

    full: float  # width of a full line; 0 where lines are not hard-wrapped
    gap: float  # space that may stand above a line that runs on
    honest: bool  # `paragraph_end` is where paragraphs end
    plain: Counter[str]  # words and hyphenated words of the document, lower-case

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Flow:
        """Statistics over the running rows of a document, in order."""
        pairs = [
            (a, b) for a, b in pairwise(rows) if a.free and b.free and b.first and a.line.cell == b.line.cell
        ]
        torn = [
            (a, b) for a, b in pairs if not ends_sentence(a.text) and b.text[:1].islower() and not b.bullet
        ]
        wrapped = len(torn) >= 3 and len(torn) >= 0.08 * len(pairs)
        lines = sorted(width(a.text) for a, _ in torn)
        gaps = Counter(round(b.gap, 1) for _, b in torn if b.gap is not None)
        lies = sum(a.line.paragraph_end for a, _ in torn)
        ends = sum(a.line.paragraph_end for a, _ in pairs)
        return cls(
            full=lines[int(0.9 * (len(lines) - 1))] if wrapped else 0.0,
            # The widest that is common: where printed lines became paragraphs, space tells little.
            gap=max((g for g, n in gaps.items() if n >= 0.1 * gaps.total()), default=0.0),
            honest=bool(ends) and lies <= 0.08 * ends,
            plain=Counter(w for r in rows for w in re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", r.text.lower())),
        )

    def open(self, row: Row) -> bool:
        """Whether the row's last sentence has not ended."""
        return not ends_sentence(row.text)

    def apart(self, row: Row) -> bool:
        """Whether more space than usual stands above the row."""
        return row.gap is not None and row.gap > self.gap + 0.45

    def short(self, row: Row, following: Row, share: float = 0.9) -> bool:
        """Whether the following row's first word would have had room on the row: its end was meant."""
        if not self.full:
            return True
        first = following.text.split(" ", 1)[0]
        return width(row.text) + 1 + width(first) <= share * self.full

    def runs_on(self, row: Row, following: Row, bulleted: bool = False, item: bool = False) -> bool:
        """Whether the sentence or fragment that ends `row` goes on in `following`.

        `item`: both stand in a list; `bulleted`: whose items begin with signs.
        """
        if not following.first:
            return self.open(row)
        if following.bullet or not self.open(row) or following.line.cell != row.line.cell:
            return False
        if _binds(row.text):
            return True
        if NUMBER.match(following.text):
            return False
        capital = following.text[:1].isupper()
        if bulleted:
            return not (capital and self.apart(following))
        return not (capital or item) or self._close(row, following, capital, 0.9 if item else 0.8)

    def _close(self, row: Row, following: Row, capital: bool, share: float) -> bool:
        """An open row and one that could begin anew: layout decides. `share` of a full line is the least that a line
        whose end was not meant takes up."""
        if self.honest and row.line.paragraph_end:
            return False
        if not capital:
            return bool(self.full) and not (self.apart(following) and self.short(row, following))
        if not self.full or self.apart(following) or row.text.endswith(":"):
            return False
        return not self.short(row, following, 1.02 if row.bullet else share)

    def paragraph(self, row: Row, following: Row) -> bool:
        """Whether two running rows are of one paragraph, their sentences apart from whether one runs on."""
        if not following.first:
            return True
        if (
            following.bullet
            or (self.honest and row.line.paragraph_end)
            or following.line.cell != row.line.cell
        ):
            return False
        return bool(self.full) and not self.apart(following) and not self.short(row, following)

    def join(self, left: str, right: str) -> str:
        """Two texts as one: a space between them, none at a slash or a real hyphen, and a word that was split at a line
        end healed («jour-», «tjänstgöring» → «jourtjänstgöring»; «ST-», «läkare» → «ST-läkare»)."""
        torn, first = _TORN.search(left), _FIRST.match(right)
        if left.endswith("/"):
            return left + right
        if torn is None or first is None:
            return f"{left} {right}"
        if first.group().lower() in words().binding or right[:1].isdigit():
            return f"{left} {right}" if not right[:1].isdigit() else left + right
        return left + right if self._hyphenated(left, torn["left"], right) else left[:-1] + right

    def _hyphenated(self, left: str, part: str, right: str) -> bool:
        """Whether the hyphen belongs to the word."""
        begun = _LAST.search(left)
        word = begun.group()[:-1] if begun else part
        first = (_FIRST.match(right) or re.match("", right)).group()  # type: ignore[union-attr]
        if right[:1].isupper() or "-" in word or len(part) == 1 or any(c.isdigit() for c in part):
            return True
        if sum(c.isupper() for c in part) > 1 or part[1:] != part[1:].lower():
            return True
        whole, hyphened = f"{part}{first}".lower(), f"{part}-{first}".lower()
        return self.plain[hyphened] > self.plain[whole]


def _binds(text: str) -> bool:
    """Whether a line's end cannot be an item's end: a comma, a torn word, a function word."""
    last = text.rsplit(" ", 1)[-1].strip('()"”').lower()
    return text.endswith((",", "/", "-", "–", "(", "&", "+")) or last in words().running


def texts(rows: Iterable[Row], flow: Flow) -> str:
    """Rows of one paragraph as running text."""
    out = ""
    for row in rows:
        text = f"{row.text} {row.tail}" if row.tail else row.text
        out = flow.join(out, text) if out else text
    return out
