"""TXT: which encoding, and lines as they stand."""

from __future__ import annotations

import codecs
import re

from pipeline.reading.characters import REPLACEMENT, normalise
from pipeline.reading.limits import Budget
from pipeline.reading.marks import mark_signs
from pipeline.report import Line, Page, SpurError

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LEGACY = ("cp1252", "mac_roman", "cp850")
_LINE_END = re.compile("\r\n|[\n\r\v\x85\u2028\u2029]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_SWEDISH = re.compile("[åäöÅÄÖ]")
MAX_CONTROL = 0.005  # share of control characters from which a file is no text


def _not_text() -> SpurError:
    return SpurError("filen är inte text: spara rapporten som PDF, DOCX, TXT, Markdown eller HTML")


def _wide(data: bytes) -> str | None:
    """UTF-16 without a mark: in European text every other byte is nil."""
    probe = data[:4096]
    even, odd = probe[::2].count(0), probe[1::2].count(0)
    few = len(probe) // 40
    if max(even, odd) < len(probe) // 4 or min(even, odd) > few:
        return None
    return "utf-16-be" if even > odd else "utf-16-le"


def _mended(data: bytes) -> str | None:
    """UTF-8 with a few broken bytes in it; None where it is rather another encoding."""
    text = data.decode("utf-8", errors="replace")
    broken = text.count(REPLACEMENT)
    return text if sum(c > "\x7f" for c in text) - broken > 10 * broken else None


def _legacy(data: bytes) -> str:
    """One byte a character: Windows-1252 (of which Latin-1's letters are part), if not clearly another.

    Old Mac and DOS files are taken only where they give Swedish letters and Windows-1252 gives none.
    """
    texts = {}
    for encoding in _LEGACY:
        try:
            texts[encoding] = data.decode(encoding)
        except UnicodeDecodeError:
            continue
    found = {e: len(_SWEDISH.findall(t)) for e, t in texts.items()}
    best = max(found, key=lambda e: found[e])
    if "cp1252" not in texts:
        latin = data.decode("latin-1")
        return texts[best] if found[best] > 4 and not _SWEDISH.search(latin) else latin
    return texts[best] if found["cp1252"] == 0 and found[best] > 4 else texts["cp1252"]


def decode(data: bytes) -> str:
    """Bytes as text: by mark, else UTF-8, UTF-16, Windows-1252. Raises SpurError for what is no text."""
    text = _decode(data)
    if len(_CONTROL.findall(text)) > MAX_CONTROL * len(text):
        raise _not_text()
    return text


def _decode(data: bytes) -> str:
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return data.decode(encoding, errors="replace")
    if b"\x00" in data:
        if wide := _wide(data):
            return data.decode(wide, errors="replace")
        raise _not_text()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _mended(data) or _legacy(data)


def pages(text: str, budget: Budget) -> list[list[str]]:
    """Lines by page: form feeds part pages. Blank lines stay, trailing ones of a page do not."""
    budget.spend_characters(len(text))
    out = []
    for number, page in enumerate(text.split("\f"), 1):
        budget.check_page(number)
        lines = [normalise(line.expandtabs(8)).rstrip() for line in _LINE_END.split(page)]
        while lines and not lines[-1]:
            lines.pop()
        out.append(lines)
    return out


def read(data: bytes, budget: Budget) -> tuple[Page, ...]:
    """Every line as it stands, blank ones too. Raises SpurError for what is no text."""
    return tuple(
        Page(n, mark_signs([Line(line) for line in lines]))
        for n, lines in enumerate(pages(decode(data), budget), 1)
    )
