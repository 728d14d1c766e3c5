"""The learnt layer of grading: numbers in `models/grading/<findings model>.json`, with what they were fitted
on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.grading.calibrate import Calibration
from pipeline.grading.combine import Combine
from pipeline.grading.conformal import Conformal
from pipeline.grading.practice import Counted
from pipeline.report import SpurError
from pipeline.resources import assets

SCHEMA = 1
FOLDER = "grading"


@dataclass(frozen=True, slots=True)
class Layer:
    """Everything that grading has learnt; the defaults are a layer that has learnt nothing.

    `levels`: {grade: least P(this grade or worse) for it to be suggested}. `shortfall`: least P(partly or
    unmet) for a criterion to be called so. `decide`: least probability of the suggested grade for the draft
    not to abstain. `prior`: {area: {grade: share}} among the reports it was fitted on, for areas without
    text. `counted`: what inspectors' stated grades say of which shortfalls count (see `practice`).
    """

    combine: Combine = field(default_factory=Combine)
    calibration: Calibration = field(default_factory=Calibration)
    conformal: Conformal = field(default_factory=Conformal)
    levels: Mapping[str, float] = field(default_factory=dict)
    shortfall: float = 0.5
    decide: float = 0.6
    prior: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    counted: Counted = field(default_factory=dict)
    fitted_on: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, model: str | None = None) -> Layer:
        """The layer fitted on a findings model's out-of-fold probabilities; for a model without one of its own, the
        shipped one that grades best; in an installation without any, one that has learnt nothing.

        Raises SpurError (in Swedish) where the file is damaged.
        """
        try:
            files = {p.stem: p for p in sorted((assets("models") / FOLDER).glob("*.json"))}
        except FileNotFoundError:
            return cls()
        if model in files:
            return read(files[model])
        return max(map(read, files.values()), key=cls._rank, default=cls())

    def _rank(self) -> tuple[bool, float]:
        """The better grading of layers first, those of the rule before those of some inspectors' practice."""
        return "practice" not in self.fitted_on, self.metrics.get("grade_qwk") or 0.0

    def elsewhere(self, same_policy: bool) -> Layer:
        """What of it holds for another catalogue: nothing of single areas, whose letters mean other areas there; of
        single grades only where the policy, and so what they mean, is the same.
        """
        conformal = Conformal(default=self.conformal.default, worst=self.conformal.worst)
        plain = replace(self, conformal=conformal, prior={})
        return plain if same_policy else replace(plain, calibration=Calibration(), levels={}, counted={})


def write(path: Path, layer: Layer) -> None:
    """Store a layer as JSON; its folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"schema": SCHEMA, **asdict(layer)}
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf8")


def read(path: Path) -> Layer:
    """What `write` stored. Raises SpurError (in Swedish) where the file is damaged or of another schema."""
    try:
        raw = json.loads(path.read_text(encoding="utf8"))
        if raw.pop("schema") != SCHEMA:
            raise ValueError(f"schema ska vara {SCHEMA}")
        combine: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else float(v) for k, v in raw.pop("combine").items()
        }
        lines = {g: (float(a), float(b)) for g, (a, b) in raw.pop("calibration")["lines"].items()}
        return Layer(
            combine=Combine(**combine),
            calibration=Calibration(lines),
            conformal=Conformal(**raw.pop("conformal")),
            counted={k: (float(a), float(b)) for k, (a, b) in raw.pop("counted", {}).items()},
            **raw,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        raise SpurError(
            f"{path}: betygslagret går inte att läsa ({e}); hämta paketet eller filen på nytt"
        ) from e
