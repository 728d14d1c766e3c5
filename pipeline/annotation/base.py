"""What is labelled, by whom and how: the same for every tool. A format writes it for its tool and reads it back.

In the tools a label is a criterion with its sign, as in the corpus: `E.F6-` unmet, `E.F6~` partly, `E.F6+` met.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from pipeline.catalogue import Catalogue
from pipeline.corpus.tsv import SIGNS
from pipeline.report import SpurError

SIGN_OF: Mapping[str, str] = {status: sign for sign, status in SIGNS.items()}
WORDS = {"+": "uppfyllt", "~": "delvis", "-": "inte uppfyllt"}
Labels = Mapping[str, str]  # {criterion: status}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What the model thinks that a sentence tells; `probability` in [0, 1]."""

    criterion: str
    status: str
    probability: float


@dataclass(frozen=True, slots=True)
class Task:
    """A sentence to label. `id` is unique over reports; `near`: the criteria that a tool without room for all should
    offer first; `why`: what it was chosen for; `before`, `after`: its neighbours, "" where there are none."""

    id: str
    report: str
    section: str
    text: str
    before: str = ""
    after: str = ""
    suggestions: tuple[Suggestion, ...] = ()
    near: tuple[str, ...] = ()
    score: float = 0.0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Annotation:
    """All that one annotator says that the sentence tells; no labels: that it tells of no criterion."""

    annotator: str
    labels: Labels


@dataclass(frozen=True, slots=True)
class Annotated:
    """A task and what people have said of it, in order of their names."""

    task: Task
    annotations: tuple[Annotation, ...] = ()


class Format(Protocol):
    """One tool's format. `read(write(records))` gives the records again."""

    @property
    def name(self) -> str: ...

    def write(self, records: Sequence[Annotated], catalogue: Catalogue, folder: Path) -> list[Path]:
        """Files for the tool in `folder` (made if missing): tasks with suggestions as pre-annotations, labels that are
        there as annotations, and the tool's settings."""
        ...

    def read(self, path: Path) -> list[Annotated]:
        """What `write` wrote or the tool exports: a file or a folder. Raises SpurError where it is something else."""
        ...


def codes(labels: Iterable[tuple[str, str]]) -> list[str]:
    """(criterion, status) pairs as the tools' labels, sorted."""
    return sorted(f"{c}{SIGN_OF[s]}" for c, s in labels)


def labels(told: Iterable[Any], where: str) -> dict[str, str]:
    """The tools' labels as {criterion: status}. Raises SpurError (`where` names the place) where one is none, or a
    criterion has two."""
    out: dict[str, str] = {}
    for code in told:
        code = str(code).strip()  # noqa: PLW2901
        if code[-1:] not in SIGNS or not code[:-1]:
            raise SpurError(f"{where}: etiketten {code!r} är inget kriterium med tecken, som E.F6-")
        if out.setdefault(code[:-1], SIGNS[code[-1]]) != SIGNS[code[-1]]:
            raise SpurError(f"{where}: {code[:-1]} har två olika etiketter: behåll en")
    return dict(sorted(out.items()))


def vocabulary(catalogue: Catalogue) -> list[tuple[str, str]]:
    """Every label with its meaning in words, in the catalogue's order."""
    return [
        (f"{c.id}{sign}", f"{c.id} {WORDS[sign]}: {c.text}") for c in catalogue.criteria for sign in SIGNS
    ]


def suggested(task: Task) -> list[str]:
    """The task's suggestions as labels."""
    return codes((s.criterion, s.status) for s in task.suggestions)


def dump(task: Task) -> dict[str, Any]:
    """The task as JSON values: what a format carries along untouched."""
    return {**asdict(task), "suggestions": [asdict(s) for s in task.suggestions], "near": list(task.near)}


def load(raw: Any, where: str) -> Task:
    """What `dump` gave. Raises SpurError where it is something else."""
    try:
        made = {**raw, "suggestions": tuple(Suggestion(**s) for s in raw["suggestions"])}
        return Task(**{**made, "near": tuple(raw["near"])})
    except (TypeError, KeyError) as e:
        raise SpurError(f"{where}: uppgiften är inte gjord av «spur dataset annotate» ({e})") from e


def gather(parts: Iterable[tuple[Task, Annotation | None]]) -> list[Annotated]:
    """One record a task, in the order in which tasks are first met, its annotations by name."""
    tasks: dict[str, Task] = {}
    said: dict[str, dict[str, Annotation]] = {}
    for task, annotation in parts:
        tasks.setdefault(task.id, task)
        if annotation is not None:
            said.setdefault(task.id, {})[annotation.annotator] = annotation
    return [Annotated(t, tuple(a for _, a in sorted(said.get(i, {}).items()))) for i, t in tasks.items()]


def json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(place, object) of each line of a JSONL file. Raises SpurError where a line is no object."""
    yield from lines_of(path.read_bytes(), path.name)


def lines_of(content: bytes, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(place, object) of each line of JSONL content."""
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        where = f"{name}, rad {number}"
        try:
            row = json.loads(line.decode("utf-8-sig"))
        except ValueError as e:
            raise SpurError(f"{where}: inte JSON i UTF-8 ({e})") from e
        if not isinstance(row, dict):
            raise SpurError(f"{where}: inget JSON-objekt")
        yield where, row


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """JSON Lines in UTF-8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf8")
    return path


def write_json(path: Path, content: Any) -> Path:
    """One JSON document in UTF-8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf8")
    return path
