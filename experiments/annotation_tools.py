"""Sentences through the annotation tools themselves, and back.

    python experiments/annotation_tools.py --doccano PATH > experiments/annotation-tools.md

PATH is the `doccano` command of an environment of its own, as it and this project need other versions of the same packages:
`pip install doccano "marshmallow<4" "numpy<2" "setuptools<81"`. Its server is started on an empty database, takes the labels
and tasks as its pages do, has an annotator correct and confirm some, and its export is read. What Label Studio's and
Argilla's own packages say is told by `tests/test_annotation.py`, which is run too: `pip install label-studio-sdk argilla`.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import httpx

from pipeline.annotation import FORMATS, Annotated
from pipeline.annotation.base import codes, suggested
from pipeline.cli.app import run as spur
from pipeline.training.markdown import table

USER, PASSWORD = "anna", "hemligt"
PORT, PATIENCE = 8017, 120.0
CONFIRMED = 20  # of the tasks


def eventually(what: str, ready: Callable[[], Any]) -> Any:
    """What `ready` answers as soon as it is not None."""
    begin = time.monotonic()
    while time.monotonic() - begin < PATIENCE:
        if (told := ready()) is not None:
            return told
        time.sleep(0.5)
    sys.exit(f"{what}: nothing after {PATIENCE:.0f} s")


@contextmanager
def doccano(command: Path, home: Path) -> Iterator[httpx.Client]:
    """Its server and its worker on an empty database, and a client who has logged in."""
    env = {**os.environ, "DOCCANO_HOME": str(home)}
    with (home / "log").open("w") as log:

        def call(*given: str) -> list[str]:
            return [str(command), *given]

        def start(*given: str) -> subprocess.Popen[bytes]:
            return subprocess.Popen(call(*given), env=env, stdout=log, stderr=log)

        for given in (("init",), ("createuser", "--username", USER, "--password", PASSWORD)):
            subprocess.run(call(*given), env=env, stdout=log, stderr=log, check=True)
        children = [start("webserver", "--port", str(PORT), "--workers", "1"), start("task")]
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{PORT}/v1/", timeout=60) as client:

                def there() -> httpx.Response | None:
                    try:
                        return client.post("auth/login/", json={"username": USER, "password": PASSWORD})
                    except httpx.TransportError:
                        return None

                key = eventually("doccano's server", there).raise_for_status().json()["key"]
                client.cookies.clear()  # a session would ask for a token of its page with every call
                client.headers["Authorization"] = f"Token {key}"
                yield client
        finally:
            for child in children:
                child.terminate()
            for child in children:
                child.wait()


def done(client: httpx.Client, task: str) -> dict[str, Any]:
    """A background task's result."""

    def ready() -> dict[str, Any] | None:
        told: dict[str, Any] = client.get(f"tasks/status/{task}").raise_for_status().json()
        return told if told["ready"] else None

    out: dict[str, Any] = eventually("doccano's import", ready)
    return out


def fill(client: httpx.Client, folder: Path) -> str:
    """A project with the labels and the tasks of a folder; gives its address."""
    made = client.post(
        "projects",
        json={
            "name": "spur",
            "description": "spur",
            "project_type": "DocumentClassification",
            "resourcetype": "TextClassificationProject",
            "single_class_classification": False,
            "collaborative_annotation": False,
        },
    )
    its = f"projects/{made.raise_for_status().json()['id']}"
    labels = (folder / "labels.json").read_bytes()
    client.post(f"{its}/category-type-upload", files={"file": ("labels.json", labels)}).raise_for_status()
    tasks = (folder / "tasks.jsonl").read_bytes()
    upload = client.post("fp/process/", files={"filepond": ("tasks.jsonl", tasks)}).raise_for_status().text
    asked = {
        "format": "JSONL",
        "task": "DocumentClassification",
        "uploadIds": [upload],
        "column_data": "text",
        "column_label": "label",
        "encoding": "utf_8",
    }
    begun = client.post(f"{its}/upload", json=asked).raise_for_status().json()
    told = done(client, begun["task_id"])
    if told["error"] or (told["result"] or {}).get("error"):
        sys.exit(f"doccano refuses the tasks: {told}")
    return its


