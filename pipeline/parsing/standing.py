"""Standing text: the template's criteria, grade wordings and fixed phrases, told by wording and by place.

A criterion's wording is standing text where it stands in a run of standing text; a sentence of the narrative that
repeats a criterion word for word stands alone, and stays.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from pipeline.catalogue import Catalogue
from pipeline.parsing.rows import BULLET, NUMBER, Row
from pipeline.parsing.template import Template, letters

CLOSE = 0.9  # share of a target's letters that must be found, in order
LEAD = 7  # words that are compared before letters are
BESIDE = 12  # letters of an answer in a table's row
OFTEN = 6  # times that a short row comes back, to be one of the template's answers
WHOLE = 0.8  # share of the catalogue that is found in a file that prints it
SOME = 40  # letters of a narrative
SLACK = 14  # letters that may be strewn in, e.g. a table's other column
TICK = r"[☐☒☑✓✔✗✘□■○●◯◉▢▣⬜⬛]|[\[(]\s?[xX✓✔]?\s?[\])]|[xX](?=\s+[A-D][.):\s])"
_SCALE = re.compile(rf"(?:(?:{TICK}|[-–—*•])\s*)*(?P<letter>[A-D])\s*[.):–-]?\s+(?=[A-ZÅÄÖ])")
_START = re.compile(r"(?<=[.!?:|])\s+(?=[A-ZÅÄÖ])")


@dataclass(frozen=True)
class Target:
    key: str  # criterion id, "phrase", or "scale:<grade>"
    letters: str
    words: tuple[str, ...]

    @classmethod
    def of(cls, key: str, text: str) -> Target:
        return cls(key, letters(text), tuple(letters(w) for w in text.split() if letters(w)))


@dataclass
class Match:
    target: Target
    start: int  # letters into the stream
    end: int
    score: float
    scale: str | None = None
    kept: bool = False

    @property
    def sure(self) -> bool:
        """Standing text wherever it stands: a fixed phrase, a scale's line with its letter."""
        return self.target.key == "phrase" or self.scale is not None

    @property
    def criterion(self) -> str | None:
        return (
            None if self.target.key == "phrase" or self.target.key.startswith("scale:") else self.target.key
        )


@dataclass
class Stream:
    """The letters of all running rows, one after the other, and where each came from."""

    rows: list[Row]
    text: str = ""
    starts: list[int] = field(default_factory=list)  # letters before each row

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Stream:
        stream, parts, at = cls(list(rows)), [], 0
        for row in stream.rows:
            stream.starts.append(at)
            parts.append(row.letters)
            at += len(row.letters)
        stream.text = "".join(parts)
        return stream

    def place(self, at: int) -> tuple[int, int]:
        """(row index, character offset in its text) of the letter at `at`."""
        i = bisect_right(self.starts, at) - 1
        while i > 0 and not self.rows[i].letters:
            i -= 1
        return i, offset(self.rows[i].text, at - self.starts[i])


def offset(text: str, n: int) -> int:
    """Offset of the character with which the letter number `n` of `text` begins; its length where there is none."""
    seen = 0
    for i, c in enumerate(text):
        width = len(letters(c))
        if width and seen + width > n:
            return i
        seen += width
    return len(text)


def _targets(catalogue: Catalogue, template: Template) -> list[Target]:
    out = [Target.of(c.id, c.text) for c in catalogue.criteria]
    out += [Target.of("phrase", p) for p in template.phrases]
    out += [Target.of(f"scale:{g}", w) for g in catalogue.grades for w in catalogue.wordings(g)]
    return out


