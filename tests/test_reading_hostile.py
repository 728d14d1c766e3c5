"""Files that cannot be read get one clear line; files made to harm get it soon and in little memory."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading_files import (
    TEXT,
    bomb_pdf,
    docx_file,
    draw,
    encrypted_pdf,
    huge_docx,
    laughing_pdf,
    long_pdf,
    nested_bomb_pdf,
    png,
    scanned_pdf,
    texts,
    with_part,
    write,
)

from pipeline.reading import IsolatedReader, Limits, read, read_bytes, read_isolated
from pipeline.report import SpurError

ROOT = Path(__file__).resolve().parents[1]


def refusal(path: Path, limits: Limits | None = None) -> str:
    with pytest.raises(SpurError) as e:
        read(path, limits)
    message = str(e.value)
    assert "\n" not in message and path.name not in message
    assert ": " in message, "what is wrong: what to do"
    return message


def put(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def ole(path: Path, stream: str) -> Path:
    return put(
        path, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 504 + stream.encode("utf-16-le") + b"\x00" * 64
    )


def zipped(path: Path, name: str) -> Path:
    with zipfile.ZipFile(path, "w") as z:
        z.writestr(name, "x")
    return path


def cut(path: Path, share: float) -> Path:
    data = path.read_bytes()
    return put(path, data[: int(len(data) * share)])


CASES: list[tuple[str, Callable[[Path], Path], str]] = [
    ("tom.pdf", lambda p: put(p, b""), "tom"),
    ("tom.txt", lambda p: put(p, b" \r\n\t\n"), "tom"),
    ("låst.pdf", encrypted_pdf, "krypterad"),
    ("låst.docx", lambda p: ole(p, "EncryptedPackage"), "krypterad"),
    ("gammal.doc", lambda p: ole(p, "WordDocument"), r"\.doc"),
    ("skannad.pdf", scanned_pdf, "OCR"),
    ("stämplad.pdf", lambda p: scanned_pdf(p, "Sida 1"), "OCR"),
    ("blank.pdf", lambda p: draw(p, lambda c: None), "saknar text"),
    ("avbruten.pdf", lambda p: cut(draw(p, write(TEXT)), 0.7), "skadad"),
    ("avbruten.docx", lambda p: cut(docx_file(p), 0.7), "skadad"),
    ("utan.docx", lambda p: docx_file(p, lambda d: None), "saknar text"),
    ("trasig.docx", lambda p: with_part(p, "word/document.xml", b"<w:document"), "skadad"),
    ("bild.pdf", png, "bild"),
    ("bok.xlsx", lambda p: zipped(p, "xl/workbook.xml"), "Excel"),
    ("text.odt", lambda p: zipped(p, "content.xml"), "OpenDocument"),
    ("arkiv.zip", lambda p: zipped(p, "rapport.txt"), "arkiv"),
    ("rik.rtf", lambda p: put(p, rb"{\rtf1 Hej}"), "RTF"),
    ("slump.txt", lambda p: put(p, random.Random(1).randbytes(20_000)), "inte text"),
    ("slump.pdf", lambda p: put(p, random.Random(2).randbytes(20_000)), "skadad"),
    ("slump2.pdf", lambda p: put(p, b"%PDF-1.4\n" + random.Random(3).randbytes(20_000)), "skadad"),
]


@pytest.mark.parametrize(("name", "make", "reason"), CASES, ids=[c[0] for c in CASES])
def test_a_file_that_cannot_be_read_says_why(
    tmp_path: Path, name: str, make: Callable[[Path], Path], reason: str
) -> None:
    with pytest.raises(SpurError, match=reason):
        read(make(tmp_path / name))
    refusal(tmp_path / name)


def test_limits_of_size_pages_and_characters(tmp_path: Path) -> None:
    text = put(tmp_path / "a.txt", b"ord " * 1000)
    assert "större" in refusal(text, Limits(bytes=1000))
    assert "tecken" in refusal(text, Limits(characters=1000))
    pdf = long_pdf(tmp_path / "a.pdf", 30)
    assert len(read(pdf).pages) == 30
    assert "sidor" in refusal(pdf, Limits(pages=29))
    assert "tid" in refusal(pdf, Limits(seconds=0))
    assert "tecken" in refusal(pdf, Limits(characters=60))


@pytest.mark.parametrize("make", [bomb_pdf, nested_bomb_pdf, laughing_pdf])
def test_pdf_bombs_are_refused(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path / "a.pdf")
    assert path.stat().st_size < 1_000_000
    assert "orimligt stor" in refusal(path, Limits(drawing=8_000_000))


def test_a_docx_whose_directory_lies_about_its_size(tmp_path: Path) -> None:
    path = with_part(tmp_path / "a.docx", "word/document.xml", b" " * (1 << 20), 60 << 20)
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as z:
        size = z.getinfo("word/document.xml").file_size
    data = bytearray(bytes(data).replace(size.to_bytes(4, "little"), (900).to_bytes(4, "little")))
    assert "skadad" in refusal(put(path, bytes(data)))


def test_a_docx_with_entities_is_refused_without_expanding_them(tmp_path: Path) -> None:
    laughs = b"".join(b'<!ENTITY l%d "%s">' % (i + 1, b"&l%d;" % i * 10) for i in range(9))
    xml = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">' + laughs + b"]><x>&l9;</x>"
    assert "otillåtna" in refusal(with_part(tmp_path / "a.docx", "word/document.xml", xml))


@pytest.mark.parametrize("declared", ["undefined", "rot13", "no-such", "ascii"])
def test_a_page_that_declares_a_useless_encoding_is_read_all_the_same(declared: str) -> None:
    page = f'<html><meta charset="{declared}"><body><p>Handledarna är på plats.</p></body></html>'
    source = read_bytes(page.encode(), "a.html")
    assert [line.text for line in source.pages[0].lines] == ["Handledarna är på plats."]


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    w = b'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    deep = b"<w:document %s><w:body>%s%s</w:body></w:document>" % (
        w,
        b"<w:sdt><w:sdtContent>" * 100,
        b"</w:sdtContent></w:sdt>" * 100,
    )
    assert "nästlade" in refusal(with_part(tmp_path / "a.docx", "word/document.xml", deep))
    refusal(put(tmp_path / "a.html", b"<html><body>" + b"<div>" * 240 + b"x"))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_bytes_give_text_or_one_line_never_anything_else(data: st.DataObject) -> None:
    kinds = _samples()
    name = data.draw(st.sampled_from(sorted(kinds)))
    raw = bytearray(kinds[name])
    for _ in range(data.draw(st.integers(1, 12))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        source = read_bytes(bytes(raw), name, Limits(seconds=10))
    except SpurError as e:
        assert "\n" not in str(e)
    else:
        assert texts(source)


def _samples() -> dict[str, bytes]:
    import tempfile  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        return {
            "a.pdf": draw(Path(folder) / "a.pdf", write(TEXT), pageCompression=0).read_bytes(),
            "b.pdf": draw(Path(folder) / "b.pdf", write(TEXT), pageCompression=1).read_bytes(),
            "c.docx": docx_file(Path(folder) / "c.docx").read_bytes(),
            "d.html": "<html><p>Hej <b>på</b> dig<table><tr><td>A</table>".encode(),
            "e.txt": "\n".join(TEXT).encode(),
        }


# --- in a process of its own -----------------------------------------------------------------------


def test_isolated_reading_gives_the_same(tmp_path: Path) -> None:
    paths = [draw(tmp_path / "a.pdf", write(TEXT)), docx_file(tmp_path / "b.docx")]
    with IsolatedReader() as reader:
        for path in paths:
            assert reader.read(path) == read(path)
        with pytest.raises(SpurError, match="OCR"):
            reader.read(scanned_pdf(tmp_path / "c.pdf"))
        assert reader.read(paths[0]) == read(paths[0]), "an error does not spoil the next file"


def test_isolated_reading_ends_what_takes_too_much(tmp_path: Path) -> None:
    path = long_pdf(tmp_path / "a.pdf", 400)
    generous = Limits(
        seconds=1e6, drawn=10**9, drawing=10**12, inflated=10**12, xml=10**12, ratio=10**9, bytes=10**9
    )
    with pytest.raises(SpurError, match=r"minne|stor"):
        read_isolated(
            with_part(tmp_path / "b.docx", "word/document.xml", b" " * (1 << 20), 600 << 20),
            generous,
            memory=400 << 20,
        )
    with IsolatedReader(generous, seconds=1) as reader:
        with pytest.raises(SpurError, match=r"tid|minne"):
            reader.read(laughing_pdf(tmp_path / "c.pdf"))
        with pytest.raises(SpurError):
            reader.read(tmp_path / "saknas.pdf")
    assert len(read_isolated(path).pages) == 400


FOLDER = """
import json, resource, sys
from pathlib import Path
from pipeline.reading import find, read
from pipeline.report import SpurError
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
for path in find([Path(sys.argv[1])]):
    try:
        print(json.dumps([path.name, "ok", sum(len(p.lines) for p in read(path).pages)]))
    except SpurError as e:
        print(json.dumps([path.name, "fel", str(e)]))
"""


def test_a_folder_of_bad_files_within_one_gibibyte(tmp_path: Path) -> None:
    draw(tmp_path / "1-bra.pdf", write(TEXT))
    put(tmp_path / "2-tom.pdf", b"")
    encrypted_pdf(tmp_path / "3-låst.pdf")
    scanned_pdf(tmp_path / "4-skannad.pdf")
    put(tmp_path / "5-protokoll.txt", "Protokoll från styrelsemöte".encode("cp1252"))
    huge_docx(tmp_path / "6-stor.docx")
    png(tmp_path / "7-bild.png")
    put(tmp_path / "8-slump.bin", random.Random(0).randbytes(100_000))
    run = subprocess.run(
        [sys.executable, "-c", FOLDER, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=120,
    )
    got = [json.loads(line) for line in run.stdout.splitlines()]
    assert run.stderr == ""
    assert [g[1] for g in got] == ["ok", "fel", "fel", "fel", "ok", "fel", "fel", "fel"]
    for word, (_, _, said) in zip(
        ["tom", "krypterad", "OCR", None, "orimligt stor", "bild", "inte text"], got[1:], strict=True
    ):
        assert word is None or word in said
