"""What a file is, told by its bytes; its name only decides between kinds of text."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import PurePath
from typing import Literal

from pipeline.report import SpurError

Kind = Literal["pdf", "docx", "txt", "md", "html"]

SUPPORTED = "PDF, DOCX, TXT, Markdown eller HTML"
_SAVE = f"spara rapporten som {SUPPORTED}"
_IMAGES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"II*\x00", b"MM\x00*", b"\x00\x00\x00\x0cjP")
_FOREIGN = {
    b"{\\rtf": f"filen är i RTF-format: {_SAVE}",
    b"\x1f\x8b": "filen är ett packat arkiv: packa upp det och ange filerna i det",
    b"7z\xbc\xaf\x27\x1c": "filen är ett packat arkiv: packa upp det och ange filerna i det",
    b"Rar!": "filen är ett packat arkiv: packa upp det och ange filerna i det",
    b"BZh": "filen är ett packat arkiv: packa upp det och ange filerna i det",
    b"\xfd7zXZ": "filen är ett packat arkiv: packa upp det och ange filerna i det",
    b"%!PS": f"filen är i PostScript-format: {_SAVE}",
    b"\x7fELF": f"filen är ett program: {_SAVE}",
    b"SQLite format 3": f"filen är en databas: {_SAVE}",
}
_ZIPPED = {
    "xl/": f"filen är en Excel-fil: {_SAVE}",
    "ppt/": f"filen är en PowerPoint-fil: {_SAVE}",
    "META-INF/container.xml": f"filen är en e-bok: {_SAVE}",
    "content.xml": f"filen är i OpenDocument-format (.odt): {_SAVE}",
    "Index/": f"filen är en Pages-fil: {_SAVE}",
}
_HTML_START = re.compile(
    rb"^(?:\s|<!--.*?-->|<\?xml[^>]*>)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S
)
_TAG = re.compile(rb"<(?:p|div|br|h[1-6]|table|ul|ol|span|body|html)\b[^>]*>", re.I)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def encrypted() -> SpurError:
    return SpurError("filen är krypterad: spara den utan lösenord och försök igen")


def damaged(what: str = "filen") -> SpurError:
    return SpurError(f"{what} är skadad eller ofullständig: hämta eller spara den på nytt från originalet")


def _ole(data: bytes) -> SpurError:
    """Older Office files and encrypted newer ones share a container; its folder's names tell them apart."""
    if "EncryptedPackage".encode("utf-16-le") in data:
        return encrypted()
    if "WordDocument".encode("utf-16-le") in data:
        return SpurError("filen är i det äldre Word-formatet (.doc): spara den som DOCX eller PDF")
    return SpurError(f"filen är i ett äldre Office-format: {_SAVE}")


def _zip(data: bytes) -> Kind:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, EOFError) as e:
        raise damaged("filen (DOCX eller annat packat format)") from e
    if any(n.startswith("word/") for n in names):
        return "docx"
    for part, message in _ZIPPED.items():
        if any(n.startswith(part) for n in names):
            raise SpurError(message)
    raise SpurError("filen är ett packat arkiv (zip): packa upp det och ange filerna i det")


def kind(data: bytes, name: str) -> Kind:
    """The format to read the bytes as. Raises SpurError where no reader takes it, saying what it is."""
    if not data.strip(b"\x00 \t\r\n\f\xef\xbb\xbf\xff\xfe"):
        raise SpurError("filen är tom: välj en fil med rapportens text")
    head = data[:1024]
    if b"%PDF-" in head:
        return "pdf"
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return _zip(data)
    if data.startswith(_OLE):
        raise _ole(data)
    bitmap = head.startswith(b"BM") and data[6:10] == bytes(4)
    if data.startswith(_IMAGES) or bitmap or data[8:12] == b"WEBP" or data[4:8] == b"ftyp":
        raise SpurError("filen är en bild eller film: OCR-behandla den till en PDF med text")
    for magic, message in _FOREIGN.items():
        if data.startswith(magic):
            raise SpurError(message)
    return _text(data, PurePath(name).suffix.lower())


def _text(data: bytes, suffix: str) -> Kind:
    probe = data[:65536].replace(b"\x00", b"")  # also UTF-16
    if _HTML_START.match(probe.lstrip(b"\xef\xbb\xbf\xff\xfe")):
        return "html"
    if suffix in (".html", ".htm", ".xhtml") and _TAG.search(probe):
        return "html"
    if suffix in (".pdf", ".docx") and not data[:512].isascii():
        raise damaged(f"filen ({suffix[1:].upper()})")
    return "md" if suffix in (".md", ".markdown", ".mdown") else "txt"
