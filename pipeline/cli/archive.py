"""`spur archive`: the archive of reports."""

from __future__ import annotations

import hashlib
import json as jsons
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli import files, options
from pipeline.cli.output import Failed, error, existing, tracked, usage, write

if TYPE_CHECKING:
    from pipeline.drafting import Drafter
    from pipeline.report import Draft
    from pipeline.store import Metadata, Store
    from pipeline.store.archive import Entry

app = typer.Typer(
    help="The archive of reports: in $SPUR_STORE (a file or a postgresql:// URL), else in the user's data folder.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.command()
def add(
    paths: options.Paths,
    *,
    json: options.Json = False,
    metadata: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV|XLSX",
            help="Columns report (file stem), and any of region, unit_kind, specialty, year.",
        ),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Draft anew what this model has drafted already.")
    ] = False,
    as_of: options.AsOf = None,
    model: options.Model = None,
    catalogue: options.CatalogueName = options.DEFAULT_CATALOGUE,
) -> None:
    """Drafts reports and keeps them. The same content twice is one report; another model adds a draft of it.

    Each report is kept as soon as it is done: after an interruption, the same command goes on.
    """
    existing([metadata] if metadata else [])
    found = files.find(paths, leave=metadata)
    from pipeline import drafting  # noqa: PLC0415
    from pipeline.store import Store  # noqa: PLC0415

    known = _known(metadata) if metadata else {}
    drafter = drafting.Drafter.load(model, catalogue, as_of.date() if as_of else date.today())
    with Store.open() as store:
        run = _Adding(store, drafter, known, again, json)
        run.all(found)
    files.finish(run.failed)


def _known(path: Path) -> dict[str, Metadata]:
    """What is known of reports beside their files, by file stem."""
    from pipeline.audit import tables  # noqa: PLC0415
    from pipeline.store import Metadata  # noqa: PLC0415

    return {report: Metadata.of(columns) for report, columns in tables.metadata(path).items()}


@dataclass
class _Adding:
    """One run of `add`."""

    store: Store
    drafter: Drafter
    metadata: Mapping[str, Metadata]
    again: bool
    json: bool
    failed: int = 0

    def all(self, found: Sequence[Path]) -> None:
        from pipeline import drafting, reading  # noqa: PLC0415

        names = drafting.names(found)
        contents = self._contents(found)
        new = [path for path in contents if self.again or not self._present(path, contents[path], names)]
        if not new:
            return
        with reading.IsolatedReader() as reader:  # a hostile file can take neither our memory nor our time
            outcomes = drafting.each(new, self.drafter.draft, reader.read)
            for outcome in tracked(outcomes, len(new), "Läser rapporter"):
                if outcome.result is None:
                    self._fail(outcome.path, outcome.error)
                elif not _same(outcome.path, contents[outcome.path]):
                    self._fail(outcome.path, "ändrades medan den lästes: lägg till den igen")
                else:
                    draft = drafting.named(outcome.result, names[outcome.path])
                    self._keep(outcome.path, draft, contents[outcome.path])

    def _contents(self, found: Sequence[Path]) -> dict[Path, str]:
        """The hash of each file; of files with the same content, only the first."""
        out: dict[Path, str] = {}
        seen: set[str] = set()
        for path in found:
            try:
                content = _digest(path)
            except OSError:
                content = ""  # reading it will tell what is wrong
            if not content or content not in seen:
                out[path] = content
                seen.add(content)
        return out

    def _present(self, path: Path, content: str, names: Mapping[Path, str]) -> bool:
        """Whether this model has drafted the file already; what is known of it beside the file is added."""
        from pipeline.store import archive  # noqa: PLC0415

        with self.store.read() as session:
            catalogue = self.drafter.catalogue.name
            report = archive.has(session, content, self.drafter.model.info, catalogue) if content else None
        if report is None:
            return False
        if path.stem in self.metadata:
            with self.store.write() as session:
                archive.describe(session, report, self.metadata[path.stem])
        self._say(report, names[path], False)
        return True

    def _keep(self, path: Path, draft: Draft, content: str) -> None:
        from pipeline.search import vectors_of  # noqa: PLC0415
        from pipeline.store import archive  # noqa: PLC0415

        vectors = vectors_of(self.drafter.model, draft)
        with self.store.write() as session:
            done = archive.add(
                session,
                draft,
                content,
                metadata=self.metadata.get(path.stem),
                vectors=vectors,
                as_of=self.drafter.as_of,
                again=self.again,
            )
        self._say(done.report, draft.report.file or path.name, done.new_draft)

    def _say(self, report: str, file: str, added: bool) -> None:
        if self.json:
            print(
                jsons.dumps({"report": report, "file": file, "added": added}, ensure_ascii=False), flush=True
            )
        else:
            print(f"{report[:12]}  {file}: {'tillagd' if added else 'finns redan'}", flush=True)

    def _fail(self, path: Path, why: str) -> None:
        self.failed += 1
        error(f"{path}: {why}")


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _same(path: Path, content: str) -> bool:
    """Whether the file still holds what it held."""
    try:
        return _digest(path) == content
    except OSError:
        return False


