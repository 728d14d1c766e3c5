"""The HTTP API as the stable surface has it: drafts, corrections, archive, search, audit, exports, jobs."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from web_fixtures import EXAMPLES, PDF, SECTIONS, TXT, a_finding, problem, served, upload

from pipeline import reading
from pipeline.drafting import Drafter, named
from pipeline.rendering import jsonl
from pipeline.report import ModelInfo
from pipeline.store import Store, archive


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with served(tmp_path_factory.mktemp("web")) as client:
        yield client


def report(client: TestClient, key: str) -> dict[str, Any]:
    answer = client.get(f"/api/v1/reports/{key}")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def correct(client: TestClient, key: str, **told: Any) -> str:
    answer = client.post(f"/api/v1/reports/{key}/corrections", json=told)
    assert answer.status_code == 201, answer.text
    assert set(answer.json()) == {"id"}
    return str(answer.json()["id"])


@pytest.mark.parametrize("path", [PDF, TXT, EXAMPLES / "layout-3" / "w15-tx-23.md"], ids=lambda p: p.suffix)
def test_a_file_is_drafted_as_on_the_command_line_and_kept(client: TestClient, path: Path) -> None:
    told = upload(client, path)
    assert set(told) >= {"id", "draft"}
    expected = jsonl.draft_json(named(Drafter.load("baseline").draft(reading.read(path)), path.name))
    assert told["draft"] == json.loads(json.dumps(expected))
    assert report(client, told["id"]) == told


def test_a_text_and_sections_are_drafted_without_a_file(client: TestClient) -> None:
    answer = client.post("/api/v1/reports", json={"text": TXT.read_text(encoding="utf8")})
    assert answer.status_code == 201 and answer.json()["draft"]["report"]["file"] is None
    assert answer.json()["draft"]["sentences"] == upload(client)["draft"]["sentences"]
    answer = client.post("/api/v1/reports", json={"sections": SECTIONS})
    assert answer.status_code == 201, answer.text
    draft = answer.json()["draft"]
    assert draft["report"]["file"] is None and len(draft["areas"]) == 8
    assert [(s["section"], s["text"]) for s in draft["sentences"]] == [
        ("SVAGHETER", "Handledarsamtal saknas för flera ST-läkare."),
        ("E", "Handledningen är regelbunden."),
        ("E", "Handledare saknar utbildning."),
        ("E", "Bedömning görs inte."),
    ]
    assert [a for a, x in draft["areas"].items() if x["has_text"]] == ["E"]
    assert all(abs(sum(x["probabilities"].values()) - 1) < 1e-4 for x in draft["areas"].values())
    assert report(client, answer.json()["id"])["draft"] == draft


def test_sections_read_as_in_a_file(client: TestClient) -> None:
    """A report's own text, written area by area, gives the same sentences and findings."""
    draft = upload(client, PDF)["draft"]
    sections: dict[str, str] = {}
    for s in draft["sentences"]:
        sections[s["section"]] = sections.get(s["section"], "") + s["text"] + "\n"
    again = client.post("/api/v1/reports", json={"sections": sections}).json()["draft"]
    assert [(s["section"], s["text"]) for s in again["sentences"]] == [
        (s["section"], s["text"]) for s in draft["sentences"]
    ]


def test_suggestions_keep_nothing(client: TestClient) -> None:
    before = client.get("/api/v1/reports").json()["total"]
    answer = client.post("/api/v1/suggestions", json={"sections": SECTIONS})
    assert answer.status_code == 200
    kept = client.post("/api/v1/reports", json={"sections": SECTIONS}).json()
    assert answer.json()["draft"] == kept["draft"]
    changed = {**SECTIONS, "A": "Alla läkare är specialister."}
    more = client.post("/api/v1/suggestions", json={"sections": changed}).json()["draft"]
    same = [s for s in more["sentences"] if s["section"] != "A"]
    assert [s["findings"] for s in same] == [s["findings"] for s in kept["draft"]["sentences"]]
    assert client.get("/api/v1/reports").json()["total"] == before + 1


