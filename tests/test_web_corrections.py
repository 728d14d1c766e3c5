"""Corrections from the web as training data: what people said is what the trainer reads."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from web_fixtures import PDF, a_finding, served, upload

from pipeline import catalogue
from pipeline.cli.app import run
from pipeline.report import STATUSES
from pipeline.training import labelled


@pytest.fixture
def spur(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    monkeypatch.setenv("SPUR_STORE", str(tmp_path / "store.db"))
    return lambda *args: run([str(a) for a in args])


def corrected(folder: Path) -> tuple[dict[str, Any], dict[int, dict[str, str]]]:
    """A report in which a finding was removed, one changed, one added, one undone, a grade given; what holds."""
    with served(folder) as client:
        told = upload(client, PDF)

        def say(**body: Any) -> str:
            answer = client.post(f"/api/v1/reports/{told['id']}/corrections", json=body)
            assert answer.status_code == 201, answer.text
            return str(answer.json()["id"])

        sentence, criterion, status = a_finding(told["draft"], "E")
        say(target="finding", sentence=sentence, criterion=criterion, status="none")
        other = "unmet" if status != "unmet" else "met"
        say(target="finding", sentence=sentence, criterion="E.F6", status=other)
        bare = next(s["id"] for s in told["draft"]["sentences"] if not s["findings"])
        say(target="finding", sentence=bare, criterion="G.F1", status="partly")
        undone = say(target="finding", sentence=bare + 1, criterion="G.F1", status="partly")
        client.delete(f"/api/v1/corrections/{undone}")
        say(target="grade", area="E", grade="B")
        after = client.get(f"/api/v1/reports/{told['id']}").json()
    said = {
        s["id"]: {f["criterion"]: f["status"] for f in s["findings"]} for s in after["draft"]["sentences"]
    }
    assert criterion not in said[sentence] and said[sentence]["E.F6"] == other
    return after, {k: said[k] for k in (sentence, bare)}


def test_corrections_are_exported_as_the_trainer_reads_them(
    tmp_path: Path, spur: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    report, holds = corrected(tmp_path)
    out = tmp_path / "out"
    assert spur("corrections", "export", "--out", out) == 0
    assert "2 meningar (2 rättade) ur 1 rapporter, 1 betyg" in capsys.readouterr().out
    criteria = catalogue.load()
    data = labelled.load([out / "tsv"], criteria)
    texts = {s["text"]: holds[s["id"]] for s in report["draft"]["sentences"] if s["id"] in holds}
    assert dict.fromkeys(data.texts) == dict.fromkeys(sorted(texts, key=list(data.texts).index))
    for text, gold in zip(data.texts, data.gold, strict=True):
        found = {criteria.criteria[c].id: STATUSES[gold[c] - 1] for c in np.flatnonzero(gold)}
        assert found == texts[text]
    lines = [json.loads(x) for x in (out / "sentences.jsonl").read_text(encoding="utf8").splitlines()]
    assert [{f["criterion"]: f["status"] for f in x["findings"]} for x in lines] == [
        holds[k] for k in sorted(holds)
    ]
    with (out / "grades.csv").open(encoding="utf8") as file:
        (row,) = csv.DictReader(file)
    assert (row["report"], row["area"], row["grade"]) == (PDF.name, "E", "B")


def test_whole_reports_are_exported_when_asked_for(tmp_path: Path, spur: Callable[..., int]) -> None:
    report, holds = corrected(tmp_path)
    out = tmp_path / "out"
    assert spur("corrections", "export", "--out", out, "--whole") == 0
    data = labelled.load([out / "tsv"], catalogue.load())
    assert sorted(data.texts) == sorted(" ".join(s["text"].split()) for s in report["draft"]["sentences"])
    lines = [json.loads(x) for x in (out / "sentences.jsonl").read_text(encoding="utf8").splitlines()]
    assert sum(bool(x["corrected"]) for x in lines) == len(holds)


def test_an_export_replaces_the_one_before(
    tmp_path: Path, spur: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    report, _ = corrected(tmp_path)
    out = tmp_path / "out"
    assert spur("corrections", "export", "--out", out) == 0
    with served(tmp_path) as client:
        client.delete(f"/api/v1/reports/{report['id']}")
    assert spur("corrections", "export", "--out", out) == 0
    assert list((out / "tsv").iterdir()) == [] and (out / "sentences.jsonl").read_text() == ""
    capsys.readouterr()
    assert spur("corrections", "list", "--json") == 0
    assert capsys.readouterr().out == ""


def test_corrections_are_listed(
    tmp_path: Path, spur: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    corrected(tmp_path)
    assert spur("corrections", "list", "--json") == 0
    told = [json.loads(x) for x in capsys.readouterr().out.splitlines()]
    assert [t["target"] for t in told] == ["finding", "finding", "finding", "grade"]
    assert all(t["author"] == "Lokal användare" and t["model"]["name"] == "baseline" for t in told)
    assert spur("corrections", "list", "--undone") == 0
    assert "ångrad av" in capsys.readouterr().out
