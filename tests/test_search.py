"""Search: the forms of a word, meaning, filters; and that nothing a person types is syntax. On both databases."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_fixtures import Drafted, drafted, filled, postgresql, store

from pipeline import catalogue
from pipeline.cli.app import run
from pipeline.findings import SentenceInput
from pipeline.report import Draft, Finding, ModelInfo, Sentence, SpurError
from pipeline.search import Filters, Hit, SentenceVectors, Way, search, vectors_of
from pipeline.search.find import fused
from pipeline.search.lexical import MOST_TERMS, Term, terms
from pipeline.store import Metadata, Store, archive, corrections

__all__ = ["drafted", "filled", "postgresql", "store"]  # fixtures

ROOT = Path(__file__).resolve().parents[1]
CATALOGUE = catalogue.load()

LINES: tuple[tuple[str, str, tuple[Finding, ...]], ...] = (
    ("STYRKOR", "Engagerade handledare med god tid för handledning.", (Finding("E.F1", "met", 0.9),)),
    ("SVAGHETER", "Handledarutbildning saknas hos två.", (Finding("E.R4", "unmet", 0.8),)),
    ("A", "Läkarstaben är liten och hyrläkare används ofta.", (Finding("A.F1", "partly", 0.7),)),
    ("E", "Ingen av handledarna har gått kursen.", (Finding("E.R4", "unmet", 0.9),)),
    ("E", "Sit-in används inte, men Mini-CEX görs ibland.", (Finding("E.F4", "partly", 0.6),)),
    ("E", "Bedömningarna dokumenteras inte.", (Finding("E.F6", "unmet", 0.9),)),
    ("H", "Journalklubb hålls varje vecka.", ()),
)
MEANINGS = {"handled": 0, "kurs": 0, "utbildning": 0, "bedöm": 1, "mini": 1, "läkar": 2, "journal": 3}


class Thoughtful:
    """A findings model that tells the meaning of words as a direction."""

    info = ModelInfo("thoughtful", "1")

    def logits(self, sentences: Sequence[SentenceInput]) -> tuple[np.ndarray, np.ndarray]:
        out = np.full((len(sentences), 4), 0.01, np.float32)
        for row, s in zip(out, sentences, strict=True):
            for part, direction in MEANINGS.items():
                row[direction] += s.text.lower().count(part)
        return np.zeros((len(sentences), 1, 4), np.float32), out * 7


def made(draft: Draft) -> Draft:
    """The example's draft with sentences of our own, in a report that states D in E."""
    sentences = tuple(Sentence(i, s, t, 0, len(t)) for i, (s, t, _) in enumerate(LINES))
    areas = {
        **draft.areas,
        "E": replace(draft.areas["E"], stated_grade="D", suggested_grade="B"),
        "A": replace(draft.areas["A"], stated_grade=None, suggested_grade="B"),
    }
    return replace(
        draft, model=Thoughtful.info, sentences=sentences, findings=tuple(f for *_, f in LINES), areas=areas
    )


@pytest.fixture
def ours(store: Store, drafted: list[Drafted]) -> Store:
    """An archive with our sentences, of a report of 2022 in Region Örebro, with vectors."""
    draft = made(drafted[1].draft)
    vectors = vectors_of(Thoughtful(), draft)  # type: ignore[arg-type]
    with store.write() as session:
        archive.add(session, draft, "c" * 64, metadata=Metadata(region="Region Örebro"), vectors=vectors)
    return store


def look(
    store: Store,
    query: str,
    filters: Filters | None = None,
    model: SentenceVectors | None = None,
    way: Way = "both",
) -> list[Hit]:
    with store.read() as session:
        return search(session, query, filters, model=model, way=way)


def places(hits: Sequence[Hit]) -> list[int]:
    return [h.sentence for h in hits]


FORMS: tuple[tuple[str, set[int]], ...] = (
    ("handledarna", {0, 3}),  # handledare
    ("HANDLEDARE", {0, 3}),
    ("bedömning", {5}),
    ("inte", {4, 5}),  # a stop word elsewhere, not here
    ("mini-cex", {4}),
    ('"god tid"', {0}),
    ('"tid god"', set()),
    ("»tid«", {0}),
    ("handledar*", {0, 1, 3}),
    ("kurs*", {3}),
    ("hyr*", {2}),
    ('"god ti*"', set()),
    ("inte dokumenterar", {5}),  # all words where a sentence has them all
    ("journalklubb hyrläkare", {2, 6}),  # any where none has
    ("läkarstab", {2}),
    ("lakarstab", set()),  # ä is not a
    ("xyzzy", set()),
)


