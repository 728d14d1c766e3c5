"""Reports scored on local Spark through the MLflow model, compared with what `spur grade --json` says of them.

    pip install pyspark        # and a Java that it runs on; in an environment with spur-pipeline[train]
    python experiments/spark.py data/examples --model e5-small-sv --out experiments/spark.md

The model is logged as a pyfunc into a store of its own, `mlflow.pyfunc.spark_udf` scores the files as Spark reads them
(`binaryFile`), and each draft must be the command's, to the last digit. A file that is no report is put among them: its
error must be the command's too, and the others' drafts be there. Exit code 1 where anything differs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import findings, reading

ROOT = Path(__file__).resolve().parents[1]
AS_OF = "2025-01-31"


@dataclass(frozen=True)
class Scored:
    """What one way made of the files: drafts by name, lines on what failed by name, seconds."""

    drafts: Mapping[str, Any]
    errors: Mapping[str, str]
    seconds: float


def log(model: str) -> str:
    """The folder of the model that was logged as the whole of grading, in `$SPUR_HOME`."""
    from pipeline.training import tracking  # noqa: PLC0415  before mlflow: turns its telemetry off

    folder = findings.available().get(model, Path(model))
    with tracking.run("pyfunc") as module:
        from pipeline import mlflow_model  # noqa: PLC0415

        return str(module.artifacts.download_artifacts(mlflow_model.log(folder).model_uri))


def on_spark(files: Sequence[Path], model: str, cores: int) -> Scored:
    """The files' drafts by Spark on `cores` local cores; its start is not counted, loading the model is."""
    import mlflow.pyfunc  # noqa: PLC0415
    from pyspark.sql import SparkSession  # noqa: PLC0415

    builder = (
        SparkSession.builder.master(f"local[{cores}]").appName("spur").config("spark.ui.enabled", "false")
    )
    spark = builder.config("spark.driver.bindAddress", "127.0.0.1").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    try:
        begun = time.monotonic()
        grade = mlflow.pyfunc.spark_udf(spark, model, env_manager="local", params={"as_of": AS_OF})
        reports = (
            spark.read.format("binaryFile").load([f.resolve().as_uri() for f in files]).repartition(cores)
        )
        graded = reports.selectExpr("path AS name", "struct(content, path AS name) AS report")
        rows = graded.select("name", grade("report").alias("graded")).collect()
        seconds = time.monotonic() - begun
    finally:
        spark.stop()
    told = {r["name"].rpartition("/")[2]: r["graded"] for r in rows}
    drafts = {n: json.loads(g["draft"]) for n, g in told.items() if g["draft"]}
    return Scored(drafts, {n: g["error"] for n, g in told.items() if g["error"]}, seconds)


def by_command(files: Sequence[Path], model: str) -> Scored:
    """The files' drafts by `spur grade --json`."""
    begun = time.monotonic()
    command = [sys.executable, "-m", "pipeline", "grade", *map(str, files), "--json", "--model", model]
    done = subprocess.run([*command, "--as-of", AS_OF], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    drafts = {d["report"]["file"]: d for d in map(json.loads, done.stdout.splitlines())}
    lines = (line.partition(": ") for line in done.stderr.splitlines())
    return Scored(drafts, {Path(p).name: why for p, _, why in lines}, time.monotonic() - begun)


def differing(one: Scored, other: Scored) -> list[str]:
    """Names of the files of which the two say different things."""
    names = {*one.drafts, *one.errors, *other.drafts, *other.errors}
    return sorted(
        n
        for n in names
        if one.drafts.get(n) != other.drafts.get(n) or one.errors.get(n) != other.errors.get(n)
    )


def page(args: argparse.Namespace, spark: Scored, command: Scored, wrong: Sequence[str]) -> str:
    """The outcome as Markdown."""
    import mlflow  # noqa: PLC0415
    import pyspark  # noqa: PLC0415

    its = next(iter(command.drafts.values()))["model"]
    inputs = " ".join(map(str, args.paths))
    sentences = sum(len(d["sentences"]) for d in command.drafts.values())
    return "\n".join(
        [
            "# Scoring with Spark",
            "",
            f"Made by `python experiments/spark.py {inputs} --model {args.model} --cores {args.cores}`; Spark "
            f"{pyspark.__version__}, MLflow {mlflow.__version__},",
            f"model {its['name']} {its['version']}, day of judgement {AS_OF}.",
            "",
            "| | drafts | files not graded | seconds |",
            "| --- | --- | --- | --- |",
            f"| `mlflow.pyfunc.spark_udf`, local[{args.cores}] | {len(spark.drafts)} | {len(spark.errors)} | "
            f"{spark.seconds:.0f} |",
            f"| `spur grade --json` | {len(command.drafts)} | {len(command.errors)} | {command.seconds:.0f} |",
            "",
            f"{len(wrong)} files differ, of {len(command.drafts)} reports with {sentences} sentences: every finding, "
            "probability, grade and",
            "explanation is compared, and the lines on files that are no report.",
            "",
            *(f"- {name}" for name in wrong),
        ]
    ).rstrip() + "\n"  # fmt: skip


def main() -> int:
    """0 where Spark and the command say the same."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("paths", nargs="+", type=Path, help="reports, or folders of them")
    parser.add_argument("--model", default="baseline")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--out", type=Path, help="Markdown file; else printed")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="spur-spark-") as home:
        os.environ["SPUR_HOME"] = home
        os.environ["PYSPARK_PYTHON"] = sys.executable  # the workers'
        os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
        stray = Path(home) / "brev.txt"
        stray.write_text("Hej, här kommer rapporten i bilaga.\n", encoding="utf8")
        files = [*reading.find(args.paths), stray]
        command = by_command(files, args.model)
        spark = on_spark(files, log(args.model), args.cores)
    wrong = differing(spark, command)
    told = page(args, spark, command, wrong)
    if args.out:
        args.out.write_text(told, encoding="utf8")
    print(told)
    return 1 if wrong or not command.drafts else 0


if __name__ == "__main__":
    sys.exit(main())
