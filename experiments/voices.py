"""How models read voices that they were not trained on, writer by writer:

    python experiments/voices.py NAME=MODEL... --on SET... > experiments/voices.md

A writer of a set that a model's manifest names as trained on is left out for that model.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from pipeline import catalogue as catalogues
from pipeline.findings import load, manifest
from pipeline.training import evaluation, labelled
from pipeline.training.markdown import table

FIGURES = ("weakness_f1", "shortfall_micro_f1", "status_micro_f1", "finding_ece")
HEADS = ("weakness F1", "shortfall micro-F1", "status micro-F1", "finding ECE")


def trained_on(model: str, path: Path) -> bool:
    """Whether a model folder names a set among its sources."""
    folder = Path(model)
    sources = manifest.read(folder).data.get("sources", ()) if (folder / manifest.FILE).is_file() else ()
    return path.name in {Path(s).name for s in sources}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="+", metavar="NAME=MODEL")
    parser.add_argument("--on", type=Path, nargs="+", required=True)
    given = parser.parse_args()
    catalogue, rows = catalogues.load(), list[tuple[str, ...]]()
    for name, _, model in (m.partition("=") for m in given.models):
        findings = load(model, catalogue)
        for path in given.on:
            if trained_on(model, path):
                continue
            data = labelled.load([path], catalogue)
            codes, sure = evaluation.found(findings.predict(data.inputs()), findings.thresholds)
            writers = np.unique(data.writers)
            for writer in writers if len(writers) < 9 else ["all"]:
                which = (data.writers == writer) | (writer == "all")
                told = evaluation.sentence_figures(data.gold[which], codes[which], sure[which])
                shown = [f"{told[k] or 0:.3f}" for k in FIGURES]
                rows.append((path.name, str(writer), str(int(which.sum())), name, *shown))
    rows.sort(key=lambda r: r[:2])
    print(
        "# Voices that a model had not seen\n\nMade by `python experiments/voices.py`; sets: `data/corpus/README.md`.\n"
    )
    print(table(["set", "writer", "sentences", "model", *HEADS], rows))


if __name__ == "__main__":
    main()
