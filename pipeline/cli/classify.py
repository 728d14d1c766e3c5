"""`spur classify`: sentences in, the same with their findings out."""

from __future__ import annotations

import json as jsons
import sys
from collections.abc import Iterable, Iterator, Set
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli import options
from pipeline.cli.output import Failed, error, existing, usage
from pipeline.report import LISTS, SpurError

if TYPE_CHECKING:
    from pipeline.findings import FindingsModel

BATCH = 1024  # lines; a report is never divided

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def classify(
    file: Annotated[
        Path,
        typer.Argument(metavar="[FILE|-]", help="JSON Lines with id, report, section, text; - is stdin."),
    ] = Path("-"),
    *,
    json: options.Json = False,
    model: options.Model = None,
    catalogue: options.CatalogueName = options.DEFAULT_CATALOGUE,
) -> None:
    """Finds what sentences tell of which criteria.

    Lines of one report that follow each other are its context.
    """
    if str(file) != "-":
        existing([file])
        if file.is_dir():
            raise usage(f"{file}: en mapp: ange en fil med JSON Lines, eller - för stdin")
    from pipeline import catalogue as catalogues  # noqa: PLC0415
    from pipeline import drafting, findings  # noqa: PLC0415

    criteria = catalogues.load(catalogue)
    model_ = findings.load(model or drafting.default_model(), criteria)
    counter = _Counter()
    with ExitStack() as stack:
        stream: IO[bytes] = sys.stdin.buffer if str(file) == "-" else stack.enter_context(file.open("rb"))
        for batch in batches(rows(stream, {*criteria.areas, *LISTS}, counter)):
            _show(batch, model_, json)
    if counter.bad:
        raise Failed(1)


@dataclass
class _Counter:
    bad: int = 0


def rows(stream: Iterable[bytes], sections: Set[str], counter: _Counter) -> Iterator[dict[str, Any]]:
    """The lines that are right; each of the others is a line on stderr and counted."""
    for number, line in enumerate(stream, 1):
        if not line.strip():
            continue
        try:
            yield _row(line, sections)
        except SpurError as e:
            counter.bad += 1
            error(f"rad {number}: {e}")


def _row(line: bytes, sections: Set[str]) -> dict[str, Any]:
    try:
        row = jsons.loads(line.decode("utf-8-sig"))
    except ValueError as e:
        raise SpurError(f"inte JSON i UTF-8 ({e}): skriv ett JSON-objekt på varje rad") from e
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        raise SpurError("inget JSON-objekt med text: ange id, report, section och text")
    if row.get("section") is not None and row["section"] not in sections:
        raise SpurError(f"okänt avsnitt {row['section']!r}: ange {', '.join(sorted(sections))} eller null")
    return row


def batches(lines: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Lines in batches that do not divide a report (lines in a row with one `report`)."""
    batch: list[dict[str, Any]] = []
    for row in lines:
        divides = batch and row.get("report") is not None and row["report"] == batch[-1].get("report")
        if len(batch) >= BATCH and not divides:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _show(batch: list[dict[str, Any]], model: FindingsModel, json: bool) -> None:
    from pipeline.findings import SentenceInput, decide  # noqa: PLC0415
    from pipeline.rendering import jsonl, table  # noqa: PLC0415

    def report(row: dict[str, Any]) -> str | None:
        return None if row.get("report") is None else str(row["report"])

    inputs = [SentenceInput(r["text"], r.get("section"), report(r)) for r in batch]
    found = decide(model.predict(inputs), model.thresholds, model.catalogue)
    console = None if json else table.console()
    for row, its in zip(batch, found, strict=True):
        if console is None:
            print(jsonl.dump({**row, "findings": [jsonl.finding_json(f) for f in its]}))
        else:
            console.print(table.findings_text(row["text"], its, model.catalogue))
    sys.stdout.flush()
