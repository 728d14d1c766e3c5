"""Training of the findings model, on a BERT of KB-BERT's kind that is small enough for a test."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline import catalogue as catalogues
from pipeline.findings import load as load_model
from pipeline.findings import second_look
from pipeline.report import SpurError

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers")

import small_bert  # noqa: E402

from pipeline.training import calibrate, collect, export, labelled, run, ship, start  # noqa: E402
from pipeline.training.augment import AugmentConfig  # noqa: E402
from pipeline.training.encoder import EncoderConfig, load  # noqa: E402
from pipeline.training.feed import Feed, ahead, wording_windows  # noqa: E402
from pipeline.training.model import HeadConfig  # noqa: E402
from pipeline.training.recipe import Recipe  # noqa: E402
from pipeline.training.record import read as read_record  # noqa: E402
from pipeline.training.start import make_network, pool_wordings  # noqa: E402
from pipeline.training.trainer import Trainer, predict  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
DEV = ROOT / "data" / "corpus" / "dev"
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def bert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_bert.write(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    files = [str(next(iter(sorted(DEV.glob(f"w{n}-*.tsv"))))) for n in range(1, 5)]
    return Recipe(
        name="small",
        encoder="kb-bert",
        train=tuple(files),
        epochs=2,
        rows=16,
        sentences=300,
        head=HeadConfig(heads=4, inner=64),
    )


@pytest.fixture(scope="module")
def done(recipe: Recipe, bert_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All folds and the whole, trained and settled."""
    out = tmp_path_factory.mktemp("run")
    job = run.Job(replace(recipe, epochs=1), out, bert_folder, show=False)
    run.train(job, [0, None])
    run.train(job, [0, 1, 2, 3], parallel=2)  # what is done is left as it is
    collect.settle(recipe, out, recipe.name)
    return out


def test_a_local_wordpiece_bert_loads_and_a_missing_one_says_what_to_do(
    bert_folder: Path, tmp_path: Path
) -> None:
    config = EncoderConfig.load("kb-bert")
    model, tokenizer = load(config, bert_folder)
    assert model.config.hidden_size == 48
    assert tokenizer.encode("Handledning saknas.").tokens[0] == "[CLS]"
    with pytest.raises(SpurError, match="give a local folder"):
        load(config, tmp_path / "nothing")


def test_packed_windows_give_what_windows_by_themselves_give(recipe: Recipe, bert_folder: Path) -> None:
    catalogue = catalogues.load()
    trainer = Trainer(recipe, labelled.load(recipe.train[:1], catalogue), bert_folder, CPU)
    trainer.net.eval()
    step = trainer.feed.epoch(0)[0]
    host = {k: torch.from_numpy(v) for k, v in trainer._arrays(step).items()}
    n = len(catalogue.criteria)
    with torch.no_grad():
        attend = host["segment"][:, None, :, None] == host["segment"][:, None, None, :]
        states = trainer.net.states(host["ids"], attend, host["position"])
        packed = [
            states[a : a + k].mean(0) for a, k in zip(host["start"][:n], host["length"][:n], strict=True)
        ]
        alone = pool_wordings(trainer.net, trainer.encoder, catalogue, CPU)
    assert torch.allclose(torch.stack(packed), alone, atol=1e-4)


def test_training_lowers_the_loss_and_a_left_out_criterion_learns_nothing_of_its_own(
    recipe: Recipe, bert_folder: Path
) -> None:
    changed = replace(recipe, criteria_left_out=("E.R6",), epochs=8, rate=2e-3, head_rate=4e-3)
    trainer = Trainer(changed, labelled.load(recipe.train[:1], catalogues.load()), bert_folder, CPU)
    losses = [float(trainer.step(s)) for e in range(5) for s in trainer.feed.epoch(e)]
    assert np.mean(losses[-2:]) < 0.9 * losses[0]
    column = trainer.catalogue.index["E.R6"]
    assert not trainer.net.residual[column].any()
    assert trainer.net.residual.abs().sum() > 0


def test_silence_on_other_areas_counts_less_only_for_writers_who_kept_to_the_area(
    recipe: Recipe, bert_folder: Path
) -> None:
    catalogue = catalogues.load()
    data = labelled.load([DEV], catalogue)
    _, encoder = make_network(recipe, bert_folder, catalogue)
    feed = Feed(data, catalogue, encoder, recipe)
    codes = {w: set() for w in ("w1", "w14")}
    for sections in feed.reports.values():
        for e in sections["E"]:
            codes.setdefault(e.writer, set()).update(feed.target(e).tolist())
    assert 1 in codes["w1"] and 1 not in codes["w14"]


