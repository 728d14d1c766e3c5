"""The scale as a rule, read from `configs/grading/*.yaml`: which statuses of which criteria give which
grade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from pipeline.catalogue import Area, Catalogue
from pipeline.grading.layer import Layer
from pipeline.report import STATUSES, SpurError, Status
from pipeline.resources import assets

DEFAULT = "sosfs-2015-8"


@dataclass(frozen=True, slots=True)
class Condition:
    """Criteria of `level` that are at status `at` or worse are more than the exceptions that the area is
    allowed.

    An area with at least `exceptions_from` criteria of the level is allowed `exceptions`, others none.
    """

    level: str
    at: Status
    exceptions: int = 0
    exceptions_from: int = 0

    def needed(self, area: Area) -> int:
        """How many criteria it takes for the condition to hold."""
        return 1 + (self.exceptions if len(area.at(self.level)) >= self.exceptions_from else 0)

    def counts(self, status: str) -> bool:
        """Whether a criterion of this status counts."""
        return STATUSES.index(status) >= STATUSES.index(self.at)


@dataclass(frozen=True, slots=True)
class Rule:
    """The grade that is given when any condition holds; `because` says in Swedish what that means."""

    grade: str
    any: tuple[Condition, ...]
    because: str = ""


@dataclass(frozen=True)
class Policy:
    """A scale's rule and the product's stance around it. `rules` run from the worst grade to the best."""

    name: str
    rules: tuple[Rule, ...]
    otherwise: str
    catalogues: tuple[str, ...] = ()
    after_plan: Mapping[str, str] = field(default_factory=dict)
    plan_needs: tuple[str, ...] = ("action", "deadline", "responsible", "follow_up")
    plan_done: tuple[str, ...] = ()
    least_sentences: int = 0
    least_characters: int = 0
    conflict: float = 0.8
    confidence: float = 0.9
    layer: Layer = field(default_factory=Layer)

    @property
    def grades(self) -> tuple[str, ...]:
        """Every grade that the rule can give, best first."""
        return (self.otherwise, *(r.grade for r in reversed(self.rules)))

    def on_scale(self, grade: str, scale: Sequence[str]) -> str:
        """`grade`, or where the area's scale lacks it the next better one that it has."""
        better = self.grades[: self.grades.index(grade) + 1]
        return next((g for g in reversed(better) if g in scale), scale[0])

    def grade_of(self, area: str, statuses: Mapping[str, str], catalogue: Catalogue) -> str:
        """The grade of an area for {criterion: met | partly | unmet}; a criterion that is not there counts
        as met."""
        criteria = catalogue.areas[area]
        for rule in self.rules:
            for condition in rule.any:
                told = (statuses.get(c.id, "met") for c in criteria.at(condition.level))
                if sum(map(condition.counts, told)) >= condition.needed(criteria):
                    return self.on_scale(rule.grade, catalogue.scale(area))
        return self.on_scale(self.otherwise, catalogue.scale(area))

    def breach(self, level: str, status: str) -> bool:
        """Whether one criterion of this level and status gives the worst grade by itself."""
        return any(c.level == level and c.counts(status) for c in self.rules[0].any)

    @classmethod
    def load(cls, name: str | Path = DEFAULT, model: str | None = None, layer: Layer | None = None) -> Policy:
        """The policy of a name, of a catalogue's name, or of a YAML file, with what is learnt for a findings model.

        A catalogue that no shipped policy names gets the default policy: its levels are then read as there. `layer` is
        taken instead of the shipped one of `model` (see `Layer.load`); of the shipped one, only what holds for another
        catalogue or policy is taken where it was fitted on another. Raises SpurError (in Swedish) where a file is
        missing or malformed.
        """
        path = Path(name)
        if path.suffix not in (".yaml", ".yml"):
            path = _shipped(str(name))
        elif not path.is_file():
            raise SpurError(f"{path}: policyfilen finns inte; ange en YAML-fil eller {DEFAULT}")
        try:
            raw = yaml.safe_load(path.read_text(encoding="utf8"))
        except (yaml.YAMLError, UnicodeDecodeError) as e:
            raise SpurError(f"{path}: går inte att läsa som YAML ({e})") from e
        policy = _parse(raw, path, layer or Layer.load(model))
        return policy if layer else replace(policy, layer=_holding(policy, str(name)))

    @classmethod
    def of(cls, catalogue: Catalogue, source: str | Path = "", model: str | None = None) -> Policy:
        """The policy of a catalogue: the file `<stem>.policy.yaml` beside the catalogue's own file `source`, where
        there is one, else the shipped policy that names it, else the default.

        Raises SpurError (in Swedish) where the policy does not know the catalogue's grades or levels.
        """
        beside = (
            Path(source).with_suffix(".policy.yaml") if Path(source).suffix in (".yaml", ".yml") else None
        )
        own = beside if beside and beside.is_file() else None
        policy = cls.load(own or catalogue.name, model)
        if own and catalogue.name != policy.layer.fitted_on.get("catalogue"):
            policy = replace(policy, layer=policy.layer.elsewhere(True))
        policy.check(catalogue, beside)
        return policy

    def check(self, catalogue: Catalogue, beside: Path | None = None) -> None:
        """Raises SpurError (in Swedish) where an area can't be graded by this policy."""
        put = f"lägg en policy i {beside}" if beside else "ange en policy för katalogen"
        for a in catalogue.areas:
            scale = catalogue.scale(a)
            if missing := [g for g in scale if g not in self.grades]:
                raise SpurError(
                    f"policyn {self.name} saknar betyget {', '.join(missing)} i katalogen {catalogue.name}: {put}"
                )
            if not scale:
                raise SpurError(f"katalogen {catalogue.name} har ingen betygsskala för område {a}: ange en")
        levels = {c.level for r in self.rules for c in r.any}
        if not levels & {c.level for c in catalogue.criteria}:
            raise SpurError(
                f"policyn {self.name} har ingen regel för kriterierna i katalogen {catalogue.name}: {put}"
            )


