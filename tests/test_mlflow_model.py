"""The whole of grading as an MLflow model: loaded and served without this repository on the path."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

mlflow = pytest.importorskip("mlflow")

from pipeline.report import SpurError  # noqa: E402
from pipeline.resources import assets  # noqa: E402
from pipeline.training import tracking  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / "data" / "examples" / "layout-1" / "w20-tz-49.txt"


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """(tracking URI, folder of the logged model)."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPUR_HOME", str(home))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        from pipeline import mlflow_model  # noqa: PLC0415

        with tracking.run("pyfunc") as module:
            info = mlflow_model.log(assets("models") / "baseline", registered="spur-findings")
        folder = Path(module.artifacts.download_artifacts(info.model_uri, dst_path=str(home / "model")))
    yield f"sqlite:///{home / 'mlflow.db'}", folder


def outside(code: str, *args: str, cwd: Path) -> str:
    """What a Python process prints that has neither the repository on its path nor the network's telemetry."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"MLFLOW_DISABLE_TELEMETRY": "true"}
    command = [sys.executable, "-P", "-c", code, *args]
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_nothing_in_the_model_is_a_pickle(logged: tuple[str, Path]) -> None:
    files = [p for p in logged[1].rglob("*") if p.is_file()]
    assert files and not [p for p in files if p.suffix in (".pkl", ".pickle", ".joblib")]
    needed = (logged[1] / "requirements.txt").read_text().split()
    assert all("==" in line for line in needed)
    assert (logged[1] / "code" / "pipeline" / "_assets" / "configs" / "criteria").is_dir()


def test_it_grades_without_the_repository_and_as_the_command_does(
    logged: tuple[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = """
import sys, json, mlflow, pandas
model = mlflow.pyfunc.load_model(sys.argv[1])
text = open(sys.argv[2], encoding="utf8").read()
rows = pandas.DataFrame({"text": [text, "hej"], "name": ["w20-tz-49.txt", "x.txt"]})
out = model.predict(rows, params={"as_of": "2025-01-31"})
import pipeline
own = model.predict(model.input_example)["error"][0]
print(json.dumps([pipeline.__file__, out["draft"].tolist(), out["error"].tolist(), own]))
"""
    where, drafts, errors, own = json.loads(outside(code, str(logged[1]), str(REPORT), cwd=tmp_path))
    assert str(ROOT) not in where
    assert errors[0] == "" and "inte en SPUR-rapport" in errors[1] and drafts[1] == "" and own == ""
    from pipeline.cli.app import run  # noqa: PLC0415

    assert run(["grade", str(REPORT), "--json", "--model", "baseline", "--as-of", "2025-01-31"]) == 0
    assert json.loads(drafts[0]) == json.loads(capsys.readouterr().out)


def test_files_are_graded_as_the_command_does_and_bad_rows_lose_no_others(
    logged: tuple[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graded = ROOT / "data" / "examples" / "graded"
    code = """
import sys, json, mlflow, pandas
from pathlib import Path
model = mlflow.pyfunc.load_model(sys.argv[1])
files = sorted(Path(sys.argv[2]).iterdir())
rows = [{"content": p.read_bytes(), "name": "file:/somewhere/" + p.name} for p in files]
rows[1:1] = [{"content": b"%PDF-1.7 cut", "name": "x.pdf"}, {"name": "y.pdf"}]
out = model.predict(pandas.DataFrame(rows), params={"as_of": "2025-01-31"})
print(json.dumps([out["draft"].tolist(), out["error"].tolist()]))
"""
    drafts, errors = json.loads(outside(code, str(logged[1]), str(graded), cwd=tmp_path))
    assert [bool(e) for e in errors] == [not d for d in drafts] == [False, True, True, False, False]
    assert "varken text eller content" in errors[2]
    from pipeline.cli.app import run  # noqa: PLC0415

    assert run(["grade", str(graded), "--json", "--model", "baseline", "--as-of", "2025-01-31"]) == 0
    assert [json.loads(d) for d in drafts if d] == list(map(json.loads, capsys.readouterr().out.splitlines()))


def test_a_damaged_model_folder_is_not_logged(tmp_path: Path, logged: tuple[str, Path]) -> None:
    from pipeline import mlflow_model  # noqa: PLC0415

    (tmp_path / "manifest.json").write_text("{}", encoding="utf8")
    with pytest.raises(SpurError, match=r"manifest\.json"):
        mlflow_model.log(tmp_path)


@contextmanager
def served(folder: Path, cwd: Path) -> Iterator[str]:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"MLFLOW_DISABLE_TELEMETRY": "true"}
    # the scoring server is started by its interpreter's own name
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    command = [sys.executable, "-P", "-m", "mlflow", "models", "serve", "-m", str(folder)]
    command += ["-p", str(port), "--env-manager", "local"]
    process = subprocess.Popen(command, cwd=cwd, env=env, start_new_session=True)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, 15)
        process.wait(20)


def ask(url: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        f"{url}/invocations", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    for _ in range(90):
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError:
            raise
        except (urllib.error.URLError, ConnectionError):
            time.sleep(1)
    raise AssertionError("no answer in 90 seconds")


@pytest.mark.slow
def test_mlflow_serves_it(logged: tuple[str, Path], tmp_path: Path) -> None:
    text, file = REPORT.read_text(encoding="utf8"), ROOT / "data" / "examples" / "graded" / "w10-ts-53.pdf"
    rows = [{"text": text}, {"content": base64.b64encode(file.read_bytes()).decode(), "name": file.name}]
    with served(logged[1], tmp_path) as url:
        day = {"params": {"as_of": "2025-01-31"}}
        answers = [ask(url, {"dataframe_records": [row], **day})["predictions"][0] for row in rows]
    assert [a["error"] for a in answers] == ["", ""]
    drafts = [json.loads(a["draft"]) for a in answers]
    assert all(set(d["areas"]) == set("ABCDEFGH") for d in drafts)
    assert drafts[1]["report"]["file"] == file.name and drafts[1]["areas"]["A"]["stated_grade"]
