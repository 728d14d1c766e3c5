"""Runs in MLflow: published from their records, with figures, the dataset's hash and the environment.

The store is SQLite in the user's data folder by default, or any MLflow tracking URI. Telemetry is off before MLflow is
imported; no call leaves the machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.resources import home
from pipeline.training import record as records

EXPERIMENT = "spur-findings"
GRADES = "spur-grades"
CORPUS = "corpus"  # name of the labelled data that models are trained on; runs and versions meet in its hash
_LONGEST = 5000  # characters of a parameter's value: MLflow takes 6,000
_DIGEST = 36  # characters of a hash that MLflow takes
_SILENT = {"MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}
_KIND = ("mlflow.experimentKind", "custom_model_development")  # else the UI shows models as agents


def mlflow(uri: str | None = None, experiment: str = EXPERIMENT) -> Any:
    """The mlflow module, quiet and set to an experiment in a tracking store (`uri`, `$MLFLOW_TRACKING_URI`, else SQLite
    in `home()`)."""
    os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true", MLFLOW_LOGGING_LEVEL="WARNING")
    for switch, value in _SILENT.items():  # a command prints its own lines, and those alone
        os.environ.setdefault(switch, value)
    import mlflow as module  # noqa: PLC0415  after the switches above

    default = home() / "mlflow.db"
    if not (uri := uri or os.environ.get("MLFLOW_TRACKING_URI")):
        default.parent.mkdir(parents=True, exist_ok=True)
        uri = f"sqlite:///{default}"
    module.set_tracking_uri(uri)
    if uri == f"sqlite:///{default}" and module.get_experiment_by_name(experiment) is None:
        module.create_experiment(experiment, artifact_location=(home() / "mlflow-artifacts").as_uri())
    made = module.set_experiment(experiment)
    if made.tags.get(_KIND[0]) != _KIND[1]:
        module.set_experiment_tag(*_KIND)
    return module


@contextmanager
def run(
    name: str, uri: str | None = None, nested: bool = False, experiment: str = EXPERIMENT
) -> Iterator[Any]:
    """An MLflow run of a name; gives the mlflow module."""
    module = mlflow(uri, experiment)
    with module.start_run(run_name=name, nested=nested):
        yield module


def log_metrics(
    module: Any,
    values: Mapping[str, float | None],
    step: int = 0,
    dataset: Any = None,
    model: str | None = None,
) -> None:
    """The numbers that are there; of a dataset and of a logged model (its id), where told. What stands before the last slash
    of a name is its section among the UI's charts."""
    told = {k: float(v) for k, v in values.items() if v is not None}
    module.log_metrics(told, step=step, dataset=dataset, model_id=model)


def log_params(module: Any, values: Mapping[str, Any]) -> None:
    """Settings, nested ones under dotted names, cut where they are longer than MLflow takes."""
    module.log_params({k: str(v)[:_LONGEST] for k, v in records.flat(values).items()})


def _sectioned(name: str) -> str:
    """`held.context.weakness_f1` of a record as `held.context/weakness_f1`."""
    before, dot, last = name.rpartition(".")
    return f"{before}/{last}" if dot else name


def publish_record(module: Any, folder: Path) -> None:
    """The events of a run's folder into the active MLflow run, its data as the dataset that it was trained on."""
    told = records.read(folder)
    log_params(module, told.params)
    module.set_tags(told.tags)
    if digest := told.tags.get("data"):
        log_digest(module, digest, told.params.get("train") or ())
    for _, step, values in told.metrics:
        log_metrics(module, {_sectioned(k): v for k, v in values.items()}, step)
    module.log_artifact(str(folder / records.FILE))


def log_dataset(
    module: Any, paths: Sequence[str | Path], digest: str, name: str = CORPUS, context: str = "training"
) -> Any:
    """Labelled reports as the run's dataset: columns, size, hash; no text is copied into the store. Returns it."""
    from pipeline.training.labelled import dataset  # noqa: PLC0415

    data = module.data.from_huggingface(dataset(paths), targets="labels", name=name, digest=digest[:_DIGEST])
    module.log_input(data, context=context)
    return data


def log_digest(module: Any, digest: str, paths: Sequence[str | Path], context: str = "training") -> None:
    """A corpus that need not be at hand as the run's dataset: its hash and where it lay."""
    from mlflow.data.code_dataset_source import CodeDatasetSource  # noqa: PLC0415
    from mlflow.data.meta_dataset import MetaDataset  # noqa: PLC0415

    source = CodeDatasetSource({"paths": " ".join(map(str, paths)), "sha256": digest})
    module.log_input(MetaDataset(source, name=CORPUS, digest=digest[:_DIGEST]), context=context)
