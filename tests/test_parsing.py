"""What a user sees of parsing: sections, lists, grades, plan, facts and refusals on reports of several makes."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from parsing_helpers import assert_whole, default, f1, found, gold, labelled, norm, printed, source

from pipeline.language import sentences
from pipeline.parsing import parse
from pipeline.report import Line, Page, Report, Source, SpurError

LISTS = """Styrkor
- Engagerad studierektor som följer alla ST-läkare
- God tillgång till handledare i vardagen.
Svagheter
- Självstudietid saknas i schemat. Kurser ställs in.
- Få bedömningar
Förbättringspotential
- Inför fasta bedömningsveckor
- Skriv in självstudietid i schemat.
"""
AREAS = {
    "A": ("Verksamheten", "Kliniken har 24 vårdplatser och tar emot akuta patienter dygnet runt."),
    "B": ("Medarbetarstab och interna kompetenser", "Sex specialister handleder fyra ST-läkare."),
    "C": ("Lokaler och utrustning", "Varje ST-läkare har en egen arbetsplats. Ultraljud finns."),
    "D": ("Tjänstgöringens upplägg", "Introduktionsprogram finns och används. Jouren är tung."),
    "E": ("Handledning och kompetensbedömning", "Handledning ges en timme i veckan. Sit-in görs sällan."),
    "F": ("Teoretisk utbildning", "Internutbildning hålls på torsdagar. Kurser söks i god tid."),
    "G": (
        "Medicinsk vetenskap och systematiskt kvalitets- och patientsäkerhetsarbete",
        "Journal club hålls varje månad.",
    ),
    "H": ("Ledarskapskompetens och kommunikativ kompetens", "ST-läkarna leder ronden varannan vecka."),
}


def report_text(
    *,
    areas: dict[str, str] | None = None,
    lists: str = LISTS,
    cover: str = "",
    plan: str = "",
    skip: str = "",
) -> str:
    """A report in plain paragraphs with criteria and scale; `areas` replaces narratives."""
    catalogue = default()
    out = [cover, lists]
    for letter, (name, narrative) in AREAS.items():
        if letter in skip:
            continue
        out += [f"{letter} {name}", "", (areas or {}).get(letter, narrative), "", "Föreskrift", ""]
        out += [f"- {c.text}" for c in catalogue.areas[letter].at("F")]
        out += ["", "Gradering", ""]
        grades = catalogue.scale(letter)
        out += [f"- {g}. {catalogue.grades[g].get('text')}" for g in grades]
        out.append("")
    return "\n".join([*out, plan])


def parsed(text: str) -> Report:
    given = source(text)
    report = parse(given, default())
    assert_whole(given, report)
    return report


def texts(report: Report, section: str) -> list[str]:
    return [s.text for s in sentences(report) if s.section == section]


# --- sections and lists ------------------------------------------------------------------------


@pytest.mark.parametrize("layout", [1, 2, 3])
@pytest.mark.parametrize("name", ["dev/w9-ts-31", "dev/w16-tz-05", "dev/w4-tr-51", "stress/st-03"])
def test_printed_reports_give_back_their_sentences(name: str, layout: int) -> None:
    report = parsed(printed(name, layout))
    want, have = gold(labelled(name)), found(report)
    assert f1((t for _, t in want), (t for _, t in have)) >= 0.98
    assert sum((want & have).values()) >= (0.9 if layout == 2 else 0.98) * sum(want.values())


def test_items_are_split_into_sentences_and_keep_their_list() -> None:
    report = parsed(report_text())
    assert texts(report, "SVAGHETER") == [
        "Självstudietid saknas i schemat.",
        "Kurser ställs in.",
        "Få bedömningar",
    ]
    assert texts(report, "FORBATTRING")[0] == "Inför fasta bedömningsveckor"


def test_headings_together_and_items_in_one_run() -> None:
    items = [
        "Handledarna är engagerade och finns nära till hands.",
        "Utmärkt introduktion med mentor.",
        "Det saknas tid för självstudier i schemat.",
        "Bedömningarna dokumenteras inte.",
        "ST-läkarna har inte någon egen arbetsplats.",
        "Schemalägg självstudietid varje vecka.",
        "Inför en gemensam mall för bedömningar.",
    ]
    lists = "Styrkor\n\nSvagheter\n\nFörbättringspotential\n\n" + "\n\n".join(items) + "\n"
    report = parsed(report_text(lists=lists))
    assert texts(report, "STYRKOR") == items[:2]
    assert texts(report, "SVAGHETER") == items[2:5]
    assert texts(report, "FORBATTRING") == items[5:]


def test_a_sentence_that_repeats_a_criterion_stays() -> None:
    criterion = default().by_id["H.K1"].text
    text = report_text(areas={"H": f"ST-läkarna leder ronden.\n\n{criterion}\n\nReflektion sker i grupp."})
    assert criterion in texts(parsed(text), "H")


def test_criteria_of_other_spelling_and_wrap_are_standing_text() -> None:
    text = (
        report_text().replace("ST-läkarens kompetens", "ST -läkarens\nkompetens").replace("sidout", "sidut")
    )
    assert all("fastställda rutiner" not in s.text for s in sentences(parsed(text)))


def test_displaced_headings_do_not_cut_sentences() -> None:
    areas = {
        "E": "Handledning ges en timme i veckan och dokumenteras i\nE\nden gemensamma portföljen, som alla\n"
        "Sida 7\n\fHandledning och kompetensbedömning\nhandledare använder. Sit-in görs sällan."
    }
    report = parsed(report_text(areas=areas))
    assert texts(report, "E") == [
        "Handledning ges en timme i veckan och dokumenteras i den gemensamma portföljen, "
        "som alla handledare använder.",
        "Sit-in görs sällan.",
    ]


def test_older_names_upper_case_and_wrapped_headings() -> None:
    text = report_text()
    for old, new in (
        ("B Medarbetarstab och interna kompetenser", "B. LÄKARSTAB"),
        ("D Tjänstgöringens upplägg", "D) Tjänstgöringens uppläggning"),
        (
            "G Medicinsk vetenskap och systematiskt kvalitets- och patientsäkerhetsarbete",
            "G\nMedicinsk vetenskap och systematiskt kvalitets- och\npatientsäkerhetsarbete",
        ),
        ("F Teoretisk utbildning", "Teoretisk utbildning"),
    ):
        assert old in text
        text = text.replace(old, new)
    report = parsed(text)
    for letter in AREAS:
        assert report.areas[letter].has_text, letter
    assert texts(report, "G") == ["Journal club hålls varje månad."]


def _plain(form: str) -> str:
    return (
        LISTS
        + "\n"
        + "\n\n".join(
            form.format(letter=a, name=n, upper=n.upper(), text=t, number=i)
            for i, (a, (n, t)) in enumerate(AREAS.items(), 1)
        )
    )


def _late() -> str:
    """Every area's heading behind its narrative, above its criteria."""
    out = [LISTS, "STRUKTUR"]
    for letter, (name, narrative) in AREAS.items():
        scale = [f"{g}. {default().grades[g]['text']}" for g in default().scale(letter)]
        criteria = [c.text for c in default().areas[letter].at("F")]
        out += [narrative, f"{letter} {name}", "Föreskrift", *criteria, "Gradering", *scale]
    return "\n".join(out)


