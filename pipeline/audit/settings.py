"""What an audit counts as disagreement, read from `configs/audit/sv.yaml`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.report import SpurError
from pipeline.resources import assets

DEFAULT = "sv"


@dataclass(frozen=True, slots=True)
class Noise:
    """How stated grades are thought to go wrong: `wrong` is the share that does, `steps` the weight of being one,
    two, … steps off on the area's scale, `least` the probability that the text leaves every grade."""

    wrong: float
    steps: tuple[float, ...]
    least: float


@dataclass(frozen=True, slots=True)
class Sure:
    """Least probabilities of the findings that a contradiction rests on; `silent`, `alike`: see the config file."""

    weakness: float
    breach: float
    strength: float
    strength_in_text: float
    silent: float
    alike: float


@dataclass(frozen=True, slots=True)
class Settings:
    """See the config file. `told`: least probability of a shortfall that is stated; `small`: number of reports and of
    gradings under which a group is warned of."""

    noise: Noise
    sure: Sure
    told: float
    requires: re.Pattern[str]
    turned: frozenset[str]
    small: tuple[int, int]

    @classmethod
    def load(cls, name: str | Path = DEFAULT) -> Settings:
        """The shipped settings, or those of a YAML file.

        Raises SpurError (in Swedish) where the file is missing or malformed.
        """
        path = Path(name)
        if path.suffix not in (".yaml", ".yml"):
            path = assets("configs") / "audit" / f"{name}.yaml"
        try:
            return _parse(yaml.safe_load(path.read_text(encoding="utf8")))
        except (OSError, yaml.YAMLError, ValueError, KeyError, TypeError, re.error) as e:
            raise SpurError(
                f"{path}: ingen giltig inställningsfil för granskning ({e}); jämför configs/audit/{DEFAULT}.yaml"
            ) from e


def _parse(raw: Any) -> Settings:
    doubt, action = raw["doubt"], raw["action"]
    return Settings(
        noise=Noise(float(doubt["wrong"]), tuple(map(float, doubt["steps"])), float(doubt["least"])),
        sure=Sure(**{k: float(v) for k, v in raw["contradictions"].items()}),
        told=float(raw["told"]),
        requires=re.compile("|".join(rf"\b(?:{w})\b" for w in action["requires"]), re.IGNORECASE),
        turned=frozenset(map(str.lower, action["turned"])),
        small=(int(raw["small"]["reports"]), int(raw["small"]["gradings"])),
    )
