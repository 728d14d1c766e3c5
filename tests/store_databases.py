"""Archives to test on: SQLite, and a PostgreSQL server where there is one.

PostgreSQL: $SPUR_TEST_POSTGRES (the URL of a server whose account may create databases), else a server of our own from
Debian's binaries, else such tests are skipped.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from pipeline.store.database import location

PORT = "54329"  # of the socket's name only: the server listens on no network


def _binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    if not found and (path := shutil.which("initdb")):
        found = [Path(path)]
    return found[0].parent if found else None


@contextmanager
def server() -> Iterator[str]:
    """The URL of a server; skips the test where there is none."""
    pytest.importorskip("psycopg", reason="the extra postgres is not installed")
    if url := os.environ.get("SPUR_TEST_POSTGRES"):
        yield url
        return
    binaries = _binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL: set SPUR_TEST_POSTGRES or install Debian's postgresql")
    # Not below pytest's folder: that is for one account only, and PostgreSQL does not run as root.
    with tempfile.TemporaryDirectory(prefix="spur-pg-") as name:
        folder, account = Path(name), None
        if os.getuid() == 0:
            account = next((n for n in ("postgres", "nobody") if _exists(n)), None)
            shutil.chown(folder, account)
        url = f"postgresql://spur@/postgres?host={folder}&port={PORT}"
        with _running(binaries, folder, account):
            _wait(url)
            yield url


@contextmanager
def _running(binaries: Path, folder: Path, account: str | None) -> Iterator[None]:
    data, quiet = folder / "data", {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    make = [
        "initdb",
        "-D",
        data,
        "-A",
        "trust",
        "-U",
        "spur",
        "-E",
        "UTF8",
        "--locale",
        "C.UTF-8",
        "--no-sync",
    ]
    start = ["postgres", "-D", data, "-k", folder, "-p", PORT, "-c", "listen_addresses=", "-c", "fsync=off"]
    command, *options = make
    subprocess.run([binaries / command, *options], check=True, user=account, cwd=folder, **quiet)
    command, *options = start
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [binaries / command, *options], user=account, cwd=folder, stderr=log, **quiet
        )
        try:
            yield
        finally:
            process.send_signal(signal.SIGQUIT)  # at once: nothing of it is kept
            process.wait(timeout=60)


def _wait(url: str) -> None:
    engine = create_engine(location(url))
    for left in reversed(range(150)):
        try:
            engine.connect().close()
            break
        except OperationalError:
            if not left:
                raise
            time.sleep(0.2)
    engine.dispose()


def _exists(account: str) -> bool:
    try:
        pwd.getpwnam(account)
    except KeyError:
        return False
    return True


@contextmanager
def database(url: str) -> Iterator[str]:
    """A database of its own on a server; its URL."""
    name = f"spur_test_{uuid4().hex}"
    engine = create_engine(location(url), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        yield make_url(url).set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        engine.dispose()
