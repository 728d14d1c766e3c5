"""Label Studio: JSON tasks with predictions and annotations, and the labelling configuration (a taxonomy of criteria).

Formats: labelstud.io/guide/predictions and /guide/export#Label-Studio-JSON-format-of-annotated-tasks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET  # only written here, never read

from pipeline.annotation import base
from pipeline.annotation.base import Annotated, Annotation, Task
from pipeline.catalogue import Catalogue
from pipeline.corpus.tsv import SIGNS
from pipeline.report import SpurError

FILE, CONFIG = "tasks.json", "label-config.xml"
_CONTROL, _OBJECT = "labels", "text"


def config(catalogue: Catalogue) -> str:
    """The labelling configuration: sentence with its neighbours, criteria by area, each with its three statuses."""
    view = ET.Element("View")
    ET.SubElement(view, "Header", value="$heading")
    ET.SubElement(view, "Text", name="before", value="$before")
    ET.SubElement(view, "Text", name=_OBJECT, value="$text")
    ET.SubElement(view, "Text", name="after", value="$after")
    taxonomy = ET.SubElement(
        view, "Taxonomy", name=_CONTROL, toName=_OBJECT, leafsOnly="true", showFullPath="true"
    )
    for area in catalogue.areas.values():
        branch = ET.SubElement(taxonomy, "Choice", value=f"{area.letter} {area.name}", alias=area.letter)
        for c in area.criteria:
            node = ET.SubElement(branch, "Choice", value=f"{c.id} {c.text}", alias=c.id)
            for sign in SIGNS:
                ET.SubElement(node, "Choice", value=base.WORDS[sign], alias=f"{c.id}{sign}")
    ET.indent(view)
    return ET.tostring(view, encoding="unicode") + "\n"


def _result(labels: Sequence[str], identity: str) -> list[dict[str, Any]]:
    paths = [[code.partition(".")[0], code[:-1], code] for code in labels]
    if not paths:
        return []
    return [
        {
            "id": identity,
            "from_name": _CONTROL,
            "to_name": _OBJECT,
            "type": "taxonomy",
            "value": {"taxonomy": paths},
        }
    ]


def _prediction(task: Task) -> dict[str, Any]:
    least = min((s.probability for s in task.suggestions), default=0.0)
    return {
        "model_version": "spur",
        "score": least,
        "result": _result(base.suggested(task), f"{task.id}-suggested"),
    }


def _task(record: Annotated) -> dict[str, Any]:
    task = record.task
    heading = f"{task.report} · {task.section}"
    data = {
        "text": task.text,
        "before": task.before,
        "after": task.after,
        "heading": heading,
        "spur": base.dump(task),
    }
    annotations = [
        {
            "completed_by": {"email": a.annotator},
            "was_cancelled": False,
            "result": _result(base.codes(a.labels.items()), f"{task.id}-{n}"),
        }
        for n, a in enumerate(record.annotations)
    ]
    return {"data": data, "predictions": [_prediction(task)], "annotations": annotations}


def _annotator(told: Any) -> str:
    """Who completed it: an id in the plain export, the user in others."""
    if isinstance(told, dict):
        return str(told.get("email") or told.get("id") or "?")
    return str(told)


def _read(raw: dict[str, Any], where: str) -> Iterator[tuple[Task, Annotation | None]]:
    task = base.load((raw.get("data") or {}).get("spur"), where)
    yield task, None
    for a in raw.get("annotations") or raw.get("completions") or ():
        if a.get("was_cancelled"):
            continue
        told = [
            path[-1]
            for r in a.get("result", ())
            if r.get("from_name") == _CONTROL
            for path in r["value"]["taxonomy"]
        ]
        yield task, Annotation(_annotator(a.get("completed_by")), base.labels(told, where))


class LabelStudio:
    """See the module's description."""

    name = "label-studio"

    def write(self, records: Sequence[Annotated], catalogue: Catalogue, folder: Path) -> list[Path]:
        """`tasks.json` (import it) and `label-config.xml` (paste it under Settings → Labeling Interface)."""
        tasks = base.write_json(folder / FILE, [_task(r) for r in records])
        (folder / CONFIG).write_text(config(catalogue), encoding="utf8")
        return [tasks, folder / CONFIG]

    def read(self, path: Path) -> list[Annotated]:
        """The JSON export, or what `write` wrote."""
        path = path / FILE if path.is_dir() else path
        try:
            raw = json.loads(path.read_text(encoding="utf8"))
        except (OSError, ValueError) as e:
            raise SpurError(
                f"{path}: går inte att läsa som JSON ({e}): exportera från Label Studio som JSON"
            ) from e
        if not isinstance(raw, list):
            raise SpurError(
                f"{path}: ingen lista av uppgifter: exportera från Label Studio som JSON, inte JSON-MIN"
            )
        return base.gather(
            part for n, t in enumerate(raw, 1) for part in _read(t, f"{path.name}, uppgift {n}")
        )
