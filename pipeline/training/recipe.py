"""Training recipes: everything that a run is made of, read from `configs/train/*.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pipeline import catalogue as catalogues
from pipeline.report import SpurError
from pipeline.training.augment import AugmentConfig
from pipeline.training.bags import BagConfig
from pipeline.training.model import HeadConfig


@dataclass(frozen=True)
class Recipe:
    """Rates are per step, at the peak. A step holds `rows` × `max_tokens` tokens, the catalogue's wordings among them."""

    name: str
    encoder: str
    catalogue: str = catalogues.DEFAULT
    train: tuple[str, ...] = ("data/corpus/train", "data/corpus/dev", "data/corpus/supplement")
    start: str | None = None  # a model, by name or folder, to go on from instead of the raw encoder
    replay: tuple[str, ...] = ()  # what else it was trained on: an epoch reads some reports of it …
    replay_reports: int = 100  # … so many
    blend: float = 1.0  # how far from the start's weights to the trained ones (WiSE-FT, arXiv:2109.01903)
    calibrate: tuple[
        str, ...
    ] = ()  # labelled sets that neither was trained on, to calibrate by; else as before
    second_look: tuple[str, ...] = ()  # sets of further writers, not trained on, that teach the second look
    folds: int = 4
    epochs: int = 30
    rate: float = 3e-4
    head_rate: float = 1.5e-3
    layer_decay: float = 0.92
    weight_decay: float = 0.01
    warmup: float = 0.06
    rows: int = 24
    max_tokens: int = 384
    sentences: int = 400  # at most, in a step
    ema: float = 0.998
    clip: float = 1.0
    positive: float = 2.0  # weight of a told pair against a silent one
    elsewhere: float = (
        0.5  # weight of silence on other areas' criteria where the writer was told to keep to the area
    )
    status_weights: tuple[float, float, float] = (1.0, 1.4, 1.0)
    attention_dropout: float = 0.1  # of the encoder; 0 lets a CPU attend in one kernel
    frozen: int = 0  # lowest encoder layers, with the embeddings, that stay as they are
    wordings_every: int = (
        1  # steps between readings of the criteria's wordings with gradients; between them, the last
    )
    consistency: float = (
        0.0  # R-Drop (Liang et al. 2021, arXiv:2106.14448): weight of the two passes' divergence
    )
    criteria_left_out: tuple[str, ...] = ()
    distant: tuple[str, ...] = ()  # files of `spur dataset build`: reports without sentence labels
    distant_every: int = 4  # steps from one that reads such reports too to the next
    distant_weight: float = 0.3  # of their loss in that step
    distant_tokens: int = 6144  # of them in it, the wordings apart; one report at least
    bags: BagConfig = field(default_factory=BagConfig)
    figures_every: int = (
        1  # epochs between looks at the held-out writers, else the first watched set; 0: none
    )
    seed: int = 7
    head: HeadConfig = field(default_factory=HeadConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)

    @property
    def sources(self) -> tuple[str, ...]:
        """All labelled sets that it trains on."""
        return (*self.train, *self.replay, *self.second_look)

    def __post_init__(self) -> None:
        if self.distant_every < 1:
            raise SpurError(f"{self.name}: distant_every {self.distant_every} should be at least 1")

        if not 0 < self.blend <= 1 or (self.blend < 1 and self.start is None):
            raise SpurError(f"{self.name}: blend {self.blend} should be in (0, 1], and 1 without `start`")

    @classmethod
    def load(cls, path: Path, **changes: Any) -> Recipe:
        """A recipe file, with single values changed. Raises SpurError on unknown keys."""
        return cls.of({**cls.raw(path), **changes}, path)

    @classmethod
    def raw(cls, path: Path) -> dict[str, Any]:
        """A recipe file's own keys. Raises SpurError where it is missing or not readable."""
        try:
            return dict(yaml.safe_load(path.read_text(encoding="utf8")))
        except OSError as e:
            raise SpurError(f"no training recipe {path}: see configs/train/") from e
        except (TypeError, ValueError, yaml.YAMLError) as e:
            raise SpurError(f"{path}: {e}; see configs/train/ for the keys") from e

    @classmethod
    def of(cls, keys: Mapping[str, Any], where: Path) -> Recipe:
        """A recipe of the keys that a file has; `where` they are from is told with what is wrong."""
        raw = {k: v for k, v in keys.items() if k != "kind"}  # which `kinds.kind_of` has read
        try:
            head, augment, its_bags = (
                HeadConfig(**raw.pop("head", {})),
                AugmentConfig(**_tuples(raw.pop("augment", {}))),
                BagConfig(**raw.pop("bags", {})),
            )
            return cls(head=head, augment=augment, bags=its_bags, **_tuples(raw))
        except (TypeError, AttributeError) as e:
            raise SpurError(f"{where}: {e}; see configs/train/ for the keys") from e


def _tuples(raw: dict[str, Any]) -> dict[str, Any]:
    def plain(v: Any) -> Any:
        return tuple(plain(x) for x in v) if isinstance(v, list) else v

    return {k: plain(v) for k, v in raw.items()}
