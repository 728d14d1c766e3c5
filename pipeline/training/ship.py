"""A finished run as a model folder that the product loads: files, manifest, card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import torch

from pipeline import __version__
from pipeline import catalogue as catalogues
from pipeline.findings import bert, manifest, second_look
from pipeline.training import card, collect, evaluation, export, labelled, publish, start, unknown
from pipeline.training.recipe import Recipe
from pipeline.training.record import read as read_record
from pipeline.training.run import folder_of, network

PRECISIONS: tuple[export.Precision, ...] = get_args(export.Precision)
STRESS = Path("data/corpus/stress")
APART = ("stress", "fresh")  # sets of the corpus that no model is trained on
KEPT = (
    "weakness_f1",
    "shortfall_micro_f1",
    "shortfall_macro_f1",
    "met_micro_f1",
    "relevance_micro_f1",
    "status_micro_f1",
    "finding_ece",
)


def _rounded(values: evaluation.Figures) -> dict[str, float]:
    return {k: round(v, 4) for k in KEPT if (v := values.get(k)) is not None}


def metrics(recipe: Recipe, run: Path) -> dict[str, Any]:
    """Cross-fitted leave-writers-out figures, by view, and the worst writer's; of a training that went on from a model,
    that model's."""
    if recipe.start is not None:
        return {"start": dict(start.read_manifest(recipe.start).metrics)}
    collected = collect.read(recipe, run)
    pooled, by_writer = collect.figures(collected)
    worst, values = next(iter(by_writer.items()))
    views = {"unnamed": "section_hidden", "alone": "alone"}
    return {
        "leave_writers_out": _rounded(pooled),
        "first_look": _rounded(collect.figures(collected.first_look())[0]),
        "worst_writer": {"writer": worst, **_rounded(values)},
        **{n: _rounded(collect.figures(collected, v)[0]) for v, n in views.items() if v in collected.logits},
    }


def _origin(recipe: Recipe, tags: Mapping[str, str]) -> dict[str, Any]:
    """What it was trained on: the sets, and those of the model that it went on from."""
    if recipe.start is None:
        return {"sources": list(recipe.sources)}
    before = start.read_manifest(recipe.start)
    return {
        "sources": list(dict.fromkeys([*before.data.get("sources", ()), *recipe.sources])),
        "replay": tags.get("replay"),
        "start": {"name": before.name, "data": before.data.get("hash"), "files": dict(before.files)},
    }


def write(
    recipe: Recipe,
    run: Path,
    fold: int | None,
    out: Path,
    precision: export.Precision,
    told: Mapping[str, Any] | None = None,
) -> None:
    """One trained network as a loadable folder, calibrated by `calibration.json` of the run."""
    catalogue = catalogues.load(recipe.catalogue)
    net, maker = network(recipe, folder_of(run, fold), catalogue)
    calibration, threshold = collect.settings(run)
    # A shipped start's weights lie on int8's grid: rounded to the nearest, most of what was learnt since falls back onto it.
    names = export.write(net, maker, catalogue, out, precision, carried=recipe.start is not None)
    if (look := collect.look_of(run, fold)).is_file():
        shutil.copyfile(look, out / second_look.FILE)
        names = (*names, second_look.FILE)
    record = read_record(folder_of(run, fold))
    manifest.write(
        out,
        manifest.Manifest(
            kind=bert.KIND,
            name=out.name,
            version=__version__,
            catalogue=catalogue.name,
            criteria={c.id: c.text for c in catalogue.criteria},
            files=manifest.checksums(out, names),
            data={"hash": record.tags.get("data"), "fold": fold, **_origin(recipe, record.tags)},
            metrics=dict(told or {}),
            settings={
                "prefix": maker.prefix,
                "max_tokens": maker.max_tokens,
                "max_sentence": maker.max_sentence,
                "calibration": calibration.settings(),
                "threshold": round(threshold, 4),
                "precision": precision,
                "encoder": recipe.encoder,
                "seed": recipe.seed,
                "parameters": export.size(net),
                "shape": start.shape(net),
                "versions": {
                    k: v for k, v in record.tags.items() if k not in ("data", "catalogue", "replay")
                },
            },
        ),
    )