CONTENTS = "Innehåll\nStyrkor\nSvagheter\n" + "\n".join(f"{a} {n}" for a, (n, _) in AREAS.items()) + "\n\n"
MAKES = {
    "name alone": _plain("{name}\n{text}"),
    "upper case": _plain("{upper}\n{text}"),
    "letter alone": _plain("{letter}\n{text}"),
    "numbered": _plain("{number}. {name}\n{text}"),
    "area word": _plain("Område {letter}: {name}\n{text}"),
    "run in": _plain("{letter}. {name}: {text}"),
    "run in without letter": _plain("{name}: {text}"),
    "other bullets": report_text().replace("\n- ", "\n• "),
    "no bullets": report_text().replace("\n- ", "\n"),
    "list headings in one line": report_text()
    .replace("Styrkor\n", "Styrkor Svagheter Förbättringspotential\n")
    .replace("\nSvagheter\n", "\n")
    .replace("\nFörbättringspotential\n", "\n"),
    "lists last": report_text(lists="") + "\nSammanfattning\n" + LISTS,
    "contents with dots": "".join(f"{a} {n} ........ 3\n" for a, (n, _) in AREAS.items()) + report_text(),
    "contents": CONTENTS + report_text(),
    "headings behind": _late(),
    "heading missing": report_text().replace("E Handledning och kompetensbedömning\n", ""),
    "signed": report_text() + "\nStockholm 2023-11-14\nNamn Namnsson\nInspektör\n",
}


