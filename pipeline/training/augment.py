"""Training passages: the corpus seen anew every epoch, in the ways that real reports differ from it.

Each change is general and stands in the recipe with its rate: sections unnamed, sentences alone, a report as one
stream, sentences of other areas told in a narrative, items joined so that one sentence carries several findings,
abbreviations swapped, letters mistyped, case and full stop lost.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pipeline.report import LISTS

JOINTS = (". ", ". ", ", ", "; ", " och ", " men ", " samt ", ", dock ")


@dataclass(frozen=True, slots=True)
class Example:
    """A sentence with its labels. `home` is the section it was labelled in: what its silence says depends on it."""

    text: str
    section: str
    report: str
    writer: str
    labels: Mapping[int, int]  # index of the criterion -> code (1 met, 2 partly, 3 unmet)


@dataclass(frozen=True)
class AugmentConfig:
    """Rates in [0, 1]: of passages (unnamed, alone, stream, foreign, shuffle) and of sentences (the rest)."""

    unnamed: float = 0.25
    alone: float = 0.15
    stream: float = 0.12
    foreign: float = 0.25
    shuffle: float = 0.1
    join: float = 0.12
    lower: float = 0.05
    typo: float = 0.06
    stop: float = 0.1
    abbreviate: float = 0.25
    abbreviations: tuple[tuple[str, str], ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Passage:
    """Sentences that are seen together under one heading (None: unnamed)."""

    section: str | None
    examples: tuple[Example, ...]


def _typo(text: str, rng: random.Random) -> str:
    i = rng.randrange(len(text))
    kind = rng.randrange(3)
    if kind == 0:
        return text[:i] + text[i + 1 :]
    if kind == 1 and i + 1 < len(text):
        return text[:i] + text[i + 1] + text[i] + text[i + 2 :]
    return text[:i] + text[i] + text[i:]


def _abbreviate(text: str, pairs: Sequence[tuple[str, str]], rng: random.Random) -> str:
    for a, b in pairs:
        long, short = (a, b) if rng.random() < 0.6 else (b, a)
        words = text.split(" ")
        if long in words:
            return " ".join(short if w == long else w for w in words)
        if " " in long and long in text:
            return text.replace(long, short)
    return text


def perturb(e: Example, config: AugmentConfig, rng: random.Random) -> Example:
    """The sentence as another hand might have typed it; labels stand."""
    text = e.text
    if rng.random() < config.abbreviate:
        text = _abbreviate(text, config.abbreviations, rng)
    if rng.random() < config.lower:
        text = text.lower()
    if rng.random() < config.stop:
        text = text.rstrip(".")
    if len(text) > 12 and rng.random() < config.typo:
        text = _typo(text, rng)
    return replace(e, text=text) if text.strip() else e


def join(a: Example, b: Example, rng: random.Random) -> Example | None:
    """Two sentences as one that carries both's findings; None where their signs would contradict or it gets too long."""
    if any(a.labels.get(c, s) != s for c, s in b.labels.items()) or len(a.text) + len(b.text) > 320:
        return None
    joint = rng.choice(JOINTS)
    tail = b.text if joint == ". " or b.text[1:2].isupper() else b.text[:1].lower() + b.text[1:]
    return replace(a, text=a.text.rstrip(".") + joint + tail, labels={**a.labels, **b.labels})


def _joined(examples: Sequence[Example], config: AugmentConfig, rng: random.Random) -> list[Example]:
    out: list[Example] = []
    pending = list(examples)
    while pending:
        e = pending.pop(0)
        if pending and rng.random() < config.join:
            other = pending[0] if rng.random() < 0.5 else rng.choice(pending)
            if (both := join(e, other, rng)) is not None:
                pending.remove(other)
                e = both
        out.append(e)
    return out


def _with_foreign(
    section: str,
    own: list[Example],
    report: Mapping[str, Sequence[Example]],
    config: AugmentConfig,
    rng: random.Random,
) -> list[Example]:
    others = [e for s, es in report.items() if s != section and s not in LISTS for e in es if e.labels]
    if section in LISTS or not others or rng.random() >= config.foreign:
        return own
    out = list(own)
    for e in rng.sample(others, min(len(others), rng.randint(1, 4))):
        out.insert(rng.randint(0, len(out)), e)
    return out


def passages(
    reports: Mapping[str, Mapping[str, Sequence[Example]]], config: AugmentConfig, rng: random.Random
) -> Iterator[Passage]:
    """One epoch of passages. `reports`: report -> section -> its sentences in order."""
    for sections in reports.values():
        if rng.random() < config.stream:
            whole = [perturb(e, config, rng) for es in sections.values() for e in es]
            yield Passage(None, tuple(_joined(whole, config, rng)))
            continue
        for section, es in sections.items():
            own = _with_foreign(section, list(es), sections, config, rng)
            if rng.random() < config.shuffle:
                rng.shuffle(own)
            own = [perturb(e, config, rng) for e in _joined(own, config, rng)]
            name = None if rng.random() < config.unnamed else section
            if rng.random() < config.alone:
                for e in own:
                    yield Passage(name, (e,))
            else:
                yield Passage(name, tuple(own))