def _holding(policy: Policy, name: str) -> Layer:
    """What of the shipped layer holds for the policy and, where it was asked for by a catalogue's name, for that."""
    fitted = policy.layer.fitted_on
    if not fitted:
        return policy.layer
    same = fitted.get("policy") == policy.name
    known = {policy.name, *policy.catalogues, fitted.get("catalogue")}
    file = Path(name).suffix in (".yaml", ".yml")
    return policy.layer if same and (file or name in known) else policy.layer.elsewhere(same)


def _shipped(name: str) -> Path:
    files = {p.stem: p for p in sorted((assets("configs") / "grading").glob("*.yaml"))}
    if name in files:
        return files[name]
    for path in files.values():
        if name in (yaml.safe_load(path.read_text(encoding="utf8")).get("catalogues") or ()):
            return path
    return files[DEFAULT]


def _condition(raw: Mapping[str, Any]) -> Condition:
    if raw["at"] not in STATUSES[1:]:
        raise ValueError(f"at: {raw['at']!r}, ska vara partly eller unmet")
    return Condition(
        raw["level"], raw["at"], int(raw.get("exceptions", 0)), int(raw.get("exceptions_from", 0))
    )


def _parse(raw: Any, path: Path, layer: Layer) -> Policy:
    try:
        little = raw.get("too_little", {})
        policy = Policy(
            name=str(raw["policy"]),
            rules=tuple(
                Rule(str(r["grade"]), tuple(map(_condition, r["any"])), str(r.get("because", "")))
                for r in raw["rules"]
            ),
            otherwise=str(raw["otherwise"]),
            catalogues=tuple(raw.get("catalogues", ())),
            after_plan=dict(raw.get("after_plan", {})),
            plan_needs=tuple(raw.get("plan_needs", Policy.plan_needs)),
            plan_done=tuple(str(w).lower() for w in raw.get("plan_done", ())),
            least_sentences=int(little.get("sentences", 0)),
            least_characters=int(little.get("characters", 0)),
            conflict=float(raw.get("conflict", Policy.conflict)),
            confidence=float(raw.get("confidence", Policy.confidence)),
            layer=layer,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as e:
        raise SpurError(f"{path}: ingen giltig policy ({e!r}); jämför configs/grading/{DEFAULT}.yaml") from e
    if not policy.rules or len(set(policy.grades)) != len(policy.grades) or not 0 < policy.confidence < 1:
        raise SpurError(f"{path}: varje betyg ska ha en regel, en gång, och confidence ligga mellan 0 och 1")
    return policy