def test_words_find_their_other_forms(ours: Store) -> None:
    for query, wanted in FORMS:
        hits = look(ours, query)
        assert set(places(hits)) == wanted, query
        assert all(h.text == LINES[h.sentence][1] and h.section == LINES[h.sentence][0] for h in hits)
        scores = [h.score for h in hits]
        assert scores == sorted(scores, reverse=True) and all(s > 0 for s in scores)


HOSTILE = (
    '"', '"""', "*", "**", "a*b*", "AND", "NOT handledare", "NEAR(a b, 3)", "stems:handledare", "- handledare",
    "^handledare", "(", ")", "{stems}", "'; DROP TABLE sentences; --", '" OR rowid:1 OR "', "\\", "%", "_", "a' & !b",
    "<->", ":*", "handledare\x00", "\ud800", "🩺", "\u200b", "a " * 5000, "ö" * 20000, "1e5 -3.2 0x1F", "$1", ":said", "?",
)  # fmt: skip


def test_nothing_typed_is_syntax(ours: Store) -> None:
    for query in HOSTILE:
        look(ours, query)
        look(ours, query, model=Thoughtful())
        typed = (query,)
        for filters in (Filters(criterion=typed), Filters(specialty=typed), Filters(report=typed)):
            assert look(ours, "handledare", filters) == []
            assert look(ours, "", filters) == []
        with ours.read() as session, pytest.raises(SpurError, match="finns inte"):
            archive.find(session, query)
    assert len(look(ours, "", Filters(year=(2022,)))) == len(LINES)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60))
def test_any_query_is_answered(ours: Store, query: str) -> None:
    assert len(look(ours, query)) <= len(LINES)


def test_terms_are_bounded_and_each_once() -> None:
    assert terms("") == terms('" * "') == ()
    assert terms("Handledare handledarna") == (Term(("handled",)),)
    assert terms('"god tid" kurs*') == (Term(("god", "tid")), Term(("kur",), "kurs"))
    assert len(terms(" ".join(f"ord{i}" for i in range(500)))) == MOST_TERMS


NARROWED: tuple[tuple[Filters, set[int]], ...] = (
    (Filters(criterion=("E.R4",)), {1, 3}),
    (Filters(criterion=("E.R4", "A.F1")), {1, 2, 3}),
    (Filters(status=("unmet",)), {1, 3, 5}),
    (Filters(criterion=("E.F1",), status=("unmet",)), set()),
    (Filters(section=("E",)), {3, 4, 5}),
    (Filters(area=("E",)), {0, 1, 3, 4, 5}),
    (Filters(area=("E",), status=("partly",)), {4}),
    (Filters(grade=("D",), area=("E",)), {0, 1, 3, 4, 5}),
    (Filters(grade=("D",), area=("A",)), set()),
    (Filters(grade=("B",), area=("A",)), {2}),  # no stated grade: the suggested one
    (Filters(region=("örebro",)), set(range(7))),
    (Filters(region=("REGION ÖREBRO",), section=("H",)), {6}),
    (Filters(region=("Skåne",)), set()),
    (Filters(specialty=("uROLOGI",), year=(2021, 2022)), set(range(7))),
    (Filters(year=(2021,)), set()),
)


def test_filters_narrow(ours: Store) -> None:
    for filters, wanted in NARROWED:
        assert set(places(look(ours, "", filters))) == wanted, filters
        assert set(places(look(ours, "handledare inte", filters))) <= wanted
        near = look(ours, "kurs", filters, Thoughtful(), way="meaning")
        assert set(places(near)) == wanted


def test_meaning_finds_what_words_do_not(ours: Store) -> None:
    assert places(look(ours, "kurser")) == [3]
    by_meaning = places(look(ours, "kurser", model=Thoughtful(), way="meaning"))
    assert set(by_meaning[:3]) == {0, 1, 3}  # of supervisors and training, though they do not say «kurs»
    both = look(ours, "kurser", model=Thoughtful())
    assert places(both)[0] == 3 and set(places(both)[:3]) == {0, 1, 3}
    assert both[0].score > both[1].score
    assert look(ours, "kurser", way="meaning") == []  # without a model, words only


