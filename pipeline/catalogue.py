"""Criteria, areas and the grading scale of a regulation, read from `configs/criteria/*.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from pipeline.report import SpurError
from pipeline.resources import assets

DEFAULT = "sosfs-2015-8"


@dataclass(frozen=True)
class Criterion:
    """One criterion: `id` is `<area>.<level><n>`, `level` a key of `Catalogue.levels`."""

    id: str
    area: str
    level: str
    text: str


@dataclass(frozen=True)
class Area:
    letter: str
    name: str
    part: str
    criteria: tuple[Criterion, ...]
    aliases: tuple[str, ...] = ()  # names in older templates

    def at(self, level: str) -> tuple[Criterion, ...]:
        """This area's criteria of one level, in order."""
        return tuple(c for c in self.criteria if c.level == level)


@dataclass(frozen=True)
class Catalogue:
    """One regulation's criteria. Criteria keep their order: their index is the model's column."""

    name: str
    regulation: str | None
    kind: str
    levels: Mapping[str, str]
    areas: Mapping[str, Area]
    grades: Mapping[str, Mapping[str, str]]
    scale_without_advice: tuple[str, ...]
    other_kinds: tuple[str, ...] = ()  # words of reports of another kind (AT-SPUR)

    @cached_property
    def criteria(self) -> tuple[Criterion, ...]:
        return tuple(c for a in self.areas.values() for c in a.criteria)

    @cached_property
    def index(self) -> Mapping[str, int]:
        return {c.id: i for i, c in enumerate(self.criteria)}

    @cached_property
    def by_id(self) -> Mapping[str, Criterion]:
        return {c.id: c for c in self.criteria}

    def has_advice(self, area: str) -> bool:
        """Whether the area has criteria between the binding and the indicators (allmänna råd)."""
        return bool(self.areas[area].at("R"))

    def scale(self, area: str) -> tuple[str, ...]:
        """The grades that can be given in an area before any action plan, best first."""
        return tuple(self.grades) if self.has_advice(area) else self.scale_without_advice

    def wordings(self, grade: str) -> tuple[str, ...]:
        """The printed wordings of a grade."""
        return tuple(v for k, v in self.grades[grade].items() if k.startswith("text"))


def _areas(raw: Mapping[str, Any]) -> dict[str, Area]:
    out = {}
    for letter, a in raw.items():
        criteria = tuple(
            Criterion(id=i, area=letter, level=i.partition(".")[2][:1], text=" ".join(t.split()))
            for i, t in a["criteria"].items()
        )
        out[letter] = Area(letter, a["name"], a.get("part", ""), criteria, tuple(a.get("aliases", ())))
    return out


def _parse(raw: Mapping[str, Any], path: Path) -> Catalogue:
    try:
        catalogue = Catalogue(
            name=raw["catalogue"],
            regulation=raw.get("regulation"),
            kind=raw.get("kind", "ST"),
            levels=raw["levels"],
            areas=_areas(raw["areas"]),
            grades=raw["grades"],
            scale_without_advice=tuple(raw.get("scale_without_advice", raw["grades"])),
            other_kinds=tuple(raw.get("other_kinds", ())),
        )
    except (KeyError, TypeError, AttributeError) as e:
        raise SpurError(
            f"{path}: ingen kriteriekatalog ({e!r}); jämför med configs/criteria/{DEFAULT}.yaml"
        ) from e
    for c in catalogue.criteria:
        if not c.id.startswith(f"{c.area}.") or c.level not in catalogue.levels:
            raise SpurError(f"{path}: kriteriet {c.id!r} ska heta <område>.<nivå><nummer>, t.ex. {c.area}.F1")
    return catalogue


def available() -> dict[str, Path]:
    """The shipped catalogues by name."""
    return {p.stem: p for p in sorted((assets("configs") / "criteria").glob("*.yaml"))}


def load(name: str | Path = DEFAULT) -> Catalogue:
    """The catalogue of a name (shipped) or a YAML file.

    Raises SpurError (in Swedish) where there is none or it is malformed.
    """
    path = available().get(str(name), Path(name))
    if not path.is_file():
        raise SpurError(f"katalogen {name!s} finns inte: ange {', '.join(available())} eller en YAML-fil")
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf8"))
    except (yaml.YAMLError, UnicodeDecodeError) as e:
        raise SpurError(f"{path}: går inte att läsa som YAML ({e}); rätta filen") from e
    return _parse(raw, path)
