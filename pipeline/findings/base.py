"""The interface that every findings model fills, and the step from probabilities to findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pipeline.catalogue import Catalogue
from pipeline.report import STATUSES, Finding, ModelInfo

Probabilities = NDArray[np.float32]  # [sentences, criteria of the catalogue, 3 in the order of STATUSES]


@dataclass(frozen=True, slots=True)
class SentenceInput:
    """What a model may see of a sentence. Neighbours of the same report and section are its context,
    in the order given; a sentence without a report stands alone."""

    text: str
    section: str | None = None  # area letter, list, or None
    report: str | None = None


class FindingsModel(Protocol):
    """A findings model: the linear baseline or the fine-tuned BERT."""

    @property
    def info(self) -> ModelInfo: ...

    @property
    def thresholds(self) -> NDArray[np.float32]:
        """For each criterion of the catalogue in use, the least relevance that makes a finding, in [0, 1]."""
        ...

    @property
    def catalogue(self) -> Catalogue: ...

    def predict(self, sentences: Sequence[SentenceInput]) -> Probabilities:
        """Calibrated P(sentence tells of the criterion with the status), shape [n, criteria, 3].

        The sum over statuses is the relevance, at most 1. Deterministic; batches inside.
        """
        ...


@runtime_checkable
class LooksTwice(Protocol):
    """A findings model whose `predict` is a first look, section by section, and a second one over the whole report.

    Who keeps first looks need only read again what has changed.
    """

    def first_look(self, sentences: Sequence[SentenceInput]) -> Probabilities: ...

    def second_look(self, sentences: Sequence[SentenceInput], first: Probabilities) -> Probabilities: ...


@runtime_checkable
class Reads(Protocol):
    """A findings model that gives its first (or only) look with the sentences' vectors [n, width]."""

    def read(self, sentences: Sequence[SentenceInput]) -> tuple[Probabilities, NDArray[np.float32]]: ...


def looks(
    model: FindingsModel, sentences: Sequence[SentenceInput]
) -> tuple[Probabilities, Probabilities | None]:
    """(what `predict` gives; the first look, None of a model that looks once)."""
    if not isinstance(model, LooksTwice):
        return model.predict(sentences), None
    first = model.first_look(sentences)
    return model.second_look(sentences, first), first


WEAK = 0.35
"""A sentence that tells of some shortfall with this probability keeps its likeliest one as a finding, though the likelihood
is spread over criteria of which none reaches its threshold: which of them it is, is unsure, not that the sentence is weak.
Chosen on unseen writers and the stress set (experiments/decisions.md)."""


def code(
    probabilities: Probabilities, thresholds: NDArray[np.floating], weak: float = WEAK
) -> NDArray[np.int8]:
    """What each sentence tells of each criterion [n, criteria]: 0 nothing, else the status' place in STATUSES + 1.

    `probabilities` [n, criteria, 3]; `thresholds` the least relevance, [criteria] or what broadcasts to [n, criteria].
    That a sentence tells of a shortfall is one minus the product of the criteria's chances that it does not.
    """
    codes = np.where(probabilities.sum(axis=2) >= thresholds, probabilities.argmax(axis=2) + 1, 0).astype(
        np.int8
    )
    if probabilities.shape[1]:
        short = probabilities[..., 1:].sum(axis=2)
        told = 1 - np.prod(1 - np.clip(short, 0, 1), axis=1) >= weak
        rows = np.flatnonzero(told & ~(codes > 1).any(axis=1))
        likeliest = short[rows].argmax(axis=1)
        codes[rows, likeliest] = probabilities[rows, likeliest, 1:].argmax(axis=1) + 2
    return codes


def decide(
    probabilities: Probabilities, thresholds: NDArray[np.float32], catalogue: Catalogue
) -> list[tuple[Finding, ...]]:
    """Findings of each sentence, surest first; see `code`.

    `probabilities` [n, criteria, 3]; `thresholds` [criteria]. One finding at most for a criterion.
    """
    out = []
    for row, told in zip(probabilities, code(probabilities, thresholds), strict=True):
        found = [
            Finding(catalogue.criteria[c].id, STATUSES[told[c] - 1], float(row[c, told[c] - 1]))
            for c in np.flatnonzero(told)
        ]
        out.append(tuple(sorted(found, key=lambda f: (-f.probability, f.criterion))))
    return out