def exported(client: httpx.Client, its: str, *, confirmed: bool, to: Path) -> list[Annotated]:
    """The zip that doccano exports, read."""
    asked = {"format": "JSONL", "exportApproved": confirmed}
    task = client.post(f"{its}/download", json=asked).raise_for_status().json()["task_id"]

    def ready() -> bytes | None:
        told = client.get(f"{its}/download", params={"taskId": task}).raise_for_status()
        return None if "json" in told.headers["content-type"] else told.content

    to.write_bytes(io.BytesIO(eventually("doccano's export", ready)).getvalue())
    return FORMATS["doccano"].read(to)


def labelled(records: Sequence[Annotated]) -> dict[str, list[str]]:
    """Label codes of every task's only annotation."""
    return {r.task.id: codes(r.annotations[0].labels.items()) for r in records}


def correct(client: httpx.Client, its: str) -> dict[str, list[str]]:
    """An annotator takes one label of the first examples, gives another, and confirms them: task → labels."""
    types = client.get(f"{its}/category-types").raise_for_status().json()
    name = {t["id"]: t["text"] for t in types}
    told = client.get(f"{its}/examples", params={"limit": CONFIRMED}).raise_for_status().json()["results"]
    out = {}
    for k, example in enumerate(told):
        here = f"{its}/examples/{example['id']}"
        now = client.get(f"{here}/categories").raise_for_status().json()
        for gone in now[:1]:
            client.delete(f"{here}/categories/{gone['id']}").raise_for_status()
        kept = {name[c["label"]] for c in now[1:]}
        criteria = {c[:-1] for c in kept}
        new = next(t for t in types[k:] if t["text"][:-1] not in criteria)
        client.post(f"{here}/categories", json={"label": new["id"]}).raise_for_status()
        client.post(f"{here}/states").raise_for_status()
        out[example["meta"]["spur"]["id"]] = sorted({*kept, new["text"]})
    return out


def through_doccano(command: Path, work: Path) -> list[tuple[str, str, bool]]:
    """What was done, what came of it, whether as it should."""
    folder = work / "to-label"
    spur(["dataset", "annotate", "data/examples", "--out", str(folder), "--format", "doccano"])
    tasks = [r.task for r in FORMATS["doccano"].read(folder)]
    home = work / "doccano"
    home.mkdir()
    with doccano(command, home) as client:
        its = fill(client, folder)
        number = client.get(f"{its}/examples").raise_for_status().json()["count"]
        first = exported(client, its, confirmed=False, to=work / "all.zip")
        same = {t.id: t for t in tasks} == {r.task.id: r.task for r in first}
        kept = {t.id: sorted(suggested(t)) for t in tasks} == {
            k: sorted(v) for k, v in labelled(first).items()
        }
        told = correct(client, its)
        second = exported(client, its, confirmed=True, to=work / "confirmed.zip")
        back = {k: sorted(v) for k, v in labelled(second).items()}
    who = {a.annotator for r in second for a in r.annotations}
    return [
        ("`labels.json` and `tasks.jsonl` imported", f"{number} of {len(tasks)} tasks", number == len(tasks)),
        ("exported at once, read again: the tasks", "identical" if same else "differ", same),
        ("… the suggestions as labels", "identical" if kept else "differ", kept),
        (
            f"{len(told)} corrected and confirmed, exported",
            f"{len(second)} by {', '.join(who)}",
            who == {USER},
        ),
        ("… the labels as corrected", "identical" if back == told else "differ", back == told),
    ]


def installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--doccano", type=Path, required=True)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as work, redirect_stdout(io.StringIO()):
        steps = through_doccano(given.doccano, Path(work))
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "tests/test_annotation.py"],
        capture_output=True,
        text=True,
        check=False,
    )
    its = subprocess.run(
        [
            given.doccano.with_name("python"),
            "-c",
            "from importlib.metadata import version as v; print(v('doccano'))",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    print(
        "# The annotation tools themselves\n\nMade by `python experiments/annotation_tools.py` (see its docstring).\n"
    )
    print(f"## doccano {its}\n")
    print(
        table(["step", "came out", "as it should"], [[a, b, "yes" if c else "**no**"] for a, b, c in steps])
    )
    print("\n## Label Studio and Argilla\n")
    print(
        f"label-studio-sdk {installed('label-studio-sdk')}, argilla {installed('argilla')}; `tests/test_annotation.py`:\n"
    )
    print("    " + "\n    ".join(tests.stdout.strip().splitlines()[-3:]))
    sys.exit(not all(c for *_, c in steps) or tests.returncode != 0)


if __name__ == "__main__":
    main()
