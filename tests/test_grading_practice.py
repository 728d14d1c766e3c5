"""Learning from practice: reports that state their grades move the grade layer, few of them hardly."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipeline import catalogue, reading
from pipeline.cli import app
from pipeline.corpus import render
from pipeline.corpus.grades import worst_signs
from pipeline.corpus.tsv import SIGNS, read_all
from pipeline.corpus.tsv import read as read_tsv
from pipeline.drafting import Drafter
from pipeline.grading import Policy, layer
from pipeline.grading.layer import Layer
from pipeline.report import Facts, PlanEntry, Report, StatedGrade

pytest.importorskip("scipy")
from pipeline.training import grades, grading, labelled, oof, practice, practice_fit
from pipeline.training.kinds import kind_of
from pipeline.training.practice import Graded, Known
from pipeline.training.practice_fit import Practice

ROOT = Path(__file__).resolve().parents[1]
CORPUS = ROOT / "data" / "corpus"
CAT = catalogue.load()
POLICY = Policy.load(CAT.name, layer=Layer())
LENIENT, WEIGHT = 14, 20.0

# --- what a report tells -----------------------------------------------------------------------


def told(
    plan: Sequence[PlanEntry] = (), **areas: tuple[str | None, str | None]
) -> Mapping[str, tuple[str, ...]]:
    """The possible grades of a report with {area: (stated, before the plan)} and a plan."""
    each = {a: StatedGrade(True, *areas.get(a, (None, None))) for a in CAT.areas}
    return practice.possible(Report(Facts(), "", (), each, tuple(plan)), CAT, POLICY)


def test_a_stated_grade_counts_as_it_was_before_the_plan() -> None:
    assert told(B=("C", "D"), E=("B", "B"), A=("A", "A")) == {"A": ("A",), "B": ("D",), "E": ("B",)}


def test_a_change_from_a_grade_that_is_not_told_and_a_grade_off_the_scale_tell_nothing() -> None:
    assert told(E=("B", None), A=("C", "C")) == {}


def test_silence_tells_of_no_breach_only_beside_a_plan_and_without_an_entry() -> None:
    assert told() == {}
    plan = [PlanEntry("B", ("B.F2", "E.F6"), "Kurs")]
    possible = told(plan, B=("C", "D"), D=("C", None), E=("D", "D"))
    assert set(possible) == set(CAT.areas) - {"D"}  # of D a remark tells something, but not the grade before
    assert possible["A"] == ("A", "B") and possible["F"] == ("A", "B", "C") and possible["E"] == ("D",)
    # Where the grade of a planned area is not told, its breach would go unseen and only the others count:
    assert told(plan, B=("C", "D")) == {"B": ("D",)}
    loose = [*plan, PlanEntry(None, ())]  # could be about any area
    assert told(loose, B=("C", "D"), E=("D", "D")) == {"B": ("D",), "E": ("D",)}


@pytest.mark.parametrize("name", ["aleris", "blekinge"])
def test_real_reports_tell_what_their_gold_says(shared: Path, name: str) -> None:
    gold = yaml.safe_load((shared / "reports" / f"{name}.yaml").read_text(encoding="utf8"))["grades"]
    files = [shared / "reports" / f"{name}.txt"]
    drafter = replace(Drafter.load("baseline"), policy=POLICY)
    possible = next(practice.read(files, drafter)).result.possible  # type: ignore[union-attr]
    for a, its in gold.items():
        if its["before"]:
            assert possible[a] == (its["before"],), a
        else:
            assert (a in possible and "D" not in possible[a]) == bool(its.get("not_d")), a


# --- what is learnt ----------------------------------------------------------------------------


def state(files: Sequence[Path], out: Path, lenient: bool) -> None:
    """A CSV of the grades that an inspector states: by the rule, or one who passes over every partly met föreskrift."""
    with out.open("w", encoding="utf8", newline="") as f:
        writer = csv.writer(f)
        writer.writerow(["report", "area", "grade"])
        for path in files:
            status = {c: SIGNS[s] for c, s in worst_signs(read_tsv(path)).items()}
            if lenient:
                status = {c: s for c, s in status.items() if (s, CAT.by_id[c].level) != ("partly", "F")}
            writer.writerows([path.stem, a, POLICY.grade_of(a, status, CAT)] for a in CAT.areas)


@pytest.fixture(scope="module")
def drafter() -> Drafter:
    return replace(Drafter.load("baseline"), policy=POLICY)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of the same corpus reports as files that state their grades: by a lenient inspector, by the rule."""
    files = sorted((CORPUS / "dev").glob("*.tsv"))[:LENIENT]
    out = {}
    for name in ("lenient", "rule"):
        folder = tmp_path_factory.mktemp(name)
        state(files, folder.parent / f"{folder.name}.csv", name == "lenient")
        stated = render.told_of(str(folder.parent / f"{folder.name}.csv"), CAT)
        for i, path in enumerate(files):
            fmt = ("md", "txt", "docx")[i % 3]
            render.write(path, folder, CAT, fmt=fmt, layout=i % 3 + 1, told=stated)
        out[name] = folder
    return out