def test_only_vectors_of_the_querys_own_model_are_compared(ours: Store) -> None:
    another = Thoughtful()
    another.info = ModelInfo("thoughtful", "2")
    assert look(ours, "kurser", model=another, way="meaning") == []


def test_rankings_are_fused_by_reciprocal_rank() -> None:
    scores = dict(fused([[1, 2, 3], [3, 1]]))
    assert scores == pytest.approx({1: 1 / 61 + 1 / 62, 2: 1 / 62, 3: 1 / 63 + 1 / 61})
    assert [key for key, _ in fused([[1, 2, 3], [3, 1]])] == [1, 3, 2]


def test_a_report_is_found_by_its_latest_draft_only(ours: Store, drafted: list[Drafted]) -> None:
    later = replace(made(drafted[1].draft), model=ModelInfo("later", "1"))
    later = replace(later, findings=tuple(() for _ in later.sentences))
    with ours.write() as session:
        archive.add(session, later, "c" * 64)
    hits = look(ours, "journalklubb", model=Thoughtful())
    assert places(hits) == [6]
    assert look(ours, "", Filters(criterion=("E.R4",))) == []
    assert len(look(ours, "", Filters(year=(2022,)))) == len(LINES)


def test_a_correction_is_found_as_corrected(ours: Store) -> None:
    with ours.write() as session:
        (entry,) = archive.entries(session)
        c = corrections.correct_finding(
            session, entry.id, CATALOGUE, author="A", sentence=6, criterion="H.F1", status="met"
        )
        corrections.correct_grade(session, entry.id, CATALOGUE, author="A", area="E", grade="C")
    (hit,) = look(ours, "", Filters(criterion=("H.F1",), status=("met",)))
    assert hit.findings == (Finding("H.F1", "met", 1.0),)
    assert look(ours, "", Filters(grade=("D",), area=("E",))) == []
    with ours.write() as session:
        corrections.undo(session, c.id, by="A")
    assert look(ours, "", Filters(criterion=("H.F1",))) == []


def test_what_is_forgotten_or_anothers_is_not_found(ours: Store, drafted: list[Drafted]) -> None:
    with ours.write() as session:
        archive.add(session, made(drafted[1].draft), "d" * 64, owner="bo")
        (entry,) = archive.entries(session, owner="")
    with ours.read() as session:
        hits = search(session, "journalklubb", owner="bo")
        assert len(hits) == 1 and hits[0].report != entry.id
    with ours.write() as session:
        archive.forget(session, entry.id)
    assert [h.report for h in look(ours, "journalklubb", model=Thoughtful())].count(entry.id) == 0


def test_every_sentence_of_real_drafts_is_found_by_its_own_words(
    filled: Store, drafted: list[Drafted]
) -> None:
    for d in drafted:
        for s in d.draft.sentences[::9]:
            hits = look(filled, " ".join(s.text.split()[:25]))
            assert any(h.text == s.text for h in hits), s.text


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPUR_HOME", str(tmp_path))
    monkeypatch.delenv("SPUR_STORE", raising=False)

    def spur(*args: object) -> tuple[int, str, str]:
        code = run([str(a) for a in args])
        told = capsys.readouterr()
        return code, told.out, told.err

    example = ROOT / "data" / "examples" / "layout-1" / "w20-tz-49.txt"
    assert spur("archive", "add", example, "--model", "baseline")[0] == 0
    code, out, faults = spur("search", "handledare", "--json", "--section", "e", "--limit", "2")
    assert (code, faults) == (0, "")
    hits = [json.loads(line) for line in out.splitlines()]
    assert len(hits) == 2
    for hit in hits:
        assert {"report", "sentence", "section", "text", "score"} <= hit.keys()
        assert hit["section"] == "E" and "handled" in hit["text"].lower()
    (listed,) = spur("archive", "list", "--json")[1].splitlines()
    assert {h["report"] for h in hits} == {json.loads(listed)["report"]}
    assert "sökt med ord, inte med betydelse" in spur("search", "handledare")[1]
    assert spur("search", "xyzzy", "--json") == (0, "", "")
    for wrong in (
        ("search", ""),
        ("search", "kurs", "--by", "meaning"),
        ("search", "kurs", "--report", "nej"),
    ):
        code, out, faults = spur(*wrong)
        assert (code, out, faults.count("\n")) == (2, "", 1)
