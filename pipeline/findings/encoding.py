"""The model's input: sentences with their neighbours as windows of tokens.

The one place where a model's input is made, used in training and in scoring alike. A window is
`<s> prefix </s> sentence </s> sentence </s> …`; every sentence of a window is seen with its neighbours in one pass, and
its own tokens are told by a span. numpy and tokenizers only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from pipeline.catalogue import Catalogue
from pipeline.findings.base import SentenceInput
from pipeline.report import LIST_NAMES

OVERLAP = 2  # sentences before a window's first that it sees again, as context only


@dataclass(frozen=True, slots=True)
class Window:
    """Token ids, and for each sentence that the window decides: its row in the input and its token span."""

    ids: tuple[int, ...]
    rows: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Packed:
    """Several windows in each row of a fixed length, told apart by `segment` (0: padding): what training takes.

    `ids`, `segment`, `position` [rows, length]; `start`, `length` [sentences] are spans of the flattened rows.
    """

    ids: NDArray[np.int64]
    segment: NDArray[np.int64]
    position: NDArray[np.int64]
    start: NDArray[np.int64]
    length: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded arrays of several windows: what the network takes.

    `ids`, `mask` [windows, tokens]; `token_index` [sentences, span] indexes the flattened windows × tokens;
    `token_mask` [sentences, span]; `rows` [sentences] are rows of the input.
    """

    ids: NDArray[np.int64]
    mask: NDArray[np.int64]
    token_index: NDArray[np.int64]
    token_mask: NDArray[np.int64]
    rows: NDArray[np.int64]


