"""What is wrong with training data is found before it is trained on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline import catalogue
from pipeline.cli.app import run
from pipeline.training import labelled, oof
from pipeline.training.checks import base, drift, duplicates, labels

CATALOGUE = catalogue.load()
ROOT = Path(__file__).resolve().parents[1]
CORPUS = ROOT / "data" / "corpus"
Copy = Callable[[str, str, Callable[[str], str]], Path]


@pytest.fixture
def data(tmp_path: Path) -> tuple[Path, Path]:
    """Two small splits of real corpus reports: train (6 reports of three writers) and dev (2)."""
    train, dev = tmp_path / "train", tmp_path / "dev"
    for folder, source in ((train, CORPUS / "train"), (dev, CORPUS / "dev")):
        folder.mkdir()
        for pattern in ("w1-tr-0[1-9].tsv", "w7-ts-0[1-9].tsv", "w14-tx-0[1-9].tsv"):
            for f in sorted(source.glob(pattern))[: 2 if folder is train else 1]:
                (folder / f.name).write_text(f.read_text(encoding="utf8"), encoding="utf8")
    return train, dev


def problems(*paths: Path) -> list[base.Problem]:
    splits, found = base.read(paths, CATALOGUE)
    return [*found, *duplicates.across(splits), *labels.conflicts(splits)]


def test_sound_data_has_no_errors(data: tuple[Path, Path]) -> None:
    assert [p for p in problems(*data) if p.severity == "error"] == []


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("# E\nIUP saknas.\tE.F99-\n", "E.F99: no criterion"),
        ("# Q\nIUP saknas.\tE.F6-\n", "section Q"),
        ("# E\nIUP saknas.\tE.F6\n", "label 'E.F6'"),
        ("# E\n…\tE.F6-\n", "no words"),
        ("", "no sentences"),
    ],
)
def test_what_is_wrong_in_form_is_told_with_its_file(data: tuple[Path, Path], line: str, what: str) -> None:
    (data[0] / "w9-bad.tsv").write_text(line, encoding="utf8")
    (found,) = [p for p in problems(*data) if p.severity == "error"]
    assert "w9-bad" in found.where and what in found.what


def test_a_report_in_two_splits_under_another_name_and_lightly_edited_is_refused(
    data: tuple[Path, Path],
) -> None:
    text = (data[0] / "w1-tr-01.tsv").read_text(encoding="utf8")
    edited = text.replace(" och ", " samt ").replace("ST-läkarna", "ST läkarna")
    (data[1] / "w99-copy.tsv").write_text(edited, encoding="utf8")
    (found,) = [p for p in problems(*data) if p.severity == "error"]
    assert found.kind == "duplicate" and "w1-tr-01" in found.where and "w99-copy" in found.what


def test_one_long_labelled_sentence_that_moved_is_refused(data: tuple[Path, Path]) -> None:
    long = "Ingen av de sju ST-läkarna har under det senaste året fått någon handledning som var inlagd i schemat"
    for folder, end in zip(data, (".", " alls."), strict=True):
        with next(folder.glob("w7*")).open("a", encoding="utf8") as f:
            f.write(f"# E\n{long}{end}\tE.F5-\n")
    (found,) = [p for p in problems(*data) if p.severity == "error"]
    assert found.kind == "duplicate" and "ingen av de sju" in found.what


def test_the_same_words_with_other_labels_are_told(data: tuple[Path, Path]) -> None:
    for folder, label in zip(data, ("E.F5-", "E.F5~"), strict=True):
        with next(folder.glob("w7*")).open("a", encoding="utf8") as f:
            f.write(f"# E\nHandledning ges inte varje vecka.\t{label}\n")
    (found,) = [p for p in problems(*data) if p.kind == "conflict"]
    assert "E.F5~" in found.what and "E.F5-" in found.what


def test_planted_wrong_labels_are_ranked_first(data: tuple[Path, Path]) -> None:
    pytest.importorskip("cleanlab")
    known = labelled.load([data[0]], CATALOGUE)
    rng = np.random.default_rng(0)
    proba = np.full((*known.gold.shape, 3), 0.004, np.float32)
    rows, columns = np.nonzero(known.gold)
    proba[rows, columns, known.gold[rows, columns] - 1] = rng.uniform(0.5, 0.95, len(rows))
    wrong = rng.choice(len(rows), 15, replace=False)
    gold = known.gold.copy()
    gold[rows[wrong], columns[wrong]] = gold[rows[wrong], columns[wrong]] % 3 + 1
    spoilt = labelled.Labelled(**{**vars(known), "gold": gold})
    made = oof.of(spoilt, proba, np.full(74, 0.5, np.float32), "test")
    ranked = labels.suspects(spoilt, made, 15)
    planted = {
        (str(known.reports[r]), int(known.index[r]), known.criteria[c])
        for r, c in zip(rows[wrong], columns[wrong], strict=True)
    }
    assert {(s.report, s.sentence, s.criterion) for s in ranked} == planted
    assert all(s.given != s.likely for s in ranked) and any(s.issue for s in ranked)


def texts(files: list[Path]) -> drift.Texts:
    d = labelled.load(files, CATALOGUE)
    return drift.Texts(d.texts, d.reports, d.sections, d.writers)


def test_more_of_the_same_is_no_drift_and_another_language_is() -> None:
    each = [sorted((CORPUS / "train").glob(f"w{w}-*.tsv")) for w in (1, 7, 14)]
    known, new = texts([f for w in each for f in w[:5]]), texts([f for w in each for f in w[5:7]])
    same = drift.compare(known, new)
    assert same.auc is not None and not any("classifier" in u for u in same.unlike)
    other = drift.Texts(
        [f"the trainees {'never ' * (i % 9 + 9)}meet {i}" for i in range(len(new.texts))],
        new.reports,
        np.full(len(new.texts), "H"),
        new.writers,
    )
    told = drift.compare(known, other)
    assert {u.split(":")[0] for u in told.unlike} >= {"classifier", "words", "sections"}


def test_the_command_refuses_tells_and_writes_the_card(
    data: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(p) for p in data]
    card = tmp_path / "card.md"
    new = ["--new", str(ROOT / "data/examples/layout-1/w20-tz-49.txt")]
    assert run(["dataset", "check", *paths, "--card", str(card), *new]) == 0
    assert "drift: sections" in capsys.readouterr().out
    page = card.read_text(encoding="utf8")
    assert labelled.load(data, CATALOGUE).hash() in page and "| train | 6 |" in page
    (data[1] / "w99.tsv").write_text((data[0] / "w1-tr-01.tsv").read_text(encoding="utf8"), encoding="utf8")
    out = tmp_path / "found.json"
    assert run(["dataset", "check", *paths, "--out", str(out)]) == 1
    assert "duplicate" in {p["kind"] for p in json.loads(out.read_text(encoding="utf8"))["problems"]}
