"""From a network's logits to calibrated probabilities: a few numbers, fitted on writers that it had not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.findings.base import Probabilities


@dataclass(frozen=True)
class Calibration:
    """Platt scaling of relevance, and temperature with a bias a status (Guo et al. 2017, arXiv:1706.04599).

    relevance = sigmoid(slope · logit + shift); status = softmax(logits / temperature + bias).
    """

    slope: float = 1.0
    shift: float = 0.0
    temperature: float = 1.0
    bias: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Calibration:
        """From a manifest's settings."""
        return cls(raw["slope"], raw["shift"], raw["temperature"], tuple(raw["bias"]))

    def settings(self) -> dict[str, Any]:
        """For a manifest's settings."""
        return asdict(self)

    def __call__(self, logits: NDArray[np.float32]) -> Probabilities:
        """Logits [..., 4] (relevance, three statuses) to P(criterion with status) [..., 3]."""
        relevance = 1 / (1 + np.exp(-np.clip(self.slope * logits[..., :1] + self.shift, -30, 30)))
        status = logits[..., 1:] / self.temperature + np.array(self.bias, np.float32)
        status = np.exp(status - status.max(axis=-1, keepdims=True))
        joint: Probabilities = (relevance * status / status.sum(axis=-1, keepdims=True)).astype(np.float32)
        return joint
