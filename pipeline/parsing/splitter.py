"""Tells strengths, weaknesses and potential apart by their wording: a small linear model over hashed words and
letter sequences, learned from the corpus (`python -m pipeline.training.list_splitter`)."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.report import LISTS
from pipeline.resources import assets

BUCKETS = 1 << 14
EMPTY = -6.0  # log odds that a list of the template holds nothing
SPREAD = 0.12  # standard deviation of where boundaries lie, as a share of the run, around equal parts
_WORD = re.compile(r"[^\W_]+")


def features(text: str) -> dict[int, float]:
    """Hashed features of an item: its words, their stems, pairs, letter sequences, and how it begins. L2-normalised."""
    words = _WORD.findall(text.lower())
    names = [f"w:{w}" for w in words] + [f"s:{w[:5]}" for w in words if len(w) > 5]
    names += [f"p:{a} {b}" for a, b in pairwise(words)]
    names += [f"b:{w}" for w in words[:1]] + [f"e:{w[-2:]}" for w in words[:1]] + [f"q:{'?' in text}"]
    names += [f"c:{w[i : i + 4]}" for w in (f" {w} " for w in words) for i in range(max(0, len(w) - 3))]
    counts: dict[int, float] = {}
    for name in names:
        bucket = zlib.crc32(name.encode()) % BUCKETS
        counts[bucket] = counts.get(bucket, 0.0) + 1.0
    scaled = {k: 1.0 + float(np.log(v)) for k, v in counts.items()}
    norm = float(np.sqrt(sum(v * v for v in scaled.values()))) or 1.0
    return {k: v / norm for k, v in scaled.items()}


@dataclass(frozen=True)
class Splitter:
    """`weights` [3, BUCKETS], `bias` [3], rows in the order of `report.LISTS`."""

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def log_probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """log P(list | item), shape [items, 3]."""
        scores = np.zeros((len(texts), len(LISTS)))
        for n, text in enumerate(texts):
            found = features(text)
            keys = list(found)
            scores[n] = self.weights[:, keys] @ np.array([found[k] for k in keys]) + self.bias
        top = scores.max(axis=1, keepdims=True, initial=0.0)
        return np.asarray(scores - top - np.log(np.exp(scores - top).sum(axis=1, keepdims=True)))


def path() -> Path:
    """The shipped model's file."""
    return assets("models") / "list-splitter" / "weights.npz"


@cache
def load() -> Splitter:
    """The shipped model. Raises FileNotFoundError where the installation lacks it."""
    with np.load(path(), allow_pickle=False) as stored:
        scale = stored["scale"].astype(np.float32)
        return Splitter(
            stored["weights"].astype(np.float32) * scale[:, None], stored["bias"].astype(np.float32)
        )


def boundaries(evidence: NDArray[np.float64], gain: Sequence[float]) -> tuple[int, ...]:
    """The ends of the lists in one run of items, most probable first to last in order.

    `evidence` [items, lists]: log probability of each list for each item; `gain` [items]: what the layout adds to a
    boundary before the item. Returns lists - 1 offsets, not decreasing. An empty list costs `EMPTY`; lists of very
    different lengths cost a little (`SPREAD`).
    """
    n, k = evidence.shape
    total = np.vstack([np.zeros(k), np.cumsum(evidence, axis=0)])
    best = total[:, 0] + np.where(np.arange(n + 1) == 0, EMPTY, 0.0)
    back = []
    for which in range(1, k):
        new, chosen = np.full(n + 1, -np.inf), np.zeros(n + 1, int)
        for end in range(n + 1):
            starts = np.arange(end + 1)
            even = -(((starts / n - which / k) / SPREAD) ** 2) / 2
            bonus = even + np.array([gain[s] if 0 < s < n else 0.0 for s in range(end + 1)])
            scores = best[: end + 1] + total[end, which] - total[starts, which] + bonus
            scores[end] += EMPTY
            chosen[end] = int(scores.argmax())
            new[end] = scores[chosen[end]]
        best = new
        back.append(chosen)
    cuts, end = [], n
    for chosen in reversed(back):
        end = int(chosen[end])
        cuts.append(end)
    return tuple(reversed(cuts))
