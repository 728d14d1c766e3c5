"""`spur audit`: many reports in, an audit of text against grades out."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli import files, options
from pipeline.cli.output import error, existing, tracked, usage, write

if TYPE_CHECKING:
    from pipeline.audit import Audit, Cases
    from pipeline.audit.tables import Metadata
    from pipeline.drafting import Drafter
    from pipeline.report import Draft

SUFFIXES = (".json", ".xlsx", ".html")

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def audit(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PATH...]", help="Folders of reports, or reports."),
    ] = None,
    *,
    out: Annotated[
        list[Path],
        typer.Option(metavar="FILE", help="File to write: .html, .xlsx or .json. Can be repeated."),
    ],
    archive: Annotated[bool, typer.Option("--archive", help="Audit what is in the archive.")] = False,
    grades: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Stated grades, CSV or XLSX: report (file stem), area, grade, and stage (before, after).",
        ),
    ] = None,
    metadata: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="What covers do not tell, CSV or XLSX: report, and any of region, unit_kind, specialty, year, "
            "unit, inspectors, or columns of your own.",
        ),
    ] = None,
    as_of: options.AsOf = None,
    mask: Annotated[bool, typer.Option("--mask", help="Hide the inspectors' names.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Draft again what the cache has.")] = False,
    model: options.Model = None,
    catalogue: options.CatalogueName = options.DEFAULT_CATALOGUE,
) -> None:
    """Compares stated grades with what the texts support, over many reports: doubtful gradings, contradictions,
    agreement, commonest shortfalls, plans.

    Drafts are kept in the user's cache, so a run that was cut goes on where it was.
    """
    if bool(paths) == archive:
        raise usage("ange en mapp med rapporter, eller --archive (inte båda)")
    _check(out)
    existing([p for p in (*(paths or ()), grades, metadata) if p is not None])
    from pipeline import drafting  # noqa: PLC0415
    from pipeline.audit import build, tables  # noqa: PLC0415
    from pipeline.audit.masking import Mask  # noqa: PLC0415

    drafter = drafting.Drafter.load(model, catalogue, as_of.date() if as_of else date.today())
    stated = tables.grades(grades, drafter.catalogue) if grades else {}
    known = tables.metadata(metadata) if metadata else {}
    apart = {p.resolve() for p in (*out, grades, metadata) if p is not None}
    hide = Mask() if mask else None
    with _cases(paths or [], apart, drafter, known, fresh) as (cases, notes, failed):
        made = build(cases, drafter.catalogue, drafter.policy, drafter.as_of, stated, mask=hide, notes=notes)
        if not made.rows:
            raise usage("ingen rapport att granska: inget skrivet")
        for note in made.notes if grades else ():
            if note.startswith("Betygsfilen"):
                error(note)
        for path in out:
            _save(path, made, hide.wrap(cases) if hide else cases)
    files.finish(failed)


def _check(out: Sequence[Path]) -> None:
    """Ends the command where nothing could be written at the end of it."""
    for path in out:
        if path.suffix.lower() not in SUFFIXES:
            raise usage(f"--out {path}: filtypen är okänd: välj {', '.join(SUFFIXES)}")
        if not path.parent.is_dir() or path.is_dir():
            raise usage(
                f"--out {path}: mappen finns inte eller namnet är en mapps: ange en fil i en mapp som finns"
            )


@contextmanager
def _cases(
    paths: Sequence[Path], apart: set[Path], drafter: Drafter, known: Metadata, fresh: bool
) -> Iterator[tuple[Cases, list[str], int]]:
    """(the cases, notes for the audit, how many files failed) of paths, or without any of the archive."""
    if paths:
        yield _of_files(paths, apart, drafter, known, fresh)
        return
    if importlib.util.find_spec("pipeline.store") is None:
        raise usage("arkivet finns inte i den här installationen: ange en mapp med rapporter")
    from pipeline.audit import collect  # noqa: PLC0415
    from pipeline.store import Store  # noqa: PLC0415
    from pipeline.store import archive as archives  # noqa: PLC0415

    with Store.open() as store, store.read() as session:
        names = [e.file or e.id[:12] for e in archives.entries(session)]

        def drafts() -> Iterator[tuple[Draft, Mapping[str, str]]]:
            for entry, draft in archives.drafts(session):
                facts = {"region": entry.region, "unit_kind": entry.unit_kind, "specialty": entry.specialty}
                year = {"year": str(entry.year)} if entry.year else {}
                yield draft, {**{k: v for k, v in facts.items() if v}, **year}

        yield collect.of_archive(names, drafts, known), [], 0


def _of_files(
    paths: Sequence[Path], apart: set[Path], drafter: Drafter, known: Metadata, fresh: bool
) -> tuple[Cases, list[str], int]:
    from pipeline import reading  # noqa: PLC0415
    from pipeline.audit import collect  # noqa: PLC0415
    from pipeline.audit.cache import Cache  # noqa: PLC0415

    found = [f for f in files.find(paths) if f.resolve() not in apart]
    cache, keys, failed = Cache.of(drafter), {}, 0
    with reading.IsolatedReader() as reader:
        outcomes = collect.draft_files(found, drafter, cache, reader.read, fresh)
        for outcome in tracked(outcomes, len(found), "Läser rapporter"):
            if outcome.result is None:
                failed += 1
                error(f"{outcome.path}: {outcome.error}")
            else:
                keys[outcome.path] = outcome.result
    notes = [
        f"{', '.join(p.name for p in same)} har samma innehåll och räknas var för sig."
        for same in collect.same_content(found, keys)
    ]
    if failed:
        notes.append(f"{failed} av {len(found)} filer kunde inte behandlas och är inte med.")
    return collect.of_files(found, keys, cache, known), notes, failed


def _save(path: Path, made: Audit, cases: Cases) -> None:
    make = _writer(path.suffix.lower())
    try:
        write(path, lambda target: make(made, cases, target))
    except OSError as e:
        raise usage(f"--out {path}: kan inte skrivas ({e.strerror}): välj en annan plats") from e


def _writer(suffix: str) -> Callable[[Audit, Cases, Path], None]:
    if suffix == ".xlsx":
        from pipeline.rendering.audit import xlsx  # noqa: PLC0415

        return xlsx.write
    if suffix == ".html":
        from pipeline.rendering.audit import html  # noqa: PLC0415

        return html.write
    from pipeline.rendering.audit import json  # noqa: PLC0415

    return json.write
