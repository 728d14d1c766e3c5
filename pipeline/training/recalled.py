"""Out-of-fold probabilities as a findings model: what a report's sentences got from a network that had not seen its writer.

So that the whole flow (files, parsing, drafting, audit) can be judged on unseen writers without the folds' networks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.catalogue import Catalogue
from pipeline.corpus.tsv import CorpusReport
from pipeline.findings.base import Probabilities, SentenceInput
from pipeline.report import ModelInfo
from pipeline.training.oof import OutOfFold


@dataclass(frozen=True)
class Recalled:
    """Gives sentences what they got out of fold, by their letters; a sentence that none is like says nothing."""

    known: Mapping[str, NDArray[np.float16]]
    catalogue: Catalogue
    thresholds: NDArray[np.float32]
    info: ModelInfo

    def predict(self, sentences: Sequence[SentenceInput]) -> Probabilities:
        """[n, criteria, 3]."""
        nothing = np.zeros((len(self.catalogue.criteria), 3), np.float16)
        rows = [self.known.get(_squeezed(s.text), nothing) for s in sentences]
        return np.array(rows, np.float32).reshape(len(sentences), len(self.catalogue.criteria), 3)


def _squeezed(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())


def recalled(oof: OutOfFold, reports: Sequence[CorpusReport], catalogue: Catalogue) -> Recalled:
    """The model that remembers the probabilities of these reports' sentences."""
    texts = {r.id: r.rows for r in reports}
    known = {
        _squeezed(texts[str(oof.report[k])][int(oof.index[k])].text): oof.proba[k]
        for k in np.flatnonzero(np.isin(oof.report, list(texts)))
    }
    return Recalled(known, catalogue, oof.thresholds, ModelInfo(oof.model, "out of fold"))