@pytest.fixture(scope="module")
def corpus(drafter: Drafter) -> oof.OutOfFold:
    """Probabilities of corpus reports; the model has seen them, so it is surer than out of fold."""
    files = sorted((CORPUS / "train").glob("*.tsv"))[::14]
    data = labelled.of_reports(read_all(files), CAT)
    return oof.of(data, drafter.model.predict(data.inputs()), drafter.model.thresholds, "baseline 0.1.0")


@pytest.fixture(scope="module")
def base(corpus: oof.OutOfFold) -> tuple[Layer, Known]:
    reports = grading.of(corpus, CAT, POLICY)
    fitted = grading.fit(reports)
    return fitted, practice_fit.of_corpus(reports, fitted.combine, WEIGHT)


def learning(base: tuple[Layer, Known], drafter: Drafter, folder: Path) -> Practice:
    reports = [o.result for o in practice.read(list(reading.find([folder])), drafter)]
    assert len(reports) == LENIENT and all(r is not None and len(r.possible) == 8 for r in reports)
    return Practice(*base, [r for r in reports if r], drafter.model.thresholds, CAT, POLICY)


@pytest.fixture(scope="module")
def lenient(base: tuple[Layer, Known], drafter: Drafter, rendered: dict[str, Path]) -> Practice:
    return learning(base, drafter, rendered["lenient"])


@pytest.fixture(scope="module")
def learnt(lenient: Practice) -> Layer:
    return lenient.fit()


def moved(of: Practice, layer: Layer) -> np.ndarray:
    """How far each area's suggestion moved in probability under a layer."""
    every = np.ones(len(of.reports), bool)
    pairs = zip(of.drafts(of.base, every), of.drafts(layer, every), strict=True)
    return np.array(
        [abs(b[a].probabilities[g] - n[a].probabilities[g]) for b, n in pairs for a in b for g in "ABCD"]
    )


def test_a_lenient_practice_is_learnt_and_new_reports_are_judged_by_it(
    lenient: Practice, learnt: Layer
) -> None:
    judged = practice_fit.cross_validate(lenient, 3, seed=0)
    every = np.ones(LENIENT, bool)
    before, after = (lenient.figures(d, every) for d in (judged.before, judged.after))
    assert after["log_loss"] < 0.9 * before["log_loss"]  # type: ignore[operator]
    assert after["grade_accuracy"] > before["grade_accuracy"]  # type: ignore[operator]
    partly, unmet = learnt.counted["F"]
    assert partly < 0.8 and unmet > 0.9  # a breach still counts
    assert learnt.combine == lenient.base.combine and learnt.levels == lenient.base.levels
    better = [
        n[a]
        for b, n in zip(judged.before, judged.after, strict=True)
        for a in b
        if n[a].suggested_grade < b[a].suggested_grade
    ]
    assert any("skalans ordalydelse" in d.explanation for d in better)


def test_two_reports_hardly_move_the_layer(lenient: Practice, learnt: Layer) -> None:
    few, many = (moved(lenient, x) for x in (lenient.fit(np.arange(LENIENT) < 2), learnt))
    assert few.mean() < 0.02 < many.mean()
    assert few.max() < 0.5 * many.max()


def test_a_practice_that_is_the_rule_changes_little(
    base: tuple[Layer, Known], drafter: Drafter, rendered: dict[str, Path]
) -> None:
    of = learning(base, drafter, rendered["rule"])
    fitted = of.fit()
    assert all(min(shares) > 0.85 for shares in fitted.counted.values())
    assert moved(of, fitted).mean() < 0.03


def test_reports_that_only_rule_out_the_worst_grade_lower_it(lenient: Practice) -> None:
    def silent(g: Graded) -> Graded:
        no_breach = {a: tuple(x for x in CAT.scale(a) if x != "D") for a, p in g.possible.items()}
        return replace(g, possible=no_breach)

    of = replace(lenient, reports=[silent(g) for g in lenient.reports])
    fitted, every = of.fit(), np.ones(LENIENT, bool)
    pairs = zip(of.drafts(of.base, every), of.drafts(fitted, every), strict=True)
    falls = [b[a].probabilities["D"] - n[a].probabilities["D"] for b, n in pairs for a in b]
    assert np.mean(falls) > 0.02 and min(falls) > -0.02
    assert (
        of.figures(of.drafts(fitted, every), every)["log_loss"]
        < of.figures(of.drafts(of.base, every), every)["log_loss"]
    )  # type: ignore[operator]


