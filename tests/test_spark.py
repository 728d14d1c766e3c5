"""Spark says what the command says. Needs pyspark (no dependency of ours) and a Java that it runs on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mlflow")
pytest.importorskip("pyspark")

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("java"), reason="no Java")
def test_spark_gives_the_commands_drafts_and_lines(tmp_path: Path) -> None:
    command = [
        sys.executable,
        str(ROOT / "experiments" / "spark.py"),
        str(ROOT / "data" / "examples" / "graded"),
    ]
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    out = tmp_path / "spark.md"
    done = subprocess.run(
        [*command, "--out", str(out)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert "0 files differ, of 3 reports" in out.read_text(encoding="utf8")
