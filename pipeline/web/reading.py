"""A few child processes that read and parse, lent to one request at a time."""

from __future__ import annotations

import hashlib
import os
import queue
import re
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from pipeline.drafting import Parsed
from pipeline.reading.isolation import IsolatedReader
from pipeline.reading.limits import MEGA
from pipeline.reading.limits import Limits as FileLimits
from pipeline.report import SpurError
from pipeline.web.errors import Busy, TooLarge
from pipeline.web.settings import Limits
from pipeline.web.worker import PARSED

_PIECE = 1 << 20
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,5}\Z")
_SEPARATORS = re.compile(r"[/\\]")
LONGEST_NAME = 120


class _Child(IsolatedReader):
    MODULE: ClassVar[str] = "pipeline.web.worker"


Free = queue.LifoQueue[_Child]


def base_name(name: str) -> str | None:
    """What a client calls its file, as a name to show: without folders, control characters and excess length."""
    last = _SEPARATORS.split(name)[-1]
    shown = "".join(c for c in last if c.isprintable()).strip(" .")
    if len(shown) > LONGEST_NAME:
        ending = found.group() if (found := _ENDING.search(shown)) else ""
        shown = shown[: LONGEST_NAME - len(ending)] + ending
    return shown or None


class Readers:
    """The pool. `close` ends its processes."""

    def __init__(self, limits: Limits, catalogue: str) -> None:
        self._limits, self._catalogue = limits, catalogue
        within = FileLimits(
            bytes=limits.upload_megabytes * MEGA,
            pages=limits.pages,
            characters=limits.characters,
            seconds=limits.read_seconds,
        )
        self._children = [
            _Child(within, float(limits.read_seconds), limits.read_megabytes << 20)
            for _ in range(limits.readers + 1)
        ]
        # One is for what is being written: who writes must not wait for others' files to be read.
        self._files: Free = queue.LifoQueue()
        self._writing: Free = queue.LifoQueue()
        self._writing.put(self._children[0])
        for child in self._children[1:]:
            self._files.put(child)

    def warm(self) -> None:
        """Starts the processes, so that the first request need not wait for them."""
        for free in (self._writing, *(self._files for _ in self._children[1:])):
            threading.Thread(target=self._try, args=(free,), daemon=True).start()

    def _try(self, free: Free) -> None:
        with suppress(SpurError):  # what is wrong is told to the first request that meets it
            self._ask(free, {"sections": {}})

    def close(self) -> None:
        """Ends the processes."""
        for child in self._children:
            child.close()

    @contextmanager
    def _lent(self, free: Free) -> Iterator[_Child]:
        try:
            child = free.get(timeout=self._limits.patience_seconds)
        except queue.Empty:
            raise Busy("Servern läser andra filer just nu: försök igen om en stund", retry_after=10) from None
        try:
            yield child
        finally:
            free.put(child)

    def _ask(self, free: Free, request: Mapping[str, Any]) -> Parsed:
        with self._lent(free) as child:
            answer = child.exchange({**request, "catalogue": self._catalogue})
        return PARSED.validate_python(answer["parsed"])

    def file(self, name: str, content: BinaryIO) -> tuple[Parsed, str]:
        """A parsed file and the SHA-256 of its content. The client's `name` tells no more than a format.

        Raises TooLarge, Busy, or SpurError where it is no report that can be read within the limits.
        """
        digest = hashlib.sha256()
        handle, path = tempfile.mkstemp(prefix="spur-upload-")  # a name of our own, readable by us only
        try:
            with os.fdopen(handle, "wb") as out:
                self._copy(content, out, digest.update)
            ending = found.group().lower() if (found := _ENDING.search(name)) else ""
            return self._ask(self._files, {"path": path, "name": f"rapport{ending}"}), digest.hexdigest()
        finally:
            Path(path).unlink(missing_ok=True)

    def _copy(self, content: BinaryIO, out: BinaryIO, seen: Any) -> None:
        most, size = self._limits.upload_megabytes * MEGA, 0
        content.seek(0)
        while piece := content.read(_PIECE):
            size += len(piece)
            if size > most:
                raise TooLarge(f"Filen är större än {self._limits.upload_megabytes} MB")
            seen(piece)
            out.write(piece)

    def sections(self, sections: Mapping[str, str]) -> Parsed:
        """What was written area by area, parsed."""
        return self._ask(self._writing, {"sections": dict(sections)})
