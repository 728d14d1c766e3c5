"""The wheel carries all that it needs: installed in a fresh environment outside the clone, it works."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "data" / "examples" / "layout-1" / "w14-tx-05.pdf"


def run(*args: object, cwd: Path) -> str:
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(a) for a in args], capture_output=True, text=True, encoding="utf8", cwd=cwd, env=env, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_installed_wheel_grades_the_example(tmp_path: Path) -> None:
    run(
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        tmp_path,
        ROOT,
        cwd=tmp_path,
    )
    (wheel,) = tmp_path.glob("spur_pipeline-*.whl")
    venv.create(tmp_path / "env", with_pip=True)
    binaries = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin")
    run(binaries / "python", "-m", "pip", "install", "--quiet", wheel, cwd=tmp_path)
    draft = json.loads(run(binaries / "spur", "grade", EXAMPLE, "--json", cwd=tmp_path))
    assert len(draft["areas"]) == 8 and draft["sentences"] and draft["model"]["name"]
    code = (
        "import pipeline, importlib.util as u;"
        "print(pipeline.__file__, u.find_spec('torch'), u.find_spec('sklearn'))"
    )
    where, *heavy = run(binaries / "python", "-c", code, cwd=tmp_path).split()
    assert Path(where).is_relative_to(tmp_path) and heavy == ["None", "None"]
