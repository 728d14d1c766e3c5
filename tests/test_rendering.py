"""Drafts as table, XLSX, DOCX, HTML and JSON: complete, Swedish, and safe whatever a report holds."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import docx
import openpyxl
import pytest
from rich.console import Console

from pipeline import catalogue
from pipeline.rendering import docx as docx_
from pipeline.rendering import html, jsonl, table, words, xlsx
from pipeline.report import (
    AreaDraft,
    CriterionDecision,
    Draft,
    Facts,
    Finding,
    ModelInfo,
    PlanAnswer,
    PlanEntry,
    Sentence,
)

CATALOGUE = catalogue.load()
NASTY = '=HYPERLINK("http://x","<script>alert(1)</script>")\x0b\x00 & [bold]åäö[/bold]'


def _area(letter: str) -> AreaDraft:
    return AreaDraft(
        has_text=True,
        suggested_grade="A",
        probabilities={"A": 0.9, "B": 0.06, "C": 0.0, "D": 0.04},
        grade_set=("A",),
        abstain=False,
        explanation=f"Inget i texten talar för brister i {letter}.",
    )


def a_draft() -> Draft:
    sentences = (
        Sentence(0, "STYRKOR", "Alla har handledare.", 0, 20),
        Sentence(1, "E", NASTY, 21, 21 + len(NASTY)),
        Sentence(2, "E", "Samtalen blir av.", 100, 117),
    )
    doubtful = AreaDraft(
        has_text=True,
        suggested_grade="D",
        probabilities={"A": 0.01, "B": 0.02, "C": 0.1204, "D": 0.8496},
        grade_set=("C", "D"),
        abstain=True,
        stated_grade="C",
        grade_before_plan="D",
        grade_after_plan="C",
        criteria=(
            CriterionDecision("E.F2", "met", 0.99, (0,)),
            CriterionDecision("E.F6", "unmet", 0.94, (1,), (2,)),
        ),
        plan=(PlanAnswer("E.F6", "incomplete", ("follow_up",)),),
        explanation="Föreskriften E.F6 följs inte enligt texten.",
        counterfactual="Utan E.F6 blir förslaget A.",
        reason="Texten är motsägelsefull.",
    )
    entry = PlanEntry(
        "E", ("E.F6",), NASTY, "2025-12-31", "20251231", "Verksamhetschefen", None, "om sex månader", None
    )
    facts = Facts("r.pdf", "=Kliniken <b>Å</b>", "Geriatrik", "2023-11-14", "SOSFS 2015:8", "sosfs-2015-8")
    return Draft(
        report=facts,
        text="",
        model=ModelInfo("baseline", "1"),
        sentences=sentences,
        findings=((Finding("E.F2", "met", 0.99),), (Finding("E.F6", "unmet", 0.94),), ()),
        areas={a: doubtful if a == "E" else _area(a) for a in CATALOGUE.areas},
        action_plan=(entry,),
        warnings=("Område F saknas i rapporten.",),
    )


def test_json_has_the_keys_of_the_interface() -> None:
    line = jsonl.dump(jsonl.draft_json(a_draft()))
    assert "\n" not in line
    got = json.loads(line)
    assert set(got) == {"report", "model", "warnings", "sentences", "areas", "action_plan"}
    assert set(got["report"]) == {"file", "unit", "specialty", "date", "regulation", "catalogue"}
    assert set(got["sentences"][0]) == {"id", "section", "text", "start", "end", "findings"}
    assert got["sentences"][1]["findings"] == [{"criterion": "E.F6", "status": "unmet", "probability": 0.94}]
    area = got["areas"]["E"]
    assert set(area) >= {
        "has_text",
        "suggested_grade",
        "probabilities",
        "grade_set",
        "abstain",
        "stated_grade",
        "grade_before_plan",
        "grade_after_plan",
        "criteria",
        "plan",
        "explanation",
        "counterfactual",
    }
    assert set(area["criteria"][0]) == {"id", "status", "probability", "evidence", "against"}
    assert {k: area["plan"][0][k] for k in ("criterion", "state")} == {
        "criterion": "E.F6",
        "state": "incomplete",
    }
    assert set(got["action_plan"][0]) == {
        "area",
        "criteria",
        "action",
        "deadline",
        "deadline_text",
        "responsible",
        "follow_up",
        "follow_up_text",
        "follow_up_responsible",
    }
    assert got["sentences"][1]["text"] == NASTY  # JSON keeps everything


def test_the_json_file_is_an_array(tmp_path: Path) -> None:
    jsonl.write([a_draft(), a_draft()], CATALOGUE, tmp_path / "x.json")
    assert len(json.loads((tmp_path / "x.json").read_text(encoding="utf8"))) == 2


def test_the_table_shows_grades_criteria_and_sentences() -> None:
    console = Console(width=140, record=True, file=StringIO())
    console.print(table.draft_table(a_draft(), CATALOGUE))
    text = console.export_text().replace("\u00a0", " ")
    assert "E Handledning och kompetensbedömning" in text
    assert "D? (C/D)" in text and "D → C" in text and "85 %" in text
    assert "−E.F6" in text and "inte uppfyllt 94 %" in text
    assert "[bold]åäö[/bold]" in text  # a report's brackets are no markup
    assert "Om handlingsplanen godtas: C" in text and "ofullständigt besvarad" in text
    assert "! Område F saknas" in text


def test_a_workbook_has_a_row_an_area_and_no_formula(tmp_path: Path) -> None:
    xlsx.write([a_draft(), a_draft()], CATALOGUE, tmp_path / "x.xlsx")
    book = openpyxl.load_workbook(tmp_path / "x.xlsx")
    areas = book["Områden"]
    assert areas.max_row == 1 + 2 * 8
    heads = [c.value for c in areas[1]]
    row = dict(zip(heads, [c.value for c in areas[6]], strict=True))
    assert (row["Område"], row["Förslag"], row["Angivet"], row["P(D)"]) == ("E", "D", "C", 0.8496)
    assert "E.F6 (inte uppfyllt)" in row["Avgörande kriterier"]
    cells = [c for sheet in book for r in sheet.iter_rows() for c in r if c.value is not None]
    assert all(c.data_type != "f" and not str(c.value).startswith(("=", "+", "-", "@")) for c in cells)
    assert any("HYPERLINK" in str(c.value) for c in book["Fynd"]["D"])


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "  =1"])
def test_what_a_spreadsheet_would_run_is_text(text: str) -> None:
    assert xlsx.cell(text).startswith("'")


def test_ordinary_text_stays_as_it_is() -> None:
    assert xlsx.cell("Handledning 1 gång/vecka") == "Handledning 1 gång/vecka"
    assert xlsx.cell(0.5) == 0.5 and xlsx.cell(None) is None


def test_a_word_document_has_a_section_a_report(tmp_path: Path) -> None:
    docx_.write([a_draft(), a_draft()], CATALOGUE, tmp_path / "x.docx")
    word = docx.Document(str(tmp_path / "x.docx"))
    heads = [p.text for p in word.paragraphs if p.style.name == "Heading 1"]
    assert heads == ["=Kliniken <b>Å</b>"] * 2
    text = "\n".join(p.text for p in word.paragraphs)
    assert "E Handledning och kompetensbedömning: D (osäkert, möjliga: C/D)" in text
    assert "<script>alert(1)</script>" in text and "\x0b" not in text
    assert word.tables[0].rows[5].cells[1].text == "D (osäkert)"


class _Reader(HTMLParser):
    """Tags and text of a page; fails on what is not closed."""

    VOID = frozenset({"meta", "br", "hr", "img", "link", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [v or "" for k, v in attrs if k in ("href", "src")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, (tag, self.open)
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_a_page_is_well_formed_self_contained_and_escaped() -> None:
    page = html.page([a_draft(), replace(a_draft(), warnings=())], CATALOGUE)
    reader = _Reader()
    reader.feed(page)
    assert not reader.open
    assert "script" not in reader.tags and "b" not in reader.tags
    assert all(link.startswith("#") for link in reader.links)
    text = " ".join(reader.words)
    assert "=Kliniken <b>Å</b>" in text and "<script>alert(1)</script>" in text
    assert "@media print" in page and 'lang="sv"' in page and "url(" not in page
    assert "\x00" not in page and "\x0b" not in page
    assert text.count("osäkert, C/D") == 2


def test_probabilities_do_not_claim_to_be_certain() -> None:
    assert [words.percent(p).replace("\u00a0", " ") for p in (0.0, 0.004, 0.5, 0.997, 1.0)] == [
        "0 %",
        "<1 %",
        "50 %",
        ">99 %",
        "100 %",
    ]
