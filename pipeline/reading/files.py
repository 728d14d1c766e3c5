"""Which files a run is about."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.report import SpurError


class MissingPathError(SpurError, FileNotFoundError):
    """A path given by the user does not exist; `path` is that path."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: finns inte: kontrollera sökvägen")
        self.path = path


def _walk(folder: Path) -> Iterator[Path]:
    """Files below a folder by name. Linked folders are not entered: they may lead in a ring."""
    try:
        entries = sorted(os.scandir(folder), key=lambda e: (e.name.casefold(), e.name))
    except OSError:
        yield folder  # so that reading it tells why nothing comes out
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))
        elif not entry.is_dir():
            yield Path(entry.path)


def find(paths: Sequence[Path]) -> list[Path]:
    """Files in the order of `paths`, folders opened recursively and by name, each file once.

    Hidden files and folders inside a folder are skipped; every other file is listed, foreign ones too. A
    file given by name is listed even if hidden. Raises MissingPathError where a path does not exist.
    """
    found: dict[Path, Path] = {}
    for path in map(Path, paths):
        if not path.exists():
            raise MissingPathError(path)
        for file in _walk(path) if path.is_dir() else (path,):
            found.setdefault(file.absolute(), file)
    return list(found.values())
