"""Out-of-fold probabilities: what each sentence got from a model that had not seen its writer.

One npz of plain arrays, n sentences in document order: `report`, `writer`, `section` [n] str; `index` [n]
int32 (place in the report); `chars` [n] int32 (length of the text); `proba` [n, criteria, 3] float16 in the
order of STATUSES; `gold` [n, criteria] int8 (0 none, 1 met, 2 partly, 3 unmet); `thresholds` [criteria]
float32; `criteria` [criteria] str; `model`, `data` (hash of the labelled sentences) single strings. Where a second look at
whole reports is in `proba`, `first` [n, criteria, 3] float16 is what it looked at and `group` [n] int32 tells which one
(`recalled` looks again at reports that an experiment has altered); else `first` is `proba` and the groups are -1.
Findings' calibration, grading and audit are fitted on it.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.catalogue import Catalogue
from pipeline.findings.base import Probabilities
from pipeline.report import SpurError
from pipeline.training.labelled import Labelled


@dataclass(frozen=True)
class OutOfFold:
    """See the module's description."""

    report: NDArray[np.str_]
    writer: NDArray[np.str_]
    section: NDArray[np.str_]
    index: NDArray[np.int32]
    chars: NDArray[np.int32]
    proba: NDArray[np.float16]
    gold: NDArray[np.int8]
    thresholds: NDArray[np.float32]
    criteria: NDArray[np.str_]
    model: str
    data: str
    first: NDArray[np.float16]
    group: NDArray[np.int32]


LATER = {"first", "group"}  # fields that files of earlier versions lack


def of(
    data: Labelled,
    proba: Probabilities,
    thresholds: NDArray[np.float32],
    model: str,
    first: Probabilities | None = None,
    group: NDArray[np.int32] | None = None,
) -> OutOfFold:
    """Labelled sentences with their out-of-fold probabilities [n, criteria, 3], and what came before a second look."""
    if proba.shape != (len(data), len(data.criteria), 3):
        raise ValueError(
            f"probabilities of shape {proba.shape} for {len(data)} sentences, {len(data.criteria)} criteria"
        )
    return OutOfFold(
        report=data.reports,
        writer=data.writers,
        section=data.sections,
        index=data.index,
        chars=np.array([len(t) for t in data.texts], np.int32),
        proba=proba.astype(np.float16),
        gold=data.gold,
        thresholds=np.asarray(thresholds, np.float32),
        criteria=np.array(data.criteria),
        model=model,
        data=data.hash(),
        first=(proba if first is None else first).astype(np.float16),
        group=np.full(len(data), -1, np.int32) if group is None else group,
    )


def save(path: Path, oof: OutOfFold) -> None:
    """Write the npz; its folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {name: np.asarray(getattr(oof, name)) for name in OutOfFold.__dataclass_fields__}
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]


def load(path: Path) -> OutOfFold:
    """What `save` wrote. Raises SpurError where the file is missing or something else."""
    try:
        with np.load(path, allow_pickle=False) as z:
            arrays = {name: z[name] for name in OutOfFold.__dataclass_fields__ if name not in LATER}
            arrays["first"] = z["first"] if "first" in z.files else arrays["proba"]
            arrays["group"] = z["group"] if "group" in z.files else np.full(len(arrays["gold"]), -1, np.int32)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as e:
        raise SpurError(
            f"{path}: no out-of-fold file ({e}); make one by training with cross-validation"
        ) from e
    return OutOfFold(**{**arrays, "model": str(arrays["model"]), "data": str(arrays["data"])})


def check(oof: OutOfFold, catalogue: Catalogue, name: str) -> None:
    """Raises SpurError where the criteria of the file `name` are not the catalogue's."""
    if list(oof.criteria) != [c.id for c in catalogue.criteria]:
        raise SpurError(
            f"{name}: its criteria are not those of {catalogue.name}; give the oof of that catalogue"
        )