class Encoder:
    """Turns sentences into windows and windows into batches."""

    def __init__(
        self, tokenizer: Tokenizer, prefix: str, max_tokens: int = 384, max_sentence: int = 128
    ) -> None:
        self.tokenizer = tokenizer
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.prefix, self.max_tokens, self.max_sentence = prefix, max_tokens, max_sentence
        self.start, self.end = self._special("<s>", "[CLS]"), self._special("</s>", "[SEP]")
        self.pad = self._special("<pad>", "[PAD]")

    def _special(self, *names: str) -> int:
        for name in names:
            if (i := self.tokenizer.token_to_id(name)) is not None:
                return int(i)
        raise ValueError(f"the tokenizer has none of {names}")

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text without special tokens, at least one, at most `max_sentence`."""
        encoded = self.tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [(e.ids[: self.max_sentence] or [self.end]) for e in encoded]

    def head(self, section_name: str | None) -> list[int]:
        """The window's first tokens: the prefix and the section's name, where it is known."""
        text = f"{self.prefix}{section_name}:" if section_name else self.prefix
        inner = self.tokenizer.encode(text, add_special_tokens=False).ids if text else []
        return [self.start, *inner, self.end]

    def window(
        self, head: Sequence[int], sentences: Sequence[Sequence[int]], rows: Sequence[int], skip: int = 0
    ) -> Window:
        """One window over these token lists; the first `skip` sentences are context only."""
        ids, spans = list(head), []
        for tokens in sentences:
            spans.append((len(ids), len(ids) + len(tokens)))
            ids += [*tokens, self.end]
        return Window(tuple(ids), tuple(rows[skip:]), tuple(spans[skip:]))

    def split(
        self, head: Sequence[int], sentences: Sequence[Sequence[int]], rows: Sequence[int]
    ) -> Iterator[Window]:
        """A passage as windows of at most `max_tokens`, balanced in length, each with OVERLAP sentences before it."""
        room = self.max_tokens - len(head)
        sizes = [len(s) + 1 for s in sentences]
        total = sum(sizes)
        overlap = (
            max((sum(sizes[max(0, i - OVERLAP) : i]) for i in range(len(sizes))), default=0)
            if total > room
            else 0
        )
        target = total / max(1, -(-total // max(1, room - overlap)))
        start = 0
        while start < len(sentences):
            before = start
            while before > 0 and start - before < OVERLAP and sum(sizes[before - 1 : start]) < room // 2:
                before -= 1
            stop, used = start, sum(sizes[before:start])
            own = 0
            while stop < len(sentences) and (
                stop == start or (used + sizes[stop] <= room and own + sizes[stop] / 2 <= target)
            ):
                used, own, stop = used + sizes[stop], own + sizes[stop], stop + 1
            yield self.window(head, sentences[before:stop], rows[before:stop], skip=start - before)
            start = stop

    def windows(self, sentences: Sequence[SentenceInput], names: Mapping[str, str]) -> list[Window]:
        """Windows that decide each sentence of the input exactly once."""
        tokens = self.tokens([s.text for s in sentences])
        heads: dict[str | None, list[int]] = {}
        out: list[Window] = []
        for rows in passages(sentences):
            section = sentences[rows[0]].section
            if section not in heads:
                heads[section] = self.head(names.get(section) if section else None)
            out += self.split(heads[section], [tokens[i] for i in rows], rows)
        return out

    def batches(self, windows: Sequence[Window], budget: int = 8192) -> Iterator[Batch]:
        """Windows of like length together, at most `budget` padded tokens a batch."""
        order = sorted(windows, key=lambda w: len(w.ids))
        group: list[Window] = []
        for w in order:
            if group and len(w.ids) * (len(group) + 1) > budget:
                yield self.batch(group)
                group = []
            group.append(w)
        if group:
            yield self.batch(group)

    def batch(self, windows: Sequence[Window]) -> Batch:
        """Padded arrays of these windows."""
        length = max(len(w.ids) for w in windows)
        count = sum(len(w.rows) for w in windows)
        span = max((e - s for w in windows for s, e in w.spans), default=1)
        ids = np.full((len(windows), length), self.pad, np.int64)
        mask = np.zeros_like(ids)
        token_index, token_mask = np.zeros((count, span), np.int64), np.zeros((count, span), np.int64)
        k = 0
        for b, w in enumerate(windows):
            ids[b, : len(w.ids)], mask[b, : len(w.ids)] = w.ids, 1
            for s, e in w.spans:
                token_index[k, : e - s] = np.arange(b * length + s, b * length + e)
                token_mask[k, : e - s] = 1
                k += 1
        rows = np.array([r for w in windows for r in w.rows], np.int64)
        return Batch(ids, mask, token_index, token_mask, rows)


def pack(windows: Sequence[Window], rows: int, length: int, pad: int) -> Packed | None:
    """The windows in `rows` × `length` tokens, each whole within a row, longest first fit; None where they don't fit.

    Spans come in the windows' order. Attention within a segment alone gives each window what it would get by itself.
    """
    ids = np.full((rows, length), pad, np.int64)
    segment, position = np.zeros_like(ids), np.zeros_like(ids)
    free, place = [length] * rows, {}
    for k in sorted(range(len(windows)), key=lambda k: -len(windows[k].ids)):
        size = len(windows[k].ids)
        row = next((r for r in range(rows) if free[r] >= size), None)
        if row is None:
            return None
        at = length - free[row]
        ids[row, at : at + size], segment[row, at : at + size] = windows[k].ids, k + 1
        position[row, at : at + size] = np.arange(size)
        free[row] -= size
        place[k] = row * length + at
    spans = [(place[k] + s, e - s) for k, w in enumerate(windows) for s, e in w.spans]
    return Packed(
        ids,
        segment,
        position,
        np.array([s for s, _ in spans], np.int64),
        np.array([n for _, n in spans], np.int64),
    )


def passages(sentences: Sequence[SentenceInput]) -> list[list[int]]:
    """Rows that are each other's context: one report's one section, in order. Without a report, a row alone."""
    groups: dict[tuple[str, str | None] | int, list[int]] = {}
    for i, s in enumerate(sentences):
        groups.setdefault(i if s.report is None else (s.report, s.section), []).append(i)
    return list(groups.values())


def section_names(catalogue: Catalogue) -> dict[str, str]:
    """Section -> the name that the model reads before the text."""
    return {**LIST_NAMES, **{a.letter: a.name for a in catalogue.areas.values()}}


def wordings(catalogue: Catalogue) -> list[SentenceInput]:
    """The catalogue's criteria as the model reads them: each alone, under its area's name."""
    return [SentenceInput(c.text, c.area) for c in catalogue.criteria]
