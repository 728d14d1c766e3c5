"""A report as the page shows it: its text by section with the findings marked, and each area's judgement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.audit.gradings import stated_grade
from pipeline.catalogue import Catalogue, Criterion
from pipeline.grading import Policy
from pipeline.rendering import words
from pipeline.report import LIST_NAMES, AreaDraft, Draft, Finding, PlanAnswer, Sentence, Status
from pipeline.store.corrections import Correction
from pipeline.web.pages import text
from pipeline.web.service import Work

ORDER: tuple[Status, ...] = ("unmet", "partly", "met")


@dataclass(frozen=True, slots=True)
class Tag:
    """A finding beside its sentence. `by`: who put it there, None for the model."""

    criterion: str
    wording: str
    level: str
    status: Status
    word: str
    probability: float
    by: Correction | None


@dataclass(frozen=True, slots=True)
class Removed:
    """A finding of the model that a person took away."""

    criterion: str
    wording: str
    status: Status
    by: Correction


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence with its findings, worst first; `status` is the worst."""

    id: int
    section: str | None
    text: str
    tags: tuple[Tag, ...]
    removed: tuple[Removed, ...] = ()

    @property
    def status(self) -> Status | None:
        return self.tags[0].status if self.tags else None


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of the report: its paragraphs (or list items), each a row of sentences."""

    key: str
    name: str
    paragraphs: tuple[tuple[Said, ...], ...]


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether text and stated grade fit: `level` good, mild or bad; `words` say it."""

    level: str
    words: str


@dataclass(frozen=True, slots=True)
class Bar:
    grade: str
    width: float  # per cent, to draw
    told: str
    suggested: bool


@dataclass(frozen=True, slots=True)
class AreaView:
    """One area: what is suggested now (`draft`), what the model itself said, a person's grade if any."""

    letter: str
    name: str
    scale: tuple[str, ...]
    draft: AreaDraft
    model: AreaDraft
    grade: Correction | None
    fit: Fit | None
    bars: tuple[Bar, ...]
    shortfalls: tuple[words.Deciding, ...]
    met: tuple[words.Deciding, ...]
    silent: tuple[Criterion, ...]
    plan: tuple[PlanAnswer, ...]
    text: Section | None

    @property
    def recounted(self) -> bool:
        """Whether corrected findings have changed the suggestion."""
        return self.grade is None and self.draft.suggested_grade != self.model.suggested_grade


@dataclass(frozen=True, slots=True)
class ReportView:
    work: Work
    lists: tuple[Section, ...]
    areas: tuple[AreaView, ...]
    others: Section | None
    counts: Mapping[Status, int]  # sentences by their worst status

    @property
    def mismatches(self) -> tuple[AreaView, ...]:
        return tuple(a for a in self.areas if a.fit and a.fit.level == "bad")


def report(work: Work, catalogue: Catalogue, policy: Policy) -> ReportView:
    """The whole of a report for its page."""
    said = dict(sentences(work, catalogue))
    now, model = work.draft, work.model
    sections = {s.key: s for s in _sections(now, said, catalogue)}
    counts = {status: sum(s.status == status for s in said.values()) for status in ORDER}
    return ReportView(
        work=work,
        lists=tuple(sections[k] for k in LIST_NAMES if k in sections),
        areas=tuple(
            _area(now, model, letter, work.grades.get(letter), sections.get(letter), catalogue, policy)
            for letter in now.areas
            if letter in catalogue.areas
        ),
        others=sections.get(""),
        counts=counts,
    )


def loose(draft: Draft, catalogue: Catalogue, policy: Policy) -> Iterator[AreaView]:
    """The areas of a draft that is not kept."""
    rows = zip(draft.sentences, draft.findings, strict=True)
    said = {s.id: _said(s, found, found, {}, catalogue) for s, found in rows}
    sections = {s.key: s for s in _sections(draft, said, catalogue)}
    for letter in draft.areas:
        if letter in catalogue.areas:
            yield _area(draft, draft, letter, None, sections.get(letter), catalogue, policy)


def sentences(work: Work, catalogue: Catalogue) -> Iterator[tuple[int, Said]]:
    """Each sentence by its id."""
    rows = zip(work.draft.sentences, work.draft.findings, work.model.findings, strict=True)
    for sentence, now, before in rows:
        yield sentence.id, _said(sentence, now, before, work.findings, catalogue)


