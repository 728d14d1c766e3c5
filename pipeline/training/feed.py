"""What a training step is fed: labelled sentences as packed windows and coded targets, an epoch at a time."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.catalogue import Catalogue
from pipeline.findings.base import SentenceInput
from pipeline.findings.encoding import Encoder, Packed, Window, pack, section_names, wordings
from pipeline.report import LISTS
from pipeline.training.augment import Example, Passage, passages
from pipeline.training.labelled import Labelled

if TYPE_CHECKING:
    from pipeline.training.recipe import Recipe

# Codes of a target: no part in the loss; silent; silent where the writer was told to keep to the area; told as
# met, partly, unmet.
APART, SILENT, ELSEWHERE, TOLD = -1, 0, 1, 2
KEPT_TO_AREA = 13  # writers 1-13 told of no other area's criteria in a narrative (corpus/README)
COUNTED = 20_000  # sentences of epochs that are counted to plan how many steps there will be


Reports = dict[str, dict[str, list[Example]]]  # report -> section -> its sentences


@dataclass(frozen=True, slots=True)
class StepArrays:
    """One step: packed windows and `targets` [sentences, criteria]; the catalogue's wordings stand first in it, without
    targets, where it has `wordings`."""

    packed: Packed
    targets: NDArray[np.int8]
    wordings: bool = True


def examples(data: Labelled) -> list[Example]:
    """The labelled sentences as the augmentation takes them."""
    out = []
    for i, text in enumerate(data.texts):
        told = {int(c): int(data.gold[i, c]) for c in np.flatnonzero(data.gold[i])}
        out.append(Example(text, str(data.sections[i]), str(data.reports[i]), str(data.writers[i]), told))
    return out


def by_report(data: Labelled) -> Reports:
    """The labelled sentences by report and section, in their order."""
    out: Reports = {}
    for e in examples(data):
        out.setdefault(e.report, {}).setdefault(e.section, []).append(e)
    return out


def wording_windows(encoder: Encoder, catalogue: Catalogue) -> list[Window]:
    """The criteria as passages, an area each, in the catalogue's order: read together as a report's sentences are."""
    inputs = [SentenceInput(s.text, s.section, "catalogue") for s in wordings(catalogue)]
    return encoder.windows(inputs, section_names(catalogue))


class Feed:
    """Epochs of steps, each made from the seed and the epoch's number alone. Of `replay` an epoch reads some reports
    only, other ones every time: what a network had learnt before is kept by seeing it now and then."""

    def __init__(
        self,
        data: Labelled,
        catalogue: Catalogue,
        encoder: Encoder,
        recipe: Recipe,
        replay: Labelled | None = None,
    ) -> None:
        self.recipe, self.encoder = recipe, encoder
        self.reports = by_report(data)
        self.replay = {} if replay is None else by_report(replay)
        self.names = section_names(catalogue)
        self.wordings = wording_windows(encoder, catalogue)
        self.areas = np.array([c.area for c in catalogue.criteria])
        self.left_out = np.array([c.id in recipe.criteria_left_out for c in catalogue.criteria])

    def target(self, e: Example) -> NDArray[np.int8]:
        """Codes [criteria] of one sentence."""
        out = np.full(len(self.areas), SILENT, np.int8)
        number = int(e.writer[1:]) if e.writer[1:].isdigit() else KEPT_TO_AREA + 1
        if e.section not in LISTS and number <= KEPT_TO_AREA:
            out[self.areas != e.section] = ELSEWHERE
        for c, code in e.labels.items():
            out[c] = TOLD + code - 1
        out[self.left_out] = APART
        return out

    def _windows(self, epoch_passages: Sequence[Passage]) -> list[tuple[Window, list[Example]]]:
        everything = [e for p in epoch_passages for e in p.examples]
        tokens = self.encoder.tokens([e.text for e in everything])
        out, k = [], 0
        for p in epoch_passages:
            rows = range(k, k + len(p.examples))
            head = self.encoder.head(self.names.get(p.section) if p.section else None)
            for w in self.encoder.split(head, tokens[k : k + len(p.examples)], rows):
                out.append((w, [everything[r] for r in w.rows]))
            k += len(p.examples)
        return out

    def epoch(self, number: int) -> list[StepArrays]:
        """The steps of an epoch, windows in random order, as many in each as its rows hold."""
        rng = random.Random(f"{self.recipe.seed}-{number}")
        again = rng.sample(list(self.replay), min(self.recipe.replay_reports, len(self.replay)))
        reports = {**self.reports, **{r: self.replay[r] for r in again}}
        windows = self._windows(list(passages(reports, self.recipe.augment, rng)))
        rng.shuffle(windows)
        rows, length = self.recipe.rows, self.recipe.max_tokens
        own = sum(len(w.ids) for w in self.wordings)
        steps, group, used, count = list[StepArrays](), list[tuple[Window, list[Example]]](), 0, 0
        for w in windows:
            size, sentences = len(w[0].ids), len(w[1])
            room = rows * length - (own if len(steps) % self.recipe.wordings_every == 0 else 0)
            if group and (used + size > room * 0.94 or count + sentences > self.recipe.sentences):
                steps += list(self._steps(group, rows, length, len(steps)))
                group, used, count = [], 0, 0
            group.append(w)
            used, count = used + size, count + sentences
        return [*steps, *self._steps(group, rows, length, len(steps))] if group else steps

    def planned(self) -> int:
        """How many steps the recipe's epochs have, which differ by the reports that they read again: of few reports
        counted, of many judged by the first epochs."""
        epochs, steps, sentences = self.recipe.epochs, list[int](), 0
        for number in range(epochs):
            steps.append(len(made := self.epoch(number)))
            sentences += sum(len(step.targets) for step in made)
            if sentences > COUNTED:
                break
        return round(sum(steps) * epochs / max(1, len(steps)))

    def _steps(
        self, group: Sequence[tuple[Window, list[Example]]], rows: int, length: int, number: int
    ) -> Iterator[StepArrays]:
        wordings = number % self.recipe.wordings_every == 0
        packed = pack(
            [*(self.wordings if wordings else ()), *(w for w, _ in group)], rows, length, self.encoder.pad
        )
        if packed is not None:
            targets = np.stack([self.target(e) for _, es in group for e in es])
            yield StepArrays(packed, targets, wordings)
        elif len(group) > 1:  # rarely, whole windows leave gaps: two smaller steps then
            yield from self._steps(group[: len(group) // 2], rows, length, number)
            yield from self._steps(group[len(group) // 2 :], rows, length, number)


def ahead(feed: Feed, epochs: range, background: bool) -> Iterator[list[StepArrays]]:
    """The epochs in order; with `background`, the next is made in another process while one is trained."""
    if not background:
        yield from (feed.epoch(e) for e in epochs)
        return
    with ProcessPoolExecutor(1) as pool:
        pending = pool.submit(feed.epoch, epochs.start) if len(epochs) else None
        for e in epochs:
            assert pending is not None
            ready = pending.result()
            pending = pool.submit(feed.epoch, e + 1) if e + 1 in epochs else None
            yield ready
