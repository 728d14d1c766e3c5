"""Batch jobs: which files were sent, and what has become of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from pipeline.store.schema import JobFileRow, JobRow, new_id, now
from pipeline.store.words import storable


@dataclass(frozen=True, slots=True)
class JobFile:
    """One file of a job: `report` is its report's id when done, `error` what was wrong with it."""

    name: str
    state: Literal["waiting", "done", "failed"]
    report: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """Times are UTC."""

    id: str
    owner: str
    created: datetime
    finished: datetime | None
    files: tuple[JobFile, ...]

    @property
    def done(self) -> int:
        """How many files do not wait any more."""
        return sum(f.state != "waiting" for f in self.files)


def _file(row: JobFileRow) -> JobFile:
    state: Literal["waiting", "done", "failed"]
    state = "done" if row.report else "failed" if row.error is not None else "waiting"
    return JobFile(row.name, state, row.report, row.error)


def _job(row: JobRow) -> Job:
    return Job(row.id, row.owner, row.created, row.finished, tuple(_file(f) for f in row.files))


def add(session: Session, owner: str, names: Sequence[str], key: str | None = None) -> Job:
    """A new job of an owner, with files of these names."""
    row = JobRow(id=key or new_id(), owner=owner, created=now())
    session.add(row)
    session.flush()
    session.add_all(
        JobFileRow(job_id=row.id, position=n, name=storable(name)) for n, name in enumerate(names)
    )
    session.flush()
    return _job(row)


def get(session: Session, job: str, owner: str | None = None) -> Job | None:
    """A job, if there is one of that id, and it is the owner's (None: whoever's)."""
    row = session.get(JobRow, job)
    return _job(row) if row is not None and owner in (None, row.owner) else None


def listed(session: Session, owner: str | None = None, limit: int = 100) -> list[Job]:
    """The jobs of an owner, or all, latest first."""
    query = select(JobRow).order_by(JobRow.created.desc(), JobRow.id).limit(limit)
    return [_job(r) for r in session.scalars(query if owner is None else query.where(JobRow.owner == owner))]


def open_(session: Session) -> list[Job]:
    """The jobs that are not finished, oldest first."""
    query = select(JobRow).where(JobRow.finished.is_(None)).order_by(JobRow.created, JobRow.id)
    return [_job(r) for r in session.scalars(query)]


def settle(
    session: Session, job: str, position: int, report: str | None = None, error: str | None = None
) -> None:
    """Keeps what has become of one file."""
    row = session.get(JobFileRow, (job, position))
    if row is not None:
        row.report, row.error = report, storable(error) if error is not None else None


def finish(session: Session, job: str) -> None:
    """All its files are settled."""
    row = session.get(JobRow, job)
    if row is not None:
        row.finished = now()
