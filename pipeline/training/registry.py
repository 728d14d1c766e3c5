"""Findings models in MLflow's registry: versions of one registered model, with the aliases champion and challenger."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.findings import manifest
from pipeline.training import tracking
from pipeline.training.promotion import Verdict

CHAMPION, CHALLENGER = "champion", "challenger"


def register(folder: Path, registered: str, catalogue: str, verdict: Verdict | None = None) -> str:
    """Log a model folder as the whole of grading, as a new version of `registered`; the version.

    The run's datasets are what the model was trained on, by its manifest, and what it was judged on. With a verdict, its
    figures are the run's metrics, the slices the table `slices.json`, all of it the artifact `verdict.json`; the version's
    tags and description tell the outcome. Without one, the model was in use before there was a champion.
    """
    with tracking.run(f"{'register' if verdict is None else 'promote'} {folder.name}") as mlflow:
        from pipeline import mlflow_model  # noqa: PLC0415  imports mlflow, after telemetry is off

        its = manifest.read(folder)
        name = re.sub(r"[^\w-]", "-", its.name)
        info = mlflow_model.log(folder, catalogue, name, registered)
        version = str(info.registered_model_version)
        tags = {"folder": folder.name, "findings_model": f"{its.name} {its.version}"}
        if trained := its.data.get("hash"):
            tracking.log_digest(mlflow, str(trained), its.data.get("sources") or ())
            tags["trained_on"] = str(trained)
        if verdict is not None:
            tags |= _log(mlflow, verdict, info.model_id)
        client = mlflow.MlflowClient()
        for key, value in tags.items():
            client.set_model_version_tag(registered, version, key, value)
        client.update_model_version(registered, version, _description(verdict))
        return version


def _log(mlflow: Any, verdict: Verdict, model: str) -> dict[str, str]:
    """The verdict into the active run and the logged model; the version's tags about it."""
    judged = tracking.log_dataset(mlflow, verdict.on, verdict.data, name="judged", context="evaluation")
    tracking.log_params(mlflow, {"champion": verdict.champion, "candidate": verdict.candidate})
    tracking.log_metrics(mlflow, _figures(verdict), dataset=judged, model=model)
    mlflow.log_dict(asdict(verdict), "verdict.json")
    mlflow.log_table(_slices(verdict), "slices.json")
    told = {"accepted": str(verdict.accepted).lower(), "judged_on": verdict.data}
    return told | ({"refused_for": "; ".join(verdict.reasons)[:4000]} if verdict.reasons else {})


def _slices(verdict: Verdict) -> dict[str, list[Any]]:
    """Every compared slice by column, the clearest loss first."""
    each = sorted(verdict.slices, key=lambda s: -s.difference.worse)
    out: dict[str, list[Any]] = {
        "slice": ["all" if s.kind == "all" else f"{s.kind} {s.name}" for s in each],
        "metric": [s.metric for s in each],
        "champion": [s.difference.first for s in each],
        "candidate": [s.difference.second for s in each],
    }
    out |= {k: [getattr(s.difference, k) for s in each] for k in ("low", "high", "worse", "reports")}
    return out | {"guarded": [s.guarded for s in each]}


def _description(verdict: Verdict | None) -> str:
    """What a person reads of a version in the registry."""
    if verdict is None:
        return "In use before the first promotion."
    if verdict.accepted:
        return f"Promoted: nothing speaks against it, compared with {verdict.champion} on {', '.join(verdict.on)}."
    return "\n".join([f"Refused, compared with {verdict.champion}:\n", *(f"- {r}" for r in verdict.reasons)])[
        :4000
    ]


def _figures(verdict: Verdict) -> dict[str, float | None]:
    out: dict[str, float | None] = {}
    for s in verdict.overall:
        out |= {f"candidate/{s.metric}": s.difference.second, f"champion/{s.metric}": s.difference.first}
    for name, ece, seconds in zip(
        ("champion", "candidate"), verdict.calibration, verdict.seconds_per_1000, strict=True
    ):
        out |= {f"{name}/finding_ece": ece, f"{name}/seconds_per_1000": seconds}
    return out | {"candidate/megabytes": verdict.megabytes}


def _client() -> Any:
    return tracking.mlflow().MlflowClient()


def point(registered: str, alias: str, version: str) -> None:
    """Let an alias name a version."""
    _client().set_registered_model_alias(registered, alias, version)


def clear(registered: str, alias: str) -> None:
    """Let an alias name nothing."""
    _client().delete_registered_model_alias(registered, alias)
