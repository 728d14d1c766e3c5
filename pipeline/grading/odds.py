"""Log-odds, and the cumulative form of a distribution over grades that are in order, best first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def logit(p: Array) -> Array:
    """Log-odds, finite for 0 and 1."""
    p = np.clip(p, 1e-6, 1 - 1e-6)
    return np.log(p / (1 - p))


def expit(x: Array) -> Array:
    """Inverse of `logit`."""
    return 1 / (1 + np.exp(-np.clip(x, -500, 500)))


def at_least_as_bad(distribution: Array) -> Array:
    """P(this grade or worse) [..., grades] of a distribution [..., grades], best grade first; the first
    entry is 1."""
    out = np.flip(np.cumsum(np.flip(distribution, -1), -1), -1)
    return np.clip(out / out[..., :1], 0.0, 1.0)


def from_cumulative(cumulative: Array) -> Array:
    """The distribution of `at_least_as_bad`'s cumulative form."""
    following = np.concatenate([cumulative[..., 1:], np.zeros_like(cumulative[..., :1])], axis=-1)
    return np.asarray(cumulative - following)
