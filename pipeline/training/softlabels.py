"""What a model's guesses become once a report's own truth is known: soft labels of its sentences.

Each sentence tells of each criterion, with a status or not at all, by the model's chances, on its own; the report's
statements (`pipeline.training.distant`) rule statuses out, or say that at least one sentence tells of a shortfall. Bayes'
rule gives the rest: the E-step of EM for the noisy-or of `pipeline.training.bags` (Zhang & Goldman 2001). Sentences are not
made to share one status a criterion: a model of few labels is wrong about too many of them, and their errors add up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.report import STATUSES
from pipeline.training.distant import UNMET, Pair, Truth

Array = NDArray[np.float64]
_LEAST = 1e-6


def _first(at: int) -> int:
    """Place in STATUSES of the mildest status that is short at PARTLY or UNMET."""
    return len(STATUSES) - 1 if at == UNMET else 1


def left(its: Truth, criteria: int) -> NDArray[np.bool_]:
    """Statuses that a report's statements do not rule out [criteria, 3]."""
    out = np.ones((criteria, len(STATUSES)), bool)
    for c, at in its.kept:
        out[c, _first(at) :] = False
    return out


def rivals(
    joint: Array, possible: NDArray[np.bool_], group: NDArray[np.integer], rate: Sequence[float]
) -> Array:
    """Sentences that tell of one criterion at most: what they can't tell of, they tell the others by.

    `joint` [n, criteria, 3] is P(sentence tells of the criterion with the status), each criterion by itself; of what is
    not `possible` [n, criteria, 3] nothing is left. `rate` is the share of sentences of each `group` [n] that tell of any
    criterion, before what is possible is known: it sets the odds of none.
    """
    odds: Array = np.asarray(joint, np.float64) / np.maximum(1 - joint.sum(-1, keepdims=True), 1e-4)
    before = odds.sum((1, 2))
    odds = odds * possible
    out: Array = np.zeros(odds.shape)
    for g, share in enumerate(rate):
        rows = np.flatnonzero(group == g)
        if len(rows):
            none = _odds_of_none(before[rows], share)
            out[rows] = odds[rows] / (none + odds[rows].sum((1, 2)))[:, None, None]
    return out


def _odds_of_none(some: Array, share: float) -> float:
    """The x with mean some / (x + some) = share, by bisection."""
    low, high = -12.0, 12.0
    for _ in range(40):
        middle = (low + high) / 2
        more = float((some / (np.exp(middle) + some)).mean()) > share
        low, high = (middle, high) if more else (low, middle)
    return float(np.exp(low))


def of_report(joint: Array, its: Truth, surest: int = 4) -> Array:
    """P(sentence tells of the criterion with the status | the report's statements) [n, criteria, 3].

    `joint` is the same before anything is known, summing to 1 with the chance that the sentence does not tell of the
    criterion. Of a statement, the `surest` sentences count, as in the bags' loss.
    """
    out = np.clip(joint, 0.0, 1 - _LEAST)
    possible = left(its, out.shape[1])
    lost = (out * ~possible).sum(-1, keepdims=True)
    out = out * possible / np.maximum(1 - lost, _LEAST)
    for clause in (*((pair,) for pair in its.told), *its.either):
        out = _given(out, clause, surest)
    return np.asarray(out)


def _given(joint: Array, clause: Sequence[Pair], surest: int) -> Array:
    """`joint` where at least one sentence tells that one of the clause's criteria is short."""
    short = np.stack([joint[:, c, _first(at) :].sum(axis=1) for c, at in clause], axis=1)
    silent = np.log1p(-np.clip(short, 0.0, 1 - _LEAST))
    all_silent = np.sort(silent, axis=0)[:surest].sum()
    some = max(1 - np.exp(all_silent), _LEAST)
    out = joint.copy()
    for k, (c, at) in enumerate(clause):
        others = 1 - np.exp(
            np.minimum(all_silent - silent[:, k], 0.0)
        )  # another sentence or criterion is the one
        before = out[:, c, _first(at) :].sum(axis=1)
        now = np.minimum(before / some, 1.0)
        out[:, c, _first(at) :] *= (now / np.maximum(before, _LEAST))[:, None]
        out[:, c, : _first(at)] *= np.minimum(others / some, 1.0)[:, None]
    return out


def soft_labels(
    joint: NDArray[np.floating], bag: NDArray[np.integer], truths: Sequence[Truth], surest: int = 4
) -> NDArray[np.float32]:
    """`of_report` for sentences of many reports; `bag` [n] is the place of each one's report in `truths`."""
    out = np.zeros(joint.shape, np.float32)
    for b in np.unique(bag):
        rows = bag == b
        out[rows] = of_report(np.asarray(joint[rows], np.float64), truths[int(b)], surest)
    return out
