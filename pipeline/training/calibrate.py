"""Calibration and threshold of the findings model, fitted on out-of-fold logits and judged cross-fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.findings.base import Probabilities
from pipeline.findings.calibration import Calibration
from pipeline.training.evaluation import f1, found

Logits = NDArray[np.float32]  # [sentences, criteria, 4]
Gold = NDArray[np.int8]  # [sentences, criteria]: 0 silent, 1 met, 2 partly, 3 unmet
GRID = np.arange(0.2, 0.81, 0.02)


def fit(logits: Logits, gold: Gold) -> Calibration:
    """The calibration of least negative log-likelihood: relevance over all pairs, status over the told ones."""
    from scipy.optimize import minimize  # noqa: PLC0415

    x, y = logits[..., 0].ravel().astype(np.float64), (gold > 0).ravel()

    def relevance_loss(p: NDArray[np.float64]) -> float:
        z = p[0] * x + p[1]
        return float(np.mean(np.logaddexp(0, z) - y * z))

    told = gold > 0
    s, code = logits[told][:, 1:].astype(np.float64), gold[told] - 1

    def status_loss(p: NDArray[np.float64]) -> float:
        z = s * np.exp(p[0]) + np.array([0.0, p[1], p[2]])
        return float(np.mean(np.logaddexp.reduce(z, axis=1) - z[np.arange(len(z)), code]))

    slope, shift = minimize(relevance_loss, [1.0, 0.0], method="Nelder-Mead").x
    heat, partly, unmet = minimize(status_loss, [0.0, 0.0, 0.0], method="Nelder-Mead").x
    return Calibration(float(slope), float(shift), float(np.exp(-heat)), (0.0, float(partly), float(unmet)))


TOLERANCE = 0.0025  # of the mean F1: what a threshold may cost to find more


def threshold(probabilities: Probabilities, gold: Gold) -> float:
    """The least relevance at which shortfalls, weak sentences and statuses are found about as well as at the best one, by
    the mean of their F1: what voices unlike the training's lose first is recall."""
    codes = np.arange(1, 4)[:, None, None]

    def value(t: float) -> float:
        p, _ = found(probabilities, np.array(t))
        short = f1(gold > 1, p > 1) or 0.0
        weak = f1((gold > 1).any(axis=1), (p > 1).any(axis=1)) or 0.0
        return (short + weak + (f1(gold == codes, p == codes) or 0.0)) / 3

    values = np.array([value(t) for t in GRID])
    return float(GRID[np.flatnonzero(values >= values.max() - TOLERANCE)[0]])


def thresholds(probabilities: Probabilities, gold: Gold, group: NDArray[np.int32]) -> NDArray[np.float32]:
    """The threshold [n] of each group by what the others say. `group` [n]."""
    out = np.zeros(len(gold), np.float32)
    for k in np.unique(group):
        inside = group == k
        out[inside] = threshold(probabilities[~inside], gold[~inside])
    return out


@dataclass(frozen=True)
class CrossFitted:
    """Probabilities [n, criteria, 3] whose calibration, and thresholds [n] that, come from the other groups."""

    probabilities: Probabilities
    thresholds: NDArray[np.float32]
    calibrations: Mapping[int, Calibration]  # of each group, fitted on the others


def cross_fit(logits: Logits, gold: Gold, group: NDArray[np.int32]) -> CrossFitted:
    """Calibrate each group (a fold, a writer) by what the others say. `group` [n]."""
    probabilities = np.zeros((*gold.shape, 3), np.float32)
    calibrations: dict[int, Calibration] = {}
    for k in map(int, np.unique(group)):
        inside = group == k
        calibrations[k] = fit(logits[~inside], gold[~inside])
        probabilities[inside] = calibrations[k](logits[inside])
    return CrossFitted(probabilities, thresholds(probabilities, gold, group), calibrations)
