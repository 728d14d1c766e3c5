"""A finished run as a model folder that the product loads: files, manifest, card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import torch
from safetensors.torch import load_file

from pipeline import __version__
from pipeline import catalogue as catalogues
from pipeline.catalogue import Catalogue
from pipeline.findings import bert, manifest
from pipeline.findings.encoding import Encoder
from pipeline.report import SpurError
from pipeline.training import card, collect, encoder, export, labelled, publish
from pipeline.training.encoder import EncoderConfig
from pipeline.training.evaluation import Figures
from pipeline.training.model import FindingsNetwork
from pipeline.training.recipe import Recipe
from pipeline.training.record import read as read_record
from pipeline.training.run import WEIGHTS, folder_of
from pipeline.training.trainer import make_network

PRECISIONS: tuple[export.Precision, ...] = get_args(export.Precision)
KEPT = (
    "weakness_f1",
    "shortfall_micro_f1",
    "shortfall_macro_f1",
    "met_micro_f1",
    "relevance_micro_f1",
    "status_micro_f1",
    "finding_ece",
)


def network(recipe: Recipe, folder: Path, catalogue: Catalogue) -> tuple[FindingsNetwork, Encoder]:
    """A trained fold's network. Raises SpurError where its weights are missing."""
    path = folder / WEIGHTS
    if not path.is_file():
        raise SpurError(f"{path} is missing: run `spur train` to the end first")
    source = encoder.source_folder(EncoderConfig.load(recipe.encoder))
    net, maker = make_network(recipe, source, catalogue)
    net.load_state_dict(load_file(str(path)))
    return net.eval(), maker


def _rounded(values: Figures) -> dict[str, float]:
    return {k: round(v, 4) for k in KEPT if (v := values.get(k)) is not None}


def metrics(recipe: Recipe, run: Path) -> dict[str, Any]:
    """Cross-fitted leave-writers-out figures, by view, and the worst writer's."""
    collected = collect.read(recipe, run)
    pooled, by_writer = collect.figures(collected)
    worst, values = next(iter(by_writer.items()))
    views = {"unnamed": "section_hidden", "alone": "alone"}
    return {
        "leave_writers_out": _rounded(pooled),
        "worst_writer": {"writer": worst, **_rounded(values)},
        **{n: _rounded(collect.figures(collected, v)[0]) for v, n in views.items() if v in collected.logits},
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
    names = export.write(net, maker, catalogue, out, precision)
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
            data={"hash": record.tags.get("data"), "sources": list(recipe.train), "fold": fold},
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
                "versions": {k: v for k, v in record.tags.items() if k not in ("data", "catalogue")},
            },
        ),
    )


def model(recipe: Recipe, run: Path, out: Path, precision: str, fold: int | None = None) -> None:
    """The run's network of all of the corpus (or of a fold) as `out`: files, manifest with the figures of every split,
    card."""
    told = metrics(recipe, run)
    chosen = next(p for p in PRECISIONS if p == precision)
    write(recipe, run, fold, out, chosen, told)
    stress = Path("data/corpus/stress")
    if stress.is_dir():
        told["stress"] = _rounded(publish.evaluation(str(out), [stress], track=False))
    _precision_cost(recipe, run, fold, out, told)
    path = out / manifest.FILE
    raw = json.loads(path.read_text(encoding="utf8"))
    manifest.write(out, manifest.Manifest(**{**raw, "metrics": told}))
    collected = collect.read(recipe, run)
    (out / "README.md").write_text(card.text(manifest.read(out), recipe, collected), encoding="utf8")


@torch.no_grad()
def _precision_cost(recipe: Recipe, run: Path, fold: int | None, out: Path, told: dict[str, Any]) -> None:
    """How far the shipped numbers lie from the float32 network's on the stress set (probabilities and figures)."""
    from pipeline.training.evaluation import found, sentence_figures  # noqa: PLC0415
    from pipeline.training.trainer import predict  # noqa: PLC0415

    stress = Path("data/corpus/stress")
    if not stress.is_dir():
        return
    shipped = bert.load(out, catalogues.load(recipe.catalogue))
    data = labelled.load([stress], shipped.catalogue)
    net, maker = network(recipe, folder_of(run, fold), shipped.catalogue)
    calibration, _ = collect.settings(run)
    full = calibration(predict(net, data.inputs(), maker, shipped.catalogue, torch.device("cpu")))
    codes, sure = found(full, shipped.thresholds)
    told["stress_float32"] = _rounded(sentence_figures(data.gold, codes, sure))
    told["precision_cost"] = {
        "mean_probability_difference": round(float(abs(full - shipped.predict(data.inputs())).mean()), 6)
    }
