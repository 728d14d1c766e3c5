"""How fast the findings model is, as ratios within one run:

    python experiments/benchmark.py MODEL --run RUN --config RECIPE [--fold all] > experiments/benchmark.md

1,000 sentences of the stress set's kind are classified by the shipped graph, by the same network in float32 ONNX and in
float32 PyTorch, and by the linear baseline; and one example report is graded by a fresh process with each model. Each
is repeated in turn, and medians are compared. The first run of each is not counted.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from pipeline import catalogue as catalogues
from pipeline.findings import bert, load
from pipeline.training import collect, labelled, ship
from pipeline.training.card import table
from pipeline.training.recipe import Recipe
from pipeline.training.run import folder_of, network
from pipeline.training.trainer import predict

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "data" / "examples" / "layout-1" / "w14-tx-05.pdf"


def medians(jobs: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each job, the jobs taking turns."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for n in range(rounds + 1):
        for name, job in jobs.items():
            begin = time.perf_counter()
            job()
            if n:
                times[name].append(time.perf_counter() - begin)
    return {name: statistics.median(t) for name, t in times.items()}


def ratios(seconds: dict[str, float], reference: str) -> str:
    rows = [[name, f"{s:.2f} s", f"{s / seconds[reference]:.2f}"] for name, s in seconds.items()]
    return table(["", "median", f"against {reference}"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--fold", default="all")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    recipe, catalogue = Recipe.load(given.config), catalogues.load()
    fold = None if given.fold == "all" else int(given.fold)
    sets = [ROOT / "data" / "corpus" / "stress", ROOT / "data" / "corpus" / "dev"]
    inputs = labelled.load(sets, catalogue).inputs()[:1000]
    calibration, _ = collect.settings(given.run)
    net, maker = network(recipe, folder_of(given.run, fold), catalogue)
    with tempfile.TemporaryDirectory() as folder:
        ship.write(recipe, given.run, fold, Path(folder) / "full", "float32")
        ship.write(recipe, given.run, fold, Path(folder) / "dynamic", "int8-dynamic")
        full, dynamic = (bert.load(Path(folder) / n, catalogue) for n in ("full", "dynamic"))
        shipped, linear = load(given.model, catalogue), load("baseline", catalogue)
        classify = medians(
            {
                "PyTorch float32": lambda: shipped.second_look(
                    inputs, calibration(predict(net, inputs, maker, catalogue, torch.device("cpu")))
                ),
                "ONNX float32": lambda: full.predict(inputs),
                "ONNX int8 dynamic": lambda: dynamic.predict(inputs),
                f"shipped ({given.model.name})": lambda: shipped.predict(inputs),
                "linear baseline": lambda: linear.predict(inputs),
            },
            given.rounds,
        )
    command = [sys.executable, "-m", "pipeline", "grade", str(EXAMPLE), "--json", "--model"]
    grade = medians(
        {
            name: lambda m=name: subprocess.run([*command, m], check=True, capture_output=True, cwd=ROOT)
            for name in (str(given.model), "baseline")
        },
        given.rounds,
    )
    print(
        "# Speed\n\nMade by `python experiments/benchmark.py`, 2 cores.\n\n## 1,000 sentences in their sections\n"
    )
    print(ratios(classify, "PyTorch float32"))
    print("\n## One report, graded by a fresh process\n")
    print(ratios(grade, "baseline"))


if __name__ == "__main__":
    main()
