"""Reports without sentence labels, and what they themselves tell of their areas: distant labels.

The action plan names the criteria that were not met; a stated grade before any plan bounds the rest by the scale's rule
(`configs/grading/`). Of a report that is three kinds of truth, each about its sentences together:

- told: this criterion is short (named in the plan);
- kept: this criterion is not short at this status (the grade would be worse; or the plan names the area's others);
- either: at least one of these criteria is short (the grade says so, not which).

The plan's own words on what will be done about an unmet criterion are a fourth, about one sentence each: that sentence
tells of the criterion as not met.

One JSON line a report (`spur dataset build` writes them):

    {"schema": 2, "report": "x", "catalogue": "sosfs-2015-8", "specialty": …, "date": …, "hash": "<sha256 of the text>",
     "sentences": [{"section": "E", "text": "…"}, …],
     "plan": {"complete": {"E": true}, "unmet": ["E.F6"], "actions": [{"criteria": ["E.F6"], "text": "…"}]},
     "grades": {"E": ["D"], "F": ["A", "B", "C"]}}

`grades` holds for each area that something is told of the grades that are left possible; `complete`: every entry of the
area's plan names its criteria. Schema 1 had no `actions`; its files are still read, and tell of none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.catalogue import Catalogue
from pipeline.findings.base import SentenceInput
from pipeline.grading.policy import Policy
from pipeline.report import LISTS, POTENTIAL, STATUSES, Report, SpurError
from pipeline.training.folds import writer_fold
from pipeline.training.labelled import CODES, Labelled
from pipeline.training.practice import possible

SCHEMA, READ = 2, (1, 2)  # what is written; what is read
PARTLY, UNMET = 0, 1  # a criterion is short at: partly or worse; unmet
OPEN = -1  # in an action's labels: not told
ACTIONS_ARE = POTENTIAL  # the section that a model reads actions under: what is to be done, as in that list
Pair = tuple[int, int]  # (index of the criterion, PARTLY or UNMET)


@dataclass(frozen=True)
class Told:
    """What a report tells: `grades` left possible by area, criteria `unmet` by its plan, areas whose plan is `complete`."""

    grades: Mapping[str, tuple[str, ...]]
    unmet: tuple[str, ...] = ()
    complete: tuple[str, ...] = ()


@dataclass(frozen=True)
class Truth:
    """The same as statements about criteria."""

    told: tuple[Pair, ...]
    kept: tuple[Pair, ...]
    either: tuple[tuple[Pair, ...], ...]

    def __bool__(self) -> bool:
        return bool(self.told or self.kept or self.either)


@dataclass(frozen=True)
class Action:
    """A plan's words on what will be done about `criteria` that were not met."""

    criteria: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class DistantReport:
    """A report's sentences with their sections, what it tells, and its plan's actions."""

    id: str
    sections: tuple[str, ...]
    texts: tuple[str, ...]
    told: Told
    actions: tuple[Action, ...] = ()

    def inputs(self) -> list[SentenceInput]:
        """What a model may see of the sentences."""
        return [SentenceInput(t, s, self.id) for t, s in zip(self.texts, self.sections, strict=True)]

    def action_inputs(self) -> list[SentenceInput]:
        """What a model may see of the actions: a passage of their own."""
        return [SentenceInput(a.text, ACTIONS_ARE, self.id) for a in self.actions]


# --- out of reports, to lines and back --------------------------------------------------------------------------


def read_report(report: Report, catalogue: Catalogue, policy: Policy) -> Told:
    """What a parsed report tells of its grades and of the criteria that were not met."""
    named = {c for e in report.action_plan for c in e.criteria if c in catalogue.by_id}
    areas = {catalogue.by_id[c].area for c in named}
    vague = {e.area for e in report.action_plan if not e.criteria}
    complete = tuple(a for a in catalogue.areas if a in areas and a not in vague and None not in vague)
    order = [c.id for c in catalogue.criteria if c.id in named]
    return Told(possible(report, catalogue, policy), tuple(order), complete)


def planned(report: Report, catalogue: Catalogue) -> tuple[Action, ...]:
    """The actions of a parsed report's plan, in its order, each of one wording once with all criteria that it is for."""
    out: dict[str, dict[str, None]] = {}
    for e in report.action_plan:
        its = [c for c in e.criteria if c in catalogue.by_id]
        if e.action and its:
            out.setdefault(e.action, {}).update(dict.fromkeys(its))
    return tuple(Action(tuple(its), text) for text, its in out.items())


