"""How doubtful a stated grade is, given what the text says: the probability that it is a slip.

Label quality in the sense of confident learning (Northcutt, Jiang & Chuang 2021, JAIR 70): stated grades are true ones
sent through noise, and out-of-sample probabilities tell how likely each true grade is. The noise here is ordinal: a slip
goes few steps on the area's own scale. By Bayes

    P(slip | stated s, text) = w Σ_g p(g) N(s | g) / (w Σ_g p(g) N(s | g) + (1 - w) p(s)),

with p the draft's distribution, w the share of slips and N their distribution. With equal weights for all steps this ranks
as cleanlab's self-confidence does within one scale. `experiments/audit.md` compares it with cleanlab's own scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.audit.settings import Noise


def doubt(probabilities: Mapping[str, float], stated: str, scale: Sequence[str], noise: Noise) -> float:
    """P(slip) in [0, 1] of a stated grade; `probabilities` over grades, `scale` the area's grades, best first.

    A stated grade that the scale lacks has no place in it: 1.
    """
    if stated not in scale:
        return 1.0
    raw = {g: max(float(probabilities.get(g, 0.0)), 0.0) + noise.least for g in scale}
    total = sum(raw.values())
    slip = sum(p / total * _slips(g, stated, scale, noise) for g, p in raw.items())
    wrong, right = noise.wrong * slip, (1 - noise.wrong) * raw[stated] / total
    return wrong / (wrong + right)


def _slips(true: str, stated: str, scale: Sequence[str], noise: Noise) -> float:
    """N(stated | true): how often a slip from a true grade lands on the stated one."""
    at = scale.index(true)
    weights = [_weight(abs(k - at), noise) for k in range(len(scale))]
    return weights[scale.index(stated)] / sum(weights) if sum(weights) else 0.0


def _weight(steps: int, noise: Noise) -> float:
    return 0.0 if steps == 0 else noise.steps[min(steps, len(noise.steps)) - 1]
