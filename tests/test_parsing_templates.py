"""Parsing of templates that nobody described: what they print beside the text stays out of it."""

from __future__ import annotations

from itertools import count

import pytest
from parsing_helpers import assert_whole, default, norm, source

from pipeline.language import sentences
from pipeline.parsing import parse
from pipeline.report import Line, Page, Report, Source, SpurError

TEXTS = {
    a: f"Kliniken i exempel {n} har tolv specialister och fem ST-läkare. "
    f"Arbetet med {area.name.lower()} följs upp varje år av studierektorn."
    for n, (a, area) in enumerate(default().areas.items(), 1)
}
ITEMS = {
    "STYRKOR": ["Engagerade handledare.", "God stämning på kliniken."],
    "SVAGHETER": ["Bedömningar görs sällan.", "Tid för självstudier saknas."],
    "FORBATTRING": ["Inför fasta tider för handledning.", "Skriv en rutin för bedömning."],
}
HEADINGS = {"STYRKOR": "Styrkor", "SVAGHETER": "Svagheter", "FORBATTRING": "Förbättringspotential"}


def lists(bullet: str = "- ") -> str:
    return (
        "\n\n".join(f"{HEADINGS[k]}\n" + "\n".join(bullet + x for x in v) for k, v in ITEMS.items()) + "\n\n"
    )


def document(
    heading: str = "{a} {name}", label: str = "", criterion: str = "{text}", end: str = "Gradering"
) -> str:
    out = []
    for a, area in default().areas.items():
        out += [heading.format(a=a, name=area.name, part=area.part.capitalize()), label, TEXTS[a]]
        for level, name in {"F": "Föreskrift", "R": "Allmänna råd", "K": "Kvalitetsindikator"}.items():
            if area.at(level):
                out += [] if "{level}" in criterion else [name]
                out += [criterion.format(level=name, text=c.text) for c in area.at(level)]
        out += [end, ""]
    return "\n".join(out)


def check(report: Report) -> None:
    """Every section holds its sentences, all of them and no more."""
    found = {s: "".join(x.text for x in sentences(report) if x.section == s) for s in (*ITEMS, *TEXTS)}
    for section, text in {**{k: "".join(v) for k, v in ITEMS.items()}, **TEXTS}.items():
        assert norm(found[section]) == norm(text), section


