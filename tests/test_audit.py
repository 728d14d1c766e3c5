"""Audits: what is doubted and why, contradictions, agreement, masks, tables beside the reports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from sklearn.metrics import cohen_kappa_score

from pipeline import catalogue
from pipeline.audit import Audit, Case, Settings, build, tables
from pipeline.audit.agreement import kappas, wilson
from pipeline.audit.cache import Cache
from pipeline.audit.contradictions import requires_action
from pipeline.audit.doubt import doubt
from pipeline.audit.masking import Mask
from pipeline.audit.tables import Told
from pipeline.drafting import Drafter
from pipeline.findings import load as load_model
from pipeline.findings.base import Probabilities, SentenceInput
from pipeline.grading import Policy
from pipeline.report import (
    AreaDraft,
    CriterionDecision,
    Draft,
    Facts,
    Finding,
    ModelInfo,
    PlanEntry,
    Sentence,
    SpurError,
    Status,
)

CATALOGUE = catalogue.load()
POLICY = Policy.load()
SETTINGS = Settings.load()
DAY = date(2025, 6, 1)
SURE = {"A": (0.994, 0.002, 0.002, 0.002), "B": (0.002, 0.994, 0.002, 0.002)}
SURE |= {"C": (0.002, 0.002, 0.994, 0.002), "D": (0.002, 0.002, 0.002, 0.994)}


def distribution(grade: str, area: str) -> dict[str, float]:
    p = dict(zip("ABCD", SURE[grade], strict=True))
    if not CATALOGUE.has_advice(area):
        p["D"] += p.pop("C")
        p["C"] = 0.0
    return p


def an_area(letter: str, grade: str = "A", **more: object) -> AreaDraft:
    return replace(
        AreaDraft(True, grade, distribution(grade, letter), (grade,), False),
        **more,  # type: ignore[arg-type]
    )


def a_draft(
    said: list[tuple[str, str, dict[str, tuple[Status, float]]]] | None = None,
    areas: dict[str, AreaDraft] | None = None,
    plan: tuple[PlanEntry, ...] = (),
    **facts: object,
) -> Draft:
    """A draft of sentences (section, text, {criterion: (status, probability)}); areas not given are a sure A."""
    said = said or []
    sentences = tuple(Sentence(i, s, t, 0, len(t)) for i, (s, t, _) in enumerate(said))
    findings = tuple(tuple(Finding(c, s, p) for c, (s, p) in f.items()) for _, _, f in said)
    drafts = {a: an_area(a) for a in CATALOGUE.areas} | (areas or {})
    return Draft(
        Facts(file="r.pdf", catalogue=CATALOGUE.name, **facts),  # type: ignore[arg-type]
        "",
        ModelInfo("m", "1"),
        sentences,
        findings,
        drafts,
        plan,
    )


def audited(*cases: Case, mask: Mask | None = None, **grades: dict[str, Told]) -> Audit:
    def all_cases() -> Iterator[Case]:
        yield from cases

    return build(all_cases, CATALOGUE, POLICY, DAY, grades, SETTINGS, mask)


def unmet(criterion: str, *evidence: int) -> CriterionDecision:
    return CriterionDecision(criterion, "unmet", 0.95, evidence)


# --- text against grade ------------------------------------------------------------------------


def test_an_a_over_breaches_is_doubted_most_and_says_which() -> None:
    said = [
        ("E", "Bedömningarna dokumenteras inte.", {"E.F6": ("unmet", 0.97)}),
        ("E", "Handledning ges inte.", {"E.F1": ("unmet", 0.97)}),
    ]
    area = an_area("E", "D", criteria=(unmet("E.F1", 1), unmet("E.F6", 0)))
    draft = a_draft(said, {"E": area})
    made = audited(Case("r", draft), r={"E": Told("A"), "F": Told("A"), "G": Told("D")})
    first, second, last = made.gradings
    assert {(first.area, first.stated_grade), (second.area, second.stated_grade)} == {("E", "A"), ("G", "D")}
    assert min(first.doubt, second.doubt) > 0.5
    assert last.doubt < 0.05
    of = {g.area: g for g in made.gradings}
    assert "2 föreskrifter inte uppfylls" in of["E"].reason
    assert "E.F1" in of["E"].reason
    assert "Bedömningarna dokumenteras inte." in of["E"].reason
    assert set(of["E"].sentences) == {0, 1}
    assert of["G"].reason.startswith("Graderat D fastän ingen brist")
    assert "stöder graderingen A" in of["F"].reason


def test_a_two_step_slip_is_doubted_no_less_than_one_of_one_step() -> None:
    p = distribution("A", "E")
    by_grade = {g: doubt(p, g, CATALOGUE.scale("E"), SETTINGS.noise) for g in "ABCD"}
    assert by_grade["A"] < 0.01
    assert min(by_grade[g] for g in "BCD") > 0.5
    unsure = {"A": 0.05, "B": 0.05, "C": 0.45, "D": 0.45}
    assert (
        doubt(unsure, "C", CATALOGUE.scale("E"), SETTINGS.noise) < 0.1
    )  # either of two likely grades is no slip


def test_a_c_where_the_scale_has_none_is_a_d_before_its_plan() -> None:
    area = an_area("A", "D", stated_grade="C", grade_before_plan="C", criteria=(unmet("A.F1", 0),))
    draft = a_draft([("A", "Riktlinjer saknas.", {"A.F1": ("unmet", 0.9)})], {"A": area})
    grading = audited(Case("r", draft)).gradings[0]
    assert (grading.stated_grade, grading.told_grade) == ("D", "C")
    assert grading.doubt < 0.05


def test_a_regrade_whose_plan_leaves_a_breach_says_so() -> None:
    area = an_area(
        "E",
        "D",
        stated_grade="C",
        grade_before_plan="D",
        criteria=(unmet("E.F1", 0), unmet("E.F6", 0)),
    )
    entry = PlanEntry("E", ("E.F1",), "Rutin", "2025-12-01", None, "Chefen", "2026-01-01", None, "Chefen")
    draft = a_draft([("E", "Inget av detta görs.", {})], {"E": area}, (entry,))
    made = audited(Case("r", draft))
    assert made.gradings[0].unanswered == ("E.F6",)
    assert "nämner inte E.F6" in made.gradings[0].reason
    assert ("r", "E.F6", "missing") in made.open_breaches
    assert made.promises[0].state == "answered"


def test_a_grades_file_goes_before_the_report() -> None:
    draft = a_draft(areas={"E": an_area("E", stated_grade="A", grade_before_plan="A")})
    made = audited(Case("r", draft), r={"E": Told("D", "C")}, borta={"E": Told("A")})
    assert [(g.stated_grade, g.told_grade, g.source) for g in made.gradings] == [("D", "C", "betygsfilen")]
    assert any("1 rapport(er) som inte finns" in n and "borta" in n for n in made.notes)


# --- within a report ---------------------------------------------------------------------------


def kinds(draft: Draft, **told: Told) -> list[tuple[str, str | None, tuple[int, ...]]]:
    made = audited(Case("r", draft), **({"r": told} if told else {}))
    return [(c.kind, c.criterion or c.area, c.sentences) for c in made.contradictions]


def test_a_weakness_that_no_narrative_tells_of() -> None:
    weak = ("SVAGHETER", "Dokumentation saknas.", {"E.F6": ("unmet", 0.9)})
    area = {"E": an_area("E", "D", criteria=(unmet("E.F6", 0),))}
    other = ("E", "Handledning ges varje vecka.", {"E.F1": ("met", 0.9)})
    assert kinds(a_draft([weak, other], area)) == [("weakness_without_narrative", "E.F6", (0,))]
    told = ("E", "Samtalen skrivs inte ned.", {"E.F6": ("unmet", 0.6)})
    assert kinds(a_draft([weak, other, told], area)) == []
    assert kinds(a_draft([weak], area)) == []  # a report of lists alone says nothing of narratives


def test_contradictions_are_looked_for_in_what_sentences_tell_by_themselves() -> None:
    """A second look believes less of what a report does not repeat: then a contradiction is in the first look only."""
    weak = ("SVAGHETER", "Dokumentation saknas.", {"E.F6": ("unmet", 0.9)})
    other = ("E", "Handledning ges varje vecka.", {"E.F1": ("met", 0.9)})
    first = a_draft([weak, other])
    second = replace(first, findings=((), first.findings[1]), by_itself=first.findings)
    assert kinds(replace(second, by_itself=())) == []
    assert kinds(second) == [("weakness_without_narrative", "E.F6", (0,))]


def test_a_narrative_worded_like_the_weakness_is_not_silent_though_the_model_finds_nothing_in_it() -> None:
    weak = ("SVAGHETER", "Handledarnas sidouppdrag tar tid från samtalen.", {"E.F1": ("partly", 0.95)})
    area = {"E": an_area("E", "C", criteria=(CriterionDecision("E.F1", "partly", 0.9, (0,)),))}
    others = [("E", "ST-läkarna trivs på enheten.", {}), ("B", "Lokalerna är ljusa.", {})]
    alike = "Av handledarnas tid går en del åt till sidouppdragen."
    assert kinds(a_draft([weak, *others], area)) == [("weakness_without_narrative", "E.F1", (0,))]
    assert kinds(a_draft([weak, *others, ("E", alike, {})], area)) == []
    assert kinds(a_draft([weak, *others, ("H", alike, {})], area)) != []  # another area's text


def test_a_breach_that_no_list_tells_of() -> None:
    breach = ("E", "Samtalen dokumenteras inte.", {"E.F6": ("unmet", 0.9)})
    area = {"E": an_area("E", "D", criteria=(unmet("E.F6", 0),))}
    weak = ("SVAGHETER", "Lokalerna är trånga.", {"C.F1": ("partly", 0.55)})
    potential = ("FORBATTRING", "Inför rutin för dokumentation.", {"E.F6": ("unmet", 0.6)})
    assert kinds(a_draft([breach, weak], area)) == [("narrative_without_weakness", "E.F6", (0,))]
    assert kinds(a_draft([breach, weak, potential], area)) == []
    unread = ("SVAGHETER", "Skrivandet har inte fungerat.", {})
    assert kinds(a_draft([breach, weak, unread], area)) == []  # it may be the very thing


def test_a_strength_against_a_weakness() -> None:
    good = ("STYRKOR", "Alla har handledare.", {"E.F2": ("met", 0.9)})
    bad = ("SVAGHETER", "Flera saknar handledare.", {"E.F2": ("unmet", 0.9)})
    told = ("E", "Två saknar handledare.", {"E.F2": ("unmet", 0.6)})
    area = {"E": an_area("E", "D", criteria=(unmet("E.F2", 1),))}
    assert kinds(a_draft([good, bad, told], area)) == [("strength_against_weakness", "E.F2", (0, 1))]


@pytest.mark.parametrize(("stated", "wanted"), [("A", True), ("C", True), ("D", False)])
def test_action_required_under_a_grade_that_requires_none(stated: str, wanted: bool) -> None:
    draft = a_draft([("E", "Åtgärd krävs.", {})])
    assert kinds(draft, E=Told(stated)) == ([("action_without_grade", "E", (0,))] if wanted else [])
    assert kinds(a_draft([("E", "Inga åtgärder krävs.", {})]), E=Told(stated)) == []


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Åtgärd krävs.", True),
        ("Detta måste åtgärdas före nästa besök.", True),
        ("Bristen kräver skyndsamma åtgärder.", True),
        ("Åtgärd rekommenderas.", False),
        ("Åtgärder krävs inte.", False),
        ("Ingen åtgärd krävs.", False),
        ("Rutinen beskriver när åtgärdsplan krävs.", False),
    ],
)
def test_words_that_require_action(text: str, wanted: bool) -> None:
    assert requires_action(text, SETTINGS) is wanted


def test_a_plan_entry_without_a_shortfall() -> None:
    entry = PlanEntry("E", ("E.F6",), "Rutin införs", "2025-12-01")
    met = ("E", "Allt dokumenteras.", {"E.F6": ("met", 0.9)})
    assert kinds(a_draft([met], plan=(entry,))) == [("plan_without_shortfall", "E.F6", (0,))]
    short = ("E", "En del dokumenteras inte.", {"E.F6": ("partly", 0.5)})
    assert kinds(a_draft([short], plan=(entry,))) == []


# --- agreement ---------------------------------------------------------------------------------


def test_kappa_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 4, 200), rng.integers(0, 4, 200)
    confusion = np.zeros((4, 4))
    np.add.at(confusion, (a, b), 1)
    assert float(kappas(confusion)) == pytest.approx(cohen_kappa_score(a, b, weights="quadratic"))
    assert np.isnan(kappas(np.diag([5.0, 0, 0, 0])))


def test_wilson_interval_of_the_textbook() -> None:
    low, high = wilson(8, 10) or (0, 0)
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
    assert wilson(0, 0) is None


def pairs_of_inspectors(bias: dict[str, int], reports: int) -> list[Case]:
    out = []
    rng = np.random.default_rng(0)
    for pair, steps in bias.items():
        for n in range(reports):
            areas = {}
            for a in "BDEFGH":
                k = int(rng.integers(0, 3))
                stated = "ABCD"[min(3, k + steps * int(rng.random() < 0.5))]
                areas[a] = an_area(a, "ABC"[k], stated_grade=stated, grade_before_plan=stated)
            out.append(
                Case(
                    f"{pair}{n}", a_draft(areas=areas, inspectors=(pair, "X Y"), date=f"20{20 + n % 3}-01-01")
                )
            )
    return out


def test_a_severe_pair_stands_out_and_few_reports_are_warned_of() -> None:
    made = audited(*pairs_of_inspectors({"Sträng": 1, "Jämn": 0, "Lika": 0, "Vanlig": 0}, 6))
    pairs = made.severity.pairs
    assert pairs[0].name.startswith("Sträng")
    assert pairs[0].interval[0] > 0
    assert 0 < pairs[0].shrunk < pairs[0].mean  # drawn towards the mean
    assert all(p.small for p in pairs)
    assert "få rapporter" in made.severity.note
    assert list(made.groups["year"]) == ["2020", "2021", "2022"]
    assert all(a.small for a in made.groups["inspectors"].values())
    assert not made.overall.small


def test_too_few_pairs_are_not_compared() -> None:
    made = audited(*pairs_of_inspectors({"Ett": 0, "Två": 0}, 3))
    assert made.severity.pairs == ()
    assert "För få" in made.severity.note


def test_shares_of_shortfalls_and_groups() -> None:
    bad = a_draft(areas={"E": an_area("E", "D", criteria=(unmet("E.F6"),))}, specialty="Kirurgi")
    good = a_draft(specialty="Urologi")
    made = audited(Case("a", bad), Case("b", good, {"region": "Syd"}), Case("c", good))
    (shortfall,) = made.shortfalls
    assert (shortfall.criterion, len(shortfall.hits), shortfall.of) == ("E.F6", 1, 3)
    assert made.compared["specialty"]["Kirurgi"]["E.F6"].hits == 1
    assert made.compared["specialty"]["Urologi"]["E.F6"].of == 2
    assert made.compared["region"] == {}  # one known region is nothing to compare
    assert "Region är okänt för 2 av 3 rapporter." in made.notes


def test_an_unsure_shortfall_is_listed_apart_and_never_stated() -> None:
    def case(name: str, p: float) -> Case:
        area = an_area("E", "D", criteria=(replace(unmet("E.F6", 0), probability=p),))
        area = replace(area, stated_grade="C", grade_before_plan="D")
        said = ("E", "En del antecknas.", {"E.F6": ("unmet", p)})
        return Case(name, a_draft([said], {"E": area}, (PlanEntry("E", ("E.F1",), "Rutin", "2025-12-01"),)))

    made = audited(case("sure", 0.9), case("unsure", 0.5))
    (shortfall,) = made.shortfalls
    assert [h.report for h in shortfall.hits] == ["sure"] and [h.report for h in shortfall.unsure] == [
        "unsure"
    ]
    assert shortfall.share == 0.5
    assert [r for r, _, _ in made.open_breaches] == ["sure"]
    unanswered = {g.report: g.unanswered for g in made.gradings}
    assert unanswered == {"sure": ("E.F6",), "unsure": ()}
    (alone,) = audited(case("unsure", 0.5)).shortfalls
    assert alone.hits == () and alone.share == 0


def test_a_model_of_the_same_name_that_answers_otherwise_has_drafts_of_its_own(tmp_path: Path) -> None:
    model = load_model("baseline", CATALOGUE)

    class Retrained:
        info, thresholds, catalogue = model.info, model.thresholds, model.catalogue

        @staticmethod
        def predict(sentences: Sequence[SentenceInput]) -> Probabilities:
            return model.predict(sentences) * 0.9

    first, same, other = (
        Cache.of(Drafter(m, CATALOGUE, POLICY, DAY), tmp_path) for m in (model, model, Retrained())
    )
    assert first == same
    assert first.drafter != other.drafter


def test_masked_names_are_nowhere() -> None:
    said = [
        ("E", "Inspektör Karin Blomquist noterade att Blomquists kollega saknas.", {"E.F1": ("unmet", 0.9)})
    ]
    area = an_area("E", "D", stated_grade="A", grade_before_plan="A", criteria=(unmet("E.F1", 0),))
    entry = PlanEntry("E", ("E.F1",), "Karin Blomquist följer upp", "2025-12-01")
    draft = a_draft(said, {"E": area}, (entry,), inspectors=("Karin Blomquist", "Åke Ödman"))
    made = audited(Case("r", draft), mask=Mask())
    assert "Blomquist" not in repr(made)
    assert "Ödman" not in repr(made)
    assert made.rows[0].facts["inspectors"] == "Inspektör 1 och Inspektör 2"
    assert "Inspektör 1" in made.gradings[0].reason


# --- tables beside the reports -----------------------------------------------------------------


def test_grades_from_csv_and_xlsx_are_the_same(tmp_path: Path) -> None:
    rows = [
        ["Report", "AREA", "grade", "stage"],
        ["x.pdf", "e", "d", ""],
        ["x", "E", "C", "after"],
        ["y", "A", "B", None],
    ]
    csv = tmp_path / "g.csv"
    csv.write_text("\n".join(";".join(c or "" for c in r) for r in rows), encoding="cp1252")
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(tmp_path / "g.xlsx")
    wanted = {"x": {"E": Told("D", "C")}, "y": {"A": Told("B")}}
    assert tables.grades(csv, CATALOGUE) == wanted
    assert tables.grades(tmp_path / "g.xlsx", CATALOGUE) == wanted


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("report,area\nx,E\n", "grade saknas"),
        ("report,area,grade\nx,E,F\n", "rad 2: grade är 'F'"),
        ("report,area,grade\nx,E,A\nx,E,B\n", "rad 3: x E har två olika betyg"),
        ("report,area,grade,stage\nx,E,A,senare\n", "stage"),
    ],
)
def test_a_wrong_grades_file_is_told_by_row(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "g.csv"
    path.write_text(text, encoding="utf8")
    with pytest.raises(SpurError, match=says):
        tables.grades(path, CATALOGUE)


def test_metadata_keeps_own_columns_and_leaves_empty_cells_unknown(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("report,region,year,storlek\na.pdf,Syd,2021,stor\nb,,,liten\n", encoding="utf8")
    known = tables.metadata(path)
    assert known == {"a": {"region": "Syd", "year": "2021", "storlek": "stor"}, "b": {"storlek": "liten"}}
    made = audited(*(Case(r, a_draft(), known[r]) for r in known))
    assert set(made.compared["storlek"]) == {"stor", "liten"}
    path.write_text("report,year\na,tjugo\n", encoding="utf8")
    with pytest.raises(SpurError, match="year"):
        tables.metadata(path)