def test_the_loss_is_the_likelihood_of_what_is_told(lenient: Practice) -> None:
    graded = replace(lenient.reports[0], possible={"B": ("C",), "E": ("A", "B", "C")})
    one = practice.known([graded], lenient.base.combine, CAT, POLICY)
    fit = practice_fit.Fit(lenient.base, one, CAT, POLICY)
    x = np.zeros(2 * len(fit.lines) + len(fit.shares))
    d = replace(lenient, reports=[graded]).drafts(lenient.base, np.ones(1, bool))[0]
    want = -np.log(d["B"].probabilities["C"]) - np.log(1 - d["E"].probabilities["D"])
    value, gradient = fit.with_gradient(x)
    assert value == pytest.approx(want, rel=1e-3)
    step = np.zeros(len(x))
    step[-1] = 1e-3
    numeric = (fit.with_gradient(x + step)[0] - value) / 1e-3
    assert gradient[-1] == pytest.approx(numeric, abs=1e-2)


# --- the command -------------------------------------------------------------------------------


@pytest.fixture
def recipe(tmp_path: Path, corpus: oof.OutOfFold, rendered: dict[str, Path]) -> Path:
    few = tmp_path / "reports"
    few.mkdir()
    for path in sorted(rendered["lenient"].iterdir())[:4]:
        (few / path.name).write_bytes(path.read_bytes())
    (few / "brev.txt").write_text("Hej, detta är ett brev om semestern.\n", encoding="utf8")
    oof.save(tmp_path / "oof.npz", corpus)
    path = tmp_path / "grades.yaml"
    settings = {
        "kind": "grades",
        "name": "practice",
        "oof": str(tmp_path / "oof.npz"),
        "reports": str(few),
        "folds": 2,
    }
    path.write_text(yaml.safe_dump(settings), encoding="utf8")
    return path


def test_spur_train_writes_a_layer_that_says_what_it_was_fitted_on(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for library in ("torch", "mlflow", "matplotlib"):
        pytest.importorskip(library, reason="the train extra is not installed")
    from pipeline.training import tracking  # noqa: PLC0415

    monkeypatch.setenv("SPUR_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    out = tmp_path / "models" / "practice.json"
    assert app.run(["train", "--config", str(recipe), "--out", str(out)]) == 1  # the letter is no report
    assert "brev.txt" in capsys.readouterr().err
    made = layer.read(out)
    on = made.fitted_on["practice"]
    assert on["reports"] == 4 and on["areas"] == {"exact": 32, "not_worst": 0, "untold": 0}
    assert len(on["data"]) == len(made.fitted_on["data"]) == 64 and made.fitted_on["date"]
    assert {"before", "after"} == set(made.metrics["practice"]) and made.metrics["grade_accuracy"] > 0.7
    runs = tracking.mlflow(experiment=tracking.GRADES).search_runs(
        experiment_names=[tracking.GRADES], output_format="list"
    )
    assert len(runs) == 1
    data = runs[0].data
    assert data.params["practice.reports"] == "4" and data.params["corpus_weight"] == "20.0"
    for name in (
        "corpus.grade_qwk",
        "corpus.fold.grade_qwk",
        "practice.before.log_loss",
        "practice.after.fold.log_loss",
    ):
        assert name in data.metrics, name
    assert {d.dataset.name for d in runs[0].inputs.dataset_inputs} == {"corpus", "practice"}


def test_without_reports_the_layer_is_the_corpus_one(corpus: oof.OutOfFold, tmp_path: Path) -> None:
    oof.save(tmp_path / "oof.npz", corpus)
    made = grades.GradeRecipe(oof=str(tmp_path / "oof.npz"))
    grades.run(made, tmp_path / "x.json", pytest.fail, track=False)
    got = layer.read(tmp_path / "x.json")
    assert "practice" not in got.fitted_on and got.counted == {}
    assert got.combine == grading.fit_combine(grading.of(corpus, CAT, POLICY))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: wishes", "findings, grades"),
        ("- 1", "no recipe"),
        ("a: [", "YAML"),
    ],
)
def test_a_recipe_of_no_kind_is_refused(
    tmp_path: Path, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(text, encoding="utf8")
    with pytest.raises(Exception, match=message):
        kind_of(path)
    path.write_text("kind: grades\noof: x.npz\ncolour: red\n", encoding="utf8")
    with pytest.raises(Exception, match="colour"):
        grades.GradeRecipe.load(path)


def test_shipped_recipes_are_of_a_known_kind() -> None:
    kinds = {p.stem: kind_of(p) for p in (ROOT / "configs" / "train").glob("*.yaml")}
    assert kinds["grades"] == "grades" and kinds["e5-small-sv"] == "findings"
    assert grades.GradeRecipe.load(ROOT / "configs" / "train" / "grades.yaml").reports is None
