"""The product as spaCy components, on the examples, found by spaCy as in an installation."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy import displacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin

from pipeline import language
from pipeline.drafting import Drafter
from pipeline.reading import read
from pipeline.rendering.jsonl import draft_json
from pipeline.report import LISTS, SpurError
from pipeline.spacy_factories import make_doc

ROOT = Path(__file__).resolve().parents[1]
WRAPPED = (
    ROOT / "data" / "examples" / "layout-2" / "w9-ts-31.txt"
)  # wraps, hyphens, page headers inside sentences
DAY = "2025-01-31"


def plain(value: Any) -> Any:
    return json.loads(json.dumps(value))


def letters(text: str) -> str:
    return "".join(c for c in text if c.isalnum())


@pytest.fixture(scope="module")
def nlp() -> Language:
    pipe = language.nlp()
    pipe.add_pipe("spur_sections")
    pipe.add_pipe("spur_findings", config={"model": "baseline"})
    pipe.add_pipe("spur_grades", config={"as_of": DAY})
    return pipe


@pytest.fixture(scope="module")
def doc(nlp: Language) -> Doc:
    return nlp(WRAPPED.read_text(encoding="utf8"))


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    """What the product says of the same file."""
    return draft_json(Drafter.load("baseline", as_of=date.fromisoformat(DAY)).draft(read(WRAPPED)))


def test_a_text_gives_the_grades_and_findings_of_spur_grade(doc: Doc, expected: dict[str, Any]) -> None:
    assert plain(doc._.grades) == plain(expected["areas"])
    assert doc._.spur_draft["sentences"] == expected["sentences"]
    told = [
        (str(s["id"]), f"{f['criterion']}:{f['status']}")
        for s in expected["sentences"]
        for f in s["findings"]
    ]
    assert [(s.id_, s.label_) for s in doc.spans["findings"]] == told
    assert len(told) > 20


def test_spans_stand_where_the_text_has_them(doc: Doc, expected: dict[str, Any]) -> None:
    texts = {str(s["id"]): letters(s["text"]) for s in expected["sentences"]}
    spans = {s.id_: s for s in doc.spans["sentences"]}
    assert spans.keys() == texts.keys()
    exact = [i for i, s in spans.items() if letters(s.text) == texts[i]]
    assert len(exact) >= 0.95 * len(texts)  # others are cut by a page header
    for i, span in spans.items():
        assert letters(span.text)[:10] == texts[i][:10] and letters(span.text)[-10:] == texts[i][-10:]


def test_sections_hold_their_sentences(doc: Doc) -> None:
    sections = doc.spans["sections"]
    assert {s.label_ for s in sections} == {*"ABCDEFGH", *LISTS}
    for sentence in doc.spans["sentences"]:
        assert any(
            s.label_ == sentence.label_ and s.start <= sentence.start and sentence.end <= s.end
            for s in sections
        )


def test_every_finding_has_its_own_probability(doc: Doc, expected: dict[str, Any]) -> None:
    told = [f["probability"] for s in expected["sentences"] for f in s["findings"]]
    assert [s._.probability for s in doc.spans["findings"]] == told
    places = [(s.start, s.end) for s in doc.spans["findings"]]
    assert len(set(places)) < len(places)  # several findings of one sentence are kept apart
    first = doc.spans["findings"][0]
    assert first._.finding["criterion"] == first.label_.split(":")[0] and first._.finding["sentence"] == int(
        first.id_
    )
    assert doc[0:3]._.finding is None and doc[0:3]._.probability is None


def test_a_file_gives_a_doc_over_the_parsed_text(nlp: Language, expected: dict[str, Any]) -> None:
    doc = nlp(make_doc(nlp, WRAPPED))
    assert doc.text == doc._.spur_report["text"]
    assert plain(doc._.spur_draft) == plain(expected)
    texts = [s["text"] for s in expected["sentences"]]
    assert [s.text for s in doc.spans["sentences"]] == texts
    sents = {s.text.strip() for s in doc.sents}
    assert sum(t in sents for t in texts) > 0.9 * len(texts)


def test_displacy_shows_findings(doc: Doc) -> None:
    html = displacy.render(doc, style="span", options={"spans_key": "findings"}, jupyter=False)
    assert all(s.label_ in html for s in doc.spans["findings"])


def test_stored_docs_keep_all_and_can_be_graded_again(nlp: Language, doc: Doc) -> None:
    stored = DocBin(store_user_data=True, docs=[doc]).to_bytes()
    (again,) = DocBin().from_bytes(stored).get_docs(nlp.vocab)

    def spans(d: Doc) -> list[tuple[object, ...]]:
        return [(k, s.start, s.end, s.label_, s.id_, s._.finding) for k, g in d.spans.items() for s in g]

    assert spans(again) == spans(doc)
    assert plain(again._.spur_draft) == plain(doc._.spur_draft)
    again._.spur_draft = None
    assert again._.grades == {}
    nlp.get_pipe("spur_grades")(again)
    assert plain(again._.grades) == plain(doc._.grades)


def test_other_processes_give_the_same(nlp: Language, doc: Doc) -> None:
    (first, second) = nlp.pipe([doc.text, doc.text], n_process=2, batch_size=1)
    assert plain(first._.grades) == plain(second._.grades) == plain(doc._.grades)


def test_errors_say_what_is_wrong(nlp: Language) -> None:
    with pytest.raises(SpurError):
        nlp("Hej och hå.")
    with pytest.raises(SpurError, match="finns inte"):
        spacy.blank("sv").add_pipe("spur_findings", config={"model": "saknas"})
    alone = spacy.blank("sv")
    alone.add_pipe("spur_findings", config={"model": "baseline"})
    with pytest.raises(ValueError, match="spur_sections"):
        alone("En text.")
    unread = spacy.blank("sv")
    unread.add_pipe("spur_sections")
    unread.add_pipe("spur_grades")
    with pytest.raises(ValueError, match="spur_findings"):
        unread(WRAPPED.read_text(encoding="utf8"))


def test_the_documentation_runs_as_written_without_importing_us_first(tmp_path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    installed = tmp_path / "spur_pipeline-0.dist-info"  # what an installation leaves for spaCy to find
    installed.mkdir()
    (installed / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: spur-pipeline\nVersion: 0\n", encoding="utf8"
    )
    lines = [f"{k} = {v}" for k, v in project["entry-points"]["spacy_factories"].items()]
    (installed / "entry_points.txt").write_text("\n".join(["[spacy_factories]", *lines]), encoding="utf8")
    snippets = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs" / "spacy.md").read_text(encoding="utf8"), re.DOTALL
    )
    assert len(snippets) == 3
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]), "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(snippets)],
        capture_output=True,
        text=True,
        encoding="utf8",
        cwd=ROOT,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"^[A-H]\.[FRK]\d+:(?:unmet|partly) 0\.\d\d ", done.stdout, re.MULTILINE)
