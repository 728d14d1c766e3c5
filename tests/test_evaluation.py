"""The figures equal the project's evaluation script; data is split by group; out-of-fold files round-trip."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pipeline import catalogue
from pipeline.corpus.tsv import parse
from pipeline.findings import decide
from pipeline.report import AreaDraft, CriterionDecision, SpurError
from pipeline.training import evaluation, labelled, oof

TSV = """@report x1-a
# SVAGHETER
IUP revideras inte.\tD.F7-
Fin utsikt.
# E
Handledning sker, men sällan.\tE.F1~ E.F2+
"""


@pytest.fixture(scope="module")
def score(shared: Path) -> ModuleType:
    pytest.importorskip("sklearn")
    spec = importlib.util.spec_from_file_location("score", shared / "eval" / "score.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _noisy(gold: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Probabilities that follow the gold with noise."""
    proba = rng.dirichlet([0.3, 0.3, 0.3, 6], size=gold.shape)[..., :3]
    for code in (1, 2, 3):
        proba[..., code - 1] += 2 * (gold == code) * rng.random(gold.shape)
    return (proba / np.maximum(1.0, proba.sum(axis=2, keepdims=True))).astype(np.float32)


def test_sentence_figures_equal_the_script(score: ModuleType, shared: Path) -> None:
    cat, rng = catalogue.load(), np.random.default_rng(0)
    files = sorted((shared / "corpus" / "dev").glob("*.tsv"))[:4]
    data = labelled.load(files, cat)
    proba = _noisy(data.gold, rng)
    thresholds = np.full(len(cat.criteria), 0.5, np.float32)
    predictions = [
        {
            "id": i,
            "findings": [
                {"criterion": f.criterion, "status": f.status, "probability": f.probability} for f in found
            ],
        }
        for i, found in enumerate(decide(proba, thresholds, cat))
    ]
    want = score.score_sentences(score.read_gold(files), predictions)
    got = evaluation.sentence_figures(data.gold, *evaluation.found(proba, thresholds))
    assert set(got) == set(want)
    for name, value in want.items():
        assert got[name] == pytest.approx(value, abs=1e-6), name


def test_grade_figures_equal_the_script(score: ModuleType, shared: Path) -> None:
    cat, rng = catalogue.load(), np.random.default_rng(1)
    rows = score.read_gold(sorted((shared / "corpus" / "dev").glob("*.tsv"))[:6])
    truth = score.worst_signs(rows)
    gold = {r: {a: score.reference_grade(a, s) for a in cat.areas} for r, s in truth.items()}
    drafts = {}
    for report in truth:
        drafts[report] = {a: _random_draft(a, gold[report][a], rng) for a in cat.areas}
    predictions = [
        {
            "report": {"file": f"{r}.txt"},
            "areas": {
                a: {
                    "suggested_grade": d.suggested_grade,
                    "probabilities": dict(d.probabilities),
                    "grade_set": list(d.grade_set),
                    "abstain": d.abstain,
                    "criteria": [{"id": c.id, "status": c.status} for c in d.criteria],
                }
                for a, d in areas.items()
            },
        }
        for r, areas in drafts.items()
    ]
    shortfalls = {r: frozenset(c for c, s in t.items() if s in "~-") for r, t in truth.items()}
    want, got = score.score_reports(rows, predictions), evaluation.grade_figures(gold, drafts, shortfalls)
    assert set(got) == set(want)
    for name, value in want.items():
        assert got[name] == pytest.approx(value, abs=1e-6), name


def _random_draft(area: str, gold: str, rng: np.random.Generator) -> AreaDraft:
    p = rng.dirichlet(np.ones(4)) + 1.5 * np.array([g == gold for g in "ABCD"])
    p /= p.sum()
    sets = tuple(g for g, x in zip("ABCD", p, strict=True) if x > 0.15) or ("D",)
    told = tuple(
        CriterionDecision(c.id, "unmet" if rng.random() < 0.5 else "met", 0.7)
        for c in catalogue.load().areas[area].criteria
        if rng.random() < 0.4
    )
    return AreaDraft(
        has_text=True,
        suggested_grade="ABCD"[int(p.argmax())],
        probabilities=dict(zip("ABCD", p.tolist(), strict=True)),
        grade_set=sets,
        abstain=bool(rng.random() < 0.3),
        criteria=told,
    )


def test_nothing_found_where_there_is_nothing_is_undefined() -> None:
    empty = np.zeros((3, 2), np.int8)
    figures = evaluation.sentence_figures(empty, empty, np.zeros((3, 2), np.float32))
    assert figures["shortfall_micro_f1"] is None and figures["finding_ece"] is None


def test_labels_become_codes() -> None:
    cat = catalogue.load()
    data = labelled.of_reports([parse(TSV, "x1-a")], cat)
    assert data.writers.tolist() == ["x1"] * 3 and data.sections.tolist() == ["SVAGHETER", "SVAGHETER", "E"]
    assert {(int(i), data.criteria[c]): int(data.gold[i, c]) for i, c in np.argwhere(data.gold)} == {
        (0, "D.F7"): 3,
        (2, "E.F1"): 2,
        (2, "E.F2"): 1,
    }
    with pytest.raises(SpurError, match=r"Q\.F1"):
        labelled.of_reports([parse(TSV.replace("D.F7", "Q.F1"), "x1-a")], cat)


def test_a_changed_label_changes_the_hash() -> None:
    cat = catalogue.load()
    one, two = (labelled.of_reports([parse(t, "x1-a")], cat) for t in (TSV, TSV.replace("E.F1~", "E.F1-")))
    assert one.hash() != two.hash() and one.hash() == labelled.of_reports([parse(TSV, "x1-a")], cat).hash()


def test_no_group_is_split_between_folds() -> None:
    groups = np.repeat([f"w{i}" for i in range(11)], np.arange(1, 12) * 7)
    fold = labelled.folds(groups, 4)
    assert all(len(set(fold[groups == g])) == 1 for g in set(groups))
    assert set(fold) == {0, 1, 2, 3}
    assert np.bincount(fold).max() < 1.5 * np.bincount(fold).min()


def test_out_of_fold_file_round_trips(tmp_path: Path) -> None:
    data = labelled.of_reports([parse(TSV, "x1-a")], catalogue.load())
    proba = np.random.default_rng(0).dirichlet([1, 1, 1, 5], size=data.gold.shape)[..., :3].astype(np.float32)
    path = tmp_path / "deep" / "oof.npz"
    oof.save(path, oof.of(data, proba, np.full(len(data.criteria), 0.3, np.float32), "m 1"))
    back = oof.load(path)
    assert back.model == "m 1" and back.data == data.hash()
    assert np.allclose(back.proba, proba, atol=1e-3) and (back.gold == data.gold).all()
    assert back.section.tolist() == data.sections.tolist()
    assert (back.first == back.proba).all() and set(back.group) == {-1}  # no second look: nothing came before
    with np.load(path) as z:
        np.savez(path, **{k: z[k] for k in z.files if k not in oof.LATER})
    assert (oof.load(path).first == back.proba).all()  # as earlier versions wrote it
    path.write_bytes(b"no")
    with pytest.raises(SpurError, match="out-of-fold"):
        oof.load(path)
