"""The product as spaCy components: the text of a report in, spans and grades on the `Doc` out.

    nlp = pipeline.language.nlp()            # or spacy.blank("sv")
    nlp.add_pipe("spur_sections")            # doc.spans["sections"], doc.spans["sentences"], doc._.spur_report
    nlp.add_pipe("spur_findings")            # doc.spans["findings"]
    nlp.add_pipe("spur_grades")              # doc._.grades, doc._.spur_draft

An edge without rules of its own: parsing, findings and grading do the work. All that is put on a `Doc` is plain data, so it
survives `Doc.to_bytes` and `DocBin(store_user_data=True)`. Spans are at offsets of the `Doc`'s own text; offsets within
`doc._.spur_report` and `doc._.spur_draft` are into `doc._.spur_report["text"]`, the de-wrapped text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup

from pipeline import catalogue as catalogues
from pipeline import drafting, findings, reading
from pipeline.alignment import Alignment, align
from pipeline.catalogue import Catalogue
from pipeline.drafting import Drafter, Parsed
from pipeline.findings import FindingsModel, SentenceInput, decide
from pipeline.findings.base import Probabilities
from pipeline.grading import Policy
from pipeline.rendering.jsonl import draft_json, report_json
from pipeline.report import Block, Facts, Finding, ModelInfo, PlanEntry, Report, Sentence, Source, StatedGrade

SECTIONS, SENTENCES, FINDINGS = "sections", "sentences", "findings"  # keys of doc.spans


def register() -> None:
    """Make the attributes `doc._` and `span._` known to spaCy: done by the factories, and to be called before a stored
    `Doc` is read in a program that has no such pipeline."""
    for name in ("spur_report", "spur_model", "spur_probabilities", "spur_draft"):
        if not Doc.has_extension(name):
            Doc.set_extension(name, default=None)
    if not Doc.has_extension("grades"):
        Doc.set_extension("grades", getter=_grades)
    if not Span.has_extension("finding"):
        Span.set_extension("finding", getter=_finding)
    if not Span.has_extension("probability"):
        Span.set_extension("probability", getter=_probability)


def make_doc(nlp: Language, source: Source | Path) -> Doc:
    """A `Doc` over the parsed (de-wrapped) text of a file or source; `nlp(make_doc(nlp, path))` finishes it.

    Its offsets are those of `spur parse` and `spur grade`. Raises SpurError where it is no SPUR report.
    """
    register()
    source = reading.read(source) if isinstance(source, Path) else source
    own = (c.catalogue for _, c in nlp.pipeline if isinstance(c, Sections))
    parsed = drafting.parse(source, next(own, None) or catalogues.load())
    doc = nlp.make_doc(parsed.report.text)
    doc._.spur_report = report_json(parsed.report, parsed.sentences)
    return doc


# --- the components ----------------------------------------------------------------------------


@dataclass
class Sections:
    """`spur_sections`: the report's blocks of text by section, and its sentences and list items."""

    catalogue: Catalogue

    def __call__(self, doc: Doc) -> Doc:
        """Raises SpurError where the text is no SPUR report."""
        if doc._.spur_report is None:
            parsed = drafting.parse(_source(doc.text), self.catalogue)
            doc._.spur_report = report_json(parsed.report, parsed.sentences)
        parsed = _parsed(doc)
        places = align(doc.text, parsed.report.text)
        doc.spans[SECTIONS] = SpanGroup(doc, name=SECTIONS, spans=_sections(doc, parsed, places))
        doc.spans[SENTENCES] = SpanGroup(doc, name=SENTENCES, spans=_sentences(doc, parsed.sentences, places))
        return doc


