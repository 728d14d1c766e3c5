"""A model is promoted only where nothing speaks against it; a rollback brings the old answers back."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import store_databases
from sqlalchemy import make_url

from pipeline import catalogue, findings
from pipeline.cli.app import run
from pipeline.findings import champion, manifest
from pipeline.report import SpurError
from pipeline.resources import assets
from pipeline.training import evaluation, promotion, significance, slices
from pipeline.training.promotion import Limits

ROOT = Path(__file__).resolve().parents[1]
STRESS = ROOT / "data" / "corpus" / "stress"
REPORT = ROOT / "data" / "examples" / "layout-1" / "w20-tz-49.txt"
CATALOGUE = catalogue.load()
Change = Callable[[manifest.Manifest], manifest.Manifest]


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPUR_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(ROOT)
    return tmp_path / "home"


def variant(folder: Path, change: Change) -> Path:
    """The shipped baseline under another manifest."""
    shutil.copytree(assets("models") / "baseline", folder)
    manifest.write(folder, change(manifest.read(folder)))
    return folder


def strict(m: manifest.Manifest) -> manifest.Manifest:
    """Finds only what it is all but sure of: a planted bad model."""
    return replace(m, name="strict", thresholds=dict.fromkeys(m.criteria, 0.97))


def boastful(m: manifest.Manifest) -> manifest.Manifest:
    """The same findings, each said to be far surer than it is."""
    calibration = {**m.settings["calibration"], "shortfall": [9.0, 0.0], "partly": [9.0, 0.0]}
    return replace(m, name="boastful", settings={**m.settings, "calibration": calibration})


# --- the bootstrap ---------------------------------------------------------------------------------------------


def codes(*rows: list[int]) -> np.ndarray:
    return np.array(rows, np.int8)


REPORTS = np.array([f"r{i // 4}" for i in range(80)])


def test_the_same_model_does_not_differ() -> None:
    gold = np.random.default_rng(0).integers(0, 4, (80, 5)).astype(np.int8)
    told = np.where(np.random.default_rng(1).random((80, 5)) < 0.2, 0, gold).astype(np.int8)
    d = significance.compare(gold, told, told, REPORTS, "shortfall_micro_f1")
    assert (d.value, d.low, d.high, d.p, d.worse) == (0, 0, 0, 1, 0)


def test_a_clear_loss_is_sure_and_a_small_one_is_not() -> None:
    rng = np.random.default_rng(0)
    gold = rng.integers(0, 4, (80, 5)).astype(np.int8)
    good = np.where(rng.random((80, 5)) < 0.1, 0, gold).astype(np.int8)
    bad = np.where(rng.random((80, 5)) < 0.5, 0, gold).astype(np.int8)
    slightly = good.copy()
    slightly[0] = 0
    d = significance.compare(gold, good, bad, REPORTS, "shortfall_micro_f1")
    assert d.high is not None and d.high < 0 and d.p is not None and d.p < 0.01 and d.worse > 0.99
    d = significance.compare(gold, good, slightly, REPORTS, "shortfall_micro_f1")
    assert d.worse < 0.95


@pytest.mark.parametrize("metric", significance.METRICS)
def test_the_figures_are_those_of_the_evaluation(metric: str) -> None:
    rng = np.random.default_rng(2)
    gold, told = rng.integers(0, 4, (2, 80, 5)).astype(np.int8)
    want = evaluation.sentence_figures(gold, told, np.ones_like(gold, np.float32))[metric]
    assert significance.compare(gold, told, gold, REPORTS, metric).first == pytest.approx(want)


def test_one_report_has_no_interval() -> None:
    gold = codes([0, 3], [2, 0])
    d = significance.compare(gold, gold, gold, np.array(["a", "a"]), "weakness_f1")
    assert d.first == 1 and d.p is None


# --- the verdict ------------------------------------------------------------------------------------------------


def verdict(folder: Path, limits: Limits | None = None, against: Path | None = None) -> promotion.Verdict:
    first = findings.load(against or assets("models") / "baseline", CATALOGUE)
    second = findings.load(folder, CATALOGUE)
    return promotion.compare_models(first, second, folder, [STRESS], CATALOGUE, limits or Limits.load())


def test_a_planted_bad_model_is_refused_for_what_it_misses(tmp_path: Path) -> None:
    its = verdict(variant(tmp_path / "strict", strict))
    assert not its.accepted
    assert any(r.startswith("shortfall_micro_f1 over all") for r in its.reasons)
    assert any("section SVAGHETER" in r for r in its.reasons)
    assert verdict(assets("models") / "baseline", against=tmp_path / "strict").accepted


def test_a_model_that_is_surer_than_right_is_refused(tmp_path: Path) -> None:
    its = verdict(variant(tmp_path / "boastful", boastful))
    assert any(r.startswith("calibration") for r in its.reasons)


def test_size_speed_and_seen_reports_are_refused(tmp_path: Path) -> None:
    def taught(m: manifest.Manifest) -> manifest.Manifest:
        return replace(m, data={**m.data, "sources": ["stress", "gone"]})

    limits = replace(Limits.load(), megabytes=1.0, seconds_per_1000=1e-6)
    reasons = " ".join(verdict(variant(tmp_path / "taught", taught), limits).reasons)
    assert "size: 3." in reasons and "speed: " in reasons and "it was trained on" in reasons
    assert promotion.seen(tmp_path / "taught", [STRESS.parent, STRESS / "x.tsv", STRESS.parent / "dev"]) == [
        str(STRESS.parent),
        str(STRESS / "x.tsv"),
    ]


def test_a_loss_on_one_guarded_slice_alone_is_refused() -> None:
    """Blind to one section: little to see over all, all of it gone there."""
    data, groups = slices.load([STRESS], CATALOGUE)
    right = promotion.Judged(data.gold, np.ones(data.gold.shape, np.float32))
    blind = data.gold.copy()
    blind[groups["section"] == "F"] = 0
    limits = replace(Limits.load(), all=promotion.Guard(0.1, 0.95), guarded=("section", "criterion"))
    limits = replace(limits, least=promotion.Least(2, 20, 5))
    each = list(promotion.slices(data, groups, right, replace(right, codes=blind), limits))
    refused = {(s.kind, s.name) for s in each if promotion.worse(s, limits)}
    assert {name for kind, name in refused if kind == "section"} == {"F"} and ("all", "all") not in refused


def test_limits_with_a_slip_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "limits.yaml"
    text = (ROOT / "configs" / "promotion.yaml").read_text(encoding="utf8")
    path.write_text(text.replace("megabytes", "megabyte"), encoding="utf8")
    with pytest.raises(SpurError, match=r"limits\.yaml.*megabyte"):
        Limits.load(path)
    path.write_text(text.replace("guarded: [writer", "guarded: [author"), encoding="utf8")
    with pytest.raises(SpurError, match="author"):
        Limits.load(path)


# --- the champion, without MLflow --------------------------------------------------------------------------------


def graded(capsys: pytest.CaptureFixture[str], *args: str) -> dict[str, object]:
    assert run(["grade", str(REPORT), "--json", "--as-of", "2025-01-31", *args]) == 0
    return dict(json.loads(capsys.readouterr().out))


def test_without_a_champion_one_is_told_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["grade", str(REPORT), "--model", "champion"]) == 2
    assert "spur promote" in capsys.readouterr().err


def test_a_rollback_restores_the_old_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    champion.install(assets("models") / "baseline", "spur-findings", "1")
    before = graded(capsys, "--model", "champion")
    champion.install(variant(tmp_path / "strict", strict), "spur-findings", "2")
    shutil.rmtree(tmp_path / "strict")  # the promoted copy is what counts
    assert graded(capsys, "--model", "champion") != before
    assert champion.rollback().version == "1"
    assert graded(capsys, "--model", "champion") == before
    with pytest.raises(SpurError, match="ingen tidigare"):
        champion.rollback()


def test_a_champion_that_was_altered_is_refused_and_left_by_rollback(tmp_path: Path) -> None:
    champion.install(assets("models") / "baseline", "m", "1")
    made = champion.install(variant(tmp_path / "strict", strict), "m", "2")
    path = made.folder / manifest.FILE
    path.write_text(path.read_text(encoding="utf8").replace("0.97", "0.01"), encoding="utf8")
    with pytest.raises(SpurError, match="ändrad"):
        findings.load("champion", CATALOGUE)
    champion.rollback()
    assert findings.load("champion", CATALOGUE).info.name == "baseline"


def test_a_version_is_never_replaced(tmp_path: Path) -> None:
    champion.install(assets("models") / "baseline", "m", "1")
    with pytest.raises(SpurError, match="annat innehåll"):
        champion.install(variant(tmp_path / "strict", strict), "m", "1")
    with pytest.raises(SpurError, match="mapps namn"):
        champion.install(assets("models") / "baseline", "../m", "1")


# --- the commands, with MLflow's registry ------------------------------------------------------------------------


def test_promote_refuses_promotes_and_goes_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mlflow = pytest.importorskip("mlflow")
    bad = variant(tmp_path / "strict", strict)
    same = variant(tmp_path / "renamed", lambda m: replace(m, name="renamed"))
    assert run(["promote", str(bad)]) == 1
    out = capsys.readouterr()
    assert "refused: shortfall_micro_f1 over all" in out.out and "challenger" in out.err
    assert not champion.history()
    assert run(["promote", str(same)]) == 0
    assert findings.load("champion", CATALOGUE).info.name == "renamed"
    client = mlflow.MlflowClient()

    def aliases() -> dict[str, str]:
        told = client.get_registered_model("spur-findings").aliases
        return {k: str(v) for k, v in told.items()}

    assert aliases() == {"champion": champion.history()[-1].version}
    refused = client.get_model_version("spur-findings", "1")
    assert refused.tags["accepted"] == "false" and "shortfall" in refused.tags["refused_for"]
    assert "shortfall_micro_f1 over all" in refused.description
    _knows_its_data(client, refused)
    assert run(["promote", "--rollback"]) == 0
    assert findings.load("champion", CATALOGUE).info.name == "baseline"
    assert aliases()["champion"] == champion.history()[-1].version
    capsys.readouterr()
    assert run(["evaluate", str(bad), "--on", str(STRESS), "--no-track"]) == 0
    assert "against champion: shortfall_micro_f1 -0." in capsys.readouterr().out


def _knows_its_data(client: Any, version: Any) -> None:
    """Its run has what it was trained and judged on as datasets, and the slices as a table."""
    run = client.get_run(version.run_id)
    its = {i.tags[0].value: i.dataset.digest for i in run.inputs.dataset_inputs}
    trained = manifest.read(assets("models") / "baseline").data["hash"]
    assert its == {"training": trained[:36], "evaluation": version.tags["judged_on"][:36]}
    assert {f.path for f in client.list_artifacts(version.run_id)} >= {"slices.json", "verdict.json"}


def test_an_evaluation_is_kept_with_its_slices_plots_and_data() -> None:
    mlflow = pytest.importorskip("mlflow")
    assert run(["evaluate", "baseline", "--on", str(STRESS)]) == 0
    (its,) = mlflow.search_runs(experiment_names=["spur-findings"], output_format="list")
    assert {"shortfall_micro_f1", "section/SVAGHETER", "length/26 or more words", "criterion/H.F2"} <= {
        *its.data.metrics
    }
    assert [i.dataset.digest for i in its.inputs.dataset_inputs] == [its.data.params["data"][:36]]
    kept = {f.path for f in mlflow.MlflowClient().list_artifacts(its.info.run_id, "figures")}
    assert kept == {f"figures/{name}.png" for name in ("confusion", "calibration", "criteria")}


def test_the_first_promotion_of_who_always_asks_for_the_champion(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlflow")
    from pipeline.cli import promotion as command  # noqa: PLC0415

    monkeypatch.setenv("SPUR_MODEL", "champion")
    assert manifest.read(command._in_use()).name == "e5-small-sv"
    champion.install(assets("models") / "baseline", "m", "1")
    assert manifest.read(command._in_use()).name == "baseline"


def test_the_web_answers_with_the_champion(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from web_fixtures import served, upload  # noqa: PLC0415

    champion.install(variant(tmp_path / "strict", strict), "m", "1")
    want = graded(capsys, "--model", "champion")
    with served(tmp_path / "web", model="champion") as client:
        draft = upload(client, REPORT)["draft"]
    assert draft["model"] == want["model"] and draft["model"]["name"] == "strict"


@pytest.mark.slow
def test_runs_and_versions_are_kept_by_an_mlflow_server_on_postgresql(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mlflow = pytest.importorskip("mlflow")
    with (
        store_databases.server() as server,
        store_databases.database(server) as url,
        mlflow_server(url, tmp_path) as address,
    ):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        test_promote_refuses_promotes_and_goes_back(tmp_path, capsys)
        runs = mlflow.search_runs(experiment_names=["spur-findings"], output_format="list")
        assert len(runs) == 3 and all(r.inputs.dataset_inputs for r in runs)


@contextmanager
def mlflow_server(database: str, folder: Path) -> Iterator[str]:
    """The address of an MLflow server that keeps what it is told in a database."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    url = make_url(database).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    command = [sys.executable, "-P", "-m", "mlflow", "server", "--backend-store-uri", url, "--workers", "1"]
    command += ["--artifacts-destination", str(folder / "artifacts"), "--port", str(port)]
    env = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"}
    process = subprocess.Popen(command, cwd=folder, env=env, start_new_session=True)
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health").close()
                break
            except OSError:
                time.sleep(1)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, 15)
        process.wait(30)


def test_a_verdict_is_plain_data(tmp_path: Path) -> None:
    its = verdict(assets("models") / "baseline")
    assert json.loads(json.dumps(asdict(its)))["reasons"] == []
