"""The fixed folds of leave-writers-out: every model is judged on writers that it has not seen."""

from __future__ import annotations

FOLDS = 4


def writer_fold(writer: str) -> int | None:
    """The fold of a writer, or None of one that is never left out.

    Writers 1-20 are dealt in turn, so that every fold has five and each of the three ways of writing. The
    supplement's writers (21 and on) only ever train.
    """
    number = int(writer[1:]) if writer[:1] == "w" and writer[1:].isdigit() else 0
    return (number - 1) % FOLDS if 1 <= number <= 20 else None
