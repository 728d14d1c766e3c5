"""Where drafts are made: strangers' files are read in child processes, the model runs here, a few drafts at a time."""

from __future__ import annotations

import hashlib
import io
import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from pipeline.drafting import Drafter, Parsed, inputs, named
from pipeline.findings import SentenceInput
from pipeline.findings.base import LooksTwice, Probabilities, Reads, looks
from pipeline.report import LISTS, Draft
from pipeline.search import SentenceVectors
from pipeline.web import corrected
from pipeline.web.errors import Busy, TooLarge, WebError
from pipeline.web.latest import Latest
from pipeline.web.reading import Readers, base_name
from pipeline.web.settings import Settings

_REMEMBERED = 200_000_000  # bytes of the model's answers; one takes some hundred thousand


@dataclass(frozen=True)
class Made:
    """A new draft with what the archive and later corrections need beside it."""

    draft: Draft
    content: str  # SHA-256
    answer: Probabilities
    vectors: NDArray[np.float32] | None


def _answers() -> Latest[Probabilities]:
    return Latest(_REMEMBERED, lambda answer: answer.nbytes)


class Desk:
    """Drafts. `close` it. What comes when too many wait is refused with Busy."""

    def __init__(self, settings: Settings) -> None:
        self.limits = settings.limits
        self.drafter = Drafter.load(settings.model, settings.catalogue)
        self._readers = Readers(settings.limits, str(settings.catalogue))
        # One pass of the model keeps about two cores busy: more at once would only be slower each.
        self._turns = threading.BoundedSemaphore(max(1, (os.cpu_count() or 1) // 2))
        self._writing = threading.BoundedSemaphore(1)  # who writes does not wait for whole reports
        self._lock, self._inside = threading.Lock(), 0
        self._answers, self._written = _answers(), _answers()

    def start(self) -> None:
        """Gets the reading processes ready."""
        self._readers.warm()

    def close(self) -> None:
        """Ends the reading processes."""
        self._readers.close()

    @property
    def by_meaning(self) -> SentenceVectors | None:
        """The model, where it gives sentence vectors."""
        return self.drafter.model if isinstance(self.drafter.model, SentenceVectors) else None

    @contextmanager
    def _admitted(self) -> Iterator[None]:
        """Lets in as many as may wait."""
        with self._lock:
            if self._inside >= self.limits.waiting:
                raise Busy("Många rapporter bedöms just nu: försök igen om en stund", retry_after=10)
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1

    @contextmanager
    def turn(self, writing: bool = False) -> Iterator[None]:
        """One of the few places where the model runs."""
        turns = self._writing if writing else self._turns
        if not turns.acquire(timeout=self.limits.patience_seconds):
            raise Busy("Servern hinner inte med just nu: försök igen om en stund", retry_after=10)
        try:
            yield
        finally:
            turns.release()

    def _today(self) -> Drafter:
        return replace(self.drafter, as_of=date.today())

    def _draft(self, parsed: Parsed, content: str, name: str | None) -> Made:
        self._fits(parsed)
        with self.turn():
            answer, first, vectors = self._read(inputs(parsed))
            told = corrected.told(self.drafter.model, answer, first)
            draft = replace(self._today(), model=told).finish(parsed)
        draft = (
            replace(draft, report=replace(draft.report, file=name)) if name is None else named(draft, name)
        )
        return Made(draft, content, answer, vectors)

    def _fits(self, parsed: Parsed) -> None:
        if len(parsed.sentences) > self.limits.sentences:
            raise TooLarge(f"Texten har fler än {self.limits.sentences} meningar: skicka en rapport i taget")

    def _read(
        self, sentences: Sequence[SentenceInput]
    ) -> tuple[Probabilities, Probabilities | None, NDArray[np.float32] | None]:
        """The model's probabilities and, where it has them, its first look and vectors: in one pass where it can."""
        model = self.drafter.model
        if not isinstance(model, Reads):
            return *looks(model, sentences), None
        first, vectors = model.read(sentences)
        if not isinstance(model, LooksTwice):
            return first, None, vectors
        return model.second_look(sentences, first), first, vectors

    # --- what comes in ---

    def file(self, name: str, content: BinaryIO) -> Made:
        """The draft of an uploaded file. `name` is the client's."""
        with self._admitted():
            parsed, digest = self._readers.file(name, content)
            return self._draft(parsed, digest, base_name(name) or "rapport")

    def text(self, text: str) -> Made:
        """The draft of a whole report that was pasted."""
        if not text.strip():
            raise WebError("Texten är tom: klistra in rapportens text")
        data = text.encode("utf8", "replace")
        with self._admitted():
            parsed, digest = self._readers.file("rapport.txt", io.BytesIO(data))
            return self._draft(parsed, digest, None)

    def sections(self, sections: Mapping[str, str]) -> Made:
        """The draft of what was written area by area."""
        told = self.checked(sections)
        content = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
        with self._admitted():
            return self._draft(self._readers.sections(told), content, None)

    def checked(self, sections: Mapping[str, str]) -> dict[str, str]:
        """The sections that have text, if all are of the catalogue and none is too long."""
        known = (*LISTS, *self.drafter.catalogue.areas)
        if wrong := [k for k in sections if k not in known]:
            raise WebError(f"Okänt avsnitt {', '.join(map(repr, wrong[:5]))}: ange {', '.join(known)}")
        for key, text in sections.items():
            if len(text) > self.limits.section_characters:
                raise TooLarge(f"Avsnitt {key} har mer än {self.limits.section_characters} tecken")
        told = {k: v.encode("utf8", "replace").decode() for k, v in sections.items() if v.strip()}
        if not told:
            raise WebError("Ingen text: skriv i minst ett område eller en lista")
        return told

    def suggest(self, sections: Mapping[str, str]) -> Draft:
        """The draft of what is being written. Only sections that have changed since are read by the model again."""
        with self._admitted():
            parsed = self._readers.sections(self.checked(sections))
            self._fits(parsed)
            with self.turn(writing=True):
                told = corrected.Told(self.drafter.model, self._remembered(inputs(parsed)))
                draft = replace(self._today(), model=told).finish(parsed)
        return replace(draft, report=replace(draft.report, file=None))

    def _remembered(self, sentences: Sequence[SentenceInput]) -> Probabilities:
        """The model's answer. The network reads section by section, so that only what has changed is read again."""
        model = self.drafter.model
        read = model.first_look if isinstance(model, LooksTwice) else model.predict
        parts: list[Probabilities] = []
        for section, some in groupby(sentences, key=lambda s: s.section):
            its = list(some)
            key = (section, tuple(s.text for s in its))
            answer = self._written.get(key)
            if answer is None:
                answer = read(its)
                self._written.put(key, answer)
            parts.append(answer)
        if not parts:
            return model.predict([])
        first = np.concatenate(parts)
        return model.second_look(sentences, first) if isinstance(model, LooksTwice) else first

    # --- what has been drafted before ---

    def remember(self, report: str, made: Made) -> None:
        """Keeps the model's answer at hand: who corrects a draft does so soon."""
        self._answers.put((report, made.draft.model), made.answer)

    def answer(self, report: str, draft: Draft) -> Probabilities:
        """What the model said of a draft in the archive; of another model's, what the draft itself tells of it."""
        if draft.model != self.drafter.model.info or draft.report.catalogue != self.drafter.catalogue.name:
            return corrected.from_findings(draft, self.drafter.catalogue)
        key = (report, draft.model)
        answer = self._answers.get(key)
        if answer is None:
            with self.turn():
                answer = self.drafter.model.predict(inputs(corrected.parsed(draft)))
            self._answers.put(key, answer)
        return answer
