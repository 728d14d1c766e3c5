"""Sweeps, figures per epoch and learning curves, on a BERT that is small enough for a test."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from pipeline import catalogue as catalogues
from pipeline.report import SpurError

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers")
optuna = pytest.importorskip("optuna")

import small_bert  # noqa: E402

from pipeline.cli.app import run as spur  # noqa: E402
from pipeline.training import labelled, learning_curve, run, tracking  # noqa: E402
from pipeline.training.recipe import Recipe  # noqa: E402
from pipeline.training.record import read as read_record  # noqa: E402
from pipeline.training.sweep import BEST, Range, Sweep, Trials  # noqa: E402
from pipeline.training.trainer import Trainer  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
DEV = ROOT / "data" / "corpus" / "dev"
FILES = [str(min(DEV.glob(f"w{n}-*.tsv"))) for n in (1, 2, 3)]
KEYS = {
    "name": "small",
    "encoder": "kb-bert",
    "train": FILES[:1],
    "epochs": 2,
    "rows": 16,
    "sentences": 300,
    "head": {"heads": 4, "inner": 64},
}


@pytest.fixture(scope="module")
def bert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_bert.write(tmp_path_factory.mktemp("bert"))


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A base recipe; what MLflow keeps lies in the test's folder."""
    monkeypatch.setenv("SPUR_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(KEYS), encoding="utf8")
    return path


def written(base: Path, /, **changes: object) -> Path:
    """A sweep file."""
    keys = {
        "kind": "sweep",
        "name": "tried",
        "base": str(base),
        "judge": FILES[1],
        "trials": 2,
        "vary": {
            "rate": {"from": 1e-4, "to": 3e-3, "log": True},
            "epochs": {"from": 1, "to": 2},
            "augment.join": {"choice": [0.0, 0.3]},
        },
    }
    path = base.with_name("sweep.yaml")
    path.write_text(yaml.safe_dump({**keys, **changes}), encoding="utf8")
    return path


def test_looking_at_the_figures_leaves_the_training_as_it_is(bert_folder: Path, tmp_path: Path) -> None:
    recipe = Recipe.of(KEYS, tmp_path)
    watch, trained = (Path(FILES[1]),), {}
    for every in (0, 1):
        its = replace(recipe, figures_every=every)
        folder = run.train_fold(
            run.Job(its, tmp_path / str(every), bert_folder, watch=watch, show=False), None
        )
        trained[every] = (folder / run.WEIGHTS).read_bytes()
    assert trained[0] == trained[1]
    told = {e: _curve(tmp_path / str(e) / "all", Path(FILES[1]).name) for e in (0, 1)}
    assert len(told[0]) == 1 and len(told[1]) > 1  # the last is that of the end
    assert told[1][-1] == told[0][-1] and len({step for step, _ in told[1]}) == len(told[1])


def _curve(folder: Path, name: str) -> list[tuple[int, float]]:
    key = f"{name}.context.relevance_micro_f1"
    return [(step, values[key]) for _, step, values in read_record(folder).metrics if key in values]


def test_weights_come_back_after_a_look_also_when_it_fails(bert_folder: Path, tmp_path: Path) -> None:
    data = labelled.load(FILES[:1], catalogues.load())
    trainer = Trainer(Recipe.of({**KEYS, "rate": 1e-2}, tmp_path), data, bert_folder, torch.device("cpu"))
    for step in trainer.feed.epoch(0):
        trainer.step(step)
    before = {k: v.clone() for k, v in trainer.net.state_dict().items()}
    with pytest.raises(KeyError), trainer.peek() as net:
        assert any(not torch.equal(v, before[k]) for k, v in net.state_dict().items())
        raise KeyError
    assert all(torch.equal(v, before[k]) for k, v in trainer.net.state_dict().items())


@pytest.mark.slow
def test_a_sweep_leaves_nested_runs_and_a_recipe_that_trains(base: Path, bert_folder: Path) -> None:
    pytest.importorskip("mlflow")
    pytest.importorskip("datasets")
    out = base.with_name("out")
    given = ["train", "--encoder", str(bert_folder), "--device", "cpu"]
    assert spur([*given, "--config", str(written(base)), "--out", str(out)]) == 0
    assert spur([*given, "--config", str(written(base, trials=3)), "--out", str(out)]) == 0  # one more
    runs = tracking.mlflow().search_runs(experiment_names=[tracking.EXPERIMENT], output_format="list")
    parent = [r for r in runs if "mlflow.parentRunId" not in r.data.tags]
    trials = [r for r in runs if r.data.tags.get("mlflow.parentRunId") == parent[0].info.run_id]
    assert len(parent) == 1 and {r.info.run_name for r in trials} == {"trial-0", "trial-1", "trial-2"}
    values = [r.data.metrics["shortfall_micro_f1"] for r in trials]
    assert parent[0].data.metrics["best/shortfall_micro_f1"] == max(values)
    assert len({r.data.params["rate"] for r in trials}) == 3
    best = Recipe.load(out / BEST)
    assert str(best.rate) in {r.data.params["rate"] for r in trials} and best.train == tuple(FILES[:1])
    assert not list(out.rglob(run.WEIGHTS))
    assert (
        spur([*given, "--config", str(out / BEST), "--out", str(base.with_name("again")), "--fold", "all"])
        == 0
    )
    with pytest.raises(SpurError, match="other settings or data"):
        Trials(Sweep.load(written(base, metric="weakness_f1")), out)


@pytest.mark.slow
def test_a_cut_sweep_tries_what_a_whole_one_tries(
    base: Path, bert_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mlflow")
    sweep = Sweep.load(written(base, trials=3, drawn=1))
    made, train_fold = dict[str, list[dict[str, object]]](), run.train_fold
    for name in ("whole", "cut"):
        if name == "cut":
            monkeypatch.setattr(run, "train_fold", _cut_once(train_fold, at=1))
            with pytest.raises(KeyboardInterrupt):
                Trials(sweep, base.with_name(name), bert_folder, show=False).run()
        trials = Trials(sweep, base.with_name(name), bert_folder, show=False)
        trials.run()
        made[name] = [t.params for t in trials.over()]
        assert sorted(p.name for p in trials.out.glob("trial-*")) == ["trial-0", "trial-1", "trial-2"]
    assert made["cut"] == made["whole"]


def _cut_once(train_fold: object, at: int) -> object:
    calls: list[object] = []

    def cut(job: run.Job, fold: int | None) -> Path:
        calls.append(job)
        if len(calls) == at + 1:
            raise KeyboardInterrupt
        return train_fold(job, fold)  # type: ignore[operator, no-any-return]

    return cut


def test_a_trial_that_is_worse_than_most_is_cut_short(
    base: Path, bert_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mlflow")
    sweep = Sweep.load(
        written(base, trials=3, drawn=2, metric="relevance_micro_f1", vary={"seed": {"from": 1, "to": 99}})
    )
    figures, count = run._figures, []

    def worse(*args: object) -> object:  # each look and end finds less than the one before
        count.append(1)
        return {**figures(*args), "relevance_micro_f1": 1 / len(count)}  # type: ignore[arg-type]

    monkeypatch.setattr(run, "_figures", worse)
    trials = Trials(sweep, base.with_name("out"), bert_folder, show=False)
    trials.run()
    assert [t.state.name for t in trials.over()] == ["COMPLETE", "COMPLETE", "PRUNED"]
    best = trials.best()
    assert best is not None and best.number == 0


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"vary": {"rat": {"from": 0.1, "to": 1.0}}}, "rat"),
        ({"vary": {"augment.jion": {"from": 0.1, "to": 1.0}}}, "jion"),
        ({"vary": {"rate": {"from": "3e-5", "to": 1.0}}}, "3.0e-5"),
        ({"vary": {"rate": {"from": 2.0, "to": 1.0}}}, "less than"),
        ({"vary": {"rate": {"choice": []}}}, "choice"),
        ({"vary": {}}, "no field"),
        ({"fold": 0}, "either fold"),
        ({"judge": None}, "either fold"),
        ({"trials": None}, "trials or minutes"),
        ({"metric": "accuracy"}, "shortfall_micro_f1"),
        ({"trails": 3}, "trails"),
        ({"base": "nowhere.yaml"}, "nowhere.yaml"),
    ],
)
def test_a_sweep_that_cannot_be_run_says_why_before_any_trial(
    base: Path, changes: dict[str, object], told: str
) -> None:
    with pytest.raises(SpurError, match=told):
        Sweep.load(written(base, **changes))


