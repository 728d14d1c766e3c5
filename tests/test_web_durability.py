"""What has been answered stays: through kill -9 during saves, through restarts in the middle of a job, by many at once."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from store_databases import database
from store_fixtures import postgresql
from web_fixtures import PDF, SECTIONS, TXT, Process, process, served, upload

from pipeline.store import Store, corrections

__all__ = ["postgresql"]  # fixture
POSIX = pytest.mark.skipif(os.name != "posix", reason="kill -9")


def whole(path: Path) -> None:
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


def correcting(url: str, key: str, acknowledged: list[str], sentences: int) -> None:
    """Corrects without pause until the server is gone; notes what was answered."""
    with httpx.Client(base_url=url, timeout=30) as client:
        try:
            for n in range(10_000):
                body: dict[str, Any] = {"target": "grade", "area": "E", "grade": "ABD"[n % 3]}
                if n % 2:
                    body = {
                        "target": "finding", "sentence": n % sentences, "criterion": "E.F6", "status": "unmet",
                    }  # fmt: skip
                answer = client.post(f"/api/v1/reports/{key}/corrections", json=body)
                assert answer.status_code == 201, answer.text
                acknowledged.append(answer.json()["id"])
        except httpx.TransportError:
            return


@POSIX
def test_kill_9_during_saves_loses_no_answered_correction(tmp_path: Path) -> None:
    server = Process(tmp_path)
    told = upload(server.client)
    key, acknowledged = told["id"], [[], []]  # type: ignore[var-annotated]
    people = [
        threading.Thread(target=correcting, args=(server.url, key, mine, len(told["draft"]["sentences"])))
        for mine in acknowledged
    ]
    for person in people:
        person.start()
    while sum(map(len, acknowledged)) < 25:
        time.sleep(0.01)
    server.process.kill()
    for person in people:
        person.join(timeout=60)
    server.kill()
    answered = {c for mine in acknowledged for c in mine}
    whole(tmp_path / "store.db")
    with process(tmp_path) as again:
        history = again.client.get(f"/api/v1/reports/{key}/corrections").json()["corrections"]
        assert answered <= {c["id"] for c in history} and len(history) <= len(answered) + 2
        latest = next(c for c in history if c["target"] == "grade")
        draft = again.client.get(f"/api/v1/reports/{key}").json()["draft"]
        assert draft["areas"]["E"]["suggested_grade"] == latest["grade"]
        for c in history:
            assert again.client.delete(f"/api/v1/corrections/{c['id']}").status_code == 200
        assert again.client.get(f"/api/v1/reports/{key}").json()["draft"] == told["draft"]


@POSIX
def test_kill_9_during_uploads_keeps_every_answered_report_whole(tmp_path: Path) -> None:
    server, kept = Process(tmp_path), {}

    def send() -> None:
        with httpx.Client(base_url=server.url, timeout=30) as client:
            while True:
                try:
                    told = upload(client)
                except httpx.TransportError:
                    return
                kept[told["id"]] = told

    people = [threading.Thread(target=send) for _ in range(3)]
    for person in people:
        person.start()
    while len(kept) < 6:
        time.sleep(0.01)
    server.process.kill()
    for person in people:
        person.join(timeout=60)
    server.kill()
    whole(tmp_path / "store.db")
    with process(tmp_path) as again:
        for key, told in kept.items():
            assert again.client.get(f"/api/v1/reports/{key}").json() == told


@POSIX
def test_a_job_goes_on_after_kill_9(tmp_path: Path) -> None:
    server = Process(tmp_path)
    files = [("files", (f"{n}.pdf", PDF.read_bytes())) for n in range(6)]
    job = server.client.post("/api/v1/jobs", files=files).json()["id"]
    while server.client.get(f"/api/v1/jobs/{job}").json()["done"] < 2:
        time.sleep(0.02)
    server.kill()
    with process(tmp_path) as again:
        for _ in range(600):
            told = again.client.get(f"/api/v1/jobs/{job}").json()
            if told["finished"]:
                break
            time.sleep(0.1)
        assert (told["total"], told["done"], told["failed"]) == (6, 6, 0)
        for file in told["files"]:
            assert again.client.get(f"/api/v1/reports/{file['report']}").status_code == 200
    assert list((tmp_path / "spool").iterdir()) == []


def test_many_at_once_are_all_answered(tmp_path: Path) -> None:
    """Twenty people upload, correct and read at the same time; each sees their own report as they left it."""
    with process(tmp_path) as server:

        def morning(n: int) -> None:
            with httpx.Client(base_url=server.url, timeout=120) as client:
                path = PDF if n % 4 == 0 else TXT
                told = upload(client, path, f"person-{n}{path.suffix}")
                body = {"target": "grade", "area": "E", "grade": "B", "comment": f"nr {n}"}
                answer = client.post(f"/api/v1/reports/{told['id']}/corrections", json=body)
                assert answer.status_code == 201, answer.text
                answer = client.post("/api/v1/suggestions", json={"sections": SECTIONS})
                assert answer.status_code == 200, answer.text
                after = client.get(f"/api/v1/reports/{told['id']}").json()
                assert after["draft"]["report"]["file"] == f"person-{n}{path.suffix}"
                assert any(f"nr {n}." in note or f"nr {n}" in note for note in after["notes"])

        with ThreadPoolExecutor(20) as pool:
            list(pool.map(morning, range(20)))
        assert server.client.get("/api/v1/reports").json()["total"] == 20


# --- the store behind it: SQLite, and PostgreSQL where there is one ---


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield str(tmp_path / "store.db")
        return
    with database(request.getfixturevalue("postgresql")) as url:
        yield url


def test_the_workbench_on_both_kinds_of_database(tmp_path: Path, where: str) -> None:
    with served(tmp_path, store=where) as client:
        told = upload(client, PDF)
        key = told["id"]
        made = [
            client.post(f"/api/v1/reports/{key}/corrections", json=body).json()["id"]
            for body in (
                {"target": "finding", "sentence": 3, "criterion": "E.F6", "status": "unmet"},
                {"target": "grade", "area": "B", "grade": "A", "comment": "\x00 och \ud7ff ö"},
            )
        ]
        assert (
            client.get("/api/v1/search", params={"q": "handledare", "criterion": "E.F6"}).status_code == 200
        )
        assert client.get("/api/v1/audit").status_code == 200
        listed = client.get("/api/v1/reports", params={"specialty": "KIRURGI", "grade": "A", "area": "B"})
        assert [r["id"] for r in listed.json()["reports"]] == [key]
        job = client.post("/api/v1/jobs", files={"files": ("a.txt", TXT.read_bytes())}).json()["id"]
        for _ in range(300):
            if client.get(f"/api/v1/jobs/{job}").json()["finished"]:
                break
            time.sleep(0.1)
        assert client.get("/api/v1/reports").json()["total"] == 2
    with served(tmp_path, store=where) as client:  # after a restart
        after = client.get(f"/api/v1/reports/{key}").json()["draft"]
        assert after["areas"]["B"]["suggested_grade"] == "A"
        assert "E.F6" in {f["criterion"] for f in after["sentences"][3]["findings"]}
        for correction in made:
            client.delete(f"/api/v1/corrections/{correction}")
        assert client.get(f"/api/v1/reports/{key}").json() == told
    with Store.open(where) as store, store.read() as session:
        assert len(list(corrections.listed(session, undone=True))) == 2
