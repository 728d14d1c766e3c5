"""The whole flow: a file in, a draft out; and over many files, with bad ones told and the others done."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Generic, TypeVar, cast

from pipeline import catalogue as catalogues
from pipeline import findings, language, parsing, reading
from pipeline.catalogue import Catalogue
from pipeline.findings import FindingsModel, SentenceInput, decide, manifest
from pipeline.findings.base import looks
from pipeline.grading import Policy, grade
from pipeline.report import Draft, Report, Sentence, Source, SpurError

T = TypeVar("T")

KINDS = ("bert", "baseline")  # of findings model, best first


@dataclass(frozen=True, slots=True)
class Parsed:
    """A report and its sentences."""

    report: Report
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What became of one file: `result`, or else `error`, one line that says what is wrong and what to do."""

    path: Path
    result: T | None = None
    error: str = ""


def parse(source: Source, catalogue: Catalogue) -> Parsed:
    """A source as a report with its sentences.

    Raises SpurError where it is no SPUR report, or one of another kind than the catalogue's.
    """
    report = parsing.parse(source, catalogue)
    return Parsed(report, tuple(language.sentences(report)))


def inputs(parsed: Parsed) -> list[SentenceInput]:
    """The report's sentences as a findings model sees them: all of one report, so each other's context."""
    name = parsed.report.facts.file or "report"
    return [SentenceInput(s.text, s.section, name) for s in parsed.sentences]


def default_model() -> str:
    """The model that is used unless another is asked for: what `$SPUR_MODEL` names (a name, a folder, or `champion`), else
    the shipped one of the best kind there is.

    Raises SpurError where the installation has none, or cannot read what it has.
    """
    return os.environ.get("SPUR_MODEL") or shipped_model()


def shipped_model() -> str:
    """The shipped model of the best kind there is; raises as `default_model`."""
    kinds = {name: _kind(folder) for name, folder in findings.available().items()}
    for kind in KINDS:
        for name, its in kinds.items():
            if its == kind:
                return name
    raise SpurError("installationen saknar modell: installera paketet på nytt, eller ange --model MAPP")


def _kind(folder: Path) -> str | None:
    """The kind of findings model in a folder, None for a model of something else; checksums are not read."""
    try:
        return cast(str | None, json.loads((folder / manifest.FILE).read_text(encoding="utf8")).get("kind"))
    except (ValueError, AttributeError):
        return manifest.read(folder).kind  # says what is wrong: no silent fall-back to a weaker model


@dataclass(frozen=True)
class Drafter:
    """Drafts grades with one model, catalogue and policy. Calls do not depend on each other.

    `as_of` is the day on which the action plan's dates are judged.
    """

    model: FindingsModel
    catalogue: Catalogue
    policy: Policy
    as_of: date

    @classmethod
    def load(
        cls,
        model: str | Path | None = None,
        catalogue: str | Path = catalogues.DEFAULT,
        as_of: date | None = None,
    ) -> Drafter:
        """A drafter with a shipped model (by name) or one in a folder, and a catalogue by name or file.

        Raises SpurError where one of them does not exist or is damaged.
        """
        criteria = catalogues.load(catalogue)
        found = findings.load(model or default_model(), criteria)
        policy = Policy.of(criteria, catalogue, found.info.name)
        return cls(found, criteria, policy, as_of or date.today())

    def draft(self, source: Source) -> Draft:
        """The draft of one report.

        Raises SpurError where the source is no SPUR report that the catalogue is for.
        """
        return self.finish(parse(source, self.catalogue))

    def finish(self, parsed: Parsed) -> Draft:
        """The draft of a report that has been parsed."""
        report, sentences = parsed.report, parsed.sentences
        probabilities, first = looks(self.model, inputs(parsed))
        alone = () if first is None else tuple(decide(first, self.model.thresholds, self.catalogue))
        areas, warnings = grade(
            report, sentences, probabilities, self.model.thresholds, self.catalogue, self.policy, self.as_of
        )
        return Draft(
            report=report.facts,
            text=report.text,
            model=self.model.info,
            sentences=sentences,
            findings=tuple(decide(probabilities, self.model.thresholds, self.catalogue)),
            areas=areas,
            action_plan=report.action_plan,
            warnings=(*report.warnings, *warnings),
            by_itself=alone,
        )


def names(paths: Sequence[Path]) -> dict[Path, str]:
    """What each file is called in the output: its base name; files of one name with as many of their folders
    as tell them apart.
    """
    absolute = {p: p.absolute().parts for p in paths}
    out: dict[Path, str] = {}
    depth, open_ = 1, list(paths)
    while open_:
        tails = {p: "/".join(absolute[p][-depth:]) for p in open_}
        used = list(tails.values())
        for p, tail in tails.items():
            if used.count(tail) == 1 or depth >= len(absolute[p]):
                out[p] = tail
        open_ = [p for p in open_ if p not in out]
        depth += 1
    return {p: out[p] for p in paths}


def each(
    paths: Sequence[Path], work: Callable[[Source], T], read: Callable[[Path], Source] = reading.read
) -> Iterator[Outcome[T]]:
    """Reads each file and does `work` with it, in order. What fails is told; the others go on.

    The next file is read while one is worked on; `read` is called by one thread only, not the caller's.
    """
    with ThreadPoolExecutor(1) as pool:
        ahead = pool.submit(read, paths[0]) if paths else None
        for n, path in enumerate(paths, 1):
            assert ahead is not None
            source, ahead = ahead, pool.submit(read, paths[n]) if n < len(paths) else None
            yield _outcome(path, source, work)


def _outcome(path: Path, source: Future[Source], work: Callable[[Source], T]) -> Outcome[T]:
    try:
        return Outcome(path, work(source.result()))
    except SpurError as e:
        return Outcome(path, error=_line(str(e)))
    except OSError as e:
        what = _line(e.strerror or str(e))
        return Outcome(path, error=f"kan inte läsas ({what}): kontrollera filen och dess rättigheter")
    except Exception as e:  # a fault of ours in one file must not lose the others
        what = _line(f"{type(e).__name__}: {e}")[:300]
        return Outcome(path, error=f"oväntat fel ({what}): anmäl felet och bifoga om möjligt filen")


def _line(text: str) -> str:
    return " ".join(text.split())


def named(draft: Draft, name: str) -> Draft:
    """The draft under the name that the run gives its file."""
    return replace(draft, report=replace(draft.report, file=name))


def named_parse(parsed: Parsed, name: str) -> Parsed:
    """The parsed report under the name that the run gives its file."""
    facts = replace(parsed.report.facts, file=name)
    return replace(parsed, report=replace(parsed.report, facts=facts))
