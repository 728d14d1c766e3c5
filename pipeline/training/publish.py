"""Trainings and evaluations as MLflow runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from pipeline import catalogue as catalogues
from pipeline.findings import load as load_model
from pipeline.training import collect, figures, labelled, significance, tracking
from pipeline.training import evaluation as figures_of
from pipeline.training.evaluation import Figures
from pipeline.training.recipe import Recipe
from pipeline.training.run import DONE, folder_of
from pipeline.training.significance import Difference

MARK = "mlflow-run.txt"  # the MLflow run that a folder was published as: not twice


def training(recipe: Recipe, out: Path) -> None:
    """The run and, nested, its finished folds; pooled and per-criterion figures and plots of them."""
    folds = [f for f in [*range(recipe.folds), None] if (folder_of(out, f) / DONE).is_file()]
    with tracking.run(recipe.name) as mlflow:
        mlflow.log_params({k: str(v)[:5000] for k, v in asdict(recipe).items()})
        data = labelled.load([Path(p) for p in recipe.train], catalogues.load(recipe.catalogue))
        tracking.log_dataset(mlflow, list(recipe.train), data.hash())
        for f in folds:
            with mlflow.start_run(run_name=folder_of(out, f).name, nested=True):
                tracking.publish_record(mlflow, folder_of(out, f))
        if collect.finished(recipe, out):
            _pooled(mlflow, recipe, out)
        (out / MARK).write_text(f"{mlflow.active_run().info.run_id}\n", encoding="utf8")


def _pooled(mlflow: object, recipe: Recipe, out: Path) -> None:
    collected = collect.read(recipe, out)
    found = collected.judged()
    pooled, by_writer = collect.figures(collected)
    tracking.log_metrics(mlflow, {f"oof.{k}": v for k, v in pooled.items()})
    for writer, values in by_writer.items():
        tracking.log_metrics(mlflow, {f"writer.{writer}.shortfall_micro_f1": values["shortfall_micro_f1"]})
    for criterion, values in collect.by_criterion(found).items():
        tracking.log_metrics(mlflow, {f"criterion.{criterion}.f1": values["f1"]})
    for name, figure in figures.all_of(found).items():
        mlflow.log_figure(figure, f"figures/{name}.png")  # type: ignore[attr-defined]
    mlflow.log_artifact(str(out / collect.SETTINGS))  # type: ignore[attr-defined]


def evaluation(model: str, on: Sequence[Path], track: bool = True) -> Figures:
    """Figures of a model on labelled reports; logged as an MLflow run unless told not to."""
    return compared(model, on, track)[0]


def compared(
    model: str, on: Sequence[Path], track: bool = True, against: str | None = None
) -> tuple[Figures, Mapping[str, Difference]]:
    """(figures of a model on labelled reports; how they differ from those of the model `against`, beyond chance); logged
    as an MLflow run unless told not to."""
    catalogue = catalogues.load()
    findings = load_model(model, catalogue)
    data = labelled.load(on, findings.catalogue)
    codes, sure = figures_of.found(findings.predict(data.inputs()), findings.thresholds)
    values = figures_of.sentence_figures(data.gold, codes, sure)
    differences: Mapping[str, Difference] = {}
    if against is not None:
        other = load_model(against, catalogue)
        first, _ = figures_of.found(other.predict(data.inputs()), other.thresholds)
        differences = significance.all_metrics(data.gold, first, codes, data.reports)
    if track:
        with tracking.run(f"evaluate {findings.info.name}") as mlflow:
            mlflow.log_params({"model": findings.info.name, "version": findings.info.version})
            mlflow.log_params({"on": " ".join(map(str, on))[:5000], "data": data.hash()})
            tracking.log_metrics(mlflow, values)
            for name, d in differences.items():
                told = {"": d.value, ".low": d.low, ".high": d.high, ".p": d.p}
                tracking.log_metrics(mlflow, {f"against.{name}{k}": v for k, v in told.items()})
            if against is not None:
                mlflow.log_param("against", against)
    return values, differences