def model(
    recipe: Recipe,
    run: Path,
    out: Path,
    precision: str,
    fold: int | None = None,
    left_out: Path | None = None,
) -> None:
    """The run's network of all of the corpus (or of a fold) as `out`: files, manifest with the figures of every split,
    card. `left_out`: a run's folder that was trained without some criteria, whose figures the card tells too."""
    told = metrics(recipe, run)
    chosen = next(p for p in PRECISIONS if p == precision)
    write(recipe, run, fold, out, chosen, told)
    for name in APART:
        if (folder := Path("data/corpus") / name).is_dir():
            told[name] = _rounded(publish.evaluation(str(out), [folder], track=False))
    _precision_cost(recipe, run, fold, out, told)
    told["unknown_criteria"] = _unknown(out, left_out)
    path = out / manifest.FILE
    raw = json.loads(path.read_text(encoding="utf8"))
    manifest.write(out, manifest.Manifest(**{**raw, "metrics": told}))
    trained = {k: read_record(folder_of(run, k)) for k in (*collect.finished(recipe, run), fold)}
    found = collect.read(recipe, run).judged() if recipe.start is None else _apart(out)
    (out / "README.md").write_text(card.text(manifest.read(out), recipe, found, trained), encoding="utf8")


def _apart(out: Path) -> collect.Judged | None:
    """What the model finds in the corpus' sets that no model is trained on."""
    sets = [p for name in APART if (p := Path("data/corpus") / name).is_dir()]
    if not sets:
        return None
    model = bert.load(out, catalogues.load(manifest.read(out).catalogue))
    data = labelled.load(sets, model.catalogue)
    return collect.Judged(data, *evaluation.found(model.predict(data.inputs()), model.thresholds))


def _unknown(out: Path, left_out: Path | None) -> dict[str, dict[str, float | None]]:
    """How criteria are ranked that are reworded, and that a training left out, beside the trained and the section alone."""
    told: dict[str, dict[str, float | None]] = {}
    if unknown.REWORDED.is_file() and STRESS.is_dir():
        c = unknown.compare(out, [STRESS], catalogues.load(unknown.REWORDED))
        rows = {"own wording": c.own, "reworded": c.other, "section alone": c.area}
        told |= {k: r.rankings["mean"] for k, r in rows.items()}
    if left_out is not None:
        last = {k: v for _, _, values in read_record(left_out).metrics for k, v in values.items()}
        for name in ("held", "stress"):
            prefix = f"{name}.context.left_out_"
            told[f"left out of a training ({name})"] = {
                k.removeprefix(prefix): v for k, v in last.items() if k.startswith(prefix)
            }
    return told


@torch.no_grad()
def _precision_cost(recipe: Recipe, run: Path, fold: int | None, out: Path, told: dict[str, Any]) -> None:
    """How far the shipped numbers lie from the float32 network's on the stress set (probabilities and figures)."""
    from pipeline.training.trainer import predict  # noqa: PLC0415

    if not STRESS.is_dir():
        return
    shipped = bert.load(out, catalogues.load(recipe.catalogue))
    data = labelled.load([STRESS], shipped.catalogue)
    net, maker = network(recipe, folder_of(run, fold), shipped.catalogue)
    calibration, _ = collect.settings(run)
    full = calibration(predict(net, data.inputs(), maker, shipped.catalogue, torch.device("cpu")))
    full = shipped.second_look(data.inputs(), full)
    codes, sure = evaluation.found(full, shipped.thresholds)
    told["stress_float32"] = _rounded(evaluation.sentence_figures(data.gold, codes, sure))
    told["precision_cost"] = {
        "mean_probability_difference": round(float(abs(full - shipped.predict(data.inputs())).mean()), 6)
    }
