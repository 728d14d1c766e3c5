"""Small files for the reading tests, made by code: good, odd and hostile ones."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import docx
from PIL import Image
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen import canvas

from pipeline.report import Line, Source

TEXT = [
    "Granskning av specialiseringstjänstgöring",
    "Kliniken har välfungerande introduktion för nya ST-läkare.",
    "Återkoppling ges för sällan, och bedömningarna är få.",
]


def lines(source: Source) -> list[Line]:
    return [line for page in source.pages for line in page.lines]


def texts(source: Source) -> list[str]:
    return [line.text for line in lines(source) if line.text]


def marked(source: Source) -> list[str]:
    return [line.text for line in lines(source) if line.marked]


def draw(path: Path, paint: Callable[[Any], None], **options: Any) -> Path:
    """A PDF of one A4 page, painted by a function of a reportlab canvas."""
    c = canvas.Canvas(str(path), pagesize=A4, **options)
    c.setFont("Helvetica", 11)
    paint(c)
    c.save()
    return path


def write(rows: Sequence[str], x: float = 70, y: float = 760, step: float = 16) -> Callable[[Any], None]:
    """Paints rows of text downwards."""

    def paint(c: Any) -> None:
        for i, row in enumerate(rows):
            c.drawString(x, y - i * step, row)

    return paint


def encrypted_pdf(path: Path, user: str = "hemligt") -> Path:
    return draw(path, write(TEXT), encrypt=StandardEncryption(user, ownerPassword="ägare", strength=128))


def scanned_pdf(path: Path, stamp: str = "") -> Path:
    def paint(c: Any) -> None:
        c.drawImage(ImageReader(Image.new("L", (200, 280), 200)), 0, 0, *A4)
        if stamp:
            c.drawString(500, 20, stamp)

    return draw(path, paint)


def docx_file(path: Path, build: Callable[[Any], None] | None = None) -> Path:
    document = docx.Document()
    if build:
        build(document)
    else:
        for row in TEXT:
            document.add_paragraph(row)
    document.save(str(path))
    return path


def with_part(path: Path, name: str, content: bytes, size: int | None = None) -> Path:
    """A DOCX with one part's content put in place of its own, or repeated until it has `size` bytes."""
    original = docx_file(path.with_suffix(".tmp")).read_bytes()
    path.with_suffix(".tmp").unlink()
    with (
        zipfile.ZipFile(io.BytesIO(original)) as source,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out,
    ):
        for item in source.namelist():
            if item != name:
                out.writestr(item, source.read(item))
        with out.open(name, "w", force_zip64=True) as part:
            for _ in range(1 if size is None else size // len(content)):
                part.write(content)
    return path


def huge_docx(path: Path, size: int = 1 << 30) -> Path:
    return with_part(path, "word/document.xml", b" " * (1 << 20), size)


def raw_pdf(objects: dict[int, bytes]) -> bytes:
    """A PDF of the given objects (number 1 is the catalogue), with a right cross-reference table."""
    out, places = bytearray(b"%PDF-1.5\n"), {}
    for number, body in objects.items():
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (max(objects) + 1)
    for number in range(1, max(objects) + 1):
        out += b"%010d %s \n" % (places.get(number, 0), b"00000 n" if number in places else b"65535 f")
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (max(objects) + 1, start)
    return bytes(out)


def stream(data: bytes, extra: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(data), extra, data)


def one_page(content: bytes, more: dict[int, bytes] | None = None, resources: bytes = b"") -> bytes:
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    return raw_pdf(
        {
            1: b"<< /Type /Catalog /Pages 2 0 R >>",
            2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] >>",
            3: b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> %s >> >>"
            % resources,
            4: content,
            5: font,
            **(more or {}),
        }
    )


def deflated(size: int, block: bytes = b"\x00" * 65536) -> bytes:
    """zlib data that inflates to about `size` bytes."""
    packer = zlib.compressobj(9)
    pieces = [packer.compress(block) for _ in range(size // len(block))]
    return b"".join(pieces) + packer.flush()


def bomb_pdf(path: Path, size: int = 150_000_000) -> Path:
    path.write_bytes(one_page(stream(deflated(size), b"/Filter /FlateDecode")))
    return path


def nested_bomb_pdf(path: Path) -> Path:
    """Packed twice: a few kB become many megabytes."""
    data = deflated(150_000_000)
    path.write_bytes(one_page(stream(zlib.compress(data, 9), b"/Filter [/FlateDecode /FlateDecode]")))
    return path


def laughing_pdf(path: Path, depth: int = 12) -> Path:
    """Forms that each call the next ten times."""
    more = {}
    for i in range(depth):
        inner = b"/X%d Do " % (i + 1) * 10 if i + 1 < depth else b"BT /F1 9 Tf (ha) Tj ET"
        nested = b"<< /Font << /F1 5 0 R >> /XObject << /X%d %d 0 R >> >>" % (i + 1, 11 + i)
        extra = b"/Type /XObject /Subtype /Form /BBox [0 0 595 842] /Resources %s" % nested
        more[10 + i] = stream(inner, extra)
    path.write_bytes(one_page(stream(b"/X0 Do"), more, b"/XObject << /X0 10 0 R >>"))
    return path


def long_pdf(path: Path, pages: int) -> Path:
    kids = b" ".join(b"%d 0 R" % (10 + i) for i in range(pages))
    page = b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Kids [%s] /Count %d /MediaBox [0 0 595 842] >>" % (kids, pages),
        4: stream(b"BT /F1 9 Tf 50 700 Td (sida) Tj ET"),
        5: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        **{10 + i: page for i in range(pages)},
    }
    path.write_bytes(raw_pdf(objects))
    return path


def png(path: Path) -> Path:
    Image.new("RGB", (20, 20), "red").save(path, "PNG")
    return path