class Finder:
    """Finds targets at given places of a stream."""

    def __init__(self, targets: Sequence[Target]) -> None:
        self.targets = targets
        self.by_word: Mapping[str, list[int]] = defaultdict(list)
        for n, target in enumerate(targets):
            for word in set(target.words[:LEAD]):
                self.by_word[word].append(n)

    def at(self, stream: Stream, row: int, char: int, start: int) -> Match | None:
        """The best target that begins at a character of a row; `start` is the same place in letters."""
        words = self._words(stream, row, char)
        votes: Counter[int] = Counter(n for w in set(words) for n in self.by_word.get(w, ()))
        likely = [
            self.targets[n] for n, k in votes.items() if k >= 0.55 * min(LEAD, len(self.targets[n].words))
        ]
        exact = [t for t in likely if stream.text.startswith(t.letters, start)]
        found = [m for t in (exact or likely) if (m := _compare(t, stream.text, start))]
        return max(found, key=lambda m: (m.score, m.end), default=None)

    @staticmethod
    def _words(stream: Stream, row: int, char: int) -> list[str]:
        words = stream.rows[row].text[char:].split()
        for following in stream.rows[row + 1 : row + 4]:
            if len(words) > LEAD + 2:
                break
            if words and words[-1].endswith("-") and following.text:
                first, _, rest = following.text.partition(" ")
                words = [*words[:-1], words[-1] + first, *rest.split()]
            else:
                words += following.text.split()
        return [w for w in map(letters, words[: LEAD + 3]) if w]


def _compare(target: Target, text: str, start: int) -> Match | None:
    """The target against the letters from `start` on; None where too little of it stands there."""
    size = len(target.letters)
    window = text[start : start + size + SLACK]
    if window.startswith(target.letters):
        return Match(target, start, start + size, 1.0)
    blocks = SequenceMatcher(None, target.letters, window, autojunk=False).get_matching_blocks()
    found = sum(b.size for b in blocks)
    last = next((b for b in reversed(blocks) if b.size >= min(4, size)), None)
    if last is None or found < CLOSE * size or (size < 45 and found < 0.95 * size):
        return None
    end = last.b + last.size + (size - last.a - last.size if size - last.a - last.size < 3 else 0)
    extra = end - found
    if extra > max(4, 0.08 * size) + (10 if found > 0.97 * size else 0):
        return None
    return Match(target, start, start + end, found / size - 0.3 * extra / size)


def _starts(row: Row) -> list[int]:
    """Characters of a row at which standing text may begin: its beginning, after a sign or number, after a sentence."""
    found = {0}
    for pattern in (BULLET, NUMBER):
        if m := pattern.match(row.text):
            found.add(m.end())
    for m in re.finditer(r"^(?:\S+\s+){1,3}?(?=[A-ZÅÄÖ])", row.text):
        found.add(m.end())
    found.update(m.end() for m in _START.finditer(row.text))
    return sorted(found)


def _scales(stream: Stream, wordings: Mapping[str, tuple[str, ...]]) -> list[Match]:
    """Lines «B. Socialstyrelsens föreskrifter …», also cut short, with boxes and bullets before the letter."""
    out = []
    for i, row in enumerate(stream.rows):
        m = _SCALE.match(row.text)
        if m is None:
            continue
        start = stream.starts[i] + len(letters(row.text[: m.end()]))
        for wording in wordings.get(m["letter"], ()):
            target = Target.of(f"scale:{m['letter']}", wording)
            found = _compare(target, stream.text, start) or _cut_short(target, row, m.end(), start)
            if found:
                out.append(Match(target, stream.starts[i], found.end, found.score + 1, scale=m["letter"]))
    return out


def _cut_short(target: Target, row: Row, char: int, start: int) -> Match | None:
    rest = letters(row.text[char:])
    ended = row.text.rstrip().endswith(".") and len(rest) >= 20 and target.letters.startswith(rest)
    return Match(target, start, start + len(rest), 0.9) if ended else None


def _answers(rows: Sequence[Row], targets: Sequence[Target], template: Template) -> set[str]:
    """Short rows that come back again and again, «☐ Ja ☐ Delvis ☐ Nej» below each criterion: no run ends at them.
    The last row of a wrapped standing text comes back too, and is none."""
    standing = "\n".join(t.letters for t in targets)
    counts = Counter(r.letters for r in rows if r.free and 0 < len(r.letters) <= 2 * BESIDE)
    often = {key for key, n in counts.items() if n >= OFTEN}
    return {key for key in often if len(key) == 1 or key in template.table or key not in standing}


