"""Promotion as a data scientist meets it: a bad model refused, a good one promoted, used, and taken back.

    python experiments/promotion.py --out experiments/promotion.md
    python experiments/promotion.py --postgres "postgresql+psycopg://USER@/DATABASE?host=…" --out experiments/promotion.md

Every step is the command that the page shows, in a `$SPUR_HOME` of its own: on MLflow's plain SQLite, and with `--postgres`
on a `mlflow server` over that (empty) database too. The linear baseline is in use at first; the bad model is a copy of it
that reads its words in another order; the good one is the shipped BERT. Exit code 1 where a step comes out otherwise than
expected.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.findings import manifest

ROOT = Path(__file__).resolve().parents[1]
MODELS, STRESS = ROOT / "models", "data/corpus/stress"
REPORT = ROOT / "data" / "examples" / "layout-1" / "w20-tz-49.txt"
NAME, PATIENCE = "spur-findings", 240


def planted(folder: Path) -> Path:
    """A copy of the baseline whose weights stand for other words, with a manifest that is right about its files."""
    shutil.copytree(MODELS / "baseline", folder)
    with np.load(folder / "weights.npz", allow_pickle=False) as stored:
        arrays = dict(stored)
    shuffle = np.random.default_rng(7).permutation
    arrays |= {name: shuffle(arrays[name]) for name in ("relevance_value", "own_value", "shared", "partly")}
    np.savez_compressed(folder / "weights.npz", **arrays)
    its = manifest.read(MODELS / "baseline")
    manifest.write(folder, replace(its, name="planted", files=manifest.checksums(folder, its.files)))
    return folder


@dataclass
class Scene:
    """Commands in an environment of their own; `steps`: what was expected, and whether it came out so."""

    env: dict[str, str]
    store: str
    steps: list[tuple[str, str, bool]] = field(default_factory=list)

    def spur(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """The command's outcome."""
        command = [sys.executable, "-m", "pipeline", *map(str, words)]
        return subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True, check=False)

    def graded(self, model: str | Path) -> dict[str, Any]:
        """The draft of the report by `spur grade --json`."""
        done = self.spur("grade", REPORT, "--json", "--model", model)
        if done.returncode:
            raise SystemExit(done.stderr)
        return dict(json.loads(done.stdout))

    def expect(self, step: str, told: str, right: bool) -> None:
        """Notes a step."""
        self.steps.append((step, told, right))
        print(f"{self.store}: {'ok' if right else 'NOT AS EXPECTED'}: {step}: {told}", flush=True)

    def aliases(self) -> dict[str, str]:
        """{alias: version} in the registry."""
        from mlflow import MlflowClient  # noqa: PLC0415  the caller has turned its telemetry off

        its = MlflowClient(self.env["MLFLOW_TRACKING_URI"]).get_registered_model(NAME)
        return {k: str(v) for k, v in its.aliases.items()}

    def datasets(self, version: str) -> list[str]:
        """What a version's run was trained and judged on: `<context> <hash>`."""
        from mlflow import MlflowClient  # noqa: PLC0415

        client = MlflowClient(self.env["MLFLOW_TRACKING_URI"])
        run = client.get_run(client.get_model_version(NAME, version).run_id)
        return sorted(f"{i.tags[0].value} {i.dataset.digest[:12]}" for i in run.inputs.dataset_inputs)


@contextmanager
def started(command: Sequence[str], env: Mapping[str, str], cwd: Path) -> Iterator[None]:
    """A server as a process group of its own, ended with the block."""
    with (cwd / "server.log").open("a") as log:
        process = subprocess.Popen(
            command, env=dict(env), cwd=cwd, stdout=log, stderr=log, start_new_session=True
        )
        try:
            yield
        finally:
            os.killpg(process.pid, 15)
            process.wait(30)


def free() -> int:
    """A port that nothing listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def answer(url: str, body: bytes | None = None) -> Any:
    """The JSON that a server answers (its status, where it is told nothing); asked again until it is up."""
    for _ in range(PATIENCE):
        try:
            request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=120) as got:
                return json.loads(got.read()) if body else got.status
        except urllib.error.HTTPError:
            raise
        except OSError:
            time.sleep(1)
    raise SystemExit(f"{url}: no answer in {PATIENCE} seconds")


def served(scene: Scene, cwd: Path) -> dict[str, Any]:
    """The report's draft by `spur serve --model champion`, over HTTP."""
    port = free()
    command = [sys.executable, "-m", "pipeline", "serve", "--port", str(port), "--model", "champion"]
    text = json.dumps({"text": REPORT.read_text(encoding="utf8")}).encode()
    with started(command, scene.env | {"PYTHONPATH": str(ROOT)}, cwd):
        return dict(answer(f"http://127.0.0.1:{port}/api/v1/reports", text)["draft"])


def from_registry(scene: Scene, cwd: Path) -> dict[str, Any]:
    """The report's draft by `mlflow models serve` of the version that the alias names, far from this repository."""
    port = free()
    serve = ["-P", "-m", "mlflow", "models", "serve", "-m", f"models:/{NAME}@champion", "-p", str(port)]
    path = f"{Path(sys.executable).parent}{os.pathsep}{scene.env['PATH']}"  # its server is started by name
    with started([sys.executable, *serve, "--env-manager", "local"], scene.env | {"PATH": path}, cwd):
        row = {"text": REPORT.read_text(encoding="utf8"), "name": REPORT.name}
        told = answer(
            f"http://127.0.0.1:{port}/invocations", json.dumps({"dataframe_records": [row]}).encode()
        )
    return dict(json.loads(told["predictions"][0]["draft"]))


