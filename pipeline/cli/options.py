"""Options that several commands share, worded once."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from pipeline.catalogue import DEFAULT

DEFAULT_CATALOGUE = DEFAULT

Paths = Annotated[
    list[Path],
    typer.Argument(metavar="PATH...", help="Reports, or folders of them (.pdf .docx .txt .md .html)."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON Lines and nothing else.")]
AsOf = Annotated[
    datetime | None,
    typer.Option(metavar="DATE", formats=["%Y-%m-%d"], help="The day the plans' dates are judged on; today."),
]
Model = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FOLDER", help="Findings model; baseline is the linear one, champion the promoted one."
    ),
]
CatalogueName = Annotated[str, typer.Option(metavar="NAME|FILE", help="Catalogue of criteria.")]
