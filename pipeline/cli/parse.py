"""`spur parse`: the structure of reports, without a model."""

from __future__ import annotations

import typer

from pipeline.cli import files, options

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def parse(
    paths: options.Paths,
    *,
    json: options.Json = False,
    catalogue: options.CatalogueName = options.DEFAULT_CATALOGUE,
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
