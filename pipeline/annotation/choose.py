"""From parsed reports to tasks: the sentences most worth labelling, pseudonymised, with what the model suggests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline import people
from pipeline.annotation.base import Suggestion, Task
from pipeline.annotation.ranking import WORDS, Choice, Known, rank
from pipeline.catalogue import Catalogue
from pipeline.drafting import Parsed
from pipeline.findings.base import Probabilities, decide
from pipeline.people import Masked

NEAR = 8  # criteria offered first, beside those of the sentence's own area


@dataclass(frozen=True)
class Read:
    """A parsed report under its name, with probabilities [sentences, criteria, 3] of one model or several."""

    name: str
    parsed: Parsed
    probabilities: tuple[Probabilities, ...]


def choose(
    reads: Sequence[Read],
    known: Known,
    catalogue: Catalogue,
    thresholds: NDArray[np.float32],
    number: int,
    mask: bool = True,
) -> tuple[list[Task], list[Masked]]:
    """(tasks, best first; what was hidden in them and their neighbours). Suggestions are the first model's findings;
    `thresholds` [criteria] are its."""
    common = people.small_words([*known.texts, *(r.parsed.report.text for r in reads)])
    texts, masked = list[list[str]](), list[list[Masked]]()
    for r in reads:
        done = (
            people.pseudonymise(r.parsed.report, r.parsed.sentences, common, r.name)
            if mask
            else ([s.text for s in r.parsed.sentences], [])
        )
        texts.append(done[0])
        masked.append(done[1])
    places = [(k, i) for k, r in enumerate(reads) for i, s in enumerate(r.parsed.sentences) if s.section]
    if not places:
        return [], []
    models = [
        np.concatenate(
            [m[[bool(s.section) for s in r.parsed.sentences]] for r, m in zip(reads, ms, strict=True)]
        )
        for ms in zip(*(r.probabilities for r in reads), strict=True)
    ]
    chosen = rank([texts[k][i] for k, i in places], models, known, number)
    tasks, shown = [], set[tuple[str, int]]()
    for c in chosen:
        k, i = places[c.row]
        p = models[0][c.row]
        tasks.append(_task(reads[k], i, texts[k], p, c, catalogue, thresholds, known))
        shown |= {(reads[k].name, j) for j in (i - 1, i, i + 1)}
    return tasks, [m for ms in masked for m in ms if (m.report, m.sentence) in shown]


def _neighbour(read: Read, i: int, j: int, texts: Sequence[str]) -> str:
    same = 0 <= j < len(texts) and read.parsed.sentences[j].section == read.parsed.sentences[i].section
    return texts[j] if same else ""


def _task(
    read: Read,
    i: int,
    texts: Sequence[str],
    p: NDArray[np.float32],
    choice: Choice,
    catalogue: Catalogue,
    thresholds: NDArray[np.float32],
    known: Known,
) -> Task:
    sentence = read.parsed.sentences[i]
    relevance = p.sum(-1)
    nearest = [catalogue.criteria[c].id for c in np.argsort(-relevance, kind="stable")[:NEAR]]
    area = catalogue.areas.get(sentence.section or "")
    own = [c.id for c in area.criteria] if area else []
    (found,) = decide(p[None], thresholds, catalogue)
    return Task(
        id=f"{read.name}#{sentence.id}",
        report=read.name,
        section=sentence.section or "",
        text=texts[i],
        before=_neighbour(read, i, i - 1, texts),
        after=_neighbour(read, i, i + 1, texts),
        suggestions=tuple(Suggestion(f.criterion, f.status, round(f.probability, 4)) for f in found),
        near=tuple(dict.fromkeys([*nearest, *own])),
        score=round(choice.score, 4),
        why=_why(choice, relevance, catalogue, known),
    )


def _why(choice: Choice, relevance: NDArray[np.float32], catalogue: Catalogue, known: Known) -> str:
    words = []
    for r in choice.respects:
        named = WORDS[r]
        if r == "rarity":
            counts = known.counts if len(known.counts) else np.zeros(len(relevance))
            rare = relevance / np.sqrt(1 + counts)
            named += f" {catalogue.criteria[int(rare.argmax())].id}"
        words.append(named)
    return "; ".join(words) or "sammanvägt"