def test_a_finding_is_corrected_and_the_grade_follows(client: TestClient) -> None:
    """The last shortfall said not to be there: the area is better, the model's word stays beside, undo brings all back."""
    text = (
        "Handledaren och ST-läkaren träffas varje vecka. Handledarutbildning saknas hos två av handledarna."
    )
    told = client.post("/api/v1/reports", json={"sections": {"E": text}}).json()
    key, before = told["id"], told["draft"]
    short = [
        (s["id"], f["criterion"])
        for s in before["sentences"]
        for f in s["findings"]
        if f["status"] != "met" and f["criterion"].startswith("E.")
    ]
    own = before["areas"]["E"]
    assert short and own["suggested_grade"] in "CD"
    made = [
        correct(client, key, target="finding", sentence=s, criterion=c, status="none", comment="Gäller förr")
        for s, c in short
    ]
    after = report(client, key)["draft"]
    area = after["areas"]["E"]
    assert area["suggested_grade"] < own["suggested_grade"] and area["model"] == own
    sentence = after["sentences"][short[0][0]]
    assert short[0][1] not in {f["criterion"] for f in sentence["findings"]}
    assert sentence["model_findings"] == before["sentences"][short[0][0]]["findings"]
    assert {a: x for a, x in after["areas"].items() if a != "E"} == {
        a: x for a, x in before["areas"].items() if a != "E"
    }
    listed = next(r for r in client.get("/api/v1/reports").json()["reports"] if r["id"] == key)
    assert listed["grades"]["E"] == area["suggested_grade"] and listed["corrections"] == len(made)
    for correction in made:
        assert client.delete(f"/api/v1/corrections/{correction}").status_code == 200
    assert report(client, key)["draft"] == before


def test_a_new_finding_on_a_sentence_makes_the_grade_worse(client: TestClient) -> None:
    told = client.post("/api/v1/reports", json={"sections": {"F": "Klinikens kök är fint."}}).json()
    before = told["draft"]["areas"]["F"]["suggested_grade"]
    correct(client, told["id"], target="finding", sentence=0, criterion="F.F1", status="unmet")
    after = report(client, told["id"])["draft"]
    assert {f["criterion"]: f["status"] for f in after["sentences"][0]["findings"]}["F.F1"] == "unmet"
    assert (before, after["areas"]["F"]["suggested_grade"]) != ("D", "D")
    assert after["areas"]["F"]["suggested_grade"] == "D"


def test_a_grade_is_given_and_the_models_own_stays_visible(client: TestClient) -> None:
    told = upload(client)
    own = told["draft"]["areas"]["E"]
    given = "B" if own["suggested_grade"] != "B" else "C"
    correction = correct(client, told["id"], target="grade", area="E", grade=given, comment="Sett på plats")
    after = report(client, told["id"])
    area = after["draft"]["areas"]["E"]
    assert area["suggested_grade"] == given and area["grade_set"] == [given] and not area["abstain"]
    assert area["model"] == own and area["correction"] == correction
    assert any("Sett på plats" in n for n in after["notes"])
    client.delete(f"/api/v1/corrections/{correction}")
    assert report(client, told["id"])["draft"] == told["draft"]


def test_the_history_tells_who_when_and_of_which_model(client: TestClient) -> None:
    key = upload(client)["id"]
    client.put("/api/v1/me", json={"name": "Åsa Lind"})
    first = correct(client, key, target="grade", area="B", grade="A")
    second = correct(client, key, target="grade", area="B", grade="D", author="Bo Ek")
    client.delete(f"/api/v1/corrections/{second}")
    history = client.get(f"/api/v1/reports/{key}/corrections").json()["corrections"]
    assert [(c["id"], c["author"], c["grade"]) for c in history] == [
        (second, "Bo Ek", "D"),
        (first, "Åsa Lind", "A"),
    ]
    assert history[0]["undone"].endswith("Z") and history[0]["undone_by"] == "Åsa Lind"
    assert history[1]["undone"] is None and history[1]["created"].endswith("Z")
    assert history[1]["model"]["name"] == "baseline"
    assert report(client, key)["draft"]["areas"]["B"]["suggested_grade"] == "A"


@pytest.mark.parametrize(
    "body",
    [
        {"target": "finding", "sentence": 99999, "criterion": "E.F6", "status": "met"},
        {"target": "finding", "sentence": 0, "criterion": "E.F99", "status": "met"},
        {"target": "finding", "sentence": 0, "criterion": "E.F6", "status": "bra"},
        {"target": "finding", "sentence": 0, "criterion": "E.F6"},
        {"target": "grade", "area": "E", "grade": "E"},
        {"target": "grade", "area": "A", "grade": "C"},
        {"target": "grade", "area": "X", "grade": "A"},
        {"target": "area"},
        {},
        [],
        "x",
    ],
)
def test_a_correction_of_nothing_is_refused(client: TestClient, body: Any) -> None:
    told = upload(client)
    problem(client.post(f"/api/v1/reports/{told['id']}/corrections", json=body), 422)
    assert report(client, told["id"]) == told


def test_every_upload_is_a_report_of_its_own(client: TestClient) -> None:
    first, second = upload(client), upload(client)
    assert first["id"] != second["id"] and first["draft"] == second["draft"]
    sentence, criterion, _ = a_finding(first["draft"])
    correct(client, first["id"], target="finding", sentence=sentence, criterion=criterion, status="none")
    assert report(client, second["id"])["draft"] == second["draft"]


