"""The one function in front of the formats."""

from __future__ import annotations

import stat
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from pipeline.reading.limits import MEGA, Budget, Limits
from pipeline.reading.sniff import Kind, kind
from pipeline.report import Page, Source, SpurError

# Modules are imported when a file of the format is met: the PDF library alone takes a fifth of a second.
_MODULES: dict[Kind, str] = {
    "pdf": "pipeline.reading.pdf",
    "docx": "pipeline.reading.docx",
    "txt": "pipeline.reading.text",
    "md": "pipeline.reading.markdown",
    "html": "pipeline.reading.html",
}


def _load(path: Path, limits: Limits) -> bytes:
    """The file's bytes. Only regular files are opened: a pipe would never end."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise SpurError("är en mapp som inte går att öppna: kontrollera rättigheterna")
        if not stat.S_ISREG(status.st_mode):
            raise SpurError("är ingen vanlig fil: ange en fil med rapporten")
        if status.st_size > limits.bytes:
            raise _too_large(limits)
        with path.open("rb") as file:
            data = file.read(limits.bytes + 1)
    except FileNotFoundError as e:
        raise SpurError("filen finns inte: kontrollera sökvägen") from e
    except OSError as e:
        raise SpurError(f"filen går inte att öppna ({e.strerror}): kontrollera rättigheterna") from e
    if len(data) > limits.bytes:
        raise _too_large(limits)
    return data


def _too_large(limits: Limits) -> SpurError:
    return SpurError(f"filen är större än {limits.bytes / MEGA:g} MB: spara den utan bilder, eller som text")


def read_bytes(data: bytes, name: str, limits: Limits | None = None) -> Source:
    """As `read`, for a file that is already in memory under its base name."""
    limits = limits or Limits()
    if len(data) > limits.bytes:
        raise _too_large(limits)
    try:
        form = kind(data, name)
        reader: Callable[[bytes, Budget], tuple[Page, ...]] = import_module(_MODULES[form]).read
        pages = reader(data, Budget(limits))
    except (MemoryError, RecursionError) as e:
        raise SpurError("filen är för stor eller för invecklad: spara om den från originalet") from e
    if not any(line.text.strip() for page in pages for line in page.lines):
        raise SpurError("filen saknar text: välj en fil med rapportens text")
    return Source(name=name, pages=pages, format=form)


def read(path: Path, limits: Limits | None = None) -> Source:
    """A PDF, DOCX, TXT, Markdown or HTML file as pages of lines, its format told by its content.

    Raises SpurError with one line in Swedish, without the file's name, that says what is wrong and what to
    do: empty, encrypted, damaged, scanned, of another format, or beyond the limits.
    """
    path = Path(path)
    return read_bytes(_load(path, limits or Limits()), path.name, limits)
