"""`spur dataset render`: every sentence survives, and the quirks of real files are there."""

from __future__ import annotations

import io
import random
import re
from collections.abc import Iterator
from pathlib import Path

import docx
import pdfplumber
import pytest

from pipeline import catalogue
from pipeline.corpus import tsv
from pipeline.corpus.grades import Told, read
from pipeline.corpus.layouts import LAYOUTS
from pipeline.corpus.layouts.wrapping import Wrapper, vocabulary
from pipeline.corpus.printers import FORMATS
from pipeline.corpus.render import render
from pipeline.report import SpurError

ROOT = Path(__file__).resolve().parents[1]

CATALOGUE = catalogue.load()
TRAIN = ROOT / "data" / "corpus" / "train"
PLANNED = tsv.read(TRAIN / "w1-tr-07.tsv")  # has an action plan
DASHED = tsv.read(ROOT / "data" / "corpus" / "dev" / "w4-tr-51.tsv")  # dash items inside narratives
UNPLANNED = tsv.read(ROOT / "data" / "corpus" / "dev" / "w1-tr-08.tsv")
TOLD = {"A": Told("D", "C"), "B": Told("B"), "E": Told("D", "D"), "H": Told(after="C")}


def letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).lower()


def lines(data: bytes, fmt: str) -> Iterator[str]:
    """The file's lines by other means than the product's own reader."""
    if fmt == "pdf":
        with pdfplumber.open(io.BytesIO(data)) as pdf:
            for page in pdf.pages:
                yield from (page.extract_text() or "").split("\n")
    elif fmt == "docx":
        word = docx.Document(io.BytesIO(data))
        yield from (p.text for p in word.paragraphs)
        yield from (c.text for t in word.tables for r in t.rows for c in r.cells)
    else:
        yield from re.split(r"[\n\f]", data.decode("utf8"))


def furniture(line: str) -> bool:
    """What may stand inside a sentence: running titles, page numbers, headings repeated at page breaks."""
    titles = {a.name for a in CATALOGUE.areas.values()}
    return bool(
        re.fullmatch(r"\s*(Sida \d+( \(\d+\))?|\d+)\s*", line)
        or line.startswith("SPUR-granskning av ST-utbildningen")
        or line.strip() in titles
    )


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("report", [PLANNED, DASHED], ids=lambda r: r.id)
def test_every_sentence_stands_word_for_word(report: tsv.CorpusReport, layout: int, fmt: str) -> None:
    text = letters(
        "".join(line for line in lines(render(report, CATALOGUE, fmt, layout), fmt) if not furniture(line))
    )
    missing = [r.text for r in report.rows if letters(r.text) not in text]
    assert not missing


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_same_report_gives_the_same_bytes(layout: int, fmt: str) -> None:
    assert render(DASHED, CATALOGUE, fmt, layout, TOLD) == render(DASHED, CATALOGUE, fmt, layout, TOLD)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_grades_are_stated_only_when_asked_for(layout: int) -> None:
    without = render(DASHED, CATALOGUE, "txt", layout).decode()
    with_ = render(DASHED, CATALOGUE, "txt", layout, TOLD).decode()
    signs = re.compile(r"☒|■|✓|\[x\]")
    assert not signs.search(without)
    assert not re.search(r"[Gg]radering(en)? (är ändrad|ändras|[A-D] kvarstår)", without)
    chosen = re.findall(r"(?:☒|■|✓|\[x\]) ([A-D])\.", with_)
    assert chosen == ["C", "B", "D", "C"]
    assert re.search(r"[Gg]radering(en)?\s+(är\s+ändrad|ändras|[A-D]\s+kvarstår)", with_)


