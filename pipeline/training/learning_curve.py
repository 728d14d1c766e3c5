"""How the figures grow with the number of training reports: are more labels worth their while?

    python -m pipeline.training.learning_curve                                   # the linear baseline, minutes
    python -m pipeline.training.learning_curve --config configs/train/more.yaml --on data/corpus/stress

A seed deals the reports in one order; each point learns from the first of them and is judged on the held-out writers of a
fold, or on a labelled set (`--on`), always the same. The table goes to a page, each model's in its own place, and with a
plot to MLflow. The baseline is calibrated by writers left out of the same reports; findings recipes are judged at threshold
0.5, uncalibrated. A recipe's points are folders of runs: one that is done is not trained again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import catalogue as catalogues
from pipeline.corpus import tsv
from pipeline.report import SpurError
from pipeline.training import labelled, plots, tracking
from pipeline.training.evaluation import Figures
from pipeline.training.folds import writer_fold
from pipeline.training.labelled import Labelled
from pipeline.training.markdown import table

FIGURES = {
    "shortfall_micro_f1": "shortfall micro-F1",
    "weakness_f1": "weakness F1",
    "status_micro_f1": "status micro-F1",
}
POINTS = (12, 25, 50, 100)
Files = tuple[Path, ...]
Learner = Callable[[Files], Figures]
"""Figures, on what a curve is judged by, of a model that learns from these reports."""


@dataclass(frozen=True)
class Point:
    """What so many reports gave with a seed."""

    reports: int
    seed: int
    figures: Figures


def dealt(files: Sequence[Path], seed: int) -> list[Path]:
    """The reports in the order in which a seed's points take them."""
    return random.Random(f"learning-curve-{seed}").sample(list(files), len(files))


def split(paths: Sequence[str], fold: int | None) -> tuple[Files, Files]:
    """(reports to learn from, held-out writers' reports) of TSV files and folders. Raises SpurError where either is none."""
    files = tsv.find(paths)
    held = tuple(f for f in files if fold is not None and writer_fold(tsv.read(f).writer) == fold)
    own = tuple(f for f in files if f not in held)
    if not own or (fold is not None and not held):
        raise SpurError(f"{', '.join(paths)}: no reports to learn from, or none of fold {fold}'s writers")
    return own, held


def measure(own: Files, points: Sequence[int], seeds: Sequence[int], learner: Learner) -> list[Point]:
    """Every point of every seed, then all reports (once: a seed changes nothing there)."""
    out = []
    for seed in seeds:
        order = dealt(own, seed)
        sizes = sorted({n for n in points if 0 < n < len(own)}) + ([len(own)] if seed == seeds[0] else [])
        for n in sizes:
            out.append(Point(n, seed, learner(tuple(order[:n]))))
            print(
                f"{n} reports, seed {seed}: {out[-1].figures['shortfall_micro_f1']}",
                file=sys.stderr,
                flush=True,
            )
    return out


# --- who learns ------------------------------------------------------------------------------------------------------


def baseline(test: Labelled) -> Learner:
    """The linear baseline; calibration and threshold from two inner folds of writers."""
    from pipeline.training import baseline as linear  # noqa: PLC0415  scikit-learn

    catalogue, recipe = catalogues.load(), linear.Recipe()
    wordings = linear.wordings_of(catalogue)

    def learn(files: Files) -> Figures:
        data = labelled.load(files, catalogue)
        if len(set(data.reports)) < 2:
            raise SpurError("the baseline's threshold comes from reports left out: a point needs two or more")
        groups = data.writers if len(set(data.writers)) > 1 else data.reports
        inner = linear.cross_validate(data, labelled.folds(groups, 2), wordings, recipe)
        return linear.held_out(linear.train(data, wordings, recipe), test, inner.settings())

    return learn


def findings(config: Path, out: Path, fold: int | None, held: Files, on: Path | None, device: str) -> Learner:
    """A findings recipe; its points are trained in folders of their own below `out`."""
    from pipeline.training import record, run, start  # noqa: PLC0415  torch
    from pipeline.training.recipe import Recipe  # noqa: PLC0415
    from pipeline.training.table import last  # noqa: PLC0415

    recipe = Recipe.load(config)
    name = "held" if on is None else on.name

    def learn(files: Files) -> Figures:
        its = replace(recipe, train=tuple(map(str, (*files, *held))), figures_every=0)
        data = labelled.load(its.train, catalogues.load(its.catalogue))
        told = json.dumps([asdict(its), data.hash(), str(on)], sort_keys=True)
        folder = out / recipe.name / f"{len(files)}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"
        watch = () if on is None else (on,)
        job = run.Job(its, folder, start.source(its), device, watch, views=("context",))
        values = last(record.read(run.train_fold(job, fold)))
        return {k: values.get(f"{name}.context.{k}") for k in FIGURES}

    return learn