def line(its: DistantReport, report: Report) -> str:
    """One line of the file; `report` is what `its` was read off."""
    facts, told = report.facts, its.told
    content = {
        "schema": SCHEMA,
        "report": its.id,
        "catalogue": facts.catalogue,
        "specialty": facts.specialty,
        "date": facts.date,
        "hash": hashlib.sha256(report.text.encode()).hexdigest(),
        "sentences": [{"section": s, "text": t} for s, t in zip(its.sections, its.texts, strict=True)],
        "plan": {
            "complete": dict.fromkeys(told.complete, True),
            "unmet": list(told.unmet),
            "actions": [{"criteria": list(a.criteria), "text": a.text} for a in its.actions],
        },
        "grades": {a: list(g) for a, g in told.grades.items()},
    }
    return json.dumps(content, ensure_ascii=False)


def _report(raw: Any, where: str, catalogue: Catalogue) -> DistantReport:
    try:
        if raw["schema"] not in READ:
            raise SpurError(f"{where}: schema {raw['schema']!r}, this program reads {READ[0]} to {READ[-1]}")
        told = Told(
            {str(a): tuple(g) for a, g in raw["grades"].items()},
            tuple(raw["plan"]["unmet"]),
            tuple(a for a, yes in raw["plan"]["complete"].items() if yes),
        )
        sections = tuple(str(s["section"]) for s in raw["sentences"])
        texts = tuple(str(s["text"]) for s in raw["sentences"])
        of_plan = raw["plan"]["actions"] if raw["schema"] > 1 else ()
        actions = tuple(Action(tuple(a["criteria"]), str(a["text"])) for a in of_plan)
        name = str(raw["report"])
    except (KeyError, TypeError, AttributeError) as e:
        raise SpurError(
            f"{where}: no distantly labelled report ({e!r}); make it with `spur dataset build`"
        ) from e
    named = {*told.unmet, *(c for a in actions for c in a.criteria)}
    foreign = named - {*catalogue.by_id} | {*told.grades, *told.complete} - {*catalogue.areas}
    foreign |= {*sections} - {*catalogue.areas, *LISTS}
    foreign |= {g for gs in told.grades.values() for g in gs} - {*catalogue.grades}
    if foreign:
        raise SpurError(f"{where}: {', '.join(sorted(foreign))}: not of {catalogue.name}")
    return DistantReport(name, sections, texts, told, actions)


def load(paths: Iterable[Path | str], catalogue: Catalogue) -> list[DistantReport]:
    """The reports of files of lines. Raises SpurError, with file and line, where one is malformed or there twice."""
    out: dict[str, DistantReport] = {}
    for path in map(Path, paths):
        try:
            lines = path.read_text(encoding="utf8").splitlines()
        except (OSError, UnicodeDecodeError) as e:
            raise SpurError(f"{path}: cannot be read ({e})") from e
        for number, text in enumerate(lines, 1):
            where = f"{path.name}, line {number}"
            if not text.strip():
                continue
            try:
                raw = json.loads(text)
            except ValueError as e:
                raise SpurError(f"{where}: not JSON ({e})") from e
            report = _report(raw, where, catalogue)
            if report.id in out:
                raise SpurError(f"{where}: report {report.id} is there twice")
            out[report.id] = report
    return list(out.values())


SAME = 0.5  # share of its sentences that makes a report one that was seen


def apart(reports: Sequence[DistantReport], held: Sequence[Labelled]) -> list[DistantReport]:
    """Those that are none of the labelled reports `held` that a model is judged on, and by none of the corpus' writers
    there: by their names, as printed corpus reports keep them, and by their sentences (a copy may have any name)."""
    ids = {str(r) for data in held for r in np.unique(data.reports)}
    writers = {w for data in held for w in map(str, np.unique(data.writers)) if writer_fold(w) is not None}
    seen = {_plain(t) for data in held for t in data.texts}

    def known(report: DistantReport) -> bool:
        same = sum(_plain(t) in seen for t in report.texts)
        by = report.id.partition("-")[0]
        return report.id in ids or by in writers or same > SAME * len(report.texts)

    return [r for r in reports if not known(r)]


