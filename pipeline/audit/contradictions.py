"""Where a report contradicts itself: lists against narratives, strengths against weaknesses, words against grades, the plan
against the text.

What is looked for needs sure findings on one side and silence on the other, so that what is told is true. A model that
finds nothing is no proof of silence (it misses more in wordings unlike those it learnt from), so silence needs more than
that: words of the area that are unlike the weakness's, and a list of weaknesses in which every item was understood.
Thresholds lie in `configs/audit/sv.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from pipeline.audit.alike import Alike
from pipeline.audit.gradings import Grading
from pipeline.audit.reasons import short_wording
from pipeline.audit.settings import Settings, Sure
from pipeline.catalogue import Catalogue
from pipeline.grading import Policy
from pipeline.grading.words import listed, quote
from pipeline.report import POTENTIAL, SHORTFALLS, STRENGTHS, WEAKNESSES, Draft, Finding, PlanEntry, Sentence

Kind = Literal[
    "weakness_without_narrative",
    "narrative_without_weakness",
    "strength_against_weakness",
    "action_without_grade",
    "plan_without_shortfall",
]
KINDS: Mapping[Kind, str] = {
    "weakness_without_narrative": "Svaghet i listan som ingen områdestext tar upp",
    "narrative_without_weakness": "Brist mot föreskrift i områdestexten som ingen lista tar upp",
    "strength_against_weakness": "Styrka och svaghet som motsäger varandra",
    "action_without_grade": "«Åtgärd krävs» under ett betyg som inte kräver åtgärd",
    "plan_without_shortfall": "Post i handlingsplanen utan brist i texten",
}


@dataclass(frozen=True, slots=True)
class Contradiction:
    """`sentences` are ids in the report's draft; `criterion` is what it is about, where that can be told."""

    report: str
    area: str | None
    kind: Kind
    sentences: tuple[int, ...]
    reason: str
    criterion: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence with one thing that it says."""

    sentence: Sentence
    finding: Finding


@dataclass(frozen=True)
class Text:
    """What a draft's sentences say, by where they stand: in the lists, in narratives."""

    said: tuple[tuple[Sentence, tuple[Finding, ...]], ...]
    decided: Mapping[str, str]  # criterion → status that all sentences together give it
    catalogue: Catalogue

    def at(self, *sections: str) -> list[tuple[Sentence, tuple[Finding, ...]]]:
        """The sentences of sections."""
        return [x for x in self.said if x[0].section in sections]

    @cached_property
    def alike(self) -> Alike:
        return Alike.of([s for s, _ in self.said])

    @property
    def lists(self) -> list[tuple[Sentence, tuple[Finding, ...]]]:
        return self.at(WEAKNESSES, POTENTIAL)

    @property
    def narratives(self) -> list[tuple[Sentence, tuple[Finding, ...]]]:
        return self.at(*self.catalogue.areas)


def _short(found: Sequence[Finding]) -> dict[str, float]:
    return {f.criterion: f.probability for f in found if f.status in SHORTFALLS}


def _claims(
    said: Sequence[tuple[Sentence, tuple[Finding, ...]]], statuses: frozenset[str], least: float
) -> dict[str, list[Said]]:
    """Sure findings by criterion, the surest first."""
    out: dict[str, list[Said]] = {}
    for sentence, found in said:
        for f in found:
            if f.status in statuses and f.probability >= least:
                out.setdefault(f.criterion, []).append(Said(sentence, f))
    for each in out.values():
        each.sort(key=lambda s: -s.finding.probability)
    return out


def _silent(
    found: Sequence[Finding], others: Sequence[tuple[Sentence, tuple[Finding, ...]]], sure: Sure
) -> bool:
    """Whether no other sentence is about what this one tells a shortfall of, whatever it says of it."""
    own = _short(found)
    return all(sum(f.probability * own.get(f.criterion, 0.0) for f in o) < sure.silent for _, o in others)


def _one_sided(
    one: Sequence[tuple[Sentence, tuple[Finding, ...]]],
    other: Sequence[tuple[Sentence, tuple[Finding, ...]]],
    statuses: frozenset[str],
    least: float,
    sure: Sure,
    decided: Mapping[str, str],
) -> Iterator[tuple[str, list[Said]]]:
    """Criteria of which one side tells surely and the other not at all. An empty other side says nothing of silence."""
    if not other:
        return
    found_of = {s.id: f for s, f in one}
    for criterion, claims in _claims(one, statuses, least).items():
        strongest = {s.sentence.id: found_of[s.sentence.id] for s in claims}
        # what the whole text speaks against is a doubtful reading; that it speaks of it nowhere else is what is looked for
        agreed = decided.get(criterion, "unmet") in SHORTFALLS
        if agreed and all(_silent(f, other, sure) for f in strongest.values()):
            yield criterion, claims


def _name(criterion: str, catalogue: Catalogue) -> str:
    return f"{criterion} ({short_wording(catalogue.by_id[criterion].text)})"


def _quoted(said: Sequence[Said]) -> str:
    return "; ".join(f"mening {s.sentence.id} {quote(s.sentence.text)}" for s in said[:2])


def _ids(said: Sequence[Said]) -> tuple[int, ...]:
    return tuple(s.sentence.id for s in said)


Found = Iterator[tuple[Kind, str | None, tuple[int, ...], str, str | None]]


def _worded_alike(text: Text, criterion: str, said: Sequence[Said], sure: Sure) -> bool:
    """Whether the criterion's own area has a sentence whose words are those of one that is said."""
    own = text.at(text.catalogue.by_id[criterion].area)
    return any(text.alike(s.sentence.id, o.id) >= sure.alike for s in said for o, _ in own)


