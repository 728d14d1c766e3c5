"""The zip around a DOCX, opened with care."""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from types import TracebackType
from typing import Any

from docx.oxml.parser import oxml_parser
from lxml import etree

from pipeline.reading.limits import CHUNK, Budget, too_large_inside
from pipeline.reading.sniff import damaged, encrypted
from pipeline.report import SpurError

# ISO 29500 Strict names its elements otherwise; they mean the same
_STRICT = (
    (
        b"http://purl.oclc.org/ooxml/wordprocessingml/main",
        b"http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    ),
    (b"http://purl.oclc.org/ooxml/drawingml/main", b"http://schemas.openxmlformats.org/drawingml/2006/main"),
)
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError)


class Container:
    """Parts of a DOCX by name, each unpacked only when asked for and never beyond the budget."""

    def __init__(self, data: bytes, budget: Budget) -> None:
        self._budget = budget
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except _BROKEN as e:
            raise damaged("Word-filen") from e
        self._check(len(data))
        self._folder, self._main = self._place()

    def __enter__(self) -> Container:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    def _check(self, packed: int) -> None:
        """What the directory promises; `_unpack` sees to it that the promise is kept."""
        limits, infos = self._budget.limits, self._zip.infolist()
        total = sum(i.file_size for i in infos)
        if len(infos) > limits.parts or total > limits.inflated:
            raise too_large_inside()
        if total > limits.ratio_from and total > limits.ratio * packed:
            raise too_large_inside()
        if any(i.flag_bits & 1 for i in infos):
            raise encrypted()

    def _unpack(self, name: str) -> bytes:
        out = bytearray()
        try:
            with self._zip.open(name) as part:
                while piece := part.read(CHUNK):
                    self._budget.spend_inflated(len(piece))
                    out += piece
                    if len(out) > self._budget.limits.xml:
                        raise too_large_inside()
        except _BROKEN as e:
            raise damaged("Word-filen") from e
        return bytes(out)

    def _parse(self, name: str) -> Any:
        data = self._unpack(name)
        if b"<!DOCTYPE" in data[:4096] or b"<!ENTITY" in data:
            raise SpurError("Word-filen innehåller otillåtna definitioner: spara om den från Word")
        for strict, transitional in _STRICT:
            data = data.replace(strict, transitional)
        try:
            return etree.fromstring(data, oxml_parser)
        except etree.XMLSyntaxError as e:
            raise damaged("Word-filen") from e

    def _place(self) -> tuple[str, str]:
        """Folder and name of the main part, as the package's relations tell."""
        names = set(self._zip.namelist())
        if "_rels/.rels" in names:
            for relation in self._parse("_rels/.rels"):
                if (relation.get("Type") or "").endswith("/officeDocument"):
                    target = posixpath.normpath((relation.get("Target") or "").lstrip("/"))
                    if target in names:
                        return posixpath.dirname(target), target
        if "word/document.xml" not in names:
            raise damaged("Word-filen")
        return "word", "word/document.xml"

    def document(self) -> Any:
        """The root element of the main part."""
        return self._parse(self._main)

    def xml(self, name: str) -> Any | None:
        """The root element of a part beside the main one; None where the file has none."""
        path = posixpath.join(self._folder, name)
        return self._parse(path) if path in self._zip.namelist() else None
