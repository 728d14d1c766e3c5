"""Brings an archive's tables to the shape that this program knows, with Alembic and nothing on the command line.

The migrations are package data (`pipeline/store/migrations`). A developer makes a new one by hand after the pattern of
the first; `tests/test_store.py` compares the result with `schema.py`.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from pipeline.report import SpurError

_FOLDER = Path(__file__).resolve().parent / "migrations"
_LOCK = 7301482  # of PostgreSQL, while one of several programs migrates


def config(connection: Connection | None = None) -> Config:
    """Alembic's settings for the shipped migrations, on a connection in a transaction."""
    settings = Config()
    settings.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    settings.attributes["connection"] = connection
    return settings


def head() -> str:
    """The revision that this program writes."""
    revision = ScriptDirectory.from_config(config()).get_current_head()
    assert revision is not None
    return revision


def known() -> frozenset[str]:
    """Every revision that this program can read."""
    return frozenset(r.revision for r in ScriptDirectory.from_config(config()).walk_revisions())


def current(connection: Connection) -> str | None:
    """The revision of a database, None of an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(engine: Engine, revision: str | None = None) -> None:
    """Migrates to a revision, by default the newest, in one transaction. Does nothing where it is there already.

    Raises SpurError where the database was made by a newer version.
    """
    wanted = revision or head()
    with engine.connect() as connection:
        if current(connection) == wanted:
            return
    with engine.execution_options(spur_write=True).begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        found = current(connection)  # another program may have migrated while this one waited
        if found is not None and found not in known():
            raise SpurError(
                f"arkivet har en nyare form ({found}) än programmet känner till: uppgradera spur-pipeline"
            )
        if found != wanted:
            command.upgrade(config(connection), wanted)
