"""Drafts and audits as files to hand out."""

from __future__ import annotations

import json
import re
import tempfile
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from pipeline.audit import Audit, Cases
from pipeline.catalogue import Catalogue
from pipeline.report import Draft
from pipeline.web.errors import Lacking, NotFound
from pipeline.web.models import work_json
from pipeline.web.shapes import Download, Work

_OFFICE = "application/vnd.openxmlformats-officedocument"
FORMATS: Mapping[str, str] = {
    "docx": f"{_OFFICE}.wordprocessingml.document",
    "pdf": "application/pdf",
    "xlsx": f"{_OFFICE}.spreadsheetml.sheet",
    "html": "text/html; charset=utf-8",
    "json": "application/json",
}
AUDIT_FORMATS: Mapping[str, str] = {k: FORMATS[k] for k in ("html", "xlsx", "json")}


def safe_name(name: str, ending: str) -> str:
    """A name that every system and every header can take."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")[:80]
    return f"{plain or 'rapport'}.{ending}"


def _written(write: Callable[[Path], None], ending: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="spur-export-") as folder:
        path = Path(folder) / f"export.{ending}"
        write(path)
        return path.read_bytes()


def draft_file(work: Work, format: str, catalogue: Catalogue) -> Download:
    """The corrected draft as a file of a format; what people changed is among its remarks.

    Raises NotFound where there is no such format, Lacking where the installation cannot write it.
    """
    if format not in FORMATS:
        raise NotFound(f"Formatet {format!r} finns inte: välj {', '.join(FORMATS)}")
    draft = replace(work.draft, warnings=(*work.notes, *work.draft.warnings))
    if format == "json":
        content = json.dumps(work_json(work), ensure_ascii=False, indent=1).encode("utf8") + b"\n"
    else:
        content = _written(lambda path: _writer(format)([draft], catalogue, path), format)
    title = Path(work.entry.file).stem if work.entry.file else f"rapport-{work.id[:8]}"
    return Download(content, FORMATS[format], safe_name(f"{title}-utkast", format))


def _writer(format: str) -> Callable[[list[Draft], Catalogue, Path], None]:
    try:
        write: Callable[[list[Draft], Catalogue, Path], None] = import_module(
            f"pipeline.rendering.{format}"
        ).write
    except ModuleNotFoundError as e:
        raise Lacking(f"Export till {format.upper()} saknas i installationen ({e.name})") from e
    return write


def audit_file(audit: Audit, cases: Cases, format: str) -> Download:
    """The audit as a file of a format."""
    if format not in AUDIT_FORMATS:
        raise NotFound(f"Formatet {format!r} finns inte: välj {', '.join(AUDIT_FORMATS)}")
    write = import_module(f"pipeline.rendering.audit.{format}").write
    content = _written(lambda path: write(audit, cases, path), format)
    return Download(content, AUDIT_FORMATS[format], safe_name(f"granskning-{audit.as_of}", format))
