"""The fixed folds of leave-writers-out: every model is judged on writers that it has not seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FOLDS = 4


def writer_fold(writer: str) -> int | None:
    """The fold of a writer, or None of one that is never left out.

    Writers 1-20 are dealt in turn, so that every fold has five and each of the three ways of writing. The
    supplement's writers (21 and on) only ever train.
    """
    number = int(writer[1:]) if writer[:1] == "w" and writer[1:].isdigit() else 0
    return (number - 1) % FOLDS if 1 <= number <= 20 else None


def writer_folds(writers: NDArray[np.str_]) -> NDArray[np.int32]:
    """The fold of each of `writers` [n]; -1 for those that are never left out."""
    of = {w: writer_fold(str(w)) for w in np.unique(writers)}
    return np.array([-1 if (f := of[w]) is None else f for w in writers], np.int32)
