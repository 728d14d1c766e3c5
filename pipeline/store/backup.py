"""The archive as one file, the same for SQLite and PostgreSQL, and back.

The file is a zip: `<table>.jsonl` for each table, one JSON object a row (times as ISO, bytes as base64), and at last
`manifest.json`: {"format": "spur-archive", "schema": 1, "revision": <of the migrations>, "program", "created",
"tables": {name: {"rows", "sha256"}}}. All of it is the archive at one moment.

Restoring first builds a database of its own from the file, migrates that to the newest form and checks it; only then
is the archive's content exchanged, in one transaction. Whatever fails, the archive stays as it was.
"""

from __future__ import annotations

import base64
import hashlib
import json
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, MetaData, Table, delete, insert, inspect, select, text
from sqlalchemy import types as sqltypes
from sqlalchemy.exc import SQLAlchemyError

from pipeline import __version__
from pipeline.report import SpurError
from pipeline.store import migrating
from pipeline.store.database import Store, engine_at, location
from pipeline.store.schema import OF_SERVER, content_tables, now

FORMAT, SCHEMA, MANIFEST = "spur-archive", 1, "manifest.json"
NOT_CONTENT = OF_SERVER | {"alembic_version"}
INDEX = "sentence_words"  # SQLite's word index and the tables behind it; triggers keep it
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Summary:
    """What a backup holds."""

    reports: int
    drafts: int
    corrections: int


def _summary(rows: Mapping[str, int]) -> Summary:
    return Summary(rows.get("reports", 0), rows.get("drafts", 0), rows.get("corrections", 0))


def write(store: Store, path: Path) -> Summary:
    """Writes the archive, as it is at one moment, to a file. Others can read and write meanwhile."""
    tables: dict[str, Any] = {}
    with store.read() as session, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as file:
        connection = session.connection()
        revision = migrating.current(connection)
        for table in content_tables():
            with file.open(f"{table.name}.jsonl", "w", force_zip64=True) as out:
                tables[table.name] = _write_table(connection, table, out)
        manifest = {
            "format": FORMAT,
            "schema": SCHEMA,
            "revision": revision,
            "program": __version__,
            "created": now().isoformat(timespec="seconds") + "Z",
            "tables": tables,
        }
        file.writestr(MANIFEST, json.dumps(manifest, indent=1) + "\n")
    return _summary({name: told["rows"] for name, told in tables.items()})


def _write_table(connection: Connection, table: Table, out: IO[bytes]) -> dict[str, Any]:
    digest, rows = hashlib.sha256(), 0
    query = select(table).order_by(*table.primary_key.columns).execution_options(yield_per=_BATCH)
    for row in connection.execute(query).mappings():
        line = json.dumps({k: _plain(v) for k, v in row.items()}, ensure_ascii=False).encode("utf8") + b"\n"
        digest.update(line)
        out.write(line)
        rows += 1
    return {"rows": rows, "sha256": digest.hexdigest()}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value.isoformat() if isinstance(value, date) else value


def restore(store: Store, path: Path) -> Summary:
    """Puts a backup's content in place of the archive's.

    Raises SpurError (the archive is then as it was) where the file is no backup, damaged, or newer than this program.
    """
    try:
        with zipfile.ZipFile(path) as file:
            manifest = _manifest(file, path)
            _verify(file, manifest["tables"], path)
            with tempfile.TemporaryDirectory(prefix="spur-restore-", dir=_room(store)) as folder:
                staged = _stage(file, manifest, Path(folder) / "staged.db", path)
                try:
                    return _exchange(staged, store)
                finally:
                    staged.close()
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as e:
        raise SpurError(f"{path}: ingen hel säkerhetskopia ({e}): arkivet är orört") from e
    except OSError as e:
        raise SpurError(f"{path}: kunde inte läsas in ({e.strerror or e}): arkivet är orört") from e


def _room(store: Store) -> str | None:
    """A folder with room for a database: beside SQLite's own."""
    return (
        str(Path(store.engine.url.database or "").parent) if store.engine.dialect.name == "sqlite" else None
    )


