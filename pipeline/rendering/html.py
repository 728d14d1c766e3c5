"""Drafts as one HTML page that needs nothing beside itself: a section a report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from pipeline.catalogue import Catalogue
from pipeline.rendering import words
from pipeline.report import Draft


def page(drafts: Sequence[Draft], catalogue: Catalogue) -> str:
    """The drafts as a page; all that comes from reports is escaped."""
    environment = Environment(
        loader=PackageLoader("pipeline.rendering"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["clean"] = words.clean
    environment.filters["percent"] = words.percent
    return environment.get_template("drafts.html.j2").render(drafts=drafts, catalogue=catalogue, words=words)


def write(drafts: Sequence[Draft], catalogue: Catalogue, path: Path) -> None:
    """Writes the page to a file."""
    path.write_text(page(drafts, catalogue), encoding="utf8")
