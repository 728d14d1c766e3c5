"""`spur parse`: the structure of reports, without a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli import files

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def parse(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="Reports, or folders of them (.pdf .docx .txt .md .html)."),
    ],
    *,
    json: Annotated[bool, typer.Option("--json", help="Print JSON Lines, one a report.")] = False,
    catalogue: Annotated[
        str, typer.Option(help="Catalogue of criteria: a name or a YAML file.")
    ] = "sosfs-2015-8",
) -> None:
    """Shows what stands where in reports: sections, sentences, stated grades, action plan. Uses no model."""
    found = files.find(paths)
    from pipeline import catalogue as catalogues  # noqa: PLC0415
    from pipeline import drafting  # noqa: PLC0415
    from pipeline.rendering import jsonl, table  # noqa: PLC0415

    criteria = catalogues.load(catalogue)
    console = table.console()

    def show(parsed: drafting.Parsed, name: str) -> None:
        report = drafting.named_parse(parsed, name).report
        if json:
            print(jsonl.dump(jsonl.report_json(report, parsed.sentences)), flush=True)
        else:
            console.print(table.report_table(report, parsed.sentences, criteria))

    files.finish(files.process(found, lambda source: drafting.parse(source, criteria), show, "tolkade"))
