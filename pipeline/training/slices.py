"""Parts of labelled reports that figures are told for: by writer, section, specialty, length and criterion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.catalogue import Catalogue
from pipeline.corpus import tsv
from pipeline.training import evaluation
from pipeline.training.labelled import Labelled, of_reports

KINDS = ("writer", "section", "specialty", "length", "criterion")
Groups = Mapping[str, NDArray[np.str_]]
"""{kind: the slice's name for each sentence}; criteria are no group of sentences."""


@dataclass(frozen=True)
class Part:
    """A slice: which of the sentences [n] and which criteria (their indices)."""

    kind: str
    name: str
    sentences: NDArray[np.bool_]
    criteria: NDArray[np.intp]


def load(paths: Sequence[Path], catalogue: Catalogue) -> tuple[Labelled, Groups]:
    """(sentences of TSV files and folders of them; what they are sliced by)."""
    reports = tsv.read_all(paths)
    data = of_reports(reports, catalogue)
    specialty = {r.id: r.meta.get("spec", "?") for r in reports}
    words = np.array([len(t.split()) for t in data.texts])
    length = np.select(
        [words <= 6, words <= 14, words <= 25], ["1-6 words", "7-14 words", "15-25 words"], "26+ words"
    )
    return data, {
        "writer": data.writers,
        "section": data.sections,
        "specialty": np.array([specialty[str(r)] for r in data.reports]),
        "length": length,
    }


def parts(data: Labelled, groups: Groups, kinds: Sequence[str] = KINDS) -> Iterator[Part]:
    """All of the sentences as the slice "all", then every slice of the kinds; none that is all of them again."""
    every, criteria = np.ones(len(data), bool), np.arange(len(data.criteria))
    yield Part("all", "all", every, criteria)
    for kind in kinds:
        if kind == "criterion":
            for c, name in enumerate(data.criteria):
                yield Part(kind, name, every, criteria[c : c + 1])
        elif len(names := np.unique(groups[kind])) > 1:
            for name in names:
                yield Part(kind, str(name), groups[kind] == name, criteria)


def figures(
    data: Labelled, groups: Groups, codes: NDArray[np.int8], sure: NDArray[np.floating]
) -> dict[tuple[str, str], evaluation.Figures]:
    """{(kind, name): figures} of a model's findings on every slice that tells of a shortfall, found or not."""
    out = {}
    for part in parts(data, groups):
        if part.kind == "all":
            continue
        gold, told = (x[part.sentences][:, part.criteria] for x in (data.gold, codes))
        values = evaluation.sentence_figures(gold, told, sure[part.sentences][:, part.criteria])
        if values["shortfall_micro_f1"] is not None:
            out[part.kind, part.name] = values | {"shortfalls": int((gold > 1).sum())}
    return out
