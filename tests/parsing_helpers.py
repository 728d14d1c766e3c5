"""Reports for the parser's tests: labelled corpus reports as text, and sources made of lines."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from pipeline import catalogue
from pipeline.catalogue import Catalogue
from pipeline.corpus import render
from pipeline.corpus.tsv import CorpusReport, read
from pipeline.language import sentences, split
from pipeline.report import Line, Page, Report, Source

CORPUS = Path(__file__).resolve().parents[1] / "data" / "corpus"


@cache
def default() -> Catalogue:
    return catalogue.load()


@cache
def labelled(name: str) -> CorpusReport:
    return read(CORPUS / f"{name}.tsv")


@cache
def printed(name: str, layout: int) -> str:
    """A corpus report as plain text in one of the layouts, form feeds between pages."""
    return render.render(labelled(name), default(), "txt", layout).decode("utf8")


def source(text: str, name: str = "rapport.txt") -> Source:
    """Text as the reader gives it: a page at each form feed, blank lines kept."""
    pages = text.split("\f")
    return Source(
        name, tuple(Page(n, tuple(Line(x) for x in p.split("\n"))) for n, p in enumerate(pages, 1)), "txt"
    )


def norm(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).lower()


def gold(report: CorpusReport) -> Counter[tuple[str, str]]:
    """(section, letters) of the sentences of a labelled report."""
    return Counter((r.section, norm(r.text[a:b])) for r in report.rows for a, b in split(r.text))


def found(report: Report) -> Counter[tuple[str, str]]:
    return Counter((s.section or "", norm(s.text)) for s in sentences(report))


def f1(want: Iterable[str], have: Iterable[str]) -> float:
    a, b = set(want), set(have)
    return 2 * len(a & b) / max(1, len(a) + len(b))


def characters(text: str) -> Counter[str]:
    """The characters that are not space, composed."""
    return Counter(c for c in unicodedata.normalize("NFC", text) if not c.isspace())


def assert_whole(given: Source, report: Report) -> None:
    """Sentences are where they say, blocks cover the text in order, and nothing of the file is lost but hyphens."""
    for s in sentences(report):
        assert report.text[s.start : s.end] == s.text
        assert any(c.isalnum() for c in s.text)
    at = 0
    for block in report.blocks:
        assert at <= block.start < block.end <= len(report.text)
        assert not report.text[at : block.start].strip()
        at = block.end
    assert not report.text[at:].strip()
    before = characters("".join(line.text for page in given.pages for line in page.lines))
    after = characters(report.text)
    assert not after - before
    assert set(before - after) <= set("-‐‑")