def _manifest(file: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(file.read(MANIFEST))
        fits = manifest["format"] == FORMAT and manifest["schema"] == SCHEMA
        if not fits or manifest["revision"] not in migrating.known():
            raise SpurError(
                f"{path}: säkerhetskopian är gjord av en nyare version: uppgradera spur-pipeline; arkivet är orört"
            )
        if not all(str(t["sha256"]) and int(t["rows"]) >= 0 for t in manifest["tables"].values()):
            raise ValueError("tables")
    except (KeyError, ValueError, TypeError, AttributeError) as e:
        raise SpurError(f"{path}: ingen säkerhetskopia av ett spur-arkiv ({e}): arkivet är orört") from e
    return dict(manifest)


def _verify(file: zipfile.ZipFile, tables: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    for name, told in tables.items():
        digest = hashlib.sha256()
        try:
            with file.open(f"{name}.jsonl") as stream:
                while piece := stream.read(1 << 20):
                    digest.update(piece)
        except KeyError as e:
            raise SpurError(f"{path}: {name} saknas i säkerhetskopian: arkivet är orört") from e
        if digest.hexdigest() != told["sha256"]:
            raise SpurError(f"{path}: {name} är skadad (kontrollsumman stämmer inte): arkivet är orört")


def _stage(file: zipfile.ZipFile, manifest: Mapping[str, Any], database: Path, path: Path) -> Store:
    """A database of its own with the backup's content, in the newest form, whole."""
    staged = Store(engine_at(location(database)))
    try:
        migrating.upgrade(staged.engine, manifest["revision"])
        with staged.engine.execution_options(spur_write=True).begin() as connection:
            _load(connection, file, manifest["tables"])
        migrating.upgrade(staged.engine)
    except (LookupError, ValueError, TypeError, SQLAlchemyError) as e:
        staged.close()
        what = str(getattr(e, "orig", None) or e).split("\n")[0]
        raise SpurError(f"{path}: säkerhetskopian går inte att läsa ({what}): arkivet är orört") from e
    except BaseException:
        staged.close()
        raise
    return staged


def _load(connection: Connection, file: zipfile.ZipFile, tables: Mapping[str, Mapping[str, Any]]) -> None:
    """Fills an empty database; its own constraints say whether the rows belong together."""
    wanted = {n for n in inspect(connection).get_table_names() if n not in NOT_CONTENT}
    wanted = {n for n in wanted if not n.startswith(INDEX)}
    if wanted != set(tables):
        raise ValueError(f"tabeller: {', '.join(sorted(wanted ^ set(tables)))}")
    reflected = MetaData()
    reflected.reflect(connection, only=sorted(wanted))
    for table in reflected.sorted_tables:
        with file.open(f"{table.name}.jsonl") as stream:
            rows = _fill(connection, table, _rows(stream, table))
        if rows != tables[table.name]["rows"]:
            raise ValueError(f"{table.name}: {rows} rader, ska vara {tables[table.name]['rows']}")


def _rows(stream: IO[bytes], table: Table) -> Iterator[dict[str, Any]]:
    read: dict[str, Callable[[str], Any]] = {}
    for column in table.columns:
        if isinstance(column.type, sqltypes.DateTime):
            read[column.name] = datetime.fromisoformat
        elif isinstance(column.type, sqltypes.Date):
            read[column.name] = date.fromisoformat
        elif isinstance(column.type, sqltypes.LargeBinary):
            read[column.name] = base64.b64decode
    for line in stream:
        row: dict[str, Any] = json.loads(line)
        yield {k: v if v is None or k not in read else read[k](v) for k, v in row.items()}


def _fill(connection: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> int:
    left, count = iter(rows), 0
    while batch := list(islice(left, _BATCH)):
        connection.execute(insert(table), batch)
        count += len(batch)
    return count


def _exchange(staged: Store, store: Store) -> Summary:
    tables = content_tables()
    counts = {}
    with staged.read() as source, store.write() as target:
        new, old = source.connection(), target.connection()
        if old.dialect.name == "postgresql":
            names = ", ".join(t.name for t in tables)
            old.execute(text(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE"))
        for table in reversed(tables):
            old.execute(delete(table))
        for table in tables:
            found = new.execute(select(table).execution_options(yield_per=_BATCH)).mappings()
            counts[table.name] = _fill(old, table, (dict(row) for row in found))
        if old.dialect.name == "postgresql":
            _count_on(old, tables)
    return _summary(counts)


def _count_on(connection: Connection, tables: Iterable[Table]) -> None:
    """Lets PostgreSQL number new rows after those that came with their numbers."""
    for table in tables:
        column = table.autoincrement_column
        if column is not None:
            sequence = text(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column.name}'), "
                f"coalesce(max({column.name}), 0) + 1, false) FROM {table.name}"
            )
            connection.execute(sequence)
