"""Sentence boundaries and tokens of inspectors' Swedish."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.language import nlp, sentences, split
from pipeline.report import Block, Facts, Report


@pytest.mark.parametrize(
    "expected",
    [
        ["Kurser ges t.ex. Socialstyrelsens och bl.a. Regionens.", "De är bra."],
        ["Handledning sker 2 ggr/år enl. rutin.", "Resp. Handledare ansvarar."],
        ["Mötet börjar kl. 8 och slutar kl. 12.30.", "Alla deltar."],
        ["Leg. läkare med ev. Studierektor, tel. 08-123 45, nr. 3.", "Nästa mening."],
        ["Undervisning, jour m.m.", "Kurser söks i tid."],
        ["Det tar 20 min.", "Därefter följer samtal."],
        ["Handledning 1 gång/v.", "Det räcker."],
        ["Graderingen är ändrad till C.", "Verksamheten har inkommit med plan."],
        ["Dr. A. Andersson är chef.", "Hon är omtyckt."],
        ["Rutinen är från 2023.11.14 och gäller 0,5 tjänst.", "Den följs."],
        ["1. Inför mall.", "2. Utse handledare."],
        ["1) Rekrytering pågår.", "2) Digital handledning införs."],
        ["Det fungerar (se bilaga. Även tabell 2) i dag.", "Bra."],
        ['En ST-läkare sade "det går bra."', "Andra höll med."],
        ["Kan en handledare ansvara för två?", "Ja!", "Så är det …", "Dock ej jämt."],
        ["Det finns fyra ST -läkare.", "De är nöjda."],
        ["Randning hos alla ST.", "Jour ingår."],
        ["Sidotjänstgöring på t ex Onkologen ingår.", "Den är uppskattad."],
        ["Tio per v.", "Det är få."],
    ],
)
def test_sentences(expected: list[str]) -> None:
    text = " ".join(expected)
    assert [text[a:b] for a, b in split(text)] == expected


def test_a_full_stop_glued_to_the_next_sentence() -> None:
    text = "Handledning är slut.Nästa gång är i mars.ST-läkarna vet om det, se www.exempel.Se."
    got = [text[a:b] for a, b in split(text)]
    assert got[:2] == ["Handledning är slut.", "Nästa gång är i mars."]


def test_bullets_inside_a_paragraph() -> None:
    text = "Verksamheten består av - ASIH 9 team. - Vårdavdelning med 24 platser. • Mottagning"
    assert [text[a:b] for a, b in split(text)] == [
        "Verksamheten består av - ASIH 9 team.",
        "Vårdavdelning med 24 platser.",
        "Mottagning",
    ]


@given(st.text(max_size=300))
def test_ranges_are_in_order_and_hold_a_letter_or_digit(text: str) -> None:
    at = 0
    for start, end in split(text):
        assert at <= start < end <= len(text)
        assert any(c.isalnum() for c in text[start:end])
        assert "\n" not in text[start:end]
        at = end
    covered = "".join(text[a:b] for a, b in split(text))
    assert sum(c.isalnum() for c in covered) == sum(c.isalnum() for c in text)


def test_spacy_has_the_same_sentences_and_our_tokens() -> None:
    pipeline = nlp()
    text = "Två ST -läkare går bl.a. kurser enl. plan.Alla är nöjda. Kl. 8 börjar ronden."
    doc = pipeline(text)
    assert [s.text for s in doc.sents] == [text[a:b] for a, b in split(text)]
    tokens = [t.text for t in doc]
    assert {"ST -läkare", "bl.a.", "enl."} <= set(tokens)
    assert doc.text == text


def test_only_items_and_narratives_give_sentences() -> None:
    text = (
        "Omslag här.\n1. Bra stämning\n2. Nära handledare. Ofta\nKliniken är stor. Den växer.\nStående text."
    )
    ends = [text.index(x) + len(x) for x in ("här.", "Ofta", "växer.", "text.")]
    kinds = (("cover", None), ("list", "STYRKOR"), ("narrative", "A"), ("standing", "A"))
    blocks, at = [], 0
    for (kind, section), end in zip(kinds, ends, strict=True):
        blocks.append(Block(kind, section, at, end))  # type: ignore[arg-type]
        at = end + 1
    report = Report(Facts(), text, tuple(blocks), {})
    got = sentences(report)
    assert [(s.section, s.text) for s in got] == [
        ("STYRKOR", "Bra stämning"),
        ("STYRKOR", "Nära handledare."),
        ("STYRKOR", "Ofta"),
        ("A", "Kliniken är stor."),
        ("A", "Den växer."),
    ]
    assert [s.id for s in got] == list(range(5))
    assert all(s.text == text[s.start : s.end] for s in got)
