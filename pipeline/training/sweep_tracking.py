"""A sweep as an MLflow run: a nested run for each trial, the best recipe, how the best figure grew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pipeline.training import plots, publish, tracking

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from pipeline.training.sweep import Trials


@contextmanager
def opened(trials: Trials) -> Iterator[Callable[[], None]]:
    """The sweep's run, open while trials go on, an earlier one again where the store has it. Gives what publishes the
    trials that are over and not yet in it."""
    mlflow = tracking.mlflow()
    mark = trials.out / publish.MARK
    before = mark.read_text(encoding="utf8").strip() if mark.is_file() else ""
    there = publish.there(mlflow.MlflowClient(), before) if before else []
    name = {"run_id": before} if there else {"run_name": trials.sweep.name}
    with mlflow.start_run(**name) as active:
        mark.write_text(f"{active.info.run_id}\n", encoding="utf8")
        if not there:
            tracking.log_params(mlflow, trials.study.user_attrs["settings"])
            mlflow.set_tag("kind", "sweep")
        yield lambda: _publish(mlflow, active.info, trials)


def _publish(mlflow: Any, parent: Any, trials: Trials) -> None:
    """Trials that are over become nested runs, once; what is known of all of them is told anew."""
    from pipeline.training.sweep import BEST, FOLDER  # noqa: PLC0415

    nested = f"tags.`mlflow.parentRunId` = '{parent.run_id}'"
    have = {r.info.run_name for r in mlflow.MlflowClient().search_runs([parent.experiment_id], nested)}
    over = trials.over()
    for t in over:
        if (name := t.user_attrs[FOLDER]) in have:
            continue
        with mlflow.start_run(run_name=name, nested=True):
            tracking.publish_record(mlflow, trials.folder(t))
            mlflow.set_tags({"trial": t.state.name.lower(), "error": t.user_attrs.get("error", "")})
            tracking.log_metrics(
                mlflow, {trials.sweep.metric: t.value if t.state.name == "COMPLETE" else None}
            )
    if (best := trials.best()) is not None:
        tracking.log_metrics(mlflow, {f"best/{trials.sweep.metric}": best.value}, len(over))
        mlflow.set_tag("best", best.user_attrs[FOLDER])
        mlflow.log_artifact(str(trials.out / BEST))
        mlflow.log_figure(history(over, trials.sweep.metric), "figures/trials.png")


def history(over: list[FrozenTrial], metric: str) -> Any:
    """Each finished trial's figure, in the order of trials."""
    done = [(k, t.value) for k, t in enumerate(over) if t.state.name == "COMPLETE"]
    figure, axes = plots.canvas(6, 4)
    axes.plot([k for k, _ in done], [v for _, v in done], marker="o", linestyle="")
    axes.set(xlabel="trial", ylabel=metric)
    return figure
