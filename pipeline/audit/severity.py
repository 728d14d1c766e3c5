"""How severe pairs of inspectors are against the text, shrunk where there is little to go by.

A random-intercept model of each report's mean severity (statsmodels MixedLM, REML): what pairs differ in is estimated with
what reports of one pair differ in, and each pair's best linear unbiased prediction is drawn towards the mean the more, the
fewer its reports (Robinson 1991, Statistical Science 6). Severity is stated grade less the grade that the text supports in
expectation, in steps of the area's scale: above 0 is stricter than the text.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.audit.gradings import Grading

_LEAST_PAIRS, _LEAST_REPORTS = 3, 8
_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Pair:
    """`mean` is what was seen, `shrunk` what the model makes of it beside the mean of all, with a 95 % interval."""

    name: str
    reports: int
    gradings: int
    mean: float
    shrunk: float
    interval: tuple[float, float]
    small: bool


@dataclass(frozen=True, slots=True)
class Severity:
    """`overall` is the mean of all; `between` and `within` the standard deviations of pairs and of their reports.

    `note` says in Swedish why there are no pairs, or how far they can be relied on.
    """

    pairs: tuple[Pair, ...] = ()
    overall: float | None = None
    between: float | None = None
    within: float | None = None
    note: str = ""


def severity(
    gradings: Sequence[Grading], facts: Mapping[str, Mapping[str, str]], small: tuple[int, int]
) -> Severity:
    """Severity of the pairs of inspectors that reports name. Needs statsmodels; without it, says so in `note`."""
    values: dict[str, list[float]] = {}
    for g in gradings:
        if facts.get(g.report, {}).get("inspectors"):
            values.setdefault(g.report, []).append(g.expected_steps)
    pairs = {r: facts[r]["inspectors"] for r in values}
    counts = Counter(pairs.values())
    if len(counts) < _LEAST_PAIRS or len(pairs) < _LEAST_REPORTS or max(counts.values()) < 2:
        return Severity(
            note=f"För få inspektörspar eller rapporter för att jämföra stränghet ({len(counts)} par, {len(pairs)} "
            f"rapporter med kända inspektörer; det behövs {_LEAST_PAIRS} par, {_LEAST_REPORTS} rapporter och något "
            "par med flera rapporter)."
        )
    try:
        return _fitted(values, pairs, small)
    except ModuleNotFoundError as e:
        return Severity(
            note=f"Inte beräknat: det behövs {e.name}: installera med  pip install 'spur-pipeline[audit]'"
        )


def _fitted(
    values: Mapping[str, Sequence[float]], pairs: Mapping[str, str], small: tuple[int, int]
) -> Severity:
    from statsmodels.regression.mixed_linear_model import MixedLM  # noqa: PLC0415 - the audit extra

    reports = sorted(pairs)
    y = np.array([float(np.mean(values[r])) for r in reports])
    groups = np.array([pairs[r] for r in reports])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a variance at its bound of 0 is an answer here, not a fault
        fit = MixedLM(y, np.ones((len(y), 1)), groups=groups).fit(reml=True, method=["lbfgs", "powell"])
        between = max(float(np.asarray(fit.cov_re)[0, 0]), 0.0)
    within, overall = float(fit.scale), float(np.asarray(fit.fe_params)[0])
    out = []
    for name in sorted(set(pairs.values())):
        its = y[groups == name]
        weight = between / (between + within / len(its)) if between + within > 0 else 0.0
        shrunk = weight * float(its.mean() - overall)
        error = _Z * float(np.sqrt(between * (1 - weight)))
        gradings = sum(len(values[r]) for r in reports if pairs[r] == name)
        out.append(
            Pair(
                name,
                len(its),
                gradings,
                float(its.mean()),
                shrunk,
                (shrunk - error, shrunk + error),
                len(its) < small[0] or gradings < small[1],
            )
        )
    out.sort(key=lambda p: (-p.shrunk, p.name))
    return Severity(tuple(out), overall, float(np.sqrt(between)), float(np.sqrt(within)), _note(out, between))


def _note(pairs: Sequence[Pair], between: float) -> str:
    parts = []
    if between < 1e-6:
        parts.append("Paren skiljer sig inte mer än vad slumpen mellan rapporter ger.")
    if few := sum(p.small for p in pairs):
        parts.append(
            f"{few} av {len(pairs)} par har få rapporter: deras värden är dragna mot medelvärdet och osäkra. "
            "Dra inga slutsatser om enskilda personer."
        )
    return " ".join(parts)
