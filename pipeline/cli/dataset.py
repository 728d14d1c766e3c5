"""`spur dataset`: labelled reports as report files, training data from reports, to annotation tools and back, and checks."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli import annotating, building, checking
from pipeline.cli.output import Failed, error, existing, tracked, usage
from pipeline.report import SpurError

app = typer.Typer(
    help="Corpus reports as files, training data from reports.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
app.command()(annotating.annotate)
app.command("import")(annotating.import_)
app.command()(building.build)
app.command()(checking.check)


class Format(StrEnum):
    pdf = "pdf"
    docx = "docx"
    txt = "txt"
    md = "md"


@app.command()
def render(
    tsv: Annotated[list[Path], typer.Argument(help="Labelled reports (TSV), or folders of them.")],
    *,
    out: Annotated[Path, typer.Option(help="Folder that the files go to; made if missing.")],
    format_: Annotated[Format, typer.Option("--format", help="File format.")] = Format.pdf,
    layout: Annotated[int, typer.Option(min=1, max=3, help="Which template is imitated.")] = 1,
    grades: Annotated[
        str,
        typer.Option(
            metavar="none|reference|FILE",
            help="Grades that the reports state: none, those of the scale's rule, or a CSV file with columns "
            "report, area, grade and optionally stage (before, after).",
        ),
    ] = "none",
) -> None:
    """Renders labelled reports as report files in layouts that real reports have: OUT/<stem of the
    TSV>.<format>.
    """
    from pipeline import catalogue  # noqa: PLC0415
    from pipeline.corpus import render as rendering  # noqa: PLC0415
    from pipeline.corpus import tsv as tsvs  # noqa: PLC0415

    existing(tsv)
    if grades not in ("none", "reference") and not Path(grades).is_file():
        raise usage(f"--grades {grades}: ange none, reference eller en CSV-fil som finns")
    criteria = catalogue.load()
    told = rendering.told_of(grades, criteria)
    rendering.prepare(format_.value)
    files = tsvs.find(tsv)
    stems = [path.stem for path in files]
    if twice := sorted({s for s in stems if stems.count(s) > 1}):
        raise usage(
            f"{', '.join(twice)}: två filer med samma namn skulle skriva över varandra: rendera dem var för sig"
        )
    failed = 0
    out.mkdir(parents=True, exist_ok=True)
    for path in tracked(files, len(files), "Renderar"):
        try:
            rendering.write(path, out, criteria, fmt=format_.value, layout=layout, told=told)
        except (OSError, SpurError) as e:
            error(f"{path}: {e}")
            failed += 1
    if failed:
        raise Failed(1)