@pytest.mark.parametrize("make", MAKES)
def test_templates_of_other_makes(make: str) -> None:
    report = parsed(MAKES[make])
    for letter, (_, narrative) in AREAS.items():
        assert norm("".join(texts(report, letter))) == norm(narrative), letter
    assert [len(texts(report, name)) for name in ("STYRKOR", "SVAGHETER", "FORBATTRING")] == [2, 3, 2]


@pytest.mark.parametrize(
    "form", ["{letter} {name}\n{text}\nGradering: B", "{letter} {name} – gradering B\n{text}"]
)
def test_a_grade_beside_a_heading(form: str) -> None:
    report = parsed(_plain(form))
    assert {a.stated_grade for a in report.areas.values()} == {"B"}


def test_a_missing_area_is_told_and_the_rest_is_read() -> None:
    report = parsed(report_text(skip="C"))
    assert not report.areas["C"].has_text
    assert any("Område C" in w for w in report.warnings)
    assert texts(report, "D") == ["Introduktionsprogram finns och används.", "Jouren är tung."]


def test_hyphens_at_line_ends() -> None:
    areas = {
        "D": "Kliniken har jour-\ntjänstgöring för alla ST-\nläkare, kvalitets-\noch förbättringsarbete samt "
        "Mini-\nCEX två\ngånger per termin. Detta sker på alla de enheter där\nläkarna är placerade."
    }
    report = parsed(report_text(areas=areas))
    assert texts(report, "D")[0] == (
        "Kliniken har jourtjänstgöring för alla ST-läkare, kvalitets- och förbättringsarbete samt Mini-CEX "
        "två gånger per termin."
    )


# --- grades ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("remark", "before", "stated"),
    [
        (
            "Brister har påvisats mot föreskrifterna. Handlingsplan har inkommit. Graderingen är ändrad till C.",
            "D",
            "C",
        ),
        ("Graderingen ändras från D till C.", "D", "C"),
        ("Handlingsplan har inte inkommit. Gradering D kvarstår.", "D", "D"),
        ("D ändrad till C efter inkommen handlingsplan.", "D", "C"),
        ("Handlingsplan inkommen efter besöket, graderingen därmed C.", "D", "C"),
        ("Området graderas B.", "B", "B"),
        ("Vid föregående granskning 2018 graderades området D.", None, None),
        ("ST-läkarna har 360-graders bedömning av handledare.", None, None),
    ],
)
def test_remarks(remark: str, before: str | None, stated: str | None) -> None:
    report = parsed(report_text(areas={"E": f"{AREAS['E'][1]} {remark}"}))
    assert (report.areas["E"].grade_before_plan, report.areas["E"].stated_grade) == (before, stated)
    assert report.areas["F"].stated_grade is None
    assert norm(remark) in norm("".join(texts(report, "E")))


@pytest.mark.parametrize("sign", ["☒", "[x]", "✓"])
def test_a_ticked_scale_line(sign: str) -> None:
    text = report_text()
    at = text.index("- C. Socialstyrelsens", text.index("E Handledning"))
    report = parsed(text[:at] + f"{sign} C." + text[at + 4 :])
    assert report.areas["E"].stated_grade == "C"
    assert report.areas["F"].stated_grade is None


@pytest.mark.parametrize("look", [{"marked": True}, {"bold": True}, {"colour": "#c00000"}])
def test_a_scale_line_that_looks_otherwise(look: dict[str, object]) -> None:
    given = source(report_text())
    lines = list(given.pages[0].lines)
    start = next(i for i, x in enumerate(lines) if x.text.startswith("F Teoretisk"))
    i = next(i for i, x in enumerate(lines) if i > start and x.text.startswith("- B. Social"))
    lines[i] = replace(lines[i], **look)  # type: ignore[arg-type]
    report = parse(Source("x.txt", (Page(1, tuple(lines)),)), default())
    assert report.areas["F"].stated_grade == "B"
    assert report.areas["G"].stated_grade is None


def test_a_remark_wins_over_a_mark_and_the_mark_tells_what_was_before() -> None:
    text = report_text(areas={"F": "Kurser ställs in. Efter komplettering är graderingen höjd till B."})
    at = text.index("- D. Brister", text.index("F Teoretisk"))
    report = parsed(text[:at] + "☒ " + text[at + 2 :])
    assert (report.areas["F"].grade_before_plan, report.areas["F"].stated_grade) == ("D", "B")