def test_an_area_without_advice_has_a_c_line_only_after_a_regrade() -> None:
    def scale(told: dict[str, Told]) -> list[str]:
        text = render(DASHED, CATALOGUE, "md", 1, told).decode()
        area = text.partition("A Verksamheten")[2].partition("B Medarbetarstab")[0]
        return re.findall(r"^- (?:\**|\[.\] )([A-D])\. ", area, re.M)

    assert scale({}) == ["A", "B", "D"]
    assert scale({"A": Told("D", "C")}) == ["A", "B", "C", "D"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_action_plan_is_printed_where_there_is_one(layout: int) -> None:
    text = letters(render(PLANNED, CATALOGUE, "txt", layout).decode())
    assert all(letters(p.action) in text for p in PLANNED.plan)
    without = letters(render(UNPLANNED, CATALOGUE, "txt", layout).decode())
    assert not re.search("ansvarigför(genomförandet|uppföljning)", without)


def test_layout_2_looks_like_text_from_a_pdf() -> None:
    text = render(PLANNED, CATALOGUE, "txt", 2).decode()
    heads = [re.search(rf"^\f?{h}$", text, re.M) for h in ("Styrkor", "Svagheter", "Förbättringspotential")]
    starts = [h.start() for h in heads if h]
    assert letters(text[starts[0] : starts[2]]) == "styrkorsvagheter"  # together, the items after all three
    items = text[starts[2] :]
    assert items.index(PLANNED.rows[0].text[:40]) > 0
    assert max(len(line) for line in text.split("\n")) <= 88
    assert "\f" in text
    assert all(
        not b for a, b in zip(text.split("\n"), text.split("\n")[1:], strict=False) if a and "\f" not in a + b
    )


def test_criteria_are_displaced_somewhere_in_layout_2() -> None:
    """An area's criteria may stand after the next area's narrative."""
    displaced = 0
    for path in sorted((ROOT / "data" / "corpus" / "dev").glob("w*.tsv"))[:8]:
        text = letters(render(tsv.read(path), CATALOGUE, "txt", 2).decode())
        first = [text.find(letters(CATALOGUE.areas[a].criteria[0].text)) for a in "AB"]
        narrative = text.find(letters(next(r.text for r in tsv.read(path).rows if r.section == "B")))
        displaced += first[0] > narrative
    assert displaced


def test_lines_break_at_real_hyphens_and_inside_compounds() -> None:
    words = vocabulary(["jour tjänstgöring beredskap läkare"])
    wrapper = Wrapper(20, words, random.Random(1), splitting=1.0)
    assert wrapper.lines("Sektionen har jourtjänstgöring") == ["Sektionen har jour-", "tjänstgöring"]
    assert wrapper.lines("Sektionen har en ST-läkare här") == ["Sektionen har en ST-", "läkare här"]
    assert wrapper.lines("Ingen beredskapstjänstgöring") == ["Ingen beredskaps-", "tjänstgöring"]
    assert wrapper.lines("Sektionen har sidoutbildning") == ["Sektionen har", "sidoutbildning"]
    assert Wrapper(20, words, random.Random(1), splitting=0).lines("Sektionen har jourtjänstgöring") == [
        "Sektionen har",
        "jourtjänstgöring",
    ]


def test_grades_come_from_a_csv_file(tmp_path: Path) -> None:
    path = tmp_path / "grades.csv"
    path.write_text(
        "report;area;grade;stage\nr-1;A;D;before\nr-1;A;C;after\nr-1;B;B;\n", encoding="utf-8-sig"
    )
    assert read(path, CATALOGUE) == {"r-1": {"A": Told("D", "C"), "B": Told("B")}}
    path.write_text("report,area,grade\nr-1,A,E\n", encoding="utf8")
    with pytest.raises(SpurError, match=r"grades\.csv, line 2.*'E'"):
        read(path, CATALOGUE)
    path.write_text("rapport,area,grade\n", encoding="utf8")
    with pytest.raises(SpurError, match="report"):
        read(path, CATALOGUE)


def test_a_character_that_the_pdf_font_lacks_is_told_not_lost() -> None:
    odd = tsv.parse("# A\nMätning i 中文.\t\n", "odd")
    with pytest.raises(SpurError, match=r"中.*docx"):
        render(odd, CATALOGUE, "pdf", 1)
    assert "中文" in render(odd, CATALOGUE, "txt", 1).decode()