def find(rows: Sequence[Row], catalogue: Catalogue, template: Template) -> tuple[Stream, list[Match]]:
    """All places where standing text may be, without overlaps, in order."""
    targets = _targets(catalogue, template)
    answers = _answers(rows, targets, template)
    stream = Stream.of(
        r
        for r in rows
        if (r.free or (r.head is not None and r.head.weak and not r.furniture)) and r.letters not in answers
    )
    wordings = {g: catalogue.wordings(g) for g in catalogue.grades}
    candidates = _scales(stream, wordings)
    finder = Finder(targets)
    for i, row in enumerate(stream.rows):
        for char in _starts(row):
            start = stream.starts[i] + len(letters(row.text[:char]))
            if found := finder.at(stream, i, char, start):
                candidates.append(found)
    out: list[Match] = []
    for m in sorted(candidates, key=lambda m: (-m.score, m.start)):
        if all(m.end <= o.start or m.start >= o.end for o in out):
            out.append(m)
    return stream, sorted(out, key=lambda m: m.start)


@dataclass
class Run:
    """Matches with nothing but headings, numbers and signs between them."""

    matches: list[Match]
    headed: bool  # a level or scale heading, or a fixed phrase, stands directly above


def _runs(rows: Sequence[Row], stream: Stream, matches: Sequence[Match]) -> list[Run]:
    index = {id(r): i for i, r in enumerate(rows)}
    runs: list[Run] = []
    for m in matches:
        previous = runs[-1].matches[-1] if runs else None
        if previous is not None and _near(stream, previous.end, m.start):
            runs[-1].matches.append(m)
            continue
        row = stream.rows[stream.place(m.start)[0]]
        runs.append(Run([m], _headed(rows, index[id(row)])))
    return runs


def _near(stream: Stream, end: int, start: int) -> bool:
    between = stream.text[end:start]
    return sum(c.isalpha() for c in between) <= 3 and len(between) <= 8


def _headed(rows: Sequence[Row], i: int) -> bool:
    for row in reversed(rows[max(0, i - 8) : i]):
        if row.furniture or (row.head and row.head.kind in ("letter", "area", "part")):
            continue
        return row.head is not None and row.head.kind in ("level", "scale", "table")
    return False


def _increasing(matches: Sequence[Match], order: Mapping[str, int]) -> set[int]:
    """Indices of the longest run in catalogue order, the later of two equals."""
    best: list[tuple[int, int]] = []  # (length, previous)
    for i, m in enumerate(matches):
        reach = [(best[j][0], j) for j in range(i) if order[matches[j].target.key] < order[m.target.key]]
        length, previous = max(reach, default=(0, -1))
        best.append((length + 1, previous))
    kept, at = set(), max(range(len(best)), key=lambda i: (best[i][0], i), default=-1)
    while at >= 0:
        kept.add(at)
        at = best[at][1]
    return kept


def _choose(runs: Sequence[Run], catalogue: Catalogue) -> None:
    """Sets `kept` on the matches that are standing text by their place."""
    rank: dict[str, tuple[int, int]] = {}
    # Where the file prints the catalogue, a criterion's only place is the template's, also one alone among comments.
    places = Counter(m.target.key for r in runs for m in r.matches if m.criterion)
    whole = len(places) >= WHOLE * len(catalogue.criteria)
    only = {key for key, n in places.items() if n == 1} if whole else set()
    for n, run in enumerate(runs):
        criteria = [m for m in run.matches if m.criterion]
        chosen = _by_area(criteria, catalogue)
        for m in run.matches:
            m.kept = m.criterion is None or id(m) in chosen
        size = sum(m.kept for m in run.matches)
        for m in run.matches:
            if size == 1 and not run.headed and not m.sure and m.target.key not in only:
                m.kept = False
        for m in run.matches:
            if m.criterion and m.kept:
                rank[m.criterion] = max(rank.get(m.criterion, (0, -1)), (size + 2 * run.headed, n))
    for n, run in enumerate(runs):
        for m in run.matches:
            if m.criterion and m.kept and rank[m.criterion][1] != n:
                m.kept = False


