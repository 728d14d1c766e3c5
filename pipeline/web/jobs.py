"""Batch jobs: files are kept on disk under names of our own until they are drafted, so that a restart loses none."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from pipeline.report import SpurError
from pipeline.store import Store, jobs
from pipeline.store.jobs import Job
from pipeline.store.schema import new_id
from pipeline.web.errors import Busy, TooLarge, WebError
from pipeline.web.settings import MEGA, Limits
from pipeline.web.shapes import Upload

_PIECE = 1 << 20
_ABANDONED = 24 * 3600.0  # seconds
_PAUSE = 2.0  # seconds until a busy server is asked again
Draft = Callable[[str, str, BinaryIO], str]
"""(owner, the client's name of the file, content) -> id of the report."""

log = logging.getLogger(__name__)


class Jobs:
    """Drafts the files of jobs one after another, in a thread of its own. `close` it: the rest waits for the next start."""

    def __init__(self, store: Store, spool: Path, limits: Limits, draft: Draft) -> None:
        self._store, self._spool, self._limits, self._draft = store, spool, limits, draft
        self._wake, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="spur-jobs", daemon=True)

    def start(self) -> None:
        """Begins, with what an earlier run of the server left."""
        self._sweep()
        self._wake.set()
        self._thread.start()

    def _sweep(self) -> None:
        """Removes files of jobs that were never begun: the server ended while they were being sent."""
        with self._store.read() as session:
            wanted = {job.id for job in jobs.open_(session)}
        old = time.time() - _ABANDONED
        for folder in self._spool.iterdir() if self._spool.is_dir() else ():
            if folder.name not in wanted and folder.stat().st_mtime < old:
                shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Ends after the file that is being drafted."""
        self._ended.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=self._limits.read_seconds + 10)

    def add(self, owner: str, files: Sequence[Upload]) -> Job:
        """Keeps the files of a new job. When this returns, a restart does not lose them."""
        if not files:
            raise WebError("Inga filer: skicka minst en")
        if len(files) > self._limits.job_files:
            raise TooLarge(f"Fler än {self._limits.job_files} filer: dela upp dem i flera omgångar")
        key = new_id()
        folder = self._spool / key
        folder.mkdir(parents=True, mode=0o700)
        try:
            left = self._limits.job_megabytes * MEGA
            for n, upload in enumerate(files):
                left -= self._keep(upload.file, folder / str(n), left)
            with self._store.write() as session:
                job = jobs.add(session, owner, [u.name for u in files], key)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._wake.set()
        return job

    def _keep(self, content: BinaryIO, path: Path, left: int) -> int:
        size = 0
        content.seek(0)
        with path.open("xb") as out:
            while piece := content.read(_PIECE):
                size += len(piece)
                if size > left:
                    raise TooLarge(f"Filerna är tillsammans större än {self._limits.job_megabytes} MB")
                out.write(piece)
        return size

    # --- the thread ---

    def _run(self) -> None:
        while not self._ended.is_set():
            self._wake.wait()
            self._wake.clear()
            try:
                with self._store.read() as session:
                    waiting = jobs.open_(session)
                for job in waiting:
                    self._work(job)
            except Exception:  # the thread must go on; what waits is tried again with the next job
                log.exception("a batch job could not go on")

    def _work(self, job: Job) -> None:
        folder = self._spool / job.id
        for n, file in enumerate(job.files):
            if self._ended.is_set():
                return
            if file.state == "waiting":
                self._settle(job, n, folder / str(n))
        with self._store.write() as session:
            jobs.finish(session, job.id)
        shutil.rmtree(folder, ignore_errors=True)

    def _settle(self, job: Job, n: int, path: Path) -> None:
        report = error = None
        try:
            report = self._patiently(job, n, path)
        except SpurError as e:
            error = str(e)
        except OSError as e:
            error = f"filen finns inte kvar på servern ({e.strerror}): skicka den igen"
        except Exception as e:  # a fault of ours in one file must not lose the others
            log.exception("a file of a batch job")
            error = f"oväntat fel ({type(e).__name__}): anmäl felet"
        if report is None and error is None:
            return  # the server is closing
        with self._store.write() as session:
            jobs.settle(session, job.id, n, report, error)
        with suppress(OSError):
            path.unlink()

    def _patiently(self, job: Job, n: int, path: Path) -> str | None:
        """The report's id; waits while people are drafting. None where the server closes meanwhile."""
        while not self._ended.is_set():
            try:
                with path.open("rb") as content:
                    return self._draft(job.owner, job.files[n].name, content)
            except Busy:
                self._ended.wait(_PAUSE)
        return None
