"""`docs/retraining.md` followed as it is written, in a fresh clone:

    python experiments/retraining.py --home FOLDER > experiments/retraining.md

Every line of the page's `sh` blocks runs in bash, in the page's order, in the clone's root. What people do between them is
played: an annotator who labels the tasks as the corpus' own labels do, an inspector who corrects three invented reports
in the workbench (over HTTP). Servers are started, asked, and stopped at the end. FOLDER becomes $SPUR_HOME; it should be
empty. The server on PostgreSQL is left to `experiments/promotion.py`. A quarter of an hour on two idle cores.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
from corrections import correct

from pipeline.annotation import base
from pipeline.corpus.tsv import read_all
from pipeline.training.markdown import table

PAGE = Path("docs/retraining.md")
LEFT = ("mlflow server", "export MLFLOW_TRACKING_URI=http")  # of the block on PostgreSQL
SERVERS = {
    "mlflow ui": "http://localhost:5000/health",
    "spur serve": "http://127.0.0.1:8000/api/v1/health",
    "mlflow models serve": "http://localhost:5001/ping",
}
SHOWN = ("spur evaluate", "spur promote my-model")  # whole
PATIENCE = 180.0  # seconds that a server may take to start
# What the inspector corrects: reports that the network has not seen and that promotion does not judge by.
CORRECTED = Path("data/corpus/indirect")
REPORTS = 3


@dataclass(frozen=True)
class Step:
    """A command of the page, how long it took, and the last line that it wrote."""

    command: str
    seconds: float
    code: int
    last: str
    whole: str = ""


def commands(page: str) -> list[str]:
    """The commands of the page's `sh` blocks in their order; continued lines, quotes and pipes as one."""
    out: list[str] = []
    for block in re.findall(r"```sh\n(.*?)```", page, re.S):
        whole = ""
        for line in (re.sub(r"\s+#\s.*$", "", x) for x in block.splitlines()):
            whole = f"{whole}\n{line}" if whole else line
            ends = line.rstrip().endswith(("\\", "|"))
            if not ends and all(whole.count(q) % 2 == 0 for q in "'\""):
                out.append(whole)
                whole = ""
    return out


def last_line(text: str) -> str:
    lines = [x.strip() for x in text.splitlines() if x.strip()]
    return lines[-1][:160].replace("|", "¦") if lines else ""


def run(command: str) -> Step:
    """One command to its end."""
    begin = time.monotonic()
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, encoding="utf8", check=False
    )
    out, err = (x.replace(os.environ["SPUR_HOME"], "$SPUR_HOME") for x in (done.stdout, done.stderr))
    if done.returncode:
        print(err[-2000:], file=sys.stderr)
    return Step(
        command,
        time.monotonic() - begin,
        done.returncode,
        last_line(out) or last_line(err),
        out.strip() or err,
    )


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def served(command: str, url: str, log: Path) -> Iterator[Step]:
    """A server while it is needed; the step tells how long it took to answer."""
    begin = time.monotonic()
    with log.open("w", encoding="utf8") as out:
        child = subprocess.Popen(["bash", "-c", command], stdout=out, stderr=out, start_new_session=True)
        try:
            while not answers(url) and child.poll() is None and time.monotonic() - begin < PATIENCE:
                time.sleep(0.5)
            alive = child.poll() is None and answers(url)
            yield Step(
                command, time.monotonic() - begin, 0 if alive else child.poll() or 1, f"answers at {url}"
            )
        finally:
            with suppress(ProcessLookupError):  # it may have ended by itself
                os.killpg(child.pid, signal.SIGTERM)
            child.wait()


def annotate() -> str:
    """The tool's export: the tasks as the corpus labels them, by two annotators."""
    tasks = json.loads(Path("to-label/tasks.json").read_text(encoding="utf8"))
    labels = {
        (r.id, row.text): row.labels for r in read_all([Path("data/corpus")]) for row in r.rows if row.labels
    }
    known = 0
    for task in tasks:
        own = base.load(task["data"]["spur"], "tasks.json")
        said = labels.get((Path(own.report).stem, own.text), {})
        known += bool(said)
        paths = [[c.partition(".")[0], c, f"{c}{s}"] for c, s in said.items()]
        result = {"from_name": "labels", "to_name": "text", "type": "taxonomy", "value": {"taxonomy": paths}}
        task["annotations"] = [
            {"completed_by": {"email": f"{who}@example.org"}, "result": [result] if paths else []}
            for who in ("anna", "bo")
        ]
    Path("export.json").write_text(json.dumps(tasks, ensure_ascii=False), encoding="utf8")
    return f"two annotators label {len(tasks)} sentences, {known} of them tell of a criterion"


def inspect(log: Path) -> str:
    """Three reports drafted and corrected in the workbench."""
    reports = read_all([CORRECTED])[:REPORTS]
    with (
        served("spur serve", SERVERS["spur serve"], log),
        httpx.Client(base_url="http://127.0.0.1:8000", timeout=120) as client,
    ):
        number = sum(len(correct(client, r)) for r in reports)
    return f"an inspector corrects {number} sentences of {len(reports)} reports"


def follow(page: str, logs: Path, first: str = "") -> Iterator[Step]:
    """Every command of the page from the one that starts with `first` on, and what people do before it."""
    before: dict[str, Callable[[], str]] = {
        "spur dataset import": annotate,
        "spur corrections export": lambda: inspect(logs / "inspect.log"),
    }
    exported: list[str] = []
    models: list[str] = []  # the last server, which a later command asks
    begun = not first
    for command in commands(page):
        begun = begun or command.startswith(first)
        if not begun or command.startswith(LEFT):
            continue
        if command.startswith("export "):
            exported.append(command)
            continue
        for start, played in before.items():
            if command.startswith(start):
                begin = time.monotonic()
                yield Step(f"({played()})", time.monotonic() - begin, 0, "")
        whole = "\n".join([*exported, command])
        server = next((k for k in SERVERS if command.startswith(k)), None)
        if server == "mlflow models serve":
            models.append(whole)
        elif server:
            with served(whole, SERVERS[server], logs / f"{server.replace(' ', '-')}.log") as step:
                yield Step(command, step.seconds, step.code, step.last)
        elif models:
            with served(models[0], SERVERS["mlflow models serve"], logs / "models.log") as step:
                yield Step(models[0].splitlines()[-1], step.seconds, step.code, step.last)
                asked = run(whole)
            yield Step(command, asked.seconds, asked.code, asked.last)
        else:
            done = run(whole)
            yield replace(done, command=command)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--go-on", default="", help="the command to begin with, where those before have run")
    given = parser.parse_args()
    given.home.mkdir(parents=True, exist_ok=True)
    os.environ["SPUR_HOME"] = str(given.home.resolve())
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    rows, failed, shown_whole = [], 0, list[str]()
    for step in follow(PAGE.read_text(encoding="utf8"), given.home, given.go_on):
        shown = step.command if step.command.startswith("(") else f"`{' '.join(step.command.split())[:110]}`"
        rows.append([shown, f"{step.seconds:.0f} s", step.code, step.last])
        print(*rows[-1], sep="  ", file=sys.stderr, flush=True)
        failed += step.code != 0
        if step.command.startswith(SHOWN):
            shown_whole.append(f"\n`{step.command}`:\n\n```\n{step.whole.strip()}\n```")
    print(
        "# The page on retraining, followed\n\nMade by `python experiments/retraining.py` in a fresh clone.\n"
    )
    print(table(["command", "took", "exit code", "its last line"], rows))
    print("\n".join(shown_whole))
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
