"""A draft as people have corrected it: findings replaced, grades worked out anew from them, grades that people gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from pipeline.catalogue import Catalogue
from pipeline.drafting import Drafter, Parsed
from pipeline.findings import FindingsModel, SentenceInput
from pipeline.findings.base import Probabilities
from pipeline.grading import plan
from pipeline.grading.judge import Judge
from pipeline.report import STATUSES, AreaDraft, Draft, ModelInfo, Report, StatedGrade
from pipeline.store.corrections import Correction, Held


@dataclass(frozen=True)
class Told:
    """Stands for a findings model whose answer is known already."""

    model: FindingsModel
    answer: Probabilities
    said_by: ModelInfo | None = None

    @property
    def info(self) -> ModelInfo:
        return self.said_by or self.model.info

    @property
    def catalogue(self) -> Catalogue:
        return self.model.catalogue

    @property
    def thresholds(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return self.model.thresholds

    def predict(self, sentences: Sequence[SentenceInput]) -> Probabilities:
        """The known answer. Raises ValueError where it is not of as many sentences."""
        if len(sentences) != len(self.answer):
            raise ValueError(f"{len(sentences)} sentences, an answer of {len(self.answer)}")
        return self.answer


@dataclass(frozen=True)
class ToldTwice(Told):
    """The same of a model that looks twice."""

    first: Probabilities = field(kw_only=True)

    def first_look(self, sentences: Sequence[SentenceInput]) -> Probabilities:
        """The known first look."""
        return self.first

    def second_look(self, sentences: Sequence[SentenceInput], first: Probabilities) -> Probabilities:
        """The known answer."""
        return self.predict(sentences)


def told(model: FindingsModel, answer: Probabilities, first: Probabilities | None) -> Told:
    """A model whose answer, and first look if it has one, are known."""
    return Told(model, answer) if first is None else ToldTwice(model, answer, first=first)


def parsed(draft: Draft) -> Parsed:
    """The draft as it was before it had findings: all that grading needs."""
    areas = {
        letter: StatedGrade(a.has_text, a.stated_grade, a.grade_before_plan)
        for letter, a in draft.areas.items()
    }
    return Parsed(Report(draft.report, draft.text, (), areas, draft.action_plan), draft.sentences)


def from_findings(draft: Draft, catalogue: Catalogue) -> Probabilities:
    """What a draft itself tells of its model's probabilities: those of its findings; what it left out is 0."""
    out = np.zeros((len(draft.sentences), len(catalogue.criteria), len(STATUSES)), np.float32)
    for i, found in enumerate(draft.findings):
        for f in found:
            if f.criterion in catalogue.index:
                out[i, catalogue.index[f.criterion], STATUSES.index(f.status)] = f.probability
    return out


def _said(answer: Probabilities, draft: Draft, held: Held, catalogue: Catalogue) -> Probabilities:
    """The model's answer, with certainty where a person has spoken."""
    out, place = answer.copy(), {s.id: i for i, s in enumerate(draft.sentences)}
    for (sentence, criterion), correction in held.findings.items():
        if criterion in catalogue.index and sentence in place:
            row = out[place[sentence], catalogue.index[criterion]]
            row[:] = 0
            if correction.status in STATUSES:
                row[STATUSES.index(correction.status)] = 1
    return out


def regraded(draft: Draft, answer: Probabilities, held: Held, drafter: Drafter, as_of: date) -> Draft:
    """The draft with its findings corrected, and the areas anew whose criteria they are about. The others stay as they are.

    `answer` [sentences, criteria, 3]: the model's probabilities.
    """
    if not held.findings:
        return draft
    catalogue, before = drafter.catalogue, parsed(draft)

    def graded(probabilities: Probabilities) -> Draft:
        told = Told(drafter.model, probabilities, draft.model)
        return replace(drafter, model=told, as_of=as_of).finish(before)

    anew = graded(_said(answer, draft, held, catalogue))
    of_plan = graded(answer).warnings if draft.action_plan else ()
    touched = {catalogue.by_id[c].area for _, c in held.findings if c in catalogue.by_id}
    corrected = {s for s, _ in held.findings}
    findings = tuple(
        new if s.id in corrected else old
        for s, old, new in zip(draft.sentences, draft.findings, anew.findings, strict=True)
    )
    alone = tuple(
        new if s.id in corrected else old
        for s, old, new in zip(draft.sentences, draft.by_itself, anew.findings, strict=False)
    )
    return replace(
        draft,
        findings=findings,
        by_itself=alone,
        areas={a: anew.areas[a] if a in touched else area for a, area in draft.areas.items()},
        warnings=(*(w for w in draft.warnings if w not in of_plan), *anew.warnings),
    )


def _given(area: AreaDraft, correction: Correction, letter: str, draft: Draft, drafter: Drafter) -> AreaDraft:
    """The area with the grade that a person gave it."""
    grade = str(correction.grade)
    judge = Judge(drafter.catalogue, drafter.policy, letter, area.has_text)
    if grade == area.suggested_grade:
        word = f"{correction.author} har godtagit förslaget."
    else:
        word = f"{correction.author} har satt {grade}; förslaget utifrån texten är {area.suggested_grade}."
    return replace(
        area,
        suggested_grade=grade,
        probabilities={g: float(g == grade) for g in area.probabilities},
        grade_set=(grade,),
        abstain=False,
        reason=None,
        grade_after_plan=plan.grade_after(judge, grade, draft.action_plan),
        explanation=f"{word} {area.explanation}".strip(),
    )


def given(draft: Draft, held: Held, drafter: Drafter) -> Draft:
    """The draft with the grades that people gave in place of the suggested ones."""
    areas = {
        a: _given(area, held.grades[a], a, draft, drafter) if a in held.grades else area
        for a, area in draft.areas.items()
    }
    return replace(draft, areas=areas)


def notes(model: Draft, draft: Draft, held: Held) -> tuple[str, ...]:
    """What people have changed, in Swedish, for exports that have nowhere else to say it."""
    out = []
    for area, c in sorted(held.grades.items()):
        was = model.areas[area].suggested_grade
        did = (
            "godtagit förslaget"
            if c.grade == draft.areas[area].suggested_grade == was
            else f"satt betyget (modellens förslag: {was})"
        )
        comment = f" Kommentar: {c.comment}" if c.comment else ""
        out.append(f"Område {area}: {c.author} har {did}, {c.grade}.{comment}")
    if held.findings:
        who = ", ".join(sorted({c.author for c in held.findings.values()}))
        count = len(held.findings)
        out.append(f"{count} {'fynd är rättat' if count == 1 else 'fynd är rättade'} av {who}.")
    return tuple(out)