@dataclass
class Findings:
    """`spur_findings`: what each sentence tells of, as spans labelled `E.F6:unmet`."""

    name: str
    catalogue: Catalogue
    _loaded: list[FindingsModel] = field(default_factory=list, repr=False)

    @property
    def model(self) -> FindingsModel:
        """The findings model; read once in a process."""
        if not self._loaded:
            self._loaded.append(findings.load(self.name, self.catalogue))
        return self._loaded[0]

    def __getstate__(self) -> dict[str, Any]:
        # A running network cannot be sent to another process (`nlp.pipe(n_process=…)`): it is read there again.
        return {"name": self.name, "catalogue": self.catalogue, "_loaded": []}

    def __call__(self, doc: Doc) -> Doc:
        """Raises ValueError where spur_sections has not run."""
        parsed, model = _parsed(doc), self.model
        proba = model.predict(drafting.inputs(parsed))
        thresholds = [float(t) for t in model.thresholds]
        info = {"name": model.info.name, "version": model.info.version}
        doc._.spur_model = {**info, "catalogue": self.catalogue.name, "thresholds": thresholds}
        doc._.spur_probabilities = proba
        _mark(doc, decide(proba, model.thresholds, self.catalogue))
        return doc


@dataclass
class Grades:
    """`spur_grades`: a draft grade for each area, from the findings model's probabilities."""

    catalogue: Catalogue
    as_of: date | None
    source: str = ""  # what the catalogue was loaded from: a policy may lie beside its file

    def __call__(self, doc: Doc) -> Doc:
        """Raises ValueError where spur_findings has not run, or with another catalogue."""
        parsed, told = _parsed(doc), doc._.spur_model
        if told is None or told["catalogue"] != self.catalogue.name:
            raise ValueError(
                f"spur_grades needs spur_findings before it, with the catalogue {self.catalogue.name}"
            )
        model = _Told(
            ModelInfo(told["name"], told["version"]),
            np.array(told["thresholds"], np.float32),
            self.catalogue,
            np.asarray(doc._.spur_probabilities, np.float32),
        )
        policy = Policy.of(self.catalogue, self.source, told["name"])
        drafter = Drafter(model, self.catalogue, policy, self.as_of or date.today())
        doc._.spur_draft = draft_json(drafter.finish(parsed))
        return doc


@dataclass(frozen=True)
class _Told:
    """A findings model that repeats what spur_findings has put on the `Doc`."""

    info: ModelInfo
    thresholds: NDArray[np.float32]
    catalogue: Catalogue
    probabilities: Probabilities

    def predict(self, sentences: Sequence[SentenceInput]) -> Probabilities:
        assert len(sentences) == len(self.probabilities)
        return self.probabilities


@Language.factory(
    "spur_sections",
    default_config={"catalogue": catalogues.DEFAULT},
    assigns=["doc.spans", "doc._.spur_report"],
)
def spur_sections(nlp: Language, name: str, catalogue: str) -> Sections:
    """Factory. `catalogue`: name or YAML file of the criteria."""
    register()
    return Sections(catalogues.load(catalogue))


@Language.factory(
    "spur_findings",
    default_config={"model": None, "catalogue": catalogues.DEFAULT},
    requires=["doc._.spur_report"],
    assigns=["doc.spans", "doc._.spur_model", "doc._.spur_probabilities"],
)
def spur_findings(nlp: Language, name: str, model: str | None, catalogue: str) -> Findings:
    """Factory. `model`: name or folder of a findings model, the best one shipped if none is given.

    Raises SpurError where there is no such model, or it is damaged.
    """
    register()
    component = Findings(model or drafting.default_model(), catalogues.load(catalogue))
    _ = component.model  # what is wrong is told here, not at the first report
    return component


@Language.factory(
    "spur_grades",
    default_config={"catalogue": catalogues.DEFAULT, "as_of": None},
    requires=["doc._.spur_report", "doc._.spur_model", "doc._.spur_probabilities"],
    assigns=["doc._.spur_draft", "doc._.grades"],
)
def spur_grades(nlp: Language, name: str, catalogue: str, as_of: str | None) -> Grades:
    """Factory. `as_of`: the ISO day on which the action plan's dates are judged, today if none is given."""
    register()
    return Grades(catalogues.load(catalogue), date.fromisoformat(as_of) if as_of else None, catalogue)


