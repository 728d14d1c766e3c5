"""What the commands share: lines on stderr, progress on a terminal, files written whole or not at all."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

EXTRAS: Mapping[str, str] = {
    "reportlab": "render",
    "torch": "train",
    "transformers": "train",
    "datasets": "train",
    "mlflow": "train",
    "sklearn": "train",
    "cleanlab": "train",
    "scipy": "train",
    "safetensors": "train",
    "onnx": "train",
    "onnxscript": "train",
    "wordfreq": "train",
    "matplotlib": "train",
    "pandas": "audit",
    "statsmodels": "audit",
    "psycopg": "postgres",
}


class Failed(Exception):  # noqa: N818 - an outcome, not a fault of the program
    """Ends a command with an exit code when its lines have been written."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def error(text: str) -> None:
    """One line on stderr."""
    print(" ".join(text.split()), file=sys.stderr, flush=True)


def usage(text: str) -> Failed:
    """Says what is wrong with the command line; raise what it returns."""
    error(text)
    return Failed(2)


def existing(paths: Sequence[Path]) -> Sequence[Path]:
    """The paths, if all exist; else a line for each that does not, and the end of the command."""
    missing = [p for p in paths if not p.exists()]
    for path in missing:
        error(f"{path}: finns inte: kontrollera sökvägen")
    if missing:
        raise Failed(2)
    return paths


def tracked(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """The items, with a progress bar on stderr where that is a terminal."""
    if not sys.stderr.isatty() or total < 2:
        yield from items
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    # What is printed meanwhile goes above the bar, but never into it from an stdout that is a file or a pipe.
    with Progress(
        *columns, console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty()
    ) as progress:
        yield from progress.track(items, total=total, description=what)


def write(path: Path, make: Callable[[Path], None]) -> None:
    """Lets `make` write a file beside `path` and then moves it there: `path` is whole or as it was before.

    Raises OSError where the folder cannot be written.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    try:
        make(Path(name))
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)  # mkstemp makes it private
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