def test_a_cut_training_goes_on_where_it_was(
    recipe: Recipe, bert_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = run.Job(replace(recipe, train=recipe.train[:1], epochs=3), tmp_path, bert_folder, show=False)
    monkeypatch.setattr(run, "CHECKPOINT_SECONDS", 0.0)
    step, calls = Trainer.step, []

    def cut(self: Trainer, arrays: object) -> object:
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(self.average.steps)
        return step(self, arrays)

    def counted(self: Trainer, arrays: object) -> object:
        calls.append(self.average.steps)
        return step(self, arrays)

    monkeypatch.setattr(Trainer, "step", cut)
    with pytest.raises(KeyboardInterrupt):
        run.train_fold(job, None)
    monkeypatch.setattr(Trainer, "step", counted)
    folder = run.train_fold(job, None)
    assert calls == list(range(len(calls))) and len(calls) > 2  # each step once, none again
    assert (folder / run.WEIGHTS).is_file() and not (folder / run.CHECKPOINT).exists()
    run.train_fold(job, None)
    assert calls == list(range(len(calls)))  # a fold that is done is not trained again


def test_time_that_is_short_shortens_the_schedule(
    recipe: Recipe, bert_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run.Budget, "EVERY", 1)
    long = replace(recipe, train=recipe.train[:1], epochs=500)
    folder = run.train_fold(run.Job(long, tmp_path, bert_folder, minutes=0.02, show=False), None)
    steps = max(step for _, step, values in read_record(folder).metrics if "loss" in values)
    assert steps < 500


def test_out_of_fold_figures_are_of_every_writer_and_never_of_one_that_was_seen(
    recipe: Recipe, done: Path
) -> None:
    collected = collect.read(recipe, done)
    assert set(collected.data.writers) == {"w1", "w2", "w3", "w4"}
    for fold in range(4):
        held = run.held_out(collected.data, fold)
        assert set(collected.fold[held]) == {fold}
    assert set(collected.looks) == {0, 1, 2, 3} and not collected.first_look().looks
    pooled, by_writer = collect.figures(collected)
    assert pooled["sentences"] == len(collected.data) == sum(v["sentences"] for v in by_writer.values())


def test_further_writers_teach_the_second_look_and_are_read_once(
    recipe: Recipe, done: Path, bert_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "source_folder", lambda config: bert_folder)
    out = tmp_path / "run"
    shutil.copytree(done, out)
    other = replace(recipe, second_look=(str(next(iter(sorted(DEV.glob("w9-*.tsv"))))),))
    collect.settle(other, out, recipe.name)
    assert collect.looks(out).keys() == collect.looks(done).keys()
    before, after = (collect.read(recipe, p).cross_fitted().probabilities for p in (done, out))
    assert not np.array_equal(before, after)
    monkeypatch.setattr(collect, "network", None)  # a second time nothing is read
    assert len(collect.further(other, out, other.second_look)) == 1
    assert not collect.further(other, tmp_path / "none", other.second_look)
    assert set(other.second_look) < set(other.sources)  # the manifest names them


def test_calibration_makes_probabilities_honest() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(-1, 2, (4000, 3)).astype(np.float32)
    gold = (rng.random(truth.shape) < 1 / (1 + np.exp(-truth))).astype(np.int8)
    logits = np.concatenate([3 * truth[..., None] + 2, np.zeros((*truth.shape, 3), np.float32)], axis=-1)
    fitted = calibrate.fit(logits, gold)
    assert fitted.slope == pytest.approx(1 / 3, abs=0.05)
    assert fitted.shift == pytest.approx(-2 / 3, abs=0.1)


def test_the_exported_model_answers_as_the_network_does(
    recipe: Recipe, done: Path, bert_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "source_folder", lambda config: bert_folder)
    catalogue = catalogues.load()
    data = labelled.load(recipe.train[:1], catalogue)
    net, maker = run.network(recipe, done / "all", catalogue)
    calibration, _ = collect.settings(done)
    wanted = calibration(predict(net, data.inputs(), maker, catalogue, CPU))
    for precision, near in (("float32", 1e-3), ("int8-weights", 0.05), ("int8-dynamic", 0.08)):
        folder = tmp_path / precision
        ship.write(recipe, done, None, folder, precision)
        model = load_model(folder, catalogue)
        assert np.abs(model.first_look(data.inputs()) - wanted).max() < near, precision
        again = second_look.load(collect.look_of(done, None))(data.inputs(), wanted, catalogue)
        assert np.abs(model.predict(data.inputs()) - again).max() < 4 * near, precision
    _refuses_damage(tmp_path / "float32", catalogue)
    _reads_another_catalogue(tmp_path / "float32", data)


def test_spur_export_writes_a_model_folder_with_figures_and_a_card(
    recipe: Recipe, done: Path, bert_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "source_folder", lambda config: bert_folder)
    monkeypatch.chdir(tmp_path)  # no stress set here: its rows are left out, not invented
    ship.model(recipe, done, tmp_path / "small", "float32")
    raw = json.loads((tmp_path / "small" / "manifest.json").read_text(encoding="utf8"))
    assert raw["metrics"]["leave_writers_out"].keys() >= {"weakness_f1", "shortfall_micro_f1"}
    assert raw["metrics"]["worst_writer"]["writer"] in {"w1", "w2", "w3", "w4"}
    card = (tmp_path / "small" / "README.md").read_text(encoding="utf8")
    assert "writers left out" in card and "By section, worst first" in card and "stress (" not in card
    assert load_model(tmp_path / "small", catalogues.load()).info.name == "small"


def test_training_goes_on_from_an_exported_model_without_its_encoder(
    recipe: Recipe, done: Path, bert_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = catalogues.load()
    data = labelled.load(recipe.train[:1], catalogue)
    with monkeypatch.context() as m:
        m.setattr(start, "source_folder", lambda config: bert_folder)
        net, maker = run.network(recipe, done / "all", catalogue)
        for precision in ("float32", "int8-weights"):
            ship.write(recipe, done, None, tmp_path / precision, precision)
    wanted = predict(net, data.inputs(), maker, catalogue, CPU)
    for precision, near in (("float32", 1e-3), ("int8-weights", 0.2)):
        more = replace(recipe, start=str(tmp_path / precision))
        again, its_maker = make_network(more, None, catalogue)
        got = predict(again, data.inputs(), its_maker, catalogue, CPU)
        assert np.abs(got - wanted).max() < near, precision
    _learns_more(replace(more, train=recipe.train[:1], replay=recipe.train[1:], replay_reports=1), tmp_path)


def test_a_blend_lies_between_where_a_training_started_and_where_it_ended(
    recipe: Recipe, done: Path, bert_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as m:
        m.setattr(start, "source_folder", lambda config: bert_folder)
        ship.write(recipe, done, None, tmp_path / "model", "float32")
    data, weights = labelled.load(recipe.train[:1], catalogues.load()), {}
    for blend in (1.0, 0.25):
        more = replace(recipe, start=str(tmp_path / "model"), blend=blend, epochs=1)
        trainer = Trainer(more, data, None, CPU)
        before = {k: v.clone() for k, v in trainer.net.state_dict().items()}
        for step in next(iter(ahead(trainer.feed, range(1), False))):
            trainer.step(step)
        weights[blend] = trainer.averaged().state_dict()
    moved = 0.0
    for k, v in before.items():
        if v.is_floating_point():
            torch.testing.assert_close(
                weights[0.25][k], torch.lerp(v, weights[1.0][k], 0.25), atol=1e-5, rtol=1e-4
            )
            moved = max(moved, float((weights[1.0][k] - v).abs().max()))
    assert moved > 1e-4
    with pytest.raises(SpurError, match="blend"):
        replace(recipe, blend=0.5)


def _learns_more(recipe: Recipe, tmp_path: Path) -> None:
    """A model that went on from another is a model, says from which, and has its calibration."""
    out = tmp_path / "run"
    with pytest.raises(SpurError, match="has seen every writer"):
        run.train_fold(run.Job(recipe, out, None, show=False), 0)
    run.train_fold(run.Job(recipe, out, None, show=False), None)
    collect.carry(recipe, out)
    ship.model(recipe, out, tmp_path / "more", "float32")
    raw = json.loads((tmp_path / "more" / "manifest.json").read_text(encoding="utf8"))
    before = json.loads((Path(str(recipe.start)) / "manifest.json").read_text(encoding="utf8"))
    assert raw["data"]["start"]["name"] == before["name"]
    assert set(raw["data"]["sources"]) >= {*before["data"]["sources"], *recipe.sources}
    assert raw["settings"]["calibration"] == before["settings"]["calibration"]
    assert raw["files"]["model.onnx"] != before["files"]["model.onnx"]
    assert f"went on from the model `{before['name']}`" in (tmp_path / "more" / "README.md").read_text("utf8")


def test_an_epoch_reads_other_reports_of_what_was_learnt_before(recipe: Recipe, bert_folder: Path) -> None:
    catalogue = catalogues.load()
    _, encoder = make_network(recipe, bert_folder, catalogue)
    plain = replace(recipe, augment=AugmentConfig(*[0.0] * 10), replay_reports=2)
    own, before = (labelled.load(paths, catalogue) for paths in (recipe.train[:1], [DEV]))
    feed = Feed(own, catalogue, encoder, plain, before)
    sizes = [sum(len(s.targets) for s in feed.epoch(n)) for n in range(3)]
    wordings = len(catalogue.criteria)
    assert all(len(own) < size < len(own) + len(before) for size in sizes), (sizes, wordings)
    assert len(set(sizes)) > 1  # reports of different length: not the same ones each time


def test_a_short_training_knows_its_steps_though_epochs_differ(recipe: Recipe, bert_folder: Path) -> None:
    """The rate ends with the last step: else a training stops at a high rate, or learns nothing at its end."""
    catalogue = catalogues.load()
    _, encoder = make_network(recipe, bert_folder, catalogue)
    own, before = (labelled.load(paths, catalogue) for paths in (recipe.train[:1], [DEV]))
    few = replace(recipe, epochs=5, replay_reports=3)
    feed = Feed(own, catalogue, encoder, few, before)
    each = [len(feed.epoch(n)) for n in range(few.epochs)]
    assert len(set(each)) > 1
    assert feed.planned() == sum(each)


def test_small_changes_of_weights_outlast_int8() -> None:
    """A model that goes on from an int8 one changes its weights by less than a step of int8."""
    rng = np.random.default_rng(7)
    first, scale = export.int8(rng.normal(0, 0.05, (384, 20)).astype(np.float32), 1)
    change = rng.uniform(0.1, 0.4, 20) * scale
    learnt = (first * scale + change).astype(np.float32)
    nearest, carried = (q * s for q, s in (export.int8(learnt, 1, carried=c) for c in (False, True)))
    assert np.abs((carried - learnt).sum(0)).max() <= scale.max()
    assert np.abs((nearest - learnt).sum(0)).min() > 20 * scale.max()
    assert np.abs(carried - learnt).max() <= 1.01 * scale.max()  # no value strays further than to a neighbour
    same, _ = export.int8((first * scale).astype(np.float32), 1, carried=True)
    assert np.array_equal(same, first)  # what was not trained stays


def test_a_model_that_does_not_tell_its_shape_is_no_start(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(SpurError, match="modellmappen finns inte"):
        make_network(replace(recipe, start=str(tmp_path / "none")), None, catalogues.load())
    with pytest.raises(SpurError, match="slaget 'baseline'"):
        make_network(replace(recipe, start="baseline"), None, catalogues.load())


def _refuses_damage(folder: Path, catalogue: catalogues.Catalogue) -> None:
    broken = folder.with_name("broken")
    shutil.copytree(folder, broken)
    graph = broken / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-10] + b"0123456789")
    with pytest.raises(SpurError, match="skadad eller utbytt"):
        load_model(broken, catalogue)
    manifest = json.loads((broken / "manifest.json").read_text(encoding="utf8"))
    (broken / "manifest.json").write_text(json.dumps({**manifest, "files": {}}), encoding="utf8")
    with pytest.raises(SpurError, match="saknar kontrollsumma"):
        load_model(broken, catalogue)


def _reads_another_catalogue(folder: Path, data: labelled.Labelled) -> None:
    other = catalogues.load(ROOT / "experiments" / "reworded-criteria.yaml")
    model = load_model(folder, other)
    found = model.predict(data.inputs())
    assert found.shape == (len(data), len(other.criteria), 3)
    assert np.isfinite(found).all()
    assert (found.sum(axis=2) <= 1 + 1e-5).all()


def test_a_training_is_a_run_in_mlflow(
    recipe: Recipe, done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mlflow")
    pytest.importorskip("datasets")
    from pipeline.training import publish, tracking  # noqa: PLC0415

    monkeypatch.setenv("SPUR_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for _ in range(2):  # the second takes the first one's place
        publish.training(recipe, done)
    runs = tracking.mlflow().search_runs(experiment_names=[tracking.EXPERIMENT], output_format="list")
    parents = [r for r in runs if "mlflow.parentRunId" not in r.data.tags]
    assert len(runs) == 6 and len(parents) == 1
    assert "oof/shortfall_micro_f1" in parents[0].data.metrics
    assert {f"criterion/{c}" for c in ("B.F5", "E.R6")} & set(parents[0].data.metrics)
    kept = {
        f.path for f in tracking.mlflow().MlflowClient().list_artifacts(parents[0].info.run_id, "figures")
    }
    assert kept == {f"figures/{name}.png" for name in ("confusion", "calibration", "criteria")}
    corpora = {i.dataset.digest for r in runs for i in r.inputs.dataset_inputs}
    assert corpora == {parents[0].data.tags["data"][:36]} and all(r.inputs.dataset_inputs for r in runs)
    assert all("loss" in r.data.metrics for r in runs if r is not parents[0])


def test_the_wordings_stand_in_the_catalogues_order(recipe: Recipe, bert_folder: Path) -> None:
    catalogue = catalogues.load()
    _, encoder = make_network(recipe, bert_folder, catalogue)
    rows = [r for w in wording_windows(encoder, catalogue) for r in w.rows]
    assert rows == list(range(len(catalogue.criteria)))
    assert export.size(make_network(recipe, bert_folder, catalogue)[0]) > 10_000
