"""The parser under random wraps, page breaks, displaced headings, bullets and Unicode forms."""

from __future__ import annotations

import random
import textwrap
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parsing_helpers import assert_whole, default, f1, found, gold, labelled, printed, source

from pipeline.parsing import parse
from pipeline.report import SpurError

REPORTS = ("dev/w9-ts-31", "dev/w16-tz-08", "dev/w13-ts-86", "dev/w2-tr-21")
STRAY = (
    "Gradering",
    "Kvalitetsindikator",
    "Allmänna råd",
    "Föreskrift",
    "E",
    "B ",
    "Sida 3",
    "4 (12)",
    "SPUR-granskning, utskrift",
    "PROCESS",
    "Teoretisk utbildning",
    "Handledning",
    "Styrkor",
    "C. Socialstyrelsens föreskrifter följs.",
    "-",
    "•",
    "| a | b |",
    "Datum: 2023-01-01",
    "Åtgärdsplan",
    "Planerad åtgärd",
)
QUICK = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@st.composite
def disturbed(draw: st.DrawFn) -> str:
    """A printed report with its lines wrapped anew and strewn with what pages put between them."""
    text = printed(draw(st.sampled_from(REPORTS)), draw(st.sampled_from((1, 2, 3))))
    width = draw(st.integers(25, 140))
    chance = random.Random(draw(st.integers(0, 2**32)))
    rate = draw(st.sampled_from((0.0, 0.02, 0.1, 0.4)))
    out: list[str] = []
    for line in text.split("\n"):
        out += textwrap.wrap(line, width) or [""]
        if chance.random() < rate:
            out.append(chance.choice(STRAY))
        if chance.random() < rate / 4:
            out.append("\f")
        if chance.random() < rate / 4:
            out.append("")
        if chance.random() < rate / 8:
            tail = out[-6:]
            chance.shuffle(tail)
            out[-6:] = tail
    form = draw(st.sampled_from(("NFC", "NFD")))
    return unicodedata.normalize(form, "\n".join(out))


@QUICK
@given(disturbed())
def test_nothing_is_lost_and_nothing_breaks(text: str) -> None:
    given_source = source(text)
    try:
        report = parse(given_source, default())
    except SpurError:
        return
    assert_whole(given_source, report)


@QUICK
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=600))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    with pytest.raises(SpurError):
        parse(source(text), default())


@settings(QUICK, max_examples=12)
@given(st.sampled_from(REPORTS), st.sampled_from((1, 2, 3)), st.integers(60, 130), st.booleans())
def test_sentences_survive_other_wraps_and_page_breaks(
    name: str, layout: int, width: int, blank: bool
) -> None:
    lines: list[str] = []
    for line in printed(name, layout).replace("\f", "\n\f").split("\n"):
        lines += textwrap.wrap(line, width, break_on_hyphens=False, subsequent_indent="") or [""]
    if not blank:
        lines = [x for x in lines if x.strip() or "\f" in x]
    report = parse(source("\n".join(lines)), default())
    want = gold(labelled(name))
    assert f1((t for _, t in want), (t for _, t in found(report))) >= 0.9
