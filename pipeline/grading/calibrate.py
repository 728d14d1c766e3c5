"""Calibration of a grade distribution: ordinal, few parameters, monotone.

Each P(this grade or worse) gets a straight line on its log-odds with positive slope (Platt scaling of the
cumulative form of an ordinal model, McCullagh 1980); a running maximum keeps the cumulative form in order.
Raising any of the raw ones can thus never lower a calibrated one, so stochastic order survives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.grading.odds import at_least_as_bad, expit, from_cumulative, logit

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """For a grade, (slope > 0, shift) of the log-odds of «this grade or worse»; a grade without a line is
    left as it is."""

    lines: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def apply(self, distribution: Array, grades: Sequence[str], scale: Sequence[str]) -> Array:
        """Calibrated distribution [..., grades] over `grades` (best first); grades off `scale` keep
        probability 0."""
        raw = at_least_as_bad(distribution)
        out = np.zeros_like(raw)
        running = np.zeros(raw.shape[:-1])
        for k in reversed(range(1, len(grades))):
            if grades[k] in scale:
                slope, shift = self.lines.get(grades[k], (1.0, 0.0))
                running = np.maximum(running, expit(slope * logit(raw[..., k]) + shift))
            out[..., k] = running
        out[..., 0] = 1.0
        return from_cumulative(out)


def suggest(
    distribution: Array, grades: Sequence[str], scale: Sequence[str], levels: Mapping[str, float]
) -> NDArray[np.intp]:
    """Index of the suggested grade [...]: the worst of the scale that is, with everything worse, at least as likely as
    its level; the best of the scale where none is.

    At level 0.5 for every grade that is the distribution's median. Unlike the likeliest grade, it can only get worse
    when the distribution does.
    """
    cumulative = at_least_as_bad(distribution)
    best = next(k for k, g in enumerate(grades) if g in scale)
    out = np.full(cumulative.shape[:-1], best)
    for k, grade in enumerate(grades):
        if grade in scale and k > best:
            out[cumulative[..., k] >= levels.get(grade, 0.5) - 1e-12] = k
    return out