def entry_json(entry: Entry) -> dict[str, Any]:
    """A report of the archive as `spur archive list --json` gives it."""
    same = (
        "file", "unit", "specialty", "date", "year", "regulation", "catalogue", "place", "region", "unit_kind"
    )  # fmt: skip
    return {
        "report": entry.id,
        **{k: getattr(entry, k) for k in same},
        "inspectors": list(entry.inspectors),
        "added": entry.added.isoformat(timespec="seconds") + "Z",
        "content": entry.content,
        "model": {"name": entry.model.name, "version": entry.model.version},
        "drafts": entry.drafts,
        "sentences": entry.sentences,
    }


@app.command("list")
def list_(
    json: options.Json = False,
) -> None:
    """Lists the reports of the archive by file name."""
    from pipeline.store import Store, archive  # noqa: PLC0415

    with Store.open() as store, store.read() as session:
        entries = archive.entries(session)
        if json:
            for entry in entries:
                print(jsons.dumps(entry_json(entry), ensure_ascii=False))
            return
        _table(list(entries))


def _table(entries: Sequence[Entry]) -> None:
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from pipeline.rendering import table  # noqa: PLC0415

    if not entries:
        print("Arkivet är tomt: lägg till rapporter med  spur archive add MAPP")
        return
    shown = Table(box=None, pad_edge=False)
    for name in ("Rapport", "Fil", "Enhet", "Specialitet", "År", "Region", "Modell", "Utkast"):
        shown.add_column(name, no_wrap=name in ("Rapport", "År"))
    for e in entries:
        model = f"{e.model.name} {e.model.version}"
        row = (e.id[:12], e.file, e.unit, e.specialty, e.year, e.region, model, e.drafts)
        shown.add_row(*(Text("–" if v is None else str(v)) for v in row))
    table.console().print(shown)


@app.command()
def forget(
    report: Annotated[str, typer.Argument(metavar="REPORT", help="Id (or its beginning), or file name.")],
) -> None:
    """Removes a report with its drafts and corrections, for good."""
    from pipeline.store import Store, archive  # noqa: PLC0415

    with Store.open() as store:
        with store.write() as session:
            entry = archive.find(session, report)
            corrections = archive.forget(session, entry.id)
        store.scrub()
    also = f" och {corrections} rättelser" if corrections else ""
    print(f"{entry.id[:12]}  {entry.file}: glömd, med {entry.drafts} utkast{also}")


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to write (.zip).")],
) -> None:
    """Writes the whole archive, as it is at one moment, to one file."""
    if not file.parent.is_dir() or file.is_dir():
        raise usage(f"{file}: mappen finns inte eller namnet är en mapps: ange en fil i en mapp som finns")
    from pipeline.store import Store  # noqa: PLC0415
    from pipeline.store import backup as backups  # noqa: PLC0415

    with Store.open() as store:
        try:
            write(file, lambda path: _hold(backups.write(store, path), file))
        except OSError as e:
            raise usage(f"{file}: kan inte skrivas ({e.strerror}): välj en annan plats") from e


def _hold(summary: Any, file: Path) -> None:
    print(
        f"{file}: {summary.reports} rapporter, {summary.drafts} utkast, {summary.corrections} rättelser",
        flush=True,
    )


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `archive backup` has written.")],
) -> None:
    """Puts a backup in place of the archive's content. A damaged backup changes nothing."""
    existing([file])
    from pipeline.report import SpurError  # noqa: PLC0415
    from pipeline.store import Store  # noqa: PLC0415
    from pipeline.store import backup as backups  # noqa: PLC0415

    with Store.open() as store:
        try:
            _hold(backups.restore(store, file), file)
        except SpurError as e:
            error(str(e))
            raise Failed(1) from e
