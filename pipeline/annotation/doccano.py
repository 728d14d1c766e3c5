"""doccano: JSON Lines of a text classification project with several labels a text, and its list of labels.

On import every column but text and label becomes the example's own data; on export each member's file (`anna.jsonl`, in a
zip) holds id, text, that data and the labels. doccano keeps no suggestions apart: pre-annotations are labels from the start.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.annotation import base
from pipeline.annotation.base import Annotated, Annotation, Task
from pipeline.catalogue import Catalogue
from pipeline.report import SpurError

FILE, LABELS = "tasks.jsonl", "labels.json"
_COLOURS = {"+": "#2f855a", "~": "#b7791f", "-": "#c53030"}


def _row(task: Task, labels: list[str]) -> dict[str, Any]:
    heading = f"{task.report} · {task.section}"
    return {
        "text": task.text,
        "label": labels,
        "before": task.before,
        "after": task.after,
        "heading": heading,
        "spur": base.dump(task),
    }


def _annotated(records: Sequence[Annotated], annotator: str) -> Iterator[dict[str, Any]]:
    """As doccano itself exports a member's work: with its id of the example."""
    for number, r in enumerate(records, 1):
        for a in r.annotations:
            if a.annotator == annotator:
                yield {"id": number, **_row(r.task, base.codes(a.labels.items())), "Comments": []}


def _read(
    lines: Iterable[tuple[str, dict[str, Any]]], annotator: str
) -> Iterator[tuple[Task, Annotation | None]]:
    for where, row in lines:
        task = base.load(row.get("spur") or (row.get("meta") or {}).get("spur"), where)
        yield task, None
        if "id" in row:  # doccano's own: it has been in the tool
            told = next((row[k] for k in ("label", "labels", "categories") if k in row), ())
            yield task, Annotation(annotator, base.labels(told, where))


def _parts(path: Path) -> Iterator[tuple[Task, Annotation | None]]:
    if path.is_dir():
        files = [path / FILE] if (path / FILE).is_file() else []
        for file in [*files, *sorted(p for p in path.glob("*.jsonl") if p.name != FILE)]:
            yield from _parts(file)
    elif path.suffix == ".zip":
        try:
            with zipfile.ZipFile(path) as z:
                for name in sorted(n for n in z.namelist() if n.endswith(".jsonl")):
                    yield from _read(base.lines_of(z.read(name), name), Path(name).stem)
        except zipfile.BadZipFile as e:
            raise SpurError(f"{path}: ingen hel zip-fil: exportera från doccano på nytt") from e
    else:
        yield from _read(base.json_lines(path), path.stem)


class Doccano:
    """See the module's description."""

    name = "doccano"

    def write(self, records: Sequence[Annotated], catalogue: Catalogue, folder: Path) -> list[Path]:
        """`tasks.jsonl` (import as JSONL), `labels.json` (import under Labels), and a file for each annotator."""
        tasks = base.write_lines(folder / FILE, (_row(r.task, base.suggested(r.task)) for r in records))
        known = [
            {"text": code, "background_color": _COLOURS[code[-1]], "text_color": "#ffffff"}
            for code, _ in base.vocabulary(catalogue)
        ]
        written = [tasks, base.write_json(folder / LABELS, known)]
        for annotator in sorted({a.annotator for r in records for a in r.annotations}):
            written.append(base.write_lines(folder / f"{annotator}.jsonl", _annotated(records, annotator)))
        return written

    def read(self, path: Path) -> list[Annotated]:
        """A member's JSONL, the zip of all, or a folder of them; the file's name is the annotator's."""
        return base.gather(_parts(path))