# --- from and to the Doc -----------------------------------------------------------------------


def _source(text: str) -> Source:
    return replace(reading.read_bytes(text.encode("utf8", "replace"), "report.txt"), name="")


def _parsed(doc: Doc) -> Parsed:
    """The report that spur_sections has put on the `Doc`."""
    raw: Mapping[str, Any] | None = doc._.spur_report
    if raw is None:
        raise ValueError("spur_sections has not seen this Doc: add it to the pipeline, before spur_findings")
    report = Report(
        Facts(**raw["report"]),
        raw["text"],
        tuple(Block(**b) for b in raw["blocks"]),
        {letter: StatedGrade(**a) for letter, a in raw["areas"].items()},
        tuple(PlanEntry(**{**e, "criteria": tuple(e["criteria"])}) for e in raw["action_plan"]),
        tuple(raw["warnings"]),
    )
    return Parsed(report, tuple(Sentence(**s) for s in raw["sentences"]))


def _span(doc: Doc, place: tuple[int, int], label: str, sentence: int | None = None) -> Span | None:
    """A span of the tokens at a place in the text; None where it has none."""
    own = "" if sentence is None else str(sentence)
    return doc.char_span(*place, label=label, span_id=own, alignment_mode="expand")


def _sections(doc: Doc, parsed: Parsed, places: Alignment) -> list[Span]:
    """Blocks that have sentences, such as lists and narratives; one that a file has torn apart gives several."""
    starts = np.array([s.start for s in parsed.sentences])
    blocks = [b for b in parsed.report.blocks if b.section and ((starts >= b.start) & (starts < b.end)).any()]
    spans = (_span(doc, p, b.section or "") for b in blocks for p in places.ranges(b.start, b.end))
    return [s for s in spans if s is not None]


def _sentences(doc: Doc, sentences: Sequence[Sentence], places: Alignment) -> list[Span]:
    found = ((s, places.range(s.start, s.end)) for s in sentences)
    spans = (_span(doc, p, s.section or "", s.id) for s, p in found if p is not None)
    return [s for s in spans if s is not None]


def _mark(doc: Doc, found: Sequence[Sequence[Finding]]) -> None:
    """Spans of findings: a sentence's place, the finding as label, the sentence's id as `id_`.

    Probabilities lie in the group's `attrs`: `span._` of spaCy cannot tell two spans of one place apart.
    """
    spans, sure = [], {}
    for sentence in doc.spans[SENTENCES]:
        for f in found[int(sentence.id_)]:
            label = f"{f.criterion}:{f.status}"
            spans.append(Span(doc, sentence.start, sentence.end, label=label, span_id=sentence.id_))
            sure[f"{sentence.id_} {label}"] = round(f.probability, 6)
    doc.spans[FINDINGS] = SpanGroup(doc, name=FINDINGS, attrs={"probability": sure}, spans=spans)


# --- the getters of `doc._` and `span._` -------------------------------------------------------


def _grades(doc: Doc) -> dict[str, Any]:
    """{area: its draft, as in `spur grade --json`}; empty without spur_grades."""
    draft = doc._.spur_draft
    return draft["areas"] if draft else {}


def _probability(span: Span) -> float | None:
    """The probability of a span of doc.spans["findings"], None of another span."""
    group = span.doc.spans.get(FINDINGS)
    return group.attrs["probability"].get(f"{span.id_} {span.label_}") if group is not None else None


def _finding(span: Span) -> dict[str, Any] | None:
    """Criterion, status, probability and sentence id of a span of doc.spans["findings"], None of another span."""
    probability = _probability(span)
    if probability is None:
        return None
    criterion, _, status = span.label_.rpartition(":")
    return {"criterion": criterion, "status": status, "probability": probability, "sentence": int(span.id_)}