# --- plan --------------------------------------------------------------------------------------

PLAN = """HANDLINGSPLAN

Verksamheten har inkommit med följande handlingsplan.

E. Handledning och kompetensbedömning

Det finns fastställda rutiner för bedömningar av ST-läkarens kompetens.

Planerad åtgärd

Rutin skrivs av studierektorn och
beslutas i ledningsgruppen.

Datum när åtgärden ska vara genomförd

{date}

Ansvarig för genomförandet

Verksamhetschef

Datum för uppföljning

20251231

Ansvarig för uppföljningen

Studierektor
"""


@pytest.mark.parametrize(
    ("told", "iso"),
    [
        ("2024-04-30", "2024-04-30"),
        ("20240430", "2024-04-30"),
        ("240430", "2024-04-30"),
        ("30 april 2024", "2024-04-30"),
        ("den 30 april 2024", "2024-04-30"),
        ("Februari 2024", None),
        ("genomförd", None),
        ("1) 2024-04-30 2) 2024-06-30", None),
        ("2024-02-31", None),
    ],
)
def test_plan_dates_are_iso_only_when_told_to_the_day(told: str, iso: str | None) -> None:
    (entry,) = parsed(report_text(plan=PLAN.format(date=told))).action_plan
    assert (entry.area, entry.criteria) == ("E", ("E.F5",))
    assert entry.action == "Rutin skrivs av studierektorn och beslutas i ledningsgruppen."
    assert (entry.deadline, entry.deadline_text) == (iso, told)
    assert (entry.responsible, entry.follow_up, entry.follow_up_responsible) == (
        "Verksamhetschef",
        "2025-12-31",
        "Studierektor",
    )


def test_plan_with_reworded_and_several_criteria() -> None:
    plan = """Åtgärdsplan Kliniken
Föreskriftspunkt som ej är uppfylld:
Process
D. Jourtjänstgöring utgör inte någon adekvat del av tjänstgöringen.
Planerade åtgärder:
ST-läkarna går jour på grannkliniken.
Tidsplan för genomförande:
Mars 2025
Ansvarig:
Studierektor
H. Bedömning med återkoppling saknas för kompetens i undervisning och handledning.
Planerade åtgärder:
Mall införs.
Tidsplan för genomförande:
2025-06-01
Ansvarig:
Verksamhetschef
"""
    first, second = parsed(report_text(plan=plan)).action_plan
    assert (first.area, first.criteria) == ("D", ("D.F2",))
    assert (second.area, second.criteria) == ("H", ("H.F7", "H.F9"))
    assert second.deadline == "2025-06-01"


def test_plan_as_a_table() -> None:
    given = source(report_text())
    head = ("Föreskrift som inte är uppfylld", "Planerad åtgärd", "Klart senast", "Ansvarig")
    rows = (
        head,
        (
            "B. Samtliga huvudansvariga ST-handledare har genomgått handledarutbildning.",
            "Kurs.",
            "250630",
            "VC",
        ),
        ("C. Utrustning för diagnostik, utredning och behandling är adekvat.", "Inköp.", "Hösten 2025", "VC"),
    )
    lines = [Line("ÅTGÄRDSPLAN")] + [
        Line(text, cell=(0, r, c), paragraph_end=True)
        for r, row in enumerate(rows)
        for c, text in enumerate(row)
    ]
    report = parse(replace(given, pages=(*given.pages, Page(2, tuple(lines)))), default())
    assert [(e.area, e.criteria, e.deadline) for e in report.action_plan] == [
        ("B", ("B.F2",), "2025-06-30"),
        ("C", ("C.F1",), None),
    ]
    assert report.action_plan[1].deadline_text == "Hösten 2025"


# --- facts -------------------------------------------------------------------------------------

BELOW = "EXTERN KVALITETSGRANSKNING\n\nKlinik\nKirurgkliniken, Ådala\nSpecialitet\nKirurgi\nDatum\n14 november 2023\n"
ABOVE = "EXTERN KVALITETSGRANSKNING\n\nKirurgkliniken, Ådala\nKlinik\n\nKirurgi\nSpecialitet\n\n2023-11-14\nDatum\n"
INLINE = "SPUR-GRANSKNING\nEnhet: Kirurgkliniken, Ådala\nSpecialitet: Kirurgi\nDatum för besök: 2023-11-14\n"