def _lists_against_narratives(text: Text, policy: Policy, sure: Sure) -> Found:
    cat = text.catalogue
    weaknesses = text.at(WEAKNESSES)
    for c, said in _one_sided(weaknesses, text.narratives, SHORTFALLS, sure.weakness, sure, text.decided):
        if _worded_alike(text, c, said, sure):
            continue
        reason = f"Listan Svagheter tar upp {_name(c, cat)}: {_quoted(said)}, men i områdestexterna hittas inget om det."
        yield "weakness_without_narrative", cat.by_id[c].area, _ids(said), reason, c
    if not weaknesses or not all(_short(found) for _, found in weaknesses):
        return  # an item that no shortfall was found in may tell of any
    unmet = frozenset({"unmet"})
    for c, said in _one_sided(text.narratives, text.lists, unmet, sure.breach, sure, text.decided):
        if policy.breach(cat.by_id[c].level, "unmet"):
            reason = (
                f"Texten berättar att {_name(c, cat)} inte uppfylls: {_quoted(said)}, men i Svagheter och "
                "Förbättringspotential hittas det inte."
            )
            yield "narrative_without_weakness", cat.by_id[c].area, _ids(said), reason, c


def _strengths_against_weaknesses(text: Text, sure: Sure) -> Found:
    cat, met = text.catalogue, frozenset({"met"})
    strengths = text.at(STRENGTHS)
    pairs = (
        (sure.strength, SHORTFALLS, text.at(WEAKNESSES)),
        (sure.strength_in_text, frozenset({"unmet"}), text.narratives),
    )
    against: dict[str, list[Said]] = {}
    for_it: dict[str, list[Said]] = {}
    for least, statuses, other in pairs:
        good, bad = _claims(strengths, met, least), _claims(other, statuses, least)
        for c in good.keys() & bad.keys():
            for_it.setdefault(c, good[c])
            against.setdefault(c, []).extend(bad[c])
    for c in sorted(against):
        reason = (
            f"Om {_name(c, cat)} säger Styrkor {_quoted(for_it[c][:1])}, men {_quoted(against[c])} "
            "talar om en brist."
        )
        yield "strength_against_weakness", cat.by_id[c].area, _ids([*for_it[c], *against[c]]), reason, c


def requires_action(text: str, settings: Settings) -> bool:
    """Whether a sentence says that action is required: the words stand there, and nothing turns them."""
    for m in settings.requires.finditer(text):
        before = re.findall(r"\w+", text[: m.start()].lower())[-3:]
        after = re.findall(r"\w+", text[m.end() :].lower())[:1]
        if not settings.turned & {*before, *after, *re.findall(r"\w+", m.group().lower())}:
            return True
    return False


def _action_without_grade(
    draft: Draft, gradings: Mapping[str, Grading], catalogue: Catalogue, policy: Policy, settings: Settings
) -> Found:
    worst = policy.grades[-1]
    for letter, grading in gradings.items():
        if grading.stated_grade == worst:
            continue
        said = [s for s in draft.sentences if s.section == letter and requires_action(s.text, settings)]
        if said:
            quoted = "; ".join(f"mening {s.id} {quote(s.text)}" for s in said[:2])
            why = f"Området är graderat {grading.stated_grade}, som inte kräver åtgärd, men texten säger {quoted}."
            yield "action_without_grade", letter, tuple(s.id for s in said), why, None


def _plan_without_shortfall(draft: Draft, catalogue: Catalogue) -> Found:
    told = {c for found in (*draft.findings, *draft.by_itself) for c in _short(found)}
    told |= {c.id for a in draft.areas.values() for c in a.criteria if c.status in SHORTFALLS}
    seen: set[tuple[str, ...]] = set()
    for entry in draft.action_plan:
        about = tuple(c for c in entry.criteria if c in catalogue.by_id)
        if about and about not in seen and not told & set(about):
            seen.add(about)
            met = _claims(list(zip(draft.sentences, draft.findings, strict=True)), frozenset({"met"}), 0.0)
            good = [s for c in about for s in met.get(c, [])]
            yield (
                "plan_without_shortfall",
                catalogue.by_id[about[0]].area,
                _ids(good),
                _plan_reason(entry, about, good, catalogue),
                about[0],
            )


def _plan_reason(entry: PlanEntry, about: Sequence[str], met: Sequence[Said], catalogue: Catalogue) -> str:
    names = listed([_name(c, catalogue) for c in about])
    action = f" (åtgärd: {quote(entry.action)})" if entry.action else ""
    tail = f"; {_quoted(met)} talar om att det är uppfyllt" if met else ""
    return f"Handlingsplanen tar upp {names}{action}, men i texten hittas ingen brist där{tail}."


def contradictions(
    report: str,
    draft: Draft,
    gradings: Sequence[Grading],
    catalogue: Catalogue,
    policy: Policy,
    settings: Settings,
) -> list[Contradiction]:
    """The contradictions within one report; `gradings` are its stated grades."""
    # a second look believes less of what the rest of the report does not repeat: just what is looked for here
    alone = draft.by_itself or draft.findings
    known = (tuple(f for f in found if f.criterion in catalogue.by_id) for found in alone)
    decided = {c.id: c.status for area in draft.areas.values() for c in area.criteria}
    text = Text(tuple(zip(draft.sentences, known, strict=True)), decided, catalogue)
    stated = {g.area: g for g in gradings}
    found = [
        *_lists_against_narratives(text, policy, settings.sure),
        *_strengths_against_weaknesses(text, settings.sure),
        *_action_without_grade(draft, stated, catalogue, policy, settings),
        *_plan_without_shortfall(draft, catalogue),
    ]
    return [Contradiction(report, area, kind, ids, why, c) for kind, area, ids, why, c in found]
