"""`spur search`: sentences in the archive."""

from __future__ import annotations

import json as jsons
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli import options
from pipeline.cli.output import usage

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from pipeline.search import Hit, SentenceVectors

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class By(StrEnum):
    both = "both"
    words = "words"
    meaning = "meaning"


class Told(StrEnum):
    met = "met"
    partly = "partly"
    unmet = "unmet"


Many = list[str] | None


@app.command()
def search(
    query: Annotated[
        str,
        typer.Argument(metavar="QUERY", help='Words; "in this order"; beginn*. "" with filters lists all.'),
    ],
    *,
    json: options.Json = False,
    criterion: Annotated[Many, typer.Option(help="The sentence tells of it, e.g. E.F6.")] = None,
    status: Annotated[list[Told] | None, typer.Option(help="How the criterion is said to be.")] = None,
    area: Annotated[Many, typer.Option(help="The sentence stands in the area or tells of it.")] = None,
    section: Annotated[
        Many, typer.Option(help="Where it stands: A-H, STYRKOR, SVAGHETER, FORBATTRING.")
    ] = None,
    grade: Annotated[
        Many, typer.Option(help="The area's grade: corrected, else stated, else suggested.")
    ] = None,
    specialty: Annotated[Many, typer.Option()] = None,
    region: Annotated[Many, typer.Option()] = None,
    year: Annotated[list[int] | None, typer.Option()] = None,
    report: Annotated[Many, typer.Option(help="Id (or its beginning), or file name.")] = None,
    by: Annotated[
        By,
        typer.Option(help="Meaning needs an archive read by a model with sentence vectors (not baseline)."),
    ] = By.both,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME|FOLDER", help="The model that read the archive, if not a shipped one."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most sentences to show.")] = 50,
) -> None:
    """Finds sentences in the archive by words, by meaning, and by what is known of them.

    Filters can be repeated: any of the values. Different filters must all be fulfilled.
    """
    from pipeline.search import Filters  # noqa: PLC0415
    from pipeline.search import search as find  # noqa: PLC0415
    from pipeline.store import Store, archive  # noqa: PLC0415

    with Store.open() as store, store.read() as session:
        filters = Filters(
            criterion=_upper(criterion),
            status=tuple(s.value for s in status or ()),
            area=_upper(area),
            section=_upper(section),
            grade=_upper(grade),
            specialty=tuple(specialty or ()),
            region=tuple(region or ()),
            year=tuple(year or ()),
            report=tuple(archive.find(session, r).id for r in report or ()),
        )
        if not query.strip() and not filters:
            raise usage("sökningen är tom: ange ord, eller ett filter som --criterion E.F6")
        reader = _reader(session, by, model) if query.strip() else None
        hits = find(session, query, filters, model=reader, way=by.value, limit=limit)
    _show(hits, json, words_only=reader is None and bool(query.strip()))


def _upper(values: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(v.strip().upper() for v in values or ())


def _reader(session: Session, by: By, model: str | None) -> SentenceVectors | None:
    """The model that reads the query, None where only words can be searched."""
    if by is By.words:
        return None
    from pipeline import catalogue, findings  # noqa: PLC0415
    from pipeline.search import SentenceVectors as Vectors  # noqa: PLC0415
    from pipeline.search import meaning  # noqa: PLC0415

    reader: SentenceVectors | None
    if model is not None:
        loaded = findings.load(Path(model) if Path(model).is_dir() else model, catalogue.load())
        reader = loaded if isinstance(loaded, Vectors) else None
    else:
        reader = meaning.reader(session)
    if reader is None and by is By.meaning:
        raise usage("arkivet kan bara sökas med ord: det är inte läst av en modell med meningsvektorer")
    return reader


def _show(hits: Sequence[Hit], json: bool, words_only: bool) -> None:
    if json:
        from pipeline.rendering.jsonl import hit_json  # noqa: PLC0415

        for hit in hits:
            print(jsons.dumps(hit_json(hit), ensure_ascii=False))
        return
    for hit in hits:
        told = ", ".join(f"{f.criterion} {f.status}" for f in hit.findings)
        print(f"{hit.file or hit.report[:12]} {hit.section or '–'} {hit.sentence}: {hit.text}")
        if told:
            print(f"    {told}")
    print(f"{len(hits)} meningar{' (sökt med ord, inte med betydelse)' if words_only else ''}")