def test_search_leads_to_the_sentence(client: TestClient) -> None:
    told = client.post(
        "/api/v1/reports", json={"sections": {"G": "Sällsynta zebrafinkar dokumenteras aldrig här."}}
    ).json()
    hits = client.get("/api/v1/search", params={"q": "zebrafink*"}).json()["hits"]
    assert [(h["report"], h["section"]) for h in hits] == [(told["id"], "G")]
    assert told["draft"]["sentences"][hits[0]["sentence"]]["text"] == hits[0]["text"]
    assert set(hits[0]) >= {"report", "sentence", "section", "text", "score"}
    listed = client.get("/api/v1/search", params={"section": "G", "report": told["id"]}).json()["hits"]
    assert len(listed) == 1
    problem(client.get("/api/v1/search", params={"q": " "}), 422)
    problem(
        client.get("/api/v1/search", params={"q": "a", "by": "meaning"}), 422
    )  # the baseline has no vectors


def test_the_archive_is_filtered(client: TestClient) -> None:
    key = upload(client, PDF, "ärende å 7.pdf")["id"]
    client.patch(f"/api/v1/reports/{key}", json={"region": "Region Väst", "unit_kind": "klinik"})

    def ids(**narrow: Any) -> list[str]:
        told = client.get("/api/v1/reports", params={**narrow, "limit": 200}).json()
        assert told["total"] == len(told["reports"])
        return [r["id"] for r in told["reports"]]

    assert ids(text="ÄRENDE Å") == [key]
    assert ids(region="väst", specialty="kirurgi", year=2021) == [key]
    assert ids(region="öst") == []
    graded = client.get("/api/v1/reports", params={"text": "ärende å"}).json()["reports"][0]
    stated = graded["stated"]["A"]
    assert key in ids(area="A", grade=stated) and key not in ids(
        area="A", grade=[g for g in "ABCD" if g != stated]
    )
    assert client.delete(f"/api/v1/reports/{key}").status_code == 204
    problem(client.get(f"/api/v1/reports/{key}"), 404)
    assert ids(text="ärende å") == []


@pytest.mark.parametrize("format", ["docx", "xlsx", "html", "json", "pdf"])
def test_exports_have_the_corrections(client: TestClient, format: str) -> None:
    key = upload(client, name="Möte «åäö».txt")["id"]
    correct(client, key, target="grade", area="E", grade="B", comment="Omprövat Kommentarsson")
    answer = client.get(f"/api/v1/reports/{key}/export", params={"format": format})
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == f'attachment; filename="Mote-aao-utkast.{format}"'
    content = answer.content
    if format in ("docx", "xlsx"):
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            text = "".join(
                file.read(n).decode("utf8", "replace") for n in file.namelist() if n.endswith("xml")
            )
        assert "Kommentarsson" in text
    elif format == "pdf":
        assert content.startswith(b"%PDF")
    else:
        assert "Omprövat Kommentarsson" in content.decode("utf8")


def test_the_audit_has_the_archives_gradings_and_formats(client: TestClient) -> None:
    upload(client, PDF, "granskas.pdf")
    upload(client, PDF, "granskas.pdf")  # the same again counts once
    answer = client.get("/api/v1/audit", params={"text": "granskas"})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert {g["report"] for g in told["gradings"]} == {"granskas"} and len(told["reports"]) == 1
    assert any("samma innehåll" in n for n in told["notes"])
    for format, start in (("html", b"<!"), ("xlsx", b"PK"), ("json", b"{")):
        file = client.get("/api/v1/audit/export", params={"text": "granskas", "format": format})
        assert file.status_code == 200 and file.content.lstrip().startswith(start)
    problem(client.get("/api/v1/audit", params={"text": "finns verkligen inte"}), 404)


def finished(client: Any, job: str) -> dict[str, Any]:
    for _ in range(300):
        told: dict[str, Any] = client.get(f"/api/v1/jobs/{job}").json()
        if told["finished"]:
            return told
        time.sleep(0.1)
    raise AssertionError(told)


def test_a_job_drafts_several_files_and_tells_of_bad_ones(client: TestClient, tmp_path: Path) -> None:
    files = [
        ("files", ("ett.txt", TXT.read_bytes())),
        ("files", ("trasig.pdf", b"%PDF-1.7 nej")),
        ("files", ("två.pdf", PDF.read_bytes())),
    ]
    answer = client.post("/api/v1/jobs", files=files)
    assert answer.status_code == 202 and set(answer.json()) == {"id"}
    told = finished(client, answer.json()["id"])
    assert (told["total"], told["done"], told["failed"]) == (3, 2, 1)
    assert [(f["name"], f["state"]) for f in told["files"]] == [
        ("ett.txt", "done"),
        ("trasig.pdf", "failed"),
        ("två.pdf", "done"),
    ]
    assert told["files"][1]["error"]
    assert report(client, told["files"][2]["report"])["draft"]["report"]["file"] == "två.pdf"
    assert told["id"] in {j["id"] for j in client.get("/api/v1/jobs").json()["jobs"]}
    problem(client.get("/api/v1/jobs/" + "0" * 32), 404)


