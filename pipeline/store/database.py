"""Where the archive is, and transactions of it.

SQLite at `home()/store.db` unless `$SPUR_STORE` (or the caller) names another file or a PostgreSQL URL. SQLite runs in
WAL mode with foreign keys on; a writer takes the write lock when it begins, so none fails half-way for another's sake.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.orm import Session

from pipeline.report import SpurError
from pipeline.resources import home
from pipeline.store import migrating

VARIABLE = "SPUR_STORE"
_BUSY_SECONDS = 30
_WRITE = "spur_write"


class Store:
    """An archive. Safe to share between threads; `close` it, or use it as a context."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._snapshot = engine.execution_options(
            **({"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {})
        )
        self._writing = engine.execution_options(**{_WRITE: True})
        # SQLite has one writer, and lets those who wait try again at intervals: here each follows the one before.
        self._turn = threading.Lock() if engine.dialect.name == "sqlite" else None

    @classmethod
    def open(cls, where: str | Path | None = None) -> Store:
        """The archive at a path or URL, by default `$SPUR_STORE` or the user's own; made or migrated where needed.

        Raises SpurError where it cannot be reached, or was made by a newer version of this program.
        """
        url = location(where)
        engine = engine_at(url)
        try:
            with _told(url):
                migrating.upgrade(engine)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine)

    @property
    def name(self) -> str:
        """Where it is, for people; without a password."""
        return _name(self.engine.url)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees the archive as it is at its first query, whatever others write meanwhile."""
        with _told(self.engine.url), Session(self._snapshot) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session in one transaction: committed at the end, rolled back where anything is raised."""
        taken = self._turn is not None and self._turn.acquire(timeout=_BUSY_SECONDS)
        try:
            with _told(self.engine.url), Session(self._writing) as session, session.begin():
                yield session
        finally:
            if taken and self._turn is not None:
                self._turn.release()

    def scrub(self) -> None:
        """Lets nothing of what has been removed stay in SQLite's files; PostgreSQL's are the server's concern."""
        if self.engine.dialect.name != "sqlite":
            return
        with self.write() as session:
            session.execute(text("INSERT INTO sentence_words(sentence_words) VALUES ('optimize')"))
        connection = self.engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        finally:
            connection.close()

    def close(self) -> None:
        self.engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def location(where: str | Path | None = None) -> URL:
    """The URL of the archive: of `where`, else of `$SPUR_STORE`, else of `home()/store.db`."""
    named = str(where or os.environ.get(VARIABLE) or home() / "store.db")
    if "://" not in named:
        return URL.create("sqlite", database=str(Path(named).expanduser().absolute()))
    try:
        url = make_url(named)
    except ArgumentError as e:
        raise SpurError(f"{VARIABLE}: ingen databas-URL: ange postgresql://… eller en fil") from e
    if url.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return url.set(drivername="postgresql+psycopg")
    if url.drivername.partition("+")[0] == "sqlite" and url.database:
        return url.set(drivername="sqlite")
    raise SpurError(f"{_name(url)}: arkivet kan vara SQLite (en fil) eller PostgreSQL (postgresql://…)")


def _name(url: URL) -> str:
    is_file = url.drivername == "sqlite" and url.database
    return str(url.database) if is_file else url.render_as_string(hide_password=True)


def engine_at(url: URL) -> Engine:
    """An engine for a `location`; a new SQLite file is made where there is none. `Store.open` is the usual way in."""
    if url.drivername != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    path = Path(url.database or "")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():  # report text is for its owner only
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as e:
        raise SpurError(f"{path}: arkivet kan inte skapas ({e.strerror}): välj en annan plats") from e
    engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _: Any) -> None:
    connection.isolation_level = None  # transactions begin where `_begin` says, not where the driver guesses
    for setting in (
        "journal_mode = WAL",
        "synchronous = FULL",  # what has been acknowledged survives a power cut
        "foreign_keys = ON",
        "secure_delete = ON",  # what is forgotten is overwritten
    ):
        connection.execute(f"PRAGMA {setting}").close()


def _begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get(_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


@contextmanager
def _told(url: URL) -> Iterator[None]:
    """Says in words what a database error means."""
    try:
        yield
    except DBAPIError as e:
        what = " ".join(str(e.orig).split())
        raise SpurError(f"arkivet {_name(url)}: {what}: {_advice(what, url)}") from e


def _advice(what: str, url: URL) -> str:
    if url.drivername != "sqlite":
        return "kontrollera att servern går att nå och att kontot har rätt att skriva"
    if "locked" in what:
        return "ett annat program skriver i arkivet; försök igen"
    if "malformed" in what or "not a database" in what:
        return "filen är skadad eller inget arkiv; flytta undan den och kör  spur archive restore FIL"
    return "kontrollera filen, dess rättigheter och diskutrymmet"