def _by_area(matches: Sequence[Match], catalogue: Catalogue) -> set[int]:
    chosen: set[int] = set()
    by_area: dict[str, list[Match]] = defaultdict(list)
    for m in matches:
        by_area[catalogue.by_id[m.target.key].area].append(m)
    for some in by_area.values():
        chosen |= {id(some[i]) for i in _increasing(some, catalogue.index)}
    return chosen


def mark(rows: Sequence[Row], catalogue: Catalogue, template: Template) -> list[Row]:
    """The rows with `standing` set on standing text, rows cut where it begins or ends inside them."""
    stream, matches = find(rows, catalogue, template)
    for m in matches:
        if m.criterion:
            stream.rows[stream.place(m.start)[0]].verbatim = m.criterion
    _choose(_runs(rows, stream, matches), catalogue)
    kept = [m for m in matches if m.kept]
    spans: dict[int, list[tuple[int, int, str]]] = defaultdict(list)
    for m in kept:
        first, _ = stream.place(m.start)
        for i in range(first, bisect_left(stream.starts, m.end)):
            row, base = stream.rows[i], stream.starts[i]
            a = offset(row.text, m.start - base) if m.start > base else 0
            b = offset(row.text, m.end - base) if m.end < base + len(row.letters) else len(row.text)
            spans[id(row)].append((a, b, m.target.key))
    out = [part for row in rows for part in _cut(row, spans.get(id(row), []))]
    _beside(out, catalogue)
    return out


def by_place(rows: Sequence[Row], catalogue: Catalogue) -> None:
    """Criteria of a catalogue that is not ours: where few of ours are found, what stands under the headings of levels in
    area after area is standing text, if each of these areas has a narrative elsewhere."""
    known = {r.standing for r in rows if r.standing in catalogue.by_id}
    if len(known) >= WHOLE * len(catalogue.criteria):
        return
    under: dict[str, list[Row]] = defaultdict(list)
    told: Counter[str] = Counter()
    level = False
    for row in rows:
        if row.role == "heading" and row.head and row.head.kind != "letter":
            level = row.head.kind == "level"
        elif row.role == "scale":
            level = False
        elif row.role == "narrative" and row.section:
            if level:
                under[row.section].append(row)
            else:
                told[row.section] += len(row.letters)
    if len(under) < 0.6 * len(catalogue.areas) or any(told[a] < SOME for a in under):
        return
    for row in (r for some in under.values() for r in some):
        row.role, row.standing = "standing", "phrase"


def _table_row(row: Row) -> tuple[int, ...]:
    """Page, table and row: some formats count their tables from each page's top."""
    return (row.page, *(row.line.cell or ())[:2])


def _beside(rows: Sequence[Row], catalogue: Catalogue) -> None:
    """What stands in a table's row beside a criterion and is too short to tell anything («Ja», «X»)."""
    criteria = {_table_row(r): r.standing for r in rows if r.line.cell and r.standing in catalogue.by_id}
    for row in rows:
        key = criteria.get(_table_row(row)) if row.line.cell else None
        if key and row.free and len(row.letters) <= BESIDE:
            row.standing = key


def _cut(row: Row, spans: Sequence[tuple[int, int, str]]) -> list[Row]:
    """The row as parts, those inside spans marked; what is left over without a letter goes with its neighbour."""
    if not spans:
        return [row]
    edges = {0: spans[0][2] if not letters(row.text[: spans[0][0]]).strip("0123456789abcdx") else ""}
    for n, (a, b, key) in enumerate(spans):
        if a > 0 and not (n == 0 and edges[0]):
            edges[a] = key
        following = spans[n + 1][0] if n + 1 < len(spans) else len(row.text)
        if letters(row.text[b:following]):
            edges[b] = ""
    cuts = sorted(e for e in edges if e)
    parts = row.split(cuts) if cuts else [row]
    keys = [edges[e] for e in sorted(edges)]
    if len(parts) != len(keys):  # a part was empty: mark the whole row by its longest span
        keys = [max(spans, key=lambda s: s[1] - s[0])[2]] * len(parts)
    for part, key in zip(parts, keys, strict=True):
        part.standing = key or None
        part.head = None
    return parts