def test_trials_are_not_judged_by_what_they_learn_from(base: Path) -> None:
    with pytest.raises(SpurError, match="trained on too"):
        Trials(Sweep.load(written(base, judge=FILES[0])), base.with_name("out"))


def test_a_recipe_that_goes_on_from_a_model_has_no_fold_to_be_judged_by(base: Path) -> None:
    base.write_text(yaml.safe_dump({**KEYS, "start": "e5-small-sv"}), encoding="utf8")
    with pytest.raises(SpurError, match="has seen every writer"):
        Sweep.load(written(base, judge=None, fold=0))


@pytest.mark.slow
def test_a_sweep_goes_on_from_the_shipped_model_without_its_encoder(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mlflow")
    monkeypatch.chdir(ROOT)
    keys = {
        **Recipe.raw(ROOT / "configs" / "train" / "more.yaml"),
        "train": FILES[:1],
        "epochs": 1,
        "replay": [],
    }
    base.write_text(yaml.safe_dump(keys), encoding="utf8")
    sweep = Sweep.load(written(base, trials=1, vary={"rate": {"choice": [1.0e-5]}}))
    trials = Trials(sweep, base.with_name("out"), show=False)
    trials.run()
    best = trials.best()
    assert best is not None and (best.value or 0.0) > 0.5  # of a model that can read: far from a fresh head's
    assert Recipe.load(trials.out / BEST).start == "e5-small-sv"


def test_the_example_is_a_sweep_that_goes_on_from_the_shipped_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    sweep = Sweep.load(ROOT / "configs" / "train" / "sweep.yaml")
    assert sweep.recipe({}).start == "e5-small-sv" and sweep.set_name == "stress"
    assert Range.of({"from": 6, "to": 30}).whole and not Range.of({"from": 0.0, "to": 1}).whole


def test_a_learning_curve_of_the_baseline_learns_more_from_more_and_keeps_the_page(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    page = tmp_path / "curve.md"
    page.write_text("# Learning curve\n\nWhat a person wrote.\n", encoding="utf8")
    train = [f for f in sorted(map(str, DEV.glob("*.tsv"))) if f not in FILES][:16]
    given = ["--points", "4", "--seeds", "1", "--on", FILES[0], "--out", str(page), "--no-track"]
    learning_curve.write(page, "baseline", "## baseline\n\nof an earlier time")
    learning_curve.main(["--train", *train, *given])
    text = page.read_text(encoding="utf8")
    rows = [line.split("|")[1:4] for line in text.splitlines() if line.startswith("| ") and line[2].isdigit()]
    assert "What a person wrote." in text and "earlier time" not in text
    assert [int(r[0]) for r in rows] == [4, len(train)]
    assert float(rows[1][2]) > float(rows[0][2])  # shortfall micro-F1


def test_a_learning_curve_of_a_recipe_learns_from_so_many_reports(
    base: Path, bert_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.training import start  # noqa: PLC0415

    monkeypatch.setattr(start, "source", lambda recipe: bert_folder)
    page, runs = base.with_name("curve.md"), base.with_name("curves")
    given = ["--config", str(base), "--train", *FILES, "--fold", "0", "--points", "1", "--seeds", "1"]
    learning_curve.main([*given, "--out", str(page), "--runs", str(runs), "--no-track"])
    params = [read_record(f.parent).params for f in runs.rglob("done.json")]
    assert sorted(len(p["train"]) for p in params) == [
        2,
        3,
    ]  # a held-out writer's report beside one, beside two
    assert all(p["fold"] == 0 and FILES[0] in p["train"] for p in params)
    assert "## small" in page.read_text(encoding="utf8")
