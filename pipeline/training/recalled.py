"""Out-of-fold probabilities as a findings model: what a report's sentences got from a network that had not seen its writer.

So that the whole flow (files, parsing, drafting, audit) can be judged on unseen writers without the folds' networks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.catalogue import Catalogue
from pipeline.corpus.tsv import CorpusReport
from pipeline.findings.base import Probabilities, SentenceInput
from pipeline.findings.second_look import SecondLook
from pipeline.report import ModelInfo
from pipeline.training.oof import OutOfFold


@dataclass(frozen=True)
class Recalled:
    """Gives sentences what they got out of fold, by their letters; a sentence that none is like says nothing. `looks` are
    the groups' second looks: a report is looked at again as it stands, by that of the group that most of it is of."""

    known: Mapping[str, tuple[int, NDArray[np.float16]]]  # group, and [criteria, 3]
    catalogue: Catalogue
    thresholds: NDArray[np.float32]
    info: ModelInfo
    looks: Mapping[int, SecondLook] = field(default_factory=dict)

    def first_look(self, sentences: Sequence[SentenceInput]) -> Probabilities:
        """[n, criteria, 3]."""
        nothing = (-1, np.zeros((len(self.catalogue.criteria), 3), np.float16))
        rows = [self.known.get(_squeezed(s.text), nothing)[1] for s in sentences]
        return np.array(rows, np.float32).reshape(len(rows), len(self.catalogue.criteria), 3)

    def second_look(self, sentences: Sequence[SentenceInput], first: Probabilities) -> Probabilities:
        """[n, criteria, 3]."""
        theirs = (self.known[key][0] for s in sentences if (key := _squeezed(s.text)) in self.known)
        groups = Counter(g for g in theirs if g in self.looks).most_common(1)
        return self.looks[groups[0][0]](sentences, first, self.catalogue) if groups else first

    def predict(self, sentences: Sequence[SentenceInput]) -> Probabilities:
        """[n, criteria, 3]."""
        return self.second_look(sentences, self.first_look(sentences))


def _squeezed(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())


def recalled(
    oof: OutOfFold,
    reports: Sequence[CorpusReport],
    catalogue: Catalogue,
    looks: Mapping[int, SecondLook] | None = None,
) -> Recalled:
    """The model that remembers the probabilities of these reports' sentences. `looks`: of the run that `oof` is of."""
    texts = {r.id: r.rows for r in reports}
    said = oof.first if looks else oof.proba
    known = {
        _squeezed(texts[str(oof.report[k])][int(oof.index[k])].text): (int(oof.group[k]), said[k])
        for k in np.flatnonzero(np.isin(oof.report, list(texts)))
    }
    return Recalled(known, catalogue, oof.thresholds, ModelInfo(oof.model, "out of fold"), looks or {})
