"""`spur corrections`: what people have corrected, as a list and as training data."""

from __future__ import annotations

import json as jsons
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli import options
from pipeline.cli.output import usage, write

if TYPE_CHECKING:
    from pipeline.store.corrections import Correction

app = typer.Typer(
    help="Corrections of findings and grades, from the web and the API.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.command()
def export(
    *,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Made if it is not there.")],
    whole: Annotated[
        bool,
        typer.Option(
            "--whole",
            help="All sentences of corrected reports: where nobody has said anything, the model's word stands.",
        ),
    ] = False,
) -> None:
    """Writes corrections as training data: FOLDER/sentences.jsonl, FOLDER/grades.csv and FOLDER/tsv/<report>.tsv.

    The TSV files are read like the corpus: give FOLDER/tsv among the data of `spur train`. Files of an earlier
    export are replaced.
    """
    from pipeline.corpus import corrected  # noqa: PLC0415
    from pipeline.store import Store, corrections  # noqa: PLC0415

    with Store.open() as store, store.read() as session:
        rows = list(corrections.labelled_sentences(session, whole=whole))
        grades = list(corrections.labelled_grades(session))
    try:
        (out / "tsv").mkdir(parents=True, exist_ok=True)
        write(out / "sentences.jsonl", lambda path: corrected.write_jsonl(rows, path))
        write(out / "grades.csv", lambda path: corrected.write_grades(grades, path))
        files, left = corrected.write_tsv(rows, out / "tsv")
    except OSError as e:
        raise usage(f"--out {out}: kan inte skrivas ({e.strerror}): välj en annan mapp") from e
    said = sum(bool(r.corrected) for r in rows)
    print(f"{out}: {len(rows)} meningar ({said} rättade) ur {files} rapporter, {len(grades)} betyg")
    if left:
        print(f"{left} meningar utan avsnitt finns bara i sentences.jsonl")


@app.command("list")
def list_(
    json: options.Json = False,
    undone: Annotated[bool, typer.Option("--undone", help="The undone ones too.")] = False,
) -> None:
    """Lists corrections in the order they were made."""
    from pipeline.store import Store, corrections  # noqa: PLC0415

    with Store.open() as store, store.read() as session:
        for c in corrections.listed(session, undone=undone):
            print(jsons.dumps(_told(c), ensure_ascii=False) if json else _line(c))


def _told(c: Correction) -> dict[str, object]:
    keys = (
        "id", "report", "author", "catalogue", "target", "sentence", "section", "text", "criterion", "status",
        "area", "grade", "was", "comment", "undone_by",
    )  # fmt: skip
    return {
        **{k: getattr(c, k) for k in keys},
        "created": f"{c.created.isoformat()}Z",
        "undone": f"{c.undone.isoformat()}Z" if c.undone else None,
        "model": {"name": c.model.name, "version": c.model.version},
    }


def _line(c: Correction) -> str:
    what = (
        f"område {c.area}: {c.was} → {c.grade}"
        if c.target == "grade"
        else f"mening {c.sentence} {c.criterion}: {c.was} → {c.status}"
    )
    gone = f"  (ångrad av {c.undone_by})" if c.undone else ""
    return f"{c.created:%Y-%m-%d %H:%M}  {c.report[:12]}  {c.author}  {what}{gone}"
