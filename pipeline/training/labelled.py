"""Labelled sentences as arrays: what every trainer and every evaluation reads the corpus through."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.catalogue import Catalogue
from pipeline.corpus.tsv import SIGNS, CorpusReport, read_all
from pipeline.findings.base import SentenceInput
from pipeline.report import STATUSES, SpurError

CODES = {sign: STATUSES.index(status) + 1 for sign, status in SIGNS.items()}
"""Sign of the corpus -> code in `gold`; 0 means that the sentence does not tell of the criterion."""


@dataclass(frozen=True)
class Labelled:
    """Sentences in the order of the files, all arrays of the same length n."""

    reports: NDArray[np.str_]  # report ids
    writers: NDArray[np.str_]
    sections: NDArray[np.str_]
    index: NDArray[np.int32]  # place of the sentence in its report, from 0
    texts: tuple[str, ...]
    gold: NDArray[np.int8]  # [n, criteria]: 0 none, 1 met, 2 partly, 3 unmet
    criteria: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, which: NDArray[np.bool_]) -> Labelled:
        """The sentences that a mask picks."""
        texts = tuple(t for t, k in zip(self.texts, which, strict=True) if k)
        return Labelled(
            reports=self.reports[which],
            writers=self.writers[which],
            sections=self.sections[which],
            index=self.index[which],
            texts=texts,
            gold=self.gold[which],
            criteria=self.criteria,
        )

    def inputs(self, sections: bool = True) -> list[SentenceInput]:
        """What a model may see of them; `sections=False` hides the section."""
        columns = zip(self.texts, self.sections, self.reports, strict=True)
        return [SentenceInput(t, str(s) if sections else None, str(r)) for t, s, r in columns]

    def hash(self) -> str:
        """SHA-256 over ids, sections, texts and labels: names the data exactly."""
        digest = hashlib.sha256("\n".join(self.criteria).encode())
        for r, s, t in zip(self.reports, self.sections, self.texts, strict=True):
            digest.update(f"{r}\t{s}\t{t}\n".encode())
        digest.update(self.gold.tobytes())
        return digest.hexdigest()


def of_reports(reports: Sequence[CorpusReport], catalogue: Catalogue) -> Labelled:
    """Labelled sentences of corpus reports. Raises SpurError where a label is no criterion of the
    catalogue."""
    rows = [(r, i, row) for r in reports for i, row in enumerate(r.rows)]
    gold = np.zeros((len(rows), len(catalogue.criteria)), np.int8)
    for k, (report, i, row) in enumerate(rows):
        for criterion, sign in row.labels.items():
            if criterion not in catalogue.index:
                raise SpurError(f"{report.id}, sentence {i}: {criterion} is no criterion of {catalogue.name}")
            gold[k, catalogue.index[criterion]] = CODES[sign]
    return Labelled(
        reports=np.array([r.id for r, _, _ in rows]),
        writers=np.array([r.writer for r, _, _ in rows]),
        sections=np.array([row.section for _, _, row in rows]),
        index=np.array([i for _, i, _ in rows], np.int32),
        texts=tuple(row.text for _, _, row in rows),
        gold=gold,
        criteria=tuple(c.id for c in catalogue.criteria),
    )


def load(paths: Iterable[Path | str], catalogue: Catalogue) -> Labelled:
    """Labelled sentences of TSV files and of folders of them."""
    return of_reports(read_all(paths), catalogue)


def folds(groups: NDArray[np.str_], number: int, seed: int = 0) -> NDArray[np.int32]:
    """A fold for each sentence, its group's: groups are dealt out in turn by size, so that folds are about
    equally large; ties by name, then by seed. Fixed for the same groups."""
    names, counts = np.unique(groups, return_counts=True)
    order = sorted(zip(-counts, names, strict=True))
    load_of, fold_of = [0] * number, {}
    for negative, name in order:
        smallest = min(range(number), key=lambda f: (load_of[f], (f + seed) % number))
        fold_of[name] = smallest
        load_of[smallest] -= int(negative)
    return np.array([fold_of[g] for g in groups], np.int32)


def dataset(paths: Iterable[Path | str]) -> Any:
    """The same sentences as a `datasets.Dataset`: report, writer, section, text, labels (`E.F1-`)."""
    import datasets  # noqa: PLC0415  heavy, and of the train extra

    datasets.disable_progress_bars()
    columns = ("report", "writer", "section", "text", "labels")
    rows = [
        (r.id, r.writer, row.section, row.text, [f"{c}{s}" for c, s in row.labels.items()])
        for r in read_all(paths)
        for row in r.rows
    ]
    return datasets.Dataset.from_dict({c: [row[i] for row in rows] for i, c in enumerate(columns)})
