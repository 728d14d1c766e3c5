"""How well criteria are read from their wording alone: the measure, the reworded catalogue, the command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from pipeline import catalogue
from pipeline.training import unknown

ROOT = Path(__file__).resolve().parents[1]
REWORDED = ROOT / unknown.REWORDED


def test_rankings_are_those_of_scikit_learn_with_ties_too() -> None:
    random = np.random.default_rng(0)
    for levels in (3, 1000):
        score, told = random.integers(0, levels, 80) / levels, random.random(80) < 0.2
        found = unknown.ranking(score, told)
        assert found["auc"] == pytest.approx(roc_auc_score(told, score))
        assert found["average_precision"] == pytest.approx(average_precision_score(told, score))
        assert found["prevalence"] == told.mean() and found["sentences"] == told.sum()


def test_left_out_criteria_are_ranked_alone_and_those_never_told_of_are_not_counted() -> None:
    gold = np.array([[1, 0, 0], [0, 3, 0], [0, 2, 0], [0, 0, 0]], np.int8)
    logits = np.zeros((4, 3, 4), np.float32)
    logits[..., 0] = [[-9, 1, 5], [9, 4, 5], [9, -2, 1], [9, -3, 1]]
    found = unknown.left_out(logits, gold, ("A.F1", "B.F1", "C.F1"), {"B.F1", "C.F1"})
    assert list(found["criteria"]) == ["B.F1", "C.F1"]
    assert found["criteria"]["B.F1"]["auc"] == pytest.approx(0.75)
    assert found["criteria"]["C.F1"] == {
        "auc": None,
        "average_precision": None,
        "prevalence": 0.0,
        "sentences": 0,
    }
    assert found["mean"] == pytest.approx(
        {"auc": 0.75, "average_precision": (1 + 2 / 3) / 2, "prevalence": 0.5}
    )
    with pytest.raises(ValueError, match=r"no such criteria: Z\.F1"):
        unknown.left_out(logits, gold, ("A.F1", "B.F1", "C.F1"), {"Z.F1"})
    with pytest.raises(ValueError, match="do not fit"):
        unknown.left_out(logits[:2], gold, ("A.F1", "B.F1", "C.F1"), set())


def test_the_reworded_catalogue_has_the_same_criteria_and_scale_in_other_words() -> None:
    own, other = catalogue.load(), catalogue.load(REWORDED)
    assert other.name == "sosfs-2015-8-reworded"
    assert [(c.id, c.area, c.level) for c in other.criteria] == [
        (c.id, c.area, c.level) for c in own.criteria
    ]
    assert other.grades == own.grades and other.scale_without_advice == own.scale_without_advice

    def words(text: str) -> set[str]:
        return {w for w in "".join(c if c.isalpha() else " " for c in text.lower()).split() if len(w) > 3}

    shared = [
        len(words(a.text) & words(b.text)) / len(words(a.text) | words(b.text))
        for a, b in zip(own.criteria, other.criteria, strict=True)
    ]
    assert max(shared) < 0.35 and np.mean(shared) < 0.1
    assert len({c.text for c in other.criteria}) == len(other.criteria)


def test_the_command_compares_wordings_on_one_page(tmp_path: Path) -> None:
    files = sorted((ROOT / "data" / "corpus" / "dev").glob("*.tsv"))[:2]
    out = tmp_path / "unknown.md"
    unknown.main(["baseline", "--on", *map(str, files), "--catalogue", str(REWORDED), "--out", str(out)])
    rows = {
        cells[0]: cells[1:]
        for line in out.read_text(encoding="utf8").splitlines()
        if line.startswith("|") and (cells := [c.strip() for c in line.strip("|").split("|")])
    }
    own, other = rows["sosfs-2015-8"], rows["sosfs-2015-8-reworded"]
    assert 0.6 < float(other[0]) < float(own[0]) <= 1
    assert float(other[2]) < float(other[1]) < float(own[1])  # better than chance, worse than trained
    assert rows["section alone, no model"][3:] == ["–", "–"]
    assert "74 of 74 criteria" in out.read_text(encoding="utf8")


def test_a_catalogue_of_other_criteria_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = REWORDED.read_text(encoding="utf8")
    fewer = tmp_path / "fewer.yaml"
    fewer.write_text("\n".join(x for x in text.splitlines() if " H.K1:" not in x), encoding="utf8")
    with pytest.raises(SystemExit, match="1"):
        unknown.main(
            ["baseline", "--on", str(ROOT / "data/corpus/dev/w1-tr-08.tsv"), "--catalogue", str(fewer)]
        )
    assert "lacks criteria of sosfs-2015-8: H.K1" in capsys.readouterr().err
