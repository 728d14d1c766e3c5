"""`spur grade`: drafts of grades for reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli import files, options
from pipeline.cli.output import error, usage, write

if TYPE_CHECKING:
    from pipeline.catalogue import Catalogue
    from pipeline.report import Draft

SUFFIXES = (".json", ".xlsx", ".docx", ".html")

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def grade(
    paths: options.Paths,
    *,
    json: options.Json = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the drafts to a file: .json, .xlsx, .docx or .html."),
    ] = None,
    as_of: options.AsOf = None,
    model: options.Model = None,
    catalogue: options.CatalogueName = options.DEFAULT_CATALOGUE,
) -> None:
    """Drafts a grade A-D for each area of each report, with the sentences behind it."""
    if out is not None:
        _check(out)
    found = files.find(paths, leave=out)
    from pipeline import drafting  # noqa: PLC0415
    from pipeline.rendering import jsonl, table  # noqa: PLC0415

    drafter = drafting.Drafter.load(model, catalogue, as_of.date() if as_of else date.today())
    console = table.console()
    kept: list[Draft] = []

    def show(draft: Draft, name: str) -> None:
        draft = drafting.named(draft, name)
        if json:
            print(jsonl.dump(jsonl.draft_json(draft)), flush=True)
        elif out is None:
            console.print(table.draft_table(draft, drafter.catalogue))
        if out is not None:
            kept.append(draft)

    failed = files.process(found, drafter.draft, show, "utkast")
    if out is not None:
        _save(out, kept, drafter.catalogue)
    files.finish(failed)


def _check(out: Path) -> None:
    """Ends the command where nothing could be written at the end of it."""
    if out.suffix.lower() not in SUFFIXES:
        raise usage(f"--out {out}: filtypen är okänd: välj {', '.join(SUFFIXES)}")
    if not out.parent.is_dir() or out.is_dir():
        raise usage(
            f"--out {out}: mappen finns inte eller namnet är en mapps: ange en fil i en mapp som finns"
        )


def _save(out: Path, drafts: Sequence[Draft], catalogue: Catalogue) -> None:
    if not drafts:  # an earlier file is worth more than an empty one
        error(f"{out}: inte skriven: ingen rapport kunde behandlas")
        return
    make = _writer(out.suffix.lower())
    try:
        write(out, lambda path: make(drafts, catalogue, path))
    except OSError as e:
        raise usage(f"--out {out}: kan inte skrivas ({e.strerror}): välj en annan plats") from e


def _writer(suffix: str) -> Callable[[Sequence[Draft], Catalogue, Path], None]:
    if suffix == ".xlsx":
        from pipeline.rendering import xlsx  # noqa: PLC0415

        return xlsx.write
    if suffix == ".docx":
        from pipeline.rendering import docx  # noqa: PLC0415

        return docx.write
    if suffix == ".html":
        from pipeline.rendering import html  # noqa: PLC0415

        return html.write
    from pipeline.rendering import jsonl  # noqa: PLC0415

    return jsonl.write