# --- what is told ----------------------------------------------------------------------------------------------------


def means(points: Sequence[Point], figure: str) -> dict[int, float]:
    """{reports: mean over the seeds}, fewest first; of a figure that is there."""
    out = {}
    for n in sorted({p.reports for p in points}):
        values = [v for p in points if p.reports == n and (v := p.figures[figure]) is not None]
        if values:
            out[n] = float(np.mean(values))
    return out


def section(name: str, points: Sequence[Point], where: str) -> str:
    """One model's curve as Markdown."""
    mean = {f: means(points, f) for f in FIGURES}
    rows = []
    for n in sorted({p.reports for p in points}):
        each = [v for p in points if p.reports == n and (v := p.figures["shortfall_micro_f1"]) is not None]
        spread = f"{min(each):.3f} to {max(each):.3f}" if len(each) > 1 else "–"
        rows.append([n, sum(p.reports == n for p in points), *(m.get(n) for m in mean.values()), spread])
    head = ["reports", "seeds", *FIGURES.values(), "shortfall micro-F1 of the seeds"]
    return f"## {name}\n\n{where}\n\n{table(head, rows)}"


def write(path: Path, name: str, made: str) -> None:
    """The model's section between its marks; what else stands on the page stays."""
    begin, end = f"<!-- made: {name} -->\n", f"\n<!-- end: {name} -->"
    old = path.read_text(encoding="utf8") if path.is_file() else f"# Learning curve\n\n{_HOW}\n"
    if begin not in old:
        old = f"{old.rstrip()}\n\n{begin}{end}\n"
    before, _, rest = old.partition(begin)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(before + begin + made + end + rest.partition(end)[2], encoding="utf8")


_HOW = (
    "How the figures grow with the number of training reports. Made by `python -m pipeline.training.learning_curve`, which\n"
    "says how; reports are drawn by a seed, each point's among the next one's."
)


def plot(points: Sequence[Point]) -> Any:
    """Mean figures against the number of reports, each seed's shortfall micro-F1 as a dot."""
    figure, axes = plots.canvas(6, 4)
    for f, label in FIGURES.items():
        mean = means(points, f)
        axes.plot(list(mean), list(mean.values()), marker="o", label=label)
    axes.scatter(
        [p.reports for p in points],
        [p.figures["shortfall_micro_f1"] or 0.0 for p in points],
        s=8,
        color="0.5",
    )
    axes.set(xscale="log", xlabel="training reports", ylabel="F1")
    axes.legend()
    return figure


def publish(name: str, points: Sequence[Point], settings: dict[str, Any]) -> None:
    """A run in MLflow: figures with the number of reports as their step, table and plot."""
    with tracking.run(f"learning curve {name}") as mlflow:
        tracking.log_params(mlflow, settings)
        for f in FIGURES:
            for n, value in means(points, f).items():
                tracking.log_metrics(mlflow, {f"reports/{f}": value}, n)
        rows = [{"reports": p.reports, "seed": p.seed, **{f: p.figures[f] for f in FIGURES}} for p in points]
        mlflow.log_table({k: [r[k] for r in rows] for k in rows[0]}, "curve.json")
        mlflow.log_figure(plot(points), "figures/curve.png")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, help="findings recipe; without one the linear baseline")
    parser.add_argument("--train", nargs="+", help="labelled reports, by default the model's own")
    parser.add_argument("--on", type=Path, help="labelled set to judge on, instead of a fold's writers")
    parser.add_argument("--fold", type=int, default=0, help="whose writers are held out")
    parser.add_argument("--points", type=int, nargs="+", default=POINTS, help="reports; all is always one")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--out", type=Path, default=Path("experiments/learning-curve.md"))
    parser.add_argument("--runs", type=Path, default=Path("runs/learning-curve"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--no-track", action="store_true", help="keep it out of MLflow")
    args = parser.parse_args(argv)
    name, train = "baseline", args.train or ["data/corpus/train", "data/corpus/dev"]
    if args.config:
        from pipeline.training.recipe import Recipe  # noqa: PLC0415  torch

        recipe = Recipe.load(args.config)
        name, train = recipe.name, args.train or list(recipe.train)
    fold = None if args.on else args.fold
    own, held = split(train, fold)
    test = labelled.load([args.on] if args.on else held, catalogues.load())
    learner = (
        findings(args.config, args.runs, fold, held, args.on, args.device) if args.config else baseline(test)
    )
    points = measure(own, args.points, args.seeds, learner)
    where = args.on.as_posix() if args.on else f"the {len(held)} reports of fold {fold}'s writers"
    how = f"Of {', '.join(train)}; judged on {where} ({len(test)} sentences, data {test.hash()[:12]})."
    write(args.out, name, section(name, points, how))
    if not args.no_track:
        publish(name, points, {"model": name, "train": train, "judged": where, "seeds": args.seeds})


if __name__ == "__main__":
    main()