DOCUMENTS = {
    "label above the narrative": lists() + document(label="Beskrivning"),
    "part before the letter": lists() + document("{part} {a}: {name}"),
    "level before each criterion": lists() + document(criterion="{level} {text}", end="Gradering: B"),
    "answer behind each criterion": lists() + document(criterion="{text} Ja"),
    "label run into the narrative": lists()
    + document(label="Beskrivning:").replace("Beskrivning:\n", "Beskrivning: "),
    "headings that go on": lists() + document("{a} {name} (forts.)"),
    "hollow bullets": lists("o ") + document(),
    "bullets that lost their sign": lists("(cid:127) ") + document(),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_a_template_prints_stays_out_of_the_text(name: str) -> None:
    given = source(DOCUMENTS[name])
    report = parse(given, default())
    check(report)
    assert_whole(given, report)


@pytest.mark.parametrize(
    ("scale", "grade"),
    [
        ("Gradering: ☐ A ☒ B ☐ D", "B"),
        ("Gradering  A ☐  B ☐  D ☒", "D"),
        ("☐ A ☐ B ☐ D", None),
        ("Gradering: [ ] A [x] B [ ] D", "B"),
    ],
)
def test_a_scale_of_boxes_on_one_row(scale: str, grade: str | None) -> None:
    report = parse(source(lists() + document(end=scale)), default())
    assert {a.stated_grade for a in report.areas.values()} == {grade}
    check(report)


def test_lists_beside_each_other_in_a_table() -> None:
    cells = [("Styrkor", "Svagheter"), *zip(ITEMS["STYRKOR"], ITEMS["SVAGHETER"], strict=True)]
    table = [
        Line(x, cell=(0, r, c), paragraph_end=True) for r, row in enumerate(cells) for c, x in enumerate(row)
    ]
    rest = lists().split("\n\n")[2] + "\n" + document()
    given = Source("rapport.docx", (Page(1, (*table, *(Line(x) for x in rest.split("\n")))),), "docx")
    check(parse(given, default()))


def test_answers_in_the_columns_of_a_table() -> None:
    lines = [Line(x) for x in lists().split("\n")]
    tables = count()
    for a, area in default().areas.items():
        lines += [Line(f"{a} {area.name}"), Line(TEXTS[a])]
        table = next(tables)
        for row, c in enumerate(area.criteria):
            lines += [
                Line(c.text, cell=(table, row, 0)),
                Line("Delvis" if row % 2 else "X", cell=(table, row, 1 + row % 3)),
            ]
    given = Source("rapport.docx", (Page(1, tuple(lines)),), "docx")
    report = parse(given, default())
    check(report)
    assert_whole(given, report)


def test_criteria_of_another_regulation_are_told_by_their_place() -> None:
    """None of the catalogue's wordings stands in the file; what stands under «Föreskrift» is no narrative all the same."""
    words = document(criterion="- Kravet om att {text} tillämpas numera i andra ord.").replace(
        "ST-läkare", "utbildningsläkare"
    )
    words = words.replace("utbildningsläkare. Arbetet", "ST-läkare. Arbetet").replace(
        "handledar", "instruktörs"
    )
    words = words.replace("Det finns", "vårdgivaren ordnar").replace("målbeskrivning", "kravlista")
    given = source(lists() + words)
    report = parse(given, default())
    check(report)
    assert_whole(given, report)


def test_comments_below_each_criterion_are_the_narrative() -> None:
    text = document(
        label="Kommentar", criterion="1. {text}\n☐ Ja ☐ Delvis ☐ Nej\nKommentar:", end="Gradering: B"
    )
    check(parse(source(lists() + text), default()))


def test_a_questionnaire_is_no_report() -> None:
    answers = document(
        criterion="1. {text}\n☐ Ja ☐ Delvis ☐ Nej\nKommentar: Det fungerar för det mesta bra.", end=""
    )
    with pytest.raises(SpurError, match="inte en SPUR-rapport"):
        parse(source("Enkät inför granskningen\n" + answers), default())


def test_letters_to_choose_from_are_no_grade() -> None:
    report = parse(source(lists() + document(end="Gradering: A B C D\n☐ ☒ ☐ ☐")), default())
    assert {a.stated_grade for a in report.areas.values()} == {None}


@pytest.mark.parametrize(
    "cover",
    [
        "Vårdenhet Medicinkliniken, Exempelsjukhuset\nSpecialitet Internmedicin\nBesöksdatum 2022-10-05",
        "Vårdenhet: Medicinkliniken, Exempelsjukhuset\nSpecialitet: Internmedicin\nGranskad den 5 oktober 2022",
    ],
)
def test_covers_without_a_sign_between_label_and_value(cover: str) -> None:
    facts = parse(
        source(f"SPUR-granskning av ST-\nutbildning\n{cover}\n\n{lists()}{document()}"), default()
    ).facts
    assert (facts.unit, facts.specialty) == ("Medicinkliniken, Exempelsjukhuset", "Internmedicin")
    assert facts.date == "2022-10-05"


def test_a_cover_of_several_dates_without_labels_tells_none() -> None:
    cover = "SPUR-granskning\nReviderad 2023-01-10, besök 2022-10-05\n\n"
    assert parse(source(cover + lists() + document()), default()).facts.date is None


def test_a_grade_that_many_areas_share_is_told() -> None:
    report = parse(source(lists() + document(end="Inspektörernas bedömning: gradering D")), default())
    assert {a.stated_grade for a in report.areas.values()} == {"D"}