def _plain(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


# --- from grades to statements ------------------------------------------------------------------------------------


def truth(told: Told, catalogue: Catalogue, policy: Policy) -> Truth:
    """What follows for the criteria by the policy's rule.

    A condition that takes several criteria to hold (isolated exceptions) says nothing of a single one where it doesn't.
    """
    index = catalogue.index
    said = {index[c]: UNMET if _breach(catalogue, policy, c) else PARTLY for c in told.unmet}
    kept: dict[Pair, None] = {}
    either = []
    for area in catalogue.areas:
        left = told.grades.get(area)
        if left:
            kept |= dict.fromkeys(_kept(area, left, catalogue, policy))
            clause = _either(area, left, catalogue, policy)
            if clause and not any(said.get(c, -1) >= at for c, at in clause):
                either.append(clause)
        if area in told.complete:
            rest = [c for c in catalogue.areas[area].criteria if _breach(catalogue, policy, c.id)]
            kept |= dict.fromkeys((index[c.id], UNMET) for c in rest)
    return Truth(
        tuple(sorted(said.items())),
        tuple(p for p in sorted(kept) if p[0] not in said),
        tuple(either),
    )


def labels(actions: Sequence[Action], catalogue: Catalogue, policy: Policy) -> NDArray[np.int8]:
    """Actions as hand-labelled sentences [n, criteria], codes of `Labelled.gold`: what an action is for is unmet, and it
    tells of nothing else. OPEN where unmet is no breach: a plan that names advice says that it is short, not how far."""
    out = np.zeros((len(actions), len(catalogue.criteria)), np.int8)
    for k, action in enumerate(actions):
        for c in action.criteria:
            out[k, catalogue.index[c]] = CODES["-"] if _breach(catalogue, policy, c) else OPEN
    return out


def without(its: Truth, left_out: Collection[int]) -> Truth:
    """The statements that are about none of these criteria (indices)."""

    def apart(pairs: Iterable[Pair]) -> tuple[Pair, ...]:
        return tuple(p for p in pairs if p[0] not in left_out)

    return Truth(apart(its.told), apart(its.kept), tuple(e for e in its.either if apart(e) == e))


def _breach(catalogue: Catalogue, policy: Policy, criterion: str) -> bool:
    return policy.breach(catalogue.by_id[criterion].level, STATUSES[-1])


def _at(status: str) -> int:
    return UNMET if status == STATUSES[-1] else PARTLY


def _kept(area: str, left: Sequence[str], catalogue: Catalogue, policy: Policy) -> Iterable[Pair]:
    """Pairs that would have given a worse grade than any that is left."""
    worst = max(policy.grades.index(g) for g in left)
    its = catalogue.areas[area]
    for rule in policy.rules:
        if policy.grades.index(policy.on_scale(rule.grade, catalogue.scale(area))) <= worst:
            continue
        for condition in rule.any:
            if condition.needed(its) == 1:
                for c in its.at(condition.level):
                    yield catalogue.index[c.id], _at(condition.at)


def _either(area: str, left: Sequence[str], catalogue: Catalogue, policy: Policy) -> tuple[Pair, ...]:
    """Pairs of which at least one holds, where the grade is told and isn't the best; else none."""
    if len(left) != 1:
        return ()
    scale, its = catalogue.scale(area), catalogue.areas[area]
    giving = [r for r in policy.rules if policy.on_scale(r.grade, scale) == left[0]]
    if left[0] == policy.on_scale(policy.otherwise, scale):
        return ()
    pairs = {
        (catalogue.index[c.id], _at(condition.at))
        for r in giving
        for condition in r.any
        for c in its.at(condition.level)
    }
    return tuple(sorted(pairs))


def can_tell(sections: Sequence[str], catalogue: Catalogue) -> NDArray[np.bool_]:
    """Which criteria a sentence of each section is asked for [n, criteria]: its own area's; in a list, all.

    Narratives tell of other areas' criteria too, but seldom, and a bag of a whole report has some eighty sentences: each
    that can't well be the one dilutes what the others learn. Hand labels teach the rest.
    """
    areas = np.array([c.area for c in catalogue.criteria])
    return np.array([[True] * len(areas) if s in LISTS else areas == s for s in sections], bool).reshape(
        len(sections), len(areas)
    )


def counts(reports: Sequence[DistantReport], catalogue: Catalogue, policy: Policy) -> dict[str, int]:
    """How much is told."""
    each = [truth(r.told, catalogue, policy) for r in reports]
    return {
        "reports": len(reports),
        "sentences": sum(len(r.texts) for r in reports),
        "planned actions": sum(len(r.actions) for r in reports),
        "areas with a told grade": sum(len(g) == 1 for r in reports for g in r.told.grades.values()),
        "criteria told short": sum(len(t.told) for t in each),
        "criteria kept": sum(len(t.kept) for t in each),
        "areas with one short of several": sum(len(t.either) for t in each),
        "reports that tell nothing": sum(not t for t in each),
    }


def digest(reports: Sequence[DistantReport]) -> str:
    """SHA-256 over sentences, actions and what is told: names the data exactly."""
    out = hashlib.sha256()
    for r in sorted(reports, key=lambda r: r.id):
        told = (sorted(r.told.grades.items()), r.told.unmet, r.told.complete)
        actions = [(a.criteria, a.text) for a in r.actions]
        out.update(repr((r.id, r.sections, r.texts, *told, actions)).encode())
    return out.hexdigest()
