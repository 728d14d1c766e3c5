"""A draft as PDF: what a reader finds in it, and what text from a report cannot do to it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pdfplumber
import pytest

from pipeline import reading
from pipeline.drafting import Drafter
from pipeline.rendering import pdf
from pipeline.report import Draft, SpurError

EXAMPLE = Path(__file__).resolve().parents[1] / "data/examples/graded/w15-tx-20.pdf"


@pytest.fixture(scope="module")
def drafter() -> Drafter:
    return Drafter.load("baseline")


@pytest.fixture(scope="module")
def draft(drafter: Drafter) -> Draft:
    return drafter.draft(reading.read(EXAMPLE))


def _text(path: Path) -> str:
    with pdfplumber.open(path) as file:
        return "\n".join(page.extract_text() for page in file.pages)


def test_a_pdf_has_each_area_its_grade_and_the_plan(drafter: Drafter, draft: Draft, tmp_path: Path) -> None:
    pdf.write([draft], drafter.catalogue, tmp_path / "x.pdf")
    text = _text(tmp_path / "x.pdf")
    for letter, area in draft.areas.items():
        assert f"{letter} {drafter.catalogue.areas[letter].name}: {area.suggested_grade}" in text
    assert "Handlingsplan" in text
    assert "graderingen gör inspektörerna" in text
    assert draft.sentences[draft.areas["A"].criteria[0].evidence[0]].text[:40] in text


def test_report_text_is_no_markup_in_a_pdf(drafter: Drafter, draft: Draft, tmp_path: Path) -> None:
    hostile = '<b>fet</b> <img src="file:///etc/passwd"/> & \x00 <para> </font>'
    made = replace(draft, report=replace(draft.report, unit=hostile), warnings=(hostile,))
    pdf.write([made, draft], drafter.catalogue, tmp_path / "x.pdf")
    assert '<b>fet</b> <img src="file:///etc/passwd"/> &' in _text(tmp_path / "x.pdf")


def test_very_long_words_and_plans_still_give_a_pdf(drafter: Drafter, draft: Draft, tmp_path: Path) -> None:
    plan = tuple(replace(e, action="mycket text " * 2000) for e in draft.action_plan)
    made = replace(draft, action_plan=plan, report=replace(draft.report, unit="x" * 3000))
    pdf.write([made], drafter.catalogue, tmp_path / "x.pdf")
    assert "mycket text" in _text(tmp_path / "x.pdf")


def test_missing_fonts_are_told(
    drafter: Drafter, draft: Draft, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pdf._register.cache_clear()
    monkeypatch.setattr(pdf, "_FONTS", tmp_path)
    with pytest.raises(SpurError, match="installera paketet"):
        pdf.write([draft], drafter.catalogue, tmp_path / "x.pdf")
    pdf._register.cache_clear()
