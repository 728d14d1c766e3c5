"""Trainings and evaluations as MLflow runs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from pipeline import catalogue as catalogues
from pipeline.findings import load as load_model
from pipeline.report import ModelInfo
from pipeline.training import collect, figures, labelled, record, significance, slices, tracking
from pipeline.training import evaluation as figures_of
from pipeline.training.evaluation import Figures
from pipeline.training.recipe import Recipe
from pipeline.training.run import DONE, folder_of
from pipeline.training.significance import Difference

MARK = "mlflow-run.txt"  # the MLflow run that a folder was published as


def training(recipe: Recipe, out: Path) -> None:
    """The run and, nested, its finished folds; pooled and per-criterion figures and plots of them.

    A folder that is published again (a training that went on) takes its earlier run's place.
    """
    folds = [f for f in [*range(recipe.folds), None] if (folder_of(out, f) / DONE).is_file()]
    with tracking.run(recipe.name) as mlflow:
        tracking.log_params(mlflow, asdict(recipe))
        data = labelled.load([Path(p) for p in recipe.train], catalogues.load(recipe.catalogue))
        for f in folds:  # what it was trained with, not what publishes it
            mlflow.set_tags(record.read(folder_of(out, f)).tags)
        tracking.log_dataset(mlflow, recipe.train, data.hash())
        mlflow.log_text(
            yaml.safe_dump(_plain(asdict(recipe)), allow_unicode=True, sort_keys=False), "recipe.yaml"
        )
        for f in folds:
            with mlflow.start_run(run_name=folder_of(out, f).name, nested=True):
                tracking.publish_record(mlflow, folder_of(out, f))
        if collect.finished(recipe, out):
            _pooled(mlflow, recipe, out)
        _replace(mlflow, out / MARK, mlflow.active_run().info.run_id)


def _plain(value: Any) -> Any:
    """Settings with lists instead of tuples, as YAML has them."""
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value


def _replace(mlflow: Any, mark: Path, run: str) -> None:
    """Note the run that a folder is published as; one that it was published as before goes to the store's bin."""
    before = mark.read_text(encoding="utf8").strip() if mark.is_file() else ""
    client = mlflow.MlflowClient()
    nested = f"tags.`mlflow.parentRunId` = '{before}'"
    experiment = mlflow.get_run(run).info.experiment_id
    for old in (*client.search_runs([experiment], nested), *there(client, before)) if before else ():
        client.delete_run(old.info.run_id)
    mark.write_text(f"{run}\n", encoding="utf8")


def there(client: Any, run: str) -> list[Any]:
    """The run, if this store has it."""
    from mlflow.exceptions import MlflowException  # noqa: PLC0415

    try:
        return [client.get_run(run)]
    except MlflowException:
        return []


def _pooled(mlflow: Any, recipe: Recipe, out: Path) -> None:
    collected = collect.read(recipe, out)
    found = collected.judged()
    pooled, by_writer = collect.figures(collected)
    tracking.log_metrics(mlflow, {f"oof/{k}": v for k, v in pooled.items()})
    told = {("writer", w): v for w, v in by_writer.items()}
    told |= {(k, n): v for k, each in collect.by_slice(found).items() for n, v in each.items()}
    told |= {
        ("criterion", c): {"shortfall_micro_f1": v["f1"]} for c, v in collect.by_criterion(found).items()
    }
    _sliced(mlflow, told)
    _figures(mlflow, found)
    mlflow.log_artifact(str(out / collect.SETTINGS))


def _sliced(mlflow: Any, told: Mapping[tuple[str, str], Figures]) -> None:
    """Shortfall F1 of each slice as a metric `<kind>/<name>`."""
    names = {f"{kind}/{_named(name)}": v["shortfall_micro_f1"] for (kind, name), v in told.items()}
    tracking.log_metrics(mlflow, names)


def _named(name: str) -> str:
    """A slice's name in the characters that MLflow allows in a metric's."""
    return re.sub(r"[^\w.\- ]", "-", name.replace("+", " or more"))


def _figures(mlflow: Any, found: collect.Judged) -> None:
    for name, figure in figures.all_of(found).items():
        mlflow.log_figure(figure, f"figures/{name}.png")


def evaluation(model: str, on: Sequence[Path], track: bool = True) -> Figures:
    """Figures of a model on labelled reports; logged as an MLflow run unless told not to."""
    return compared(model, on, track)[0]


def compared(
    model: str, on: Sequence[Path], track: bool = True, against: str | None = None
) -> tuple[Figures, Mapping[str, Difference]]:
    """(figures of a model on labelled reports; how they differ from those of the model `against`, beyond chance); logged
    as an MLflow run unless told not to: with its dataset, the figures of every slice, and plots."""
    catalogue = catalogues.load()
    findings = load_model(model, catalogue)
    data, groups = slices.load(on, findings.catalogue)
    codes, sure = figures_of.found(findings.predict(data.inputs()), findings.thresholds)
    values = figures_of.sentence_figures(data.gold, codes, sure)
    differences: Mapping[str, Difference] = {}
    other = None if against is None else load_model(against, catalogue)
    if other is not None:
        first, _ = figures_of.found(other.predict(data.inputs()), other.thresholds)
        differences = significance.all_metrics(data.gold, first, codes, data.reports)
    if track:
        with tracking.run(f"evaluate {findings.info.name}") as mlflow:
            _told(mlflow, findings.info, on, data.hash(), values)
            if other is not None:
                mlflow.log_param("against", f"{other.info.name} {other.info.version}")
                _differences(mlflow, differences)
            told = slices.figures(data, groups, codes, sure)
            _sliced(mlflow, told)
            mlflow.log_table(_columns(told), "slices.json")
            _figures(mlflow, collect.Judged(data, codes, sure))
    return values, differences


def _told(mlflow: Any, model: ModelInfo, on: Sequence[Path], digest: str, values: Figures) -> None:
    """Which model was judged on what, and the figures of all of it."""
    tracking.log_params(mlflow, {"model": model.name, "version": model.version})
    tracking.log_params(mlflow, {"on": " ".join(map(str, on)), "data": digest})
    judged = tracking.log_dataset(mlflow, on, digest, name="judged", context="evaluation")
    tracking.log_metrics(mlflow, values, dataset=judged)


def _differences(mlflow: Any, differences: Mapping[str, Difference]) -> None:
    for name, d in differences.items():
        told = {"": d.value, ".low": d.low, ".high": d.high, ".p": d.p}
        tracking.log_metrics(mlflow, {f"against/{name}{k}": v for k, v in told.items()})


def _columns(told: Mapping[tuple[str, str], Figures]) -> dict[str, list[Any]]:
    """A table of slices by column, for MLflow's view of tables."""
    kept = ("shortfall_micro_f1", "shortfalls", "sentences", "weakness_f1", "status_micro_f1")
    columns: dict[str, list[Any]] = {"slice": [" ".join(key) for key in told]}
    return columns | {name: [v[name] for v in told.values()] for name in kept}
