"""Text survives reading, in one form of each character."""

from __future__ import annotations

import re
import tempfile
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reading_files import draw, lines, texts

from pipeline.reading import normalise, read


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("La\u0308kare pa\u030a ho\u0308g niva\u030a", "Läkare på hög nivå"),
        ("e\ufb00ektiv o\ufb03ciell \ufb01n", "effektiv officiell fin"),
        ("jour\u00adtjänst", "jourtjänst"),
        ("jour\u00ad", "jour-"),
        ("jour\u00ad \nnästa", "jour- \nnästa"),
        ("ST\u2011läkare och A\u2010kurs", "ST-läkare och A-kurs"),
        ("a\u00a0b\u2009c\u202fd\u3000e\tf", "a b c d e f"),
        ("a\u200bb\ufeffc\u200ed\u2060e", "abcde"),
        ("a\x00b\x07c\x1b", "abc"),
        ("hj¨alpa", "hjälpa"),
        ("hja¨lpa", "hjälpa"),
        ("f¨ or", "för"),
        ("˚Atg¨ard p˚a", "Åtgärd på"),
        ("ö¨a", "öä"),
        ("a¨o", "a¨o"),  # either could be meant
        ("\uf0fe Ja \uf0a8 Nej \uf0b7", "☑ Ja ☐ Nej •"),
        ("☑\ufe0f vald", "☑ vald"),
        ("\ud800", "\ufffd"),
        ("20–30 % • «så» ½ é", "20–30 % • «så» ½ é"),
    ],
)
def test_normalise(raw: str, expected: str) -> None:
    assert normalise(raw) == expected


@given(st.one_of(st.text(), st.text("aoxUä¨˚´ \u00ad-\n\u0308ﬁ\uf0fe")))
@example("A¨U\u0300")
@example("O´´ A")
def test_normalise_is_stable_and_keeps_letters(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert unicodedata.is_normalized("NFC", once)
    if not re.search("[¨˚´]", text):
        plain = re.findall("[a-zåäöA-ZÅÄÖ0-9]", unicodedata.normalize("NFC", text))
        assert len(re.findall("[a-zåäöA-ZÅÄÖ0-9]", once)) >= len(plain)


VISIBLE = st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\ufeff")
UNICODE_ROWS = st.lists(st.text(VISIBLE, max_size=40), min_size=1, max_size=12)
SWEDISH = "abcdefghijklmnopqrstuvwxyzåäöÅÄÖABCDEF éü0123456789.,:;-()/%"
LEGACY_ROWS = st.lists(st.text(SWEDISH, min_size=1, max_size=40), min_size=1, max_size=12)


def _round_trip(rows: list[str], encoding: str, end: str, suffix: str = ".txt") -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{suffix}"
        # a visible ending, so that there is text in any case
        path.write_bytes(end.join([*rows, "slut"]).encode(encoding))
        source = read(path)
    want = re.sub(r"\s", "", "".join(normalise(re.sub("[\u2028\u2029]", "\n", r)) for r in [*rows, "slut"]))
    assert re.sub(r"\s", "", "".join(x.text for x in lines(source))) == want


@settings(max_examples=150, deadline=None)
@given(
    UNICODE_ROWS,
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    st.sampled_from(["\n", "\r\n", "\r", "\f"]),
)
def test_every_visible_character_survives_in_unicode(rows: list[str], encoding: str, end: str) -> None:
    _round_trip(rows, encoding, end)


@settings(max_examples=150, deadline=None)
@given(LEGACY_ROWS, st.sampled_from(["latin-1", "cp1252", "utf-8"]), st.sampled_from(["\n", "\r\n"]))
def test_every_visible_character_survives_in_older_encodings(
    rows: list[str], encoding: str, end: str
) -> None:
    _round_trip(rows, encoding, end)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.text("abcdefåäöÅÄÖ 0123.,-()", min_size=1, max_size=60), min_size=1, max_size=8),
    st.integers(7, 16),
)
def test_every_visible_character_survives_in_a_pdf(rows: list[str], size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:

        def paint(c: object) -> None:
            c.setFont("Helvetica", size)  # type: ignore[attr-defined]
            for i, row in enumerate([*rows, "slut"]):
                c.drawString(20, 800 - 1.2 * size * i, row)  # type: ignore[attr-defined]

        source = read(draw(Path(folder) / "a.pdf", paint))
    assert " ".join(" ".join(texts(source)).split()) == " ".join(" ".join([*rows, "slut"]).split())
