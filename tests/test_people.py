"""Names of people are hidden, roles are kept, and what is no name stays. All names are invented."""

from __future__ import annotations

import pytest

from pipeline import people
from pipeline.report import Facts, PlanEntry, Report, Sentence

COVER = Facts(
    unit="Medicinkliniken, Brännaryds lasarett",
    place="Brännaryd",
    inspectors=("Överläkare Alva Påhittsdotter", "Nils Fiktivus"),
)


def masked(*texts: str, plan: str | None = None, common: frozenset[str] = frozenset()) -> list[str]:
    report = Report(COVER, "\n".join(texts), (), {}, (PlanEntry("E", (), responsible=plan),) if plan else ())
    sentences = [Sentence(i, "E", t, 0, 0) for i, t in enumerate(texts)]
    return people.pseudonymise(report, sentences, common, "r")[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Studierektor Anna Bokström leder gruppen.", "Studierektor NN leder gruppen."),
        ("Verksamhetschefen Karlqvist deltar.", "Verksamhetschefen NN deltar."),
        ("Ansvarig är överläkare Eva-Lena von Skogh.", "Ansvarig är överläkare NN."),
        ("Per Olof Dalmark, verksamhetschef, har mandat.", "NN, verksamhetschef, har mandat."),
        ("Detta sköts av Mirja Sandhed (studierektor).", "Detta sköts av NN (studierektor)."),
        ("Enligt Mirja Sandhed saknas rutiner.", "Enligt NN saknas rutiner."),
        ("Påhittsdotters bild delas av Fiktivus.", "NNs bild delas av NN."),
        ("Dr. Fiktivus och SR Bokmark är eniga.", "Dr. NN och SR NN är eniga."),
        ("Kontakta anna.bok@exempel.se eller 070-123 45 67.", "Kontakta [e-post] eller [telefon]."),
    ],
)
def test_names_are_hidden_and_roles_kept(text: str, expected: str) -> None:
    assert masked(text) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "Verksamhetschef och studierektor saknar mandat.",
        "Medicinkliniken vid Brännaryds lasarett har tre överläkare.",
        "ST-läkare Handledare Studierektor är eniga.",
        "Överläkare deltar i jourverksamhet. Handledning ges varje vecka.",
        "ST-läkarna använder Mini-CEX och DOPS enligt SOSFS 2015:8.",
        "Handledarna träffas 2024-04-30, se 251231.",
    ],
)
def test_what_is_no_name_stays(text: str) -> None:
    assert masked(text) == [text]


def test_a_name_told_once_is_hidden_everywhere_in_its_report() -> None:
    texts = masked("Studierektor Mirja Sandhed är ny.", "Sandhed saknar tid.", "Två överläkare slutade.")
    assert texts == ["Studierektor NN är ny.", "NN saknar tid.", "Två överläkare slutade."]


def test_the_plan_tells_names_too() -> None:
    assert masked("Sandhed saknar tid.", plan="Verksamhetschef Mirja Sandhed") == ["NN saknar tid."]


def test_words_that_other_reports_write_small_are_no_names() -> None:
    text = "Kursen ges av Svenska Läkaresällskapet."
    assert masked(text, common=people.small_words(["den svenska modellen, läkaresällskapet"])) == [text]


def test_what_was_hidden_is_told() -> None:
    report = Report(COVER, "", (), {})
    told = people.pseudonymise(report, [Sentence(4, "E", "Dr Fiktivus kom.", 0, 0)], frozenset(), "r")[1]
    assert [(m.report, m.sentence, m.words, m.rule) for m in told] == [("r", 4, "Nils Fiktivus", "cover")]
