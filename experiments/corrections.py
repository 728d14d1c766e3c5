"""Inspectors' corrections reach a model: from the web, through a training, to another answer on the corrected sentences.

    python experiments/corrections.py --work FOLDER > experiments/corrections.md

In FOLDER a workbench with the shipped model drafts labelled reports. What their labels say otherwise is corrected through
the API, as an inspector would. The corrections are exported, the model goes on from itself with them
(`configs/train/more.yaml`), and both models classify the corrected reports and sets that neither has seen. Ten minutes.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import httpx
from fastapi.testclient import TestClient

from pipeline import catalogue as catalogues
from pipeline.cli.app import run as spur
from pipeline.corpus.tsv import SIGNS, CorpusReport, read_all
from pipeline.findings import load
from pipeline.findings.base import FindingsModel
from pipeline.report import LISTS
from pipeline.training import collect, evaluation, labelled, ship
from pipeline.training.markdown import table
from pipeline.training.recipe import Recipe
from pipeline.training.run import Job, train
from pipeline.web.app import create_app
from pipeline.web.settings import Limits, Settings

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ("weakness_f1", "shortfall_micro_f1", "status_micro_f1")
Said = Mapping[str, str]  # criterion -> status


def sections(report: CorpusReport) -> dict[str, str]:
    """A corpus report as an inspector writes it: text by section."""
    out: dict[str, list[str]] = {}
    for row in report.rows:
        out.setdefault(row.section, []).append(row.text)
    return {s: "\n".join(f"- {t}" if s in LISTS else t for t in texts) for s, texts in out.items()}


def correct(client: httpx.Client | TestClient, report: CorpusReport) -> list[tuple[str, Said, Said]]:
    """Draft a report and correct every finding that its labels say otherwise: (sentence, found, said) of each."""
    told = client.post("/api/v1/reports", json={"sections": sections(report)}).raise_for_status().json()
    truth = {row.text: {c: SIGNS[s] for c, s in row.labels.items()} for row in report.rows}
    out: list[tuple[str, Said, Said]] = []
    for sentence in told["draft"]["sentences"]:
        found = {f["criterion"]: f["status"] for f in sentence["findings"]}
        said = truth.get(sentence["text"])
        if said is None or said == found:
            continue
        for criterion in sorted({*found, *said}):
            if found.get(criterion) != said.get(criterion):
                body = {
                    "target": "finding",
                    "sentence": sentence["id"],
                    "criterion": criterion,
                    "status": said.get(criterion, "none"),
                }
                client.post(f"/api/v1/reports/{told['id']}/corrections", json=body).raise_for_status()
        out.append((sentence["text"], found, said))
    return out


def right(model: FindingsModel, data: labelled.Labelled, texts: Sequence[str]) -> int:
    """On how many of the corrected sentences a model says what the inspector said."""
    codes, _ = evaluation.found(model.predict(data.inputs()), model.thresholds)
    same = (codes == data.gold).all(axis=1)
    return sum(bool(same[data.texts.index(t)]) for t in texts)


def figures(model: FindingsModel, data: labelled.Labelled) -> list[object]:
    codes, sure = evaluation.found(model.predict(data.inputs()), model.thresholds)
    told = evaluation.sentence_figures(data.gold, codes, sure)
    return [told[k] for k in FIGURES]


def learnt(recipe: Recipe, work: Path) -> Path:
    """The model that went on with what was corrected in the workbench's store."""
    out, folder, made = work / "corrections", work / "run", work / "more"
    if spur(["corrections", "export", "--whole", "--out", str(out)]):
        sys.exit("the corrections could not be exported")
    recipe = replace(recipe, train=(str(out / "tsv"),))
    train(Job(recipe, folder, None, show=False), [None])
    collect.carry(recipe, folder)
    ship.model(recipe, folder, made, "int8-weights")
    return made


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True, help="an empty folder")
    parser.add_argument("--model", default="e5-small-sv")
    parser.add_argument(
        "--after", type=Path, help="the model that learnt these corrections, where it is there already"
    )
    parser.add_argument("--reports", default="data/corpus/fresh", help="reports to correct some of")
    parser.add_argument("--number", type=int, default=3)
    parser.add_argument(
        "--apart", nargs="+", default=["data/corpus/stress"], help="labelled sets to judge by"
    )
    given = parser.parse_args()
    os.environ["SPUR_HOME"] = str(given.work.resolve())
    every = read_all([given.reports])
    chosen, rest = every[: given.number], every[given.number :]
    config = Settings(
        model=given.model, store=given.work / "spur.db", spool=given.work / "spool", limits=Limits.load()
    )
    os.environ["SPUR_STORE"] = str(given.work / "spur.db")
    with TestClient(create_app(config), base_url="http://127.0.0.1:8000") as client:
        corrected = [x for r in chosen for x in correct(client, r)]
    recipe = replace(Recipe.load(ROOT / "configs" / "train" / "more.yaml"), start=given.model)
    made = given.after or learnt(recipe, given.work)
    catalogue = catalogues.load()
    before, after = load(given.model, catalogue), load(str(made), catalogue)
    whole = labelled.of_reports(chosen, catalogue)
    texts = [t for t, _, _ in corrected]
    rows: list[list[object]] = []
    for name, model in (("before", before), ("after", after)):
        rows.append([name, f"{right(model, whole, texts)} of {len(texts)}", *figures(model, whole)])
    others: list[list[object]] = []
    sets = {f"the other {len(rest)} reports of {given.reports}": labelled.of_reports(rest, catalogue)}
    sets |= {p: labelled.load([p], catalogue) for p in given.apart}
    for title, data in sets.items():
        for name, model in (("before", before), ("after", after)):
            others.append([title, name, *figures(model, data)])
    print(page(given.model, recipe, chosen, len(texts), rows, others))


def page(
    model: str,
    recipe: Recipe,
    chosen: Sequence[CorpusReport],
    number: int,
    rows: list[list[object]],
    others: list[list[object]],
) -> str:
    names = ["weakness F1", "shortfall micro-F1", "status micro-F1"]
    these = ", ".join(r.id for r in chosen)
    return f"""# Corrections reach a model

Made by `python experiments/corrections.py`. {len(chosen)} invented reports ({these}) were written in the
workbench; {number} sentences were corrected through the API to what their labels say. `{model}` went on from itself by
`configs/train/more.yaml` ({recipe.epochs} epochs, {recipe.replay_reports} reports of its own training in each).

{table(["model", "corrected sentences answered as corrected", *names], rows)}

On reports that neither model has seen:

{table(["set", "model", *names], others)}"""


if __name__ == "__main__":
    main()