def _said(
    s: Sentence,
    now: tuple[Finding, ...],
    before: tuple[Finding, ...],
    corrected: Mapping[tuple[int, str], Correction],
    catalogue: Catalogue,
) -> Said:
    tags = [
        Tag(
            f.criterion,
            wording(f.criterion, catalogue),
            level(f.criterion, catalogue),
            f.status,
            text.SHORT[f.status],
            f.probability,
            corrected.get((s.id, f.criterion)),
        )
        for f in now
    ]
    here = {f.criterion for f in now}
    removed = tuple(
        Removed(f.criterion, wording(f.criterion, catalogue), f.status, by)
        for f in before
        if f.criterion not in here and (by := corrected.get((s.id, f.criterion))) is not None
    )
    tags.sort(key=lambda t: (ORDER.index(t.status), -t.probability, t.criterion))
    return Said(s.id, s.section, words.clean(s.text), tuple(tags), removed)


def wording(criterion: str, catalogue: Catalogue) -> str:
    """The criterion's official wording; "" where the catalogue lacks it."""
    return catalogue.by_id[criterion].text if criterion in catalogue.by_id else ""


def level(criterion: str, catalogue: Catalogue) -> str:
    """Binding, advisory or indicator, in words."""
    return catalogue.levels[catalogue.by_id[criterion].level] if criterion in catalogue.by_id else ""


def _sections(draft: Draft, said: Mapping[int, Said], catalogue: Catalogue) -> Iterator[Section]:
    by_key: dict[str, list[Sentence]] = {}
    for s in draft.sentences:
        by_key.setdefault(s.section or "", []).append(s)
    for key, rows in by_key.items():
        name = LIST_NAMES.get(key) or words.area_name(catalogue, key) or "Övrig text"
        paragraphs: list[list[Said]] = []
        before: Sentence | None = None
        for s in sorted(rows, key=lambda s: s.start):
            if before is None or key in LIST_NAMES or "\n" in draft.text[before.end : s.start]:
                paragraphs.append([])
            paragraphs[-1].append(said[s.id])
            before = s
        yield Section(key, name, tuple(map(tuple, paragraphs)))


def _area(
    now: Draft,
    before: Draft,
    letter: str,
    grade: Correction | None,
    section: Section | None,
    catalogue: Catalogue,
    policy: Policy,
) -> AreaView:
    draft, model = now.areas[letter], before.areas[letter]
    decided = list(words.deciding(now, draft, catalogue))
    told = {c.id for c in decided}
    return AreaView(
        letter=letter,
        name=catalogue.areas[letter].name,
        scale=catalogue.scale(letter),
        draft=draft,
        model=model,
        grade=grade,
        fit=fit(draft, letter, catalogue, policy, grade),
        bars=bars(draft if grade is None else model),
        shortfalls=tuple(c for c in decided if c.status != "met"),
        met=tuple(c for c in decided if c.status == "met"),
        silent=tuple(c for c in catalogue.areas[letter].criteria if c.id not in told),
        plan=draft.plan,
        text=section,
    )


def bars(area: AreaDraft) -> tuple[Bar, ...]:
    """The distribution to draw; what is possible at all is seen."""
    return tuple(
        Bar(g, round(max(100 * p, 0.6 if p else 0), 1), words.percent(p), g == area.suggested_grade)
        for g, p in area.probabilities.items()
    )


def fit(
    area: AreaDraft, letter: str, catalogue: Catalogue, policy: Policy, person: Correction | None = None
) -> Fit | None:
    """Whether the grade that the report states (before any plan) fits what the text supports; None where it states none.

    `person`: who gave the grade that stands in place of the suggested one.
    """
    stated = stated_grade(area, letter, None, catalogue, policy)
    if stated is None:
        return None
    told, said = stated.before, area.suggested_grade
    if told == said:
        whose = f"det som {person.author} har satt" if person else "texten"
        return Fit("good", f"Rapporten anger {told}, vilket stämmer med {whose}.")
    if person:
        return Fit("bad", f"Betygen går isär: rapporten anger {told}, men {person.author} har satt {said}.")
    if told in area.grade_set:
        return Fit(
            "mild", f"Rapporten anger {told}. Texten stöder snarast {said}, men {told} kan inte uteslutas."
        )
    return Fit("bad", f"Betyg och text går isär: rapporten anger {told}, men texten stöder {said}.")
