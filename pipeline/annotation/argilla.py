"""Argilla 2: a data set's folder as its client writes and reads it (`Dataset.to_disk`, `from_disk`): settings and records.

Responses carry the server's ids of users; who they are stands in `annotators.json` beside the records, ours or made from
the server's list of users ({id: name}).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.annotation import base
from pipeline.annotation.base import Annotated, Annotation, Task
from pipeline.catalogue import Catalogue
from pipeline.report import SpurError

SETTINGS, DATASET, RECORDS, PEOPLE = "settings.json", "dataset.json", "records.json", "annotators.json"
_FOLDER = ".argilla"
_QUESTION = "labels"
_GUIDELINES = (
    "Markera varje kriterium som meningen talar om, och hur: uppfyllt (+), delvis (~) eller inte uppfyllt (-). "
    "Läs avsnittet och grannmeningarna med. Inget kriterium: skicka utan markering."
)


def _person(annotator: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{annotator}.spur"))


def _field(name: str, title: str, required: bool) -> dict[str, Any]:
    return {
        "name": name,
        "title": title,
        "required": required,
        "settings": {"type": "text", "use_markdown": False},
    }


def settings(catalogue: Catalogue) -> dict[str, Any]:
    """Fields, the question with every label, and what is shown of a record."""
    options = [
        {"value": code, "text": text, "description": None} for code, text in base.vocabulary(catalogue)
    ]
    question = {
        "name": _QUESTION,
        "title": "Vad talar meningen om?",
        "description": None,
        "required": False,
        "settings": {
            "type": "multi_label_selection",
            "options": options,
            "visible_options": 20,
            "options_order": "suggestion",
        },
    }
    terms = [
        {"name": n, "title": t, "settings": {"type": "terms", "values": None}, "visible_for_annotators": True}
        for n, t in (("report", "Rapport"), ("section", "Avsnitt"))
    ]
    spur = {
        "name": "spur",
        "title": "spur",
        "settings": {"type": "terms", "values": None},
        "visible_for_annotators": False,
    }
    return {
        "guidelines": _GUIDELINES,
        "allow_extra_metadata": True,
        "distribution": {"strategy": "overlap", "min_submitted": 1},
        "fields": [
            _field("text", "Mening", True),
            _field("before", "Före", False),
            _field("after", "Efter", False),
        ],
        "questions": [question],
        "metadata": [*terms, spur],
        "vectors": [],
    }


def _record(record: Annotated) -> dict[str, Any]:
    task = record.task
    sure = {base.codes([(s.criterion, s.status)])[0]: s.probability for s in task.suggestions}
    suggestion = {"value": list(sure), "score": list(sure.values()), "agent": "spur"}
    responses = [
        {"value": base.codes(a.labels.items()), "user_id": _person(a.annotator), "status": "submitted"}
        for a in record.annotations
    ]
    return {
        "id": task.id,
        "fields": {"text": task.text, "before": task.before, "after": task.after},
        "metadata": {
            "report": task.report,
            "section": task.section,
            "spur": json.dumps(base.dump(task), ensure_ascii=False),
        },
        "suggestions": {_QUESTION: suggestion} if sure else {},
        "responses": {_QUESTION: responses} if responses else {},
        "vectors": {},
        "status": "completed" if responses else "pending",
        "_server_id": None,
    }


def _read(
    raw: dict[str, Any], people: dict[str, str], where: str
) -> Iterator[tuple[Task, Annotation | None]]:
    try:
        own = json.loads(raw["metadata"]["spur"])
    except (KeyError, TypeError, ValueError) as e:
        raise SpurError(f"{where}: uppgiften är inte gjord av «spur dataset annotate» ({e})") from e
    task = base.load(own, where)
    yield task, None
    for r in (raw.get("responses") or {}).get(_QUESTION, ()):
        if r.get("status", "submitted") == "submitted":
            who = str(r["user_id"])
            yield task, Annotation(people.get(who, who), base.labels(r.get("value") or (), where))


class Argilla:
    """See the module's description."""

    name = "argilla"

    def write(self, records: Sequence[Annotated], catalogue: Catalogue, folder: Path) -> list[Path]:
        """The folder for `rg.Dataset.from_disk(folder)`."""
        names = sorted({a.annotator for r in records for a in r.annotations})
        about = {"name": "spur", "workspace_name": None, "id": None}
        return [
            base.write_json(folder / _FOLDER / SETTINGS, settings(catalogue)),
            base.write_json(folder / _FOLDER / DATASET, about),
            base.write_json(folder / RECORDS, [_record(r) for r in records]),
            base.write_json(folder / PEOPLE, {_person(n): n for n in names}),
        ]

    def read(self, path: Path) -> list[Annotated]:
        """The folder that `Dataset.to_disk` or `write` wrote, or its `records.json`."""
        file = path / RECORDS if path.is_dir() else path
        who = file.parent / PEOPLE
        try:
            raw = json.loads(file.read_text(encoding="utf8"))
            people = json.loads(who.read_text(encoding="utf8")) if who.is_file() else {}
        except (OSError, ValueError) as e:
            raise SpurError(
                f"{file}: går inte att läsa som JSON ({e}): skriv mappen med Dataset.to_disk"
            ) from e
        if not isinstance(raw, list) or not isinstance(people, dict):
            raise SpurError(f"{file}: ingen lista av poster: skriv mappen med Dataset.to_disk")
        return base.gather(
            p for n, r in enumerate(raw, 1) for p in _read(r, people, f"{file.name}, post {n}")
        )