def test_errors_are_problems(client: TestClient) -> None:
    problem(client.get("/api/v1/finns-inte"), 404)
    problem(client.get("/api/v1/reports/" + "f" * 32), 404)
    problem(client.get("/api/v1/reports/..%2f..%2fetc"), 404)
    problem(client.put("/api/v1/reports"), 405)
    problem(client.post("/api/v1/reports", content=b"x", headers={"content-type": "text/plain"}), 415)
    problem(client.post("/api/v1/reports", content=b"{", headers={"content-type": "application/json"}), 422)
    problem(client.post("/api/v1/reports", json={"text": "Hej på er, det här är ett brev."}), 422)
    problem(client.post("/api/v1/reports", json={"sections": {"Q": "x"}}), 422)
    problem(client.post("/api/v1/reports", json={"sections": {"E": "  "}}), 422)
    problem(client.post("/api/v1/reports", json={"text": "x", "sections": {}}), 422)
    problem(client.post("/api/v1/reports", data={"inte": "fil"}, files={"annan": b"x"}), 422)
    problem(client.delete("/api/v1/corrections/" + "0" * 32), 404)


def test_the_api_is_described(client: TestClient) -> None:
    told = client.get("/openapi.json").json()
    body = told["paths"]["/api/v1/reports"]["post"]["requestBody"]["content"]
    assert set(body) == {"multipart/form-data", "application/json"}
    assert "application/problem+json" in told["paths"]["/api/v1/search"]["get"]["responses"]["422"]["content"]
    health = client.get("/api/v1/health").json()
    assert health["status"] == "ok" and health["model"]["name"] == "baseline"


class WithVectors:
    """The baseline with sentence vectors, as a BERT has: of the first letters, so that nearness is easy to see."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.info, self.catalogue, self.thresholds = model.info, model.catalogue, model.thresholds

    def logits(self, sentences: Any) -> tuple[Any, Any]:
        vectors = np.full((len(sentences), 64), 0.01, np.float32)
        for i, s in enumerate(sentences):
            vectors[i, ord(s.text[0]) % 64] = 1
        return np.zeros((len(sentences), len(self.catalogue.criteria), 4), np.float32), vectors

    def read(self, sentences: Any) -> tuple[Any, Any]:
        return self._model.predict(sentences), self.logits(sentences)[1]

    def predict(self, sentences: Any) -> Any:
        return self._model.predict(sentences)


def test_search_by_meaning_with_a_model_that_has_vectors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Drafter.load("baseline")
    model = WithVectors(plain.model)
    monkeypatch.setattr(Drafter, "load", classmethod(lambda cls, *_: replace(plain, model=model)))
    sections = {"E": "Handledning ges varje vecka. Zebror är randiga.", "F": "Zoologi är inte SPUR."}
    with served(tmp_path) as client:
        told = client.post("/api/v1/reports", json={"sections": sections}).json()
        answer = client.get("/api/v1/search", params={"q": "Zon", "by": "meaning", "limit": 2})
        assert answer.status_code == 200, answer.text
        texts = {told["draft"]["sentences"][h["sentence"]]["text"] for h in answer.json()["hits"]}
        assert texts == {"Zebror är randiga.", "Zoologi är inte SPUR."}


def test_a_draft_of_an_older_model_is_corrected_from_what_it_tells_itself(tmp_path: Path) -> None:
    """The archive may hold drafts that this server's model has not made: their own findings are corrected."""
    older = Drafter.load("baseline").draft(reading.read(TXT))
    older = replace(older, model=ModelInfo("äldre", "0"))
    with Store.open(tmp_path / "store.db") as store, store.write() as session:
        key = archive.add(session, older, "x" * 64).report
    with served(tmp_path) as client:
        before = report(client, key)["draft"]
        assert before["model"]["name"] == "äldre"
        sentence, criterion, _ = a_finding(before)
        made = correct(client, key, target="finding", sentence=sentence, criterion=criterion, status="none")
        after = report(client, key)["draft"]
        area = criterion.partition(".")[0]
        assert criterion not in {f["criterion"] for f in after["sentences"][sentence]["findings"]}
        assert {a: x for a, x in after["areas"].items() if a != area} == {
            a: x for a, x in before["areas"].items() if a != area
        }
        client.delete(f"/api/v1/corrections/{made}")
        assert report(client, key)["draft"] == before
