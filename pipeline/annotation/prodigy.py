"""Prodigy: JSON Lines of its choice interface, several answers a text (prodi.gy/docs/api-interfaces#choice).

The choices are the criteria nearest to the sentence; what else it tells goes into a text field (interface `blocks`), as
labels with spaces between. Start it with the folder's `prodigy.json` in place:

    prodigy mark spur tasks.jsonl --view-id blocks
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.annotation import base
from pipeline.annotation.base import Annotated, Annotation, Task
from pipeline.catalogue import Catalogue
from pipeline.corpus.tsv import SIGNS

FILE, SETTINGS = "tasks.jsonl", "prodigy.json"
_OTHER = "other"


def _options(task: Task, wording: dict[str, str]) -> list[dict[str, str]]:
    shown = list(dict.fromkeys([*(s.criterion for s in task.suggestions), *task.near]))
    return [{"id": f"{c}{sign}", "text": wording[f"{c}{sign}"]} for c in shown for sign in SIGNS]


def _row(task: Task, wording: dict[str, str], annotation: Annotation | None) -> dict[str, Any]:
    options = _options(task, wording)
    told = base.suggested(task) if annotation is None else base.codes(annotation.labels.items())
    shown = {o["id"] for o in options}
    row = {
        "text": task.text,
        "options": options,
        "accept": [c for c in told if c in shown],
        _OTHER: " ".join(c for c in told if c not in shown),
        "meta": {"rapport": task.report, "avsnitt": task.section, "före": task.before, "efter": task.after},
        "spur": base.dump(task),
    }
    if annotation is None:
        return row
    session = f"spur-{annotation.annotator}"
    return {**row, "answer": "accept", "_annotator_id": session, "_session_id": session}


def _annotator(row: dict[str, Any]) -> str:
    """The session without the data set's name before it, where it has ours."""
    told = str(row.get("_annotator_id") or row.get("_session_id") or "?")
    return told.removeprefix("spur-")


def _parts(path: Path) -> Iterator[tuple[Task, Annotation | None]]:
    for where, row in base.json_lines(path):
        task = base.load(row.get("spur"), where)
        yield task, None
        if row.get("answer") == "accept":
            told = [*row.get("accept", ()), *str(row.get(_OTHER) or "").split()]
            yield task, Annotation(_annotator(row), base.labels(told, where))


class Prodigy:
    """See the module's description."""

    name = "prodigy"

    def write(self, records: Sequence[Annotated], catalogue: Catalogue, folder: Path) -> list[Path]:
        """`tasks.jsonl` (a line for each annotation, or one without) and `prodigy.json`."""
        wording = dict(base.vocabulary(catalogue))
        rows = [_row(r.task, wording, a) for r in records for a in (r.annotations or (None,))]
        field = {
            "view_id": "text_input",
            "field_id": _OTHER,
            "field_label": "Andra kriterier (t.ex. E.F6- B.R1~)",
        }
        settings = {
            "choice_style": "multiple",
            "blocks": [{"view_id": "choice"}, field],
            "exclude_by": "task",
        }
        return [
            base.write_lines(folder / FILE, rows),
            base.write_json(folder / SETTINGS, settings),
        ]

    def read(self, path: Path) -> list[Annotated]:
        """What `prodigy db-out` writes, or what `write` wrote. Only accepted answers count."""
        return base.gather(_parts(path / FILE if path.is_dir() else path))
