"""Findings models in MLflow's registry: versions of one registered model, with the aliases champion and challenger."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.training import tracking
from pipeline.training.promotion import Verdict

CHAMPION, CHALLENGER = "champion", "challenger"


def register(folder: Path, registered: str, catalogue: str, verdict: Verdict | None = None) -> str:
    """Log a model folder as the whole of grading, as a new version of `registered`; the version.

    With a verdict, its figures are the run's metrics, all of it is the artifact `verdict.json`, and the version's tags
    tell the outcome and the data it was judged on.
    """
    with tracking.run(f"promote {folder.name}") as mlflow:
        from pipeline import mlflow_model  # noqa: PLC0415  imports mlflow, after telemetry is off

        info = mlflow_model.log(folder, catalogue, registered=registered)
        version = str(info.registered_model_version)
        client = mlflow.MlflowClient()
        tags = {"folder": folder.name, "run": mlflow.active_run().info.run_id}
        if verdict is not None:
            mlflow.log_dict(asdict(verdict), "verdict.json")
            mlflow.log_param("champion", verdict.champion)
            tracking.log_metrics(mlflow, _figures(verdict))
            tags |= {"accepted": str(verdict.accepted).lower(), "judged_on": verdict.data}
            tags |= {"refused_for": "; ".join(verdict.reasons)[:4000]} if verdict.reasons else {}
        for key, value in tags.items():
            client.set_model_version_tag(registered, version, key, value)
        return version


def _figures(verdict: Verdict) -> dict[str, float | None]:
    out: dict[str, float | None] = {}
    for s in verdict.overall:
        out |= {f"candidate.{s.metric}": s.difference.second, f"champion.{s.metric}": s.difference.first}
    out |= {"champion.finding_ece": verdict.calibration[0], "candidate.finding_ece": verdict.calibration[1]}
    out |= {"champion.seconds_per_1000": verdict.seconds_per_1000[0]}
    out |= {
        "candidate.seconds_per_1000": verdict.seconds_per_1000[1],
        "candidate.megabytes": verdict.megabytes,
    }
    return out


def _client() -> Any:
    return tracking.mlflow().MlflowClient()


def point(registered: str, alias: str, version: str) -> None:
    """Let an alias name a version."""
    _client().set_registered_model_alias(registered, alias, version)


def clear(registered: str, alias: str) -> None:
    """Let an alias name nothing."""
    _client().delete_registered_model_alias(registered, alias)
