"""Runs in MLflow: published from their records, with figures, the dataset's hash and the environment.

The store is SQLite in the user's data folder by default, or any MLflow tracking URI. Telemetry is off before MLflow is
imported; no call leaves the machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.resources import home
from pipeline.training import record as records

EXPERIMENT = "spur-findings"
GRADES = "spur-grades"
_LONGEST = 5000  # characters of a parameter's value: MLflow takes 6,000


def mlflow(uri: str | None = None, experiment: str = EXPERIMENT) -> Any:
    """The mlflow module, quiet and set to an experiment in a tracking store (`uri`, `$MLFLOW_TRACKING_URI`, else SQLite
    in `home()`)."""
    os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true", MLFLOW_LOGGING_LEVEL="WARNING")
    import mlflow as module  # noqa: PLC0415  after the switches above

    default = home() / "mlflow.db"
    if not (uri := uri or os.environ.get("MLFLOW_TRACKING_URI")):
        default.parent.mkdir(parents=True, exist_ok=True)
        uri = f"sqlite:///{default}"
    module.set_tracking_uri(uri)
    if uri == f"sqlite:///{default}" and module.get_experiment_by_name(experiment) is None:
        module.create_experiment(experiment, artifact_location=(home() / "mlflow-artifacts").as_uri())
    module.set_experiment(experiment)
    return module


@contextmanager
def run(
    name: str, uri: str | None = None, nested: bool = False, experiment: str = EXPERIMENT
) -> Iterator[Any]:
    """An MLflow run of a name; gives the mlflow module."""
    module = mlflow(uri, experiment)
    with module.start_run(run_name=name, nested=nested):
        yield module


def log_metrics(module: Any, values: Mapping[str, float | None], step: int = 0) -> None:
    """Numbers that are there, under names that MLflow allows."""
    module.log_metrics({k: float(v) for k, v in values.items() if v is not None}, step=step)


def publish_record(module: Any, folder: Path) -> None:
    """The events of a run's folder into the active MLflow run."""
    told = records.read(folder)
    module.log_params({k: str(v)[:_LONGEST] for k, v in records.flat(told.params).items()})
    module.set_tags(told.tags)
    for _, step, values in told.metrics:
        log_metrics(module, values, step)


def log_dataset(module: Any, paths: list[str], digest: str) -> None:
    """The labelled corpus as the run's dataset: its files, size and hash (no text is copied into the store)."""
    from pipeline.training.labelled import dataset  # noqa: PLC0415

    data = dataset(paths)
    source = module.data.from_huggingface(data, targets="labels", name="corpus", digest=digest[:36])
    module.log_input(source, context="training")
