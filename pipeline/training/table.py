"""The table of trials, from their records.

    python -m pipeline.training.table experiments/trials runs/e5-small-sv > experiments/findings.md

Folders that hold a `record.jsonl` (see record.py) are trials; what each differs by from most is told, not all of its recipe.
`--publish` puts the trials into MLflow too, each as a run.
"""

from __future__ import annotations

import argparse
import collections
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.training import record, tracking
from pipeline.training.markdown import table

SETS = ("held.context", "held.unnamed", "stress.context", "stress.alone", "stress.unnamed")
FIGURES = ("weakness_f1", "shortfall_micro_f1", "status_micro_f1")
APART = (
    "training_sentences",
    "device",
    "steps",
    "fold",
    "augment",
    "head",
    "name",
    "note",
    "epochs_done",
    "train",
)


def last(run: record.Run) -> dict[str, float]:
    """Each metric's last value."""
    out: dict[str, float] = {}
    for _, _, values in run.metrics:
        out |= values
    return out


def trials(folders: Sequence[Path]) -> dict[str, record.Run]:
    """The records in and below folders, by folder name."""
    files = sorted(f for folder in folders for f in folder.rglob(record.FILE))
    return {f.parent.name: record.read(f.parent) for f in files}


def page(runs: Mapping[str, record.Run]) -> str:
    """Markdown: a row a trial with what it differs by, and a table of its figures at threshold 0.5, uncalibrated."""
    settings = {n: record.flat(r.params) for n, r in runs.items()}
    usual: dict[str, Any] = {}
    for key in {k for s in settings.values() for k in s}:
        counts = collections.Counter(str(s[key]) for s in settings.values() if key in s)
        usual[key] = counts.most_common(1)[0][0]
    rows, figures = [], []
    for name, run in runs.items():
        s = settings[name]
        unlike = [
            f"{k}={v}"
            for k, v in s.items()
            if str(v) != usual[k] and k.partition(".")[2] not in APART and k not in APART
        ]
        rows.append(
            [name, s.get("fold", "–"), s.get("steps") or s.get("epochs"), ", ".join(unlike) or "as most"]
        )
        told = last(run)
        figures.append([name, *("/".join(_short(told.get(f"{x}.{f}")) for f in FIGURES) for x in SETS)])
    return (
        "# Trials of the findings model\n\nMade by `python -m pipeline.training.table`. Each on one fold of unseen "
        "writers and on `stress/`, at threshold 0.5, uncalibrated.\n\n"
        + table(["trial", "fold", "steps", "differs by"], rows)
        + "\n\nWeakness F1 / shortfall micro-F1 / status micro-F1:\n\n"
        + table(["trial", *SETS], figures)
        + "\n"
    )


def _short(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--publish", action="store_true", help="put the trials into MLflow too")
    given = parser.parse_args(arguments)
    runs = trials(given.folders)
    if given.publish:
        for name in runs:
            with tracking.run(name) as mlflow:
                folder = next(
                    f.parent for d in given.folders for f in d.rglob(record.FILE) if f.parent.name == name
                )
                tracking.publish_record(mlflow, folder)
    print(page(runs), end="")


if __name__ == "__main__":
    main()
