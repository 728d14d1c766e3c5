"""The interface that every findings model fills, and the step from probabilities to findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

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


def decide(
    probabilities: Probabilities, thresholds: NDArray[np.float32], catalogue: Catalogue
) -> list[tuple[Finding, ...]]:
    """Findings of each sentence: criteria whose relevance reaches its threshold, with their likeliest
    status, surest first.

    `probabilities` [n, criteria, 3]; `thresholds` [criteria]. One finding at most for a criterion.
    """
    out = []
    relevant = probabilities.sum(axis=2) >= thresholds
    for row, keep in zip(probabilities, relevant, strict=True):
        found = [
            Finding(catalogue.criteria[c].id, STATUSES[int(row[c].argmax())], float(row[c].max()))
            for c in np.flatnonzero(keep)
        ]
        out.append(tuple(sorted(found, key=lambda f: (-f.probability, f.criterion))))
    return out