@pytest.mark.parametrize("cover", [BELOW, ABOVE, INLINE])
def test_cover(cover: str) -> None:
    facts = parsed(report_text(cover=cover + "\nFöreskrift: SOSFS 2015:8\n")).facts
    assert (facts.unit, facts.specialty, facts.date) == ("Kirurgkliniken, Ådala", "Kirurgi", "2023-11-14")
    assert (facts.regulation, facts.catalogue) == ("SOSFS 2015:8", "sosfs-2015-8")


def test_another_regulation_gives_a_warning() -> None:
    report = parsed(report_text(cover="Gällande föreskrift: HSLF-FS 2021:8\n"))
    assert report.facts.regulation == "HSLF-FS 2021:8"
    assert any("HSLF-FS 2021:8" in w for w in report.warnings)


def test_no_cover_no_facts() -> None:
    facts = parsed(report_text()).facts
    assert (facts.unit, facts.specialty, facts.date, facts.regulation) == (None, None, None, None)


# --- refusals ----------------------------------------------------------------------------------

MINUTES = """Protokoll ledningsgruppen 2024-02-12
Närvarande: chefer och studierektor
1. Föregående protokoll
Protokollet lades till handlingarna.
2. Verksamheten
Läget på avdelningen är ansträngt. Fyra platser är stängda.
3. Handledning
Studierektorn informerade om handledarkurs i mars.
4. Övriga frågor
Inga övriga frågor.
"""
ARTICLE = """Så går en SPUR-granskning till
SPUR-modellen används vid extern granskning av ST-utbildning. Två inspektörer läser dokument, besöker kliniken och
intervjuar ST-läkare, handledare och verksamhetschef. Åtta områden bedöms:
- Verksamheten
- Medarbetarstab och interna kompetenser
- Lokaler och utrustning
- Tjänstgöringens upplägg
- Handledning och kompetensbedömning
- Teoretisk utbildning
- Medicinsk vetenskap och systematiskt kvalitets- och patientsäkerhetsarbete
- Ledarskapskompetens och kommunikativ kompetens
Varje område graderas A–D. Styrkor, svagheter och förbättringspotential redovisas. Om föreskrifterna inte följs ges
gradering D, och kliniken skriver en handlingsplan. Därefter kan graderingen ändras till C.
"""
INVOICE = "FAKTURA 20231\nKund: Region Norr\nFörfallodatum: 2024-03-01\nHandledarkurs 2 st 12 000 kr\nSumma 24 000 kr\n"


@pytest.mark.parametrize("text", [MINUTES, ARTICLE, INVOICE, "lorem ipsum " * 400, "1 2 3\n" * 50, ""])
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(SpurError, match="inte en SPUR-rapport"):
        parse(source(text), default())


def test_a_report_of_another_kind_is_refused_as_such() -> None:
    text = report_text(cover="AT-SPUR\nGranskning av allmäntjänstgöring\n").replace("ST-läkar", "AT-läkar")
    with pytest.raises(SpurError, match="annat slag"):
        parse(source(text.replace("ST", "AT")), default())


def test_a_report_that_mentions_at_is_not_refused() -> None:
    areas = {
        "A": "Vid senaste AT-SPUR fick sjukhuset goda omdömen av AT-läkarna. Kliniken har 24 vårdplatser."
    }
    assert parsed(report_text(areas=areas)).areas["A"].has_text


# --- the real reports --------------------------------------------------------------------------


def test_real_reports_as_text(shared: Path, tmp_path: Path) -> None:
    lines = []
    for path in sorted((shared / "reports").glob("*.txt")):
        report = parse(source(path.read_text(encoding="utf8"), path.name), default())
        lines.append(
            json.dumps(
                {
                    "report": asdict(report.facts),
                    "text": report.text,
                    "sentences": [asdict(s) for s in sentences(report)],
                    "areas": {k: asdict(v) for k, v in report.areas.items()},
                    "action_plan": [asdict(e) for e in report.action_plan],
                }
            )
        )
    (tmp_path / "parse.jsonl").write_text("\n".join(lines) + "\n", encoding="utf8")
    script = [sys.executable, str(shared / "eval" / "structure.py"), str(shared / "reports")]
    done = subprocess.run(
        [*script, str(tmp_path / "parse.jsonl")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
