"""What happened in a training run, as JSON Lines beside its weights.

The record is written wherever training runs, needs no MLflow there, and is published to MLflow from it
(`tracking.py`): one mechanism for runs of this machine and of another.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FILE = "record.jsonl"


@dataclass
class Record:
    """Appends events to `folder/record.jsonl`; each is one line and stands on disk when the call returns."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    def _write(self, kind: str, content: Mapping[str, Any], step: int | None = None) -> None:
        event = {"time": time.time(), "kind": kind, "step": step, "content": dict(content)}
        with (self.folder / FILE).open("a", encoding="utf8") as f:
            f.write(json.dumps(event, ensure_ascii=False, default=str) + "\n")

    def params(self, **values: Any) -> None:
        self._write("params", values)

    def tags(self, **values: str) -> None:
        self._write("tags", values)

    def metrics(self, values: Mapping[str, float | None], step: int | None = None) -> None:
        self._write("metrics", {k: v for k, v in values.items() if v is not None}, step)


@dataclass
class Run:
    """A record read back."""

    params: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: list[tuple[float, int, dict[str, float]]] = field(default_factory=list)  # (time, step, values)


def read(folder: Path) -> Run:
    """The events of a run's folder; a cut last line is passed over."""
    run = Run()
    path = folder / FILE
    for line in path.read_text(encoding="utf8").splitlines() if path.is_file() else ():
        try:
            event = json.loads(line)
        except json.JSONDecodeError:
            continue
        if event["kind"] == "metrics":
            run.metrics.append((event["time"], event["step"] or 0, event["content"]))
        else:
            getattr(run, event["kind"]).update(event["content"])
    return run


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings under dotted names."""
    out: dict[str, Any] = {}
    for k, v in values.items():
        out |= flat(v, f"{prefix}{k}.") if isinstance(v, Mapping) else {f"{prefix}{k}": v}
    return out
