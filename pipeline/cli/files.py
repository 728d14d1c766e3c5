"""One run over report files: find, name, process, tell, sum up. Shared by `grade` and `parse`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pipeline.cli.output import Failed, error, existing, tracked, usage

if TYPE_CHECKING:
    from pipeline.report import Source

T = TypeVar("T")


def find(paths: Sequence[Path], leave: Path | None = None) -> list[Path]:
    """The files to process; `leave` (the run's own output) is none of them.

    Ends the command where a path does not exist (2) or there is no file at all (2).
    """
    from pipeline import reading  # noqa: PLC0415

    files = [
        f for f in reading.find(list(existing(paths))) if leave is None or f.resolve() != leave.resolve()
    ]
    if not files:
        raise usage(f"{', '.join(map(str, paths))}: inga filer: ange rapporter eller mappar med rapporter")
    return files


def process(
    files: Sequence[Path], work: Callable[[Source], T], show: Callable[[T, str], None], done: str
) -> int:
    """Processes the files; `show` gets each result with the name of its file. Returns how many failed.

    Every failed file is a line on stderr. The summary (`done` names what was made) is for a terminal only.
    """
    from pipeline import drafting, reading  # noqa: PLC0415

    names = drafting.names(files)
    failed = 0
    with reading.IsolatedReader() as reader:  # a hostile file can take neither our memory nor our time
        outcomes = drafting.each(files, work, reader.read)
        for outcome in tracked(outcomes, len(files), "Läser rapporter"):
            if outcome.result is None:
                failed += 1
                error(f"{outcome.path}: {outcome.error}")
            else:
                show(outcome.result, names[outcome.path])
    if sys.stderr.isatty():
        error(f"{len(files)} filer: {len(files) - failed} {done}, {failed} kunde inte behandlas")
    return failed


def ids(names: Sequence[str]) -> list[str]:
    """Ids of reports in training data: their files' names without the ending, with it where two would be the same."""
    stems = [Path(n).with_suffix("").as_posix() for n in names]
    chosen = (s if stems.count(s) == 1 else n for s, n in zip(stems, names, strict=True))
    return [c.replace("/", "_") for c in chosen]


def finish(failed: int) -> None:
    """Ends the command with 1 if some file failed."""
    if failed:
        raise Failed(1)
