"""Fixtures of the archive's tests: a store of each kind of database, and drafts to put into it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from store_databases import database, server

from pipeline import reading
from pipeline.drafting import Drafter
from pipeline.report import Draft
from pipeline.store import Store, archive

EXAMPLES = Path(__file__).resolve().parents[1] / "data" / "examples"
FILES = ("graded/w15-tx-20.pdf", "layout-1/w20-tz-49.txt", "layout-2/w9-ts-31.txt", "layout-3/w15-tx-23.md")


@dataclass(frozen=True)
class Drafted:
    """A draft of an example and the hash of its file."""

    draft: Draft
    content: str


@pytest.fixture(scope="session")
def drafted() -> list[Drafted]:
    """Four examples drafted by the baseline; the first states grades and has a plan."""
    drafter = Drafter.load("baseline")
    paths = [EXAMPLES / f for f in FILES]
    return [Drafted(drafter.draft(reading.read(p)), archive.content_hash(p.read_bytes())) for p in paths]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL server; skips where there is none."""
    with server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty archive."""
    if request.param == "sqlite":
        with Store.open(tmp_path / "store.db") as opened:
            yield opened
        return
    with database(request.getfixturevalue("postgresql")) as url, Store.open(url) as opened:
        yield opened


@pytest.fixture
def filled(store: Store, drafted: list[Drafted]) -> Store:
    """An archive with the four reports."""
    for d in drafted:
        with store.write() as session:
            archive.add(session, d.draft, d.content)
    return store
