"""What the web's tests share: a server inside this process, and one of its own."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from fastapi.testclient import TestClient

from pipeline.web.app import create_app
from pipeline.web.settings import Limits, Settings

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "data" / "examples"
PDF, TXT = EXAMPLES / "graded" / "w15-tx-20.pdf", EXAMPLES / "layout-1" / "w20-tz-49.txt"
SECTIONS = {
    "SVAGHETER": "Handledarsamtal saknas för flera ST-läkare.",
    "E": "Handledningen är regelbunden. Handledare saknar utbildning.\nBedömning görs inte.",
}


def settings(folder: Path, **changes: Any) -> Settings:
    """A server with the baseline and a store of its own; `limits` is a dict of changed ones."""
    limits = replace(Limits.load(), **changes.pop("limits", {}))
    told = {"model": "baseline", "store": folder / "store.db", "spool": folder / "spool", "limits": limits}
    return Settings(**{**told, **changes})


@contextmanager
def served(folder: Path, **changes: Any) -> Iterator[TestClient]:
    """A client of a server inside this process."""
    app = create_app(settings(folder, **changes))
    with TestClient(app, base_url="http://127.0.0.1:8000", raise_server_exceptions=False) as client:
        yield client


def upload(client: Any, path: Path = TXT, name: str | None = None) -> dict[str, Any]:
    """Drafts a file; the answer."""
    with path.open("rb") as content:
        answer = client.post("/api/v1/reports", files={"file": (name or path.name, content)})
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def a_finding(draft: dict[str, Any], area: str | None = None) -> tuple[int, str, str]:
    """(sentence, criterion, status) of some finding, of an area's criteria if one is given."""
    for s in draft["sentences"]:
        for f in s["findings"]:
            if area is None or f["criterion"].startswith(f"{area}."):
                return s["id"], f["criterion"], f["status"]
    raise AssertionError("no finding")


def problem(answer: Any, status: int | tuple[int, ...]) -> dict[str, Any]:
    """The problem that an answer tells, which must have the status and the form."""
    wanted = status if isinstance(status, tuple) else (status,)
    assert answer.status_code in wanted, (answer.status_code, answer.text[:500])
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert told["status"] == answer.status_code and told["title"] and told["detail"]
    return told


class Process:
    """`spur serve` as a process of its own."""

    def __init__(self, home: Path, *options: str, **environment: str) -> None:
        home.mkdir(parents=True, exist_ok=True)
        env = {k: v for k, v in os.environ.items() if k not in ("SPUR_STORE", "SPUR_TOKEN")}
        self.log = home / "server.log"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", "serve", "--port", "0", "--model", "baseline", *options],
            cwd=ROOT,
            env={**env, "SPUR_HOME": str(home), **environment},
            stdout=subprocess.PIPE,
            stderr=self.log.open("a"),
            text=True,
        )
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], 60)
        line = self.process.stdout.readline() if ready else ""
        found = re.search(r"http\S+?:(\d+)/", line)
        assert found, (line, self.log.read_text())
        self.url = f"http://127.0.0.1:{found.group(1)}"
        self.client = httpx.Client(base_url=self.url, timeout=60)
        self._wait()

    def _wait(self) -> None:
        for _ in range(100):
            try:
                self.client.get("/api/v1/health")
                return
            except httpx.TransportError:
                time.sleep(0.1)
        raise AssertionError("the server does not answer")

    def kill(self) -> None:
        """As a power cut would."""
        self.client.close()
        self.process.kill()
        self._end()

    def stop(self) -> None:
        """As a person does."""
        self.client.close()
        self.process.terminate()
        self._end()

    def _end(self) -> None:
        self.process.wait(timeout=60)
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def process(home: Path, *options: str, **environment: str) -> Iterator[Process]:
    """A server process that ends with the test."""
    running = Process(home, *options, **environment)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.stop()
