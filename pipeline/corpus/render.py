"""Labelled corpus reports as report files: `spur dataset render`."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

from pipeline.catalogue import Catalogue
from pipeline.corpus import content, grades
from pipeline.corpus.grades import Told
from pipeline.corpus.layouts import LAYOUTS
from pipeline.corpus.printers import FORMATS, printer
from pipeline.corpus.tsv import CorpusReport, read

__all__ = ["FORMATS", "LAYOUTS", "prepare", "render", "told_of", "write"]


def render(
    report: CorpusReport, catalogue: Catalogue, fmt: str, layout: int, told: Mapping[str, Told] | None = None
) -> bytes:
    """One report as the bytes of a file.

    `fmt` is one of `FORMATS`, `layout` one of `LAYOUTS`; `told` gives the grades to state, by area. The
    same report gives the same bytes. Every sentence stands there word for word, but for line breaks and the
    hyphens that they add.
    """
    rng = random.Random(f"{report.id} {layout}")
    document = LAYOUTS[layout](content.build(report, catalogue, told or {}, rng), catalogue, rng)
    return printer(fmt)(document)


def told_of(choice: str, catalogue: Catalogue) -> Mapping[str, Mapping[str, Told]] | None:
    """The grades by report and area of `--grades`: none, or a CSV file.

    None stands for the reference rule.
    """
    if choice == "reference":
        return None
    return {} if choice == "none" else grades.read(Path(choice), catalogue)


def prepare(fmt: str) -> None:
    """Raises ModuleNotFoundError where the format's library is not installed: before any work."""
    printer(fmt)


def write(
    path: Path,
    out: Path,
    catalogue: Catalogue,
    *,
    fmt: str,
    layout: int,
    told: Mapping[str, Mapping[str, Told]] | None,
) -> Path:
    """Renders one TSV file to `out/<stem>.<fmt>`; `told` as from `told_of`. Returns what was written.

    Raises SpurError where the TSV is broken or a character cannot be printed, OSError where a file
    cannot be used.
    """
    report = read(path)
    tell = grades.reference(report, catalogue) if told is None else told.get(report.id, {})
    target = out / f"{path.stem}.{fmt}"
    target.write_bytes(render(report, catalogue, fmt, layout, tell))
    return target