def play(scene: Scene, folder: Path) -> None:
    """All steps."""
    good, bad = MODELS / "e5-small-sv", planted(folder / "planted")
    before = scene.graded("baseline")
    done = scene.spur("evaluate", bad, "--on", STRESS)
    figures = {words[0]: words[1] for words in map(str.split, done.stdout.splitlines()) if len(words) == 2}
    f1 = figures.get("shortfall_micro_f1", "-")
    scene.expect("`spur evaluate planted`", f"shortfall micro-F1 {f1}", done.returncode == 0)
    done = scene.spur("promote", bad, "--on", STRESS)
    reasons = [x for x in done.stdout.splitlines() if x.startswith("refused: ")]
    told = f"exit code {done.returncode}, {len(reasons)} reasons; {reasons[0] if reasons else done.stderr}"
    scene.expect("`spur promote planted`", told, done.returncode == 1 and bool(reasons))
    scene.expect("aliases", str(scene.aliases()), scene.aliases() == {"challenger": "1"})
    none = scene.spur("grade", REPORT, "--model", "champion")
    scene.expect("`--model champion`, none yet", f"exit code {none.returncode}", none.returncode == 2)
    done = scene.spur("promote", good, "--on", STRESS)
    told = (done.stdout.splitlines() or [done.stderr])[1]
    scene.expect("`spur promote e5-small-sv`", f"exit code {done.returncode}; {told}", done.returncode == 0)
    scene.expect("aliases", str(scene.aliases()), scene.aliases() == {"champion": "3"})
    lineage = scene.datasets("3")
    scene.expect("datasets of version 3", ", ".join(lineage), len(lineage) == 2)
    promoted = scene.graded("champion")
    same = promoted == scene.graded("e5-small-sv")
    scene.expect("`spur grade --model champion`", "the promoted model's draft", same and promoted != before)
    web = served(scene, folder)
    scene.expect(
        "`spur serve --model champion`",
        "the promoted model's areas and name",
        (web["model"], web["areas"]) == (promoted["model"], promoted["areas"]),
    )
    scene.expect(
        "`mlflow models serve`", "the promoted model's draft", from_registry(scene, folder) == promoted
    )
    done = scene.spur("promote", "--rollback")
    told = f"exit code {done.returncode}; aliases {scene.aliases()}"
    scene.expect(
        "`spur promote --rollback`", told, done.returncode == 0 and scene.aliases() == {"champion": "2"}
    )
    restored = scene.graded("champion") == before
    scene.expect("`spur grade --model champion`", "the old draft, to the last digit", restored)


def scenes(postgres: str | None) -> Iterator[Scene]:
    """Plays the scene on each store."""
    for name in ("SQLite", *(["MLflow server on PostgreSQL"] if postgres else [])):
        with tempfile.TemporaryDirectory(prefix="spur-promotion-") as place:
            folder = Path(place)
            env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "SPUR_STORE")}
            env |= {"SPUR_HOME": str(folder), "SPUR_MODEL": "baseline", "MLFLOW_DISABLE_TELEMETRY": "true"}
            if name == "SQLite":
                scene = Scene(env | {"MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}"}, name)
                play(scene, folder)
            else:
                url = f"http://127.0.0.1:{free()}"
                command = [
                    sys.executable,
                    "-P",
                    "-m",
                    "mlflow",
                    "server",
                    "--backend-store-uri",
                    str(postgres),
                ]
                command += ["--artifacts-destination", str(folder / "artifacts"), "--workers", "1"]
                with started([*command, "--port", url.rpartition(":")[2]], env, folder):
                    answer(f"{url}/health")
                    scene = Scene(env | {"MLFLOW_TRACKING_URI": url}, name)
                    play(scene, folder)
            yield scene


def page(played: Sequence[Scene]) -> str:
    """What came out, as Markdown."""
    import mlflow  # noqa: PLC0415

    lines = [
        "# A model refused, one promoted, and back",
        "",
        "Made by `python experiments/promotion.py` (its docstring tells what it does, and how to run it on PostgreSQL).",
        f"MLflow {mlflow.__version__}; the report graded is `{REPORT.relative_to(ROOT)}`.",
    ]
    for scene in played:
        lines += ["", f"## {scene.store}", "", "| step | came out | as expected |", "| --- | --- | --- |"]
        lines += [
            f"| {step} | {told} | {'yes' if right else '**no**'} |" for step, told, right in scene.steps
        ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """0 where every step came out as expected."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--postgres", metavar="URL", help="an empty database, for a run on an MLflow server too"
    )
    parser.add_argument("--out", type=Path, help="Markdown file; else printed")
    args = parser.parse_args()
    os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true")
    played = list(scenes(args.postgres))
    told = page(played)
    if args.out:
        args.out.write_text(told, encoding="utf8")
    else:
        print(told)
    return 0 if all(right for scene in played for _, _, right in scene.steps) else 1


if __name__ == "__main__":
    sys.exit(main())
