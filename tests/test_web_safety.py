"""What hostile requests and files can do to the workbench: nothing. Each kind has a test."""

from __future__ import annotations

import io
import os
import re
import socket
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from reading_files import bomb_pdf, huge_docx, long_pdf, nested_bomb_pdf
from web_fixtures import PDF, SECTIONS, TXT, problem, process, served, upload

from pipeline.web.guard import CSP

HTML = {"accept": "text/html"}
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("web")
    with served(folder, limits={"read_seconds": 20, "upload_megabytes": 3, "pages": 40}) as client:
        client.folder = folder  # type: ignore[attr-defined]
        yield client


def form(client: TestClient, path: str = "/") -> str:
    """The token of the visitor's forms, as a page has it."""
    page = client.get(path, headers=HTML)
    assert page.status_code == 200, page.text
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', page.text)
    assert found
    return found.group(1)


# --- text and names ---


def test_script_in_text_and_names_is_shown_as_text(client: TestClient) -> None:
    client.put("/api/v1/me", json={"name": f"Eva {SCRIPT}"[:60]})
    with TXT.open("rb") as content:
        body = content.read() + f"\n\nF\n{SCRIPT} är text.\n".encode()
    told = client.post("/api/v1/reports", files={"file": (f"{SCRIPT}.txt", body)}).json()
    written = client.post(
        "/api/v1/reports", json={"sections": {"E": f"Handledning saknas {SCRIPT} helt."}}
    ).json()
    for key, draft in ((told["id"], told["draft"]), (written["id"], written["draft"])):
        area = "E"
        client.post(
            f"/api/v1/reports/{key}/corrections",
            json={"target": "grade", "area": area, "grade": "B", "comment": SCRIPT},
        )
        said = {"sentence": 0, "criterion": "E.F6", "status": "unmet", "comment": SCRIPT}
        answer = client.post(f"/api/v1/reports/{key}/corrections", json={"target": "finding", **said})
        assert answer.status_code == 201 and draft["sentences"]
        for page in (f"/utkast/{key}", f"/utkast/{key}/historik", "/arkiv", "/sok?q=handledning", "/"):
            answer = client.get(page, headers=HTML)
            assert answer.status_code == 200, (page, answer.text[:300])
            assert "<script>alert" not in answer.text and "<img src=x" not in answer.text, page
            assert answer.headers["content-security-policy"] == CSP
        exported = client.get(f"/api/v1/reports/{key}/export", params={"format": "html"})
        assert "<script>alert" not in exported.text
        assert exported.headers["content-disposition"].startswith("attachment;")
    shown = client.get(f"/utkast/{written['id']}", headers=HTML).text
    assert "&lt;script&gt;alert(1)" in shown


def test_no_page_asks_other_servers_or_runs_what_stands_in_it(client: TestClient) -> None:
    key = upload(client)["id"]
    for page in ("/", "/skriv", "/arkiv", "/sok", "/granskning", "/hjalp", f"/utkast/{key}"):
        text = client.get(page, headers=HTML).text
        assert not re.search(r"""(?:src|href|action|srcset)\s*=\s*["']?(?:https?:)?//""", text), page
        assert not re.search(r"<style|\sstyle=|\son[a-z]+\s*=\s*[\"']|javascript:", text), page
        assert all('src="' in tag for tag in re.findall(r"<script\b[^>]*>", text)), page


def test_every_answer_carries_the_headers(client: TestClient) -> None:
    asked = [
        client.get("/", headers=HTML),
        client.get("/finns-inte", headers=HTML),
        client.get("/api/v1/health"),
        client.get("/api/v1/health", headers={"host": "ond.example"}),
        client.get("/static/finns-inte.js"),
        client.post("/api/v1/reports", json={"text": ""}),
        client.get("/openapi.json"),
    ]
    for answer in asked:
        assert answer.headers["content-security-policy"] == CSP
        assert "unsafe" not in CSP and "script-src 'self'" in CSP and "frame-ancestors 'none'" in CSP
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("..\\..\\Windows\\rapport.txt", "rapport.txt"),
        ("/etc/cron.d/spur.txt", "spur.txt"),
        ("a\r\nSet-Cookie: x=1.txt", None),
        ("...", "rapport"),
        ("x" * 700 + ".txt", "x" * 116 + ".txt"),
        ("%2e%2e%2fx.txt", "%2e%2e%2fx.txt"),
    ],
)
def test_a_clients_file_name_is_no_path(client: TestClient, name: str, kept: str | None) -> None:
    before = sorted(p.name for p in client.folder.rglob("*"))  # type: ignore[attr-defined]
    told = upload(client, TXT, name)
    shown = told["draft"]["report"]["file"]
    assert kept is None or shown == kept
    assert "/" not in shown and "\\" not in shown and "\n" not in shown and "\r" not in shown
    exported = client.get(f"/api/v1/reports/{told['id']}/export", params={"format": "json"})
    disposition = exported.headers["content-disposition"]
    assert re.fullmatch(r'attachment; filename="[A-Za-z0-9._-]{1,120}"', disposition)
    after = sorted(p.name for p in client.folder.rglob("*"))  # type: ignore[attr-defined]
    assert {*after} - {*before} <= {"store.db-wal", "store.db-shm"}


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static//etc/passwd",
        "/static/....//app.py",
    ],
)
def test_static_files_lead_nowhere_else(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


# --- files ---


def zip_of_deflated(path: Path) -> Path:
    """A DOCX whose text unpacks to hundreds of megabytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("[Content_Types].xml", "<Types/>")
        with z.open("word/document.xml", "w") as part:
            for _ in range(300):
                part.write(b" " * 1_000_000)
    return path


@pytest.mark.parametrize(
    "make", [bomb_pdf, nested_bomb_pdf, huge_docx, zip_of_deflated, lambda p: long_pdf(p, 60)]
)
def test_bombs_are_refused_and_the_server_goes_on(client: TestClient, tmp_path: Path, make: object) -> None:
    path = make(tmp_path / "bomb.docx")  # type: ignore[operator]
    begun = time.monotonic()
    with path.open("rb") as content:
        problem(client.post("/api/v1/reports", files={"file": (path.name, content)}), (413, 422))
    assert time.monotonic() - begun < 40
    upload(client)


def test_what_takes_all_memory_or_time_ends_alone(tmp_path: Path) -> None:
    """A reading process that dies or hangs takes no other request with it."""
    for too_little in (110, 130, 165):  # libraries run out at one place or another
        with served(tmp_path, limits={"read_megabytes": too_little, "readers": 1}) as client:
            for _ in "ab":
                told = problem(
                    client.post("/api/v1/reports", files={"file": ("a.pdf", PDF.read_bytes())}), 422
                )
                assert "för stor" in told["detail"] or "minne" in told["detail"], too_little
            assert client.get("/api/v1/health").status_code == 200
    with served(tmp_path, limits={"read_seconds": 1, "readers": 1}) as client:
        slow = "\n".join(f"{n} {'ord ' * 400}" for n in range(900)) + TXT.read_text(encoding="utf8")
        answer = client.post("/api/v1/reports", files={"file": ("lång.txt", slow.encode())})
        assert answer.status_code in (201, 413, 422)
        assert client.post("/api/v1/reports", json={"sections": SECTIONS}).status_code == 201


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("bild.pdf", b"\x89PNG\r\n\x1a\n" + bytes(200)),
        ("program.docx", b"MZ" + bytes(5000)),
        ("tom.txt", b""),
        ("brev.txt", "Hej! Tack för senast.".encode()),
        ("slump.pdf", bytes(range(256)) * 40),
        ("ark.docx", b"PK\x03\x04" + bytes(100)),
        ("sida.html", b"<html><script>1</script>"),
        ("entiteter.docx", b"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><x>&a;</x>"),
    ],
)
def test_wrong_kinds_of_files_are_told(client: TestClient, name: str, content: bytes) -> None:
    told = problem(client.post("/api/v1/reports", files={"file": (name, content)}), 422)
    assert "Traceback" not in told["detail"] and "root:" not in told["detail"]


def test_too_large_is_refused_before_it_is_kept(client: TestClient) -> None:
    big = io.BytesIO(b"x" * 4_500_000)
    problem(client.post("/api/v1/reports", files={"file": ("stor.txt", big)}), 413)
    problem(client.post("/api/v1/reports", json={"text": "x" * 4_500_000}), 413)
    problem(client.post("/api/v1/reports", json={"sections": {"E": "x " * 40_000}}), 413)
    chunks = (b"x" * 100_000 for _ in range(60))  # no length told beforehand
    answer = client.post("/api/v1/reports", content=chunks, headers={"content-type": "application/json"})
    problem(answer, 413)
    one = b"x" * 3_500_000  # above the limit for a file, below that for a body
    problem(client.post("/api/v1/reports", files={"file": ("stor.txt", one)}), 413)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="/proc")
def test_200_megabytes_take_no_memory_and_are_answered(tmp_path: Path) -> None:
    def memory(pid: int) -> int:
        status = Path(f"/proc/{pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) // 1024  # type: ignore[union-attr]

    big = tmp_path / "stor.pdf"
    with big.open("wb") as out:
        out.write(b"%PDF-1.7\n")
        out.truncate(200_000_000)
    with process(tmp_path) as server:
        before = memory(server.process.pid)
        with big.open("rb") as content:
            answer = server.client.post("/api/v1/reports", files={"file": ("stor.pdf", content)})
        problem(answer, 413)
        assert memory(server.process.pid) - before < 60
        assert server.client.get("/api/v1/health").status_code == 200


def test_a_slow_sender_keeps_nobody_waiting(tmp_path: Path) -> None:
    with process(tmp_path) as server:
        port = int(server.url.rpartition(":")[2])
        held = [socket.create_connection(("127.0.0.1", port)) for _ in range(80)]
        for each in held:
            each.sendall(
                b"POST /api/v1/reports HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                b"Content-Length: 100\r\n\r\n{"
            )
        assert upload(server.client)["id"]
        for each in held:
            each.close()


# --- other sites ---


@pytest.mark.parametrize("host", ["ond.example", "127.0.0.1.ond.example", "localhost.ond.example:8000", ""])
def test_a_foreign_host_is_refused(client: TestClient, host: str) -> None:
    problem(client.get("/api/v1/reports", headers={"host": host}), 400)
    assert client.get("/", headers={**HTML, "host": host}).status_code == 400


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "LOCALHOST"])
def test_the_loopbacks_names_are_answered(client: TestClient, host: str) -> None:
    assert client.get("/api/v1/health", headers={"host": host}).status_code == 200


FOREIGN = [
    {"origin": "http://ond.example"},
    {"origin": "https://127.0.0.1:8000.ond.example"},
    {"origin": "http://127.0.0.1:9999"},
    {"origin": "null"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site", "origin": "http://127.0.0.1:8000"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=lambda h: "-".join(h.values()))
def test_other_sites_can_change_nothing_through_a_visitors_browser(
    client: TestClient, headers: dict[str, str]
) -> None:
    told = upload(client)
    key = told["id"]
    body = {"target": "grade", "area": "E", "grade": "B"}
    problem(client.post(f"/api/v1/reports/{key}/corrections", json=body, headers=headers), 403)
    problem(client.post("/api/v1/reports", json={"sections": SECTIONS}, headers=headers), 403)
    problem(client.delete(f"/api/v1/reports/{key}", headers=headers), 403)
    plain = {**headers, "content-type": "text/plain"}  # what a form of another site can send without asking
    assert client.post("/api/v1/reports", content=b'{"text": "x"}', headers=plain).status_code in (403, 415)
    assert client.get(f"/api/v1/reports/{key}").json() == told


def test_our_own_pages_may(client: TestClient) -> None:
    for headers in (
        {"origin": "http://127.0.0.1:8000"},
        {"origin": "http://127.0.0.1:8000", "sec-fetch-site": "same-origin"},
        {"origin": "null", "sec-fetch-site": "same-origin"},
    ):
        answer = client.post("/api/v1/suggestions", json={"sections": SECTIONS}, headers=headers)
        assert answer.status_code == 200


def test_forms_need_the_visitors_own_token(client: TestClient) -> None:
    key = upload(client)["id"]
    token = form(client)
    fields = {"grade": "B", "comment": ""}
    path = f"/utkast/{key}/betyg/E"
    for wrong in (
        {},
        {"csrf": ""},
        {"csrf": "0" * 64},
        {"csrf": token[:-1] + ("0" if token[-1] != "0" else "1")},
    ):
        answer = client.post(path, data={**fields, **wrong}, headers=HTML, follow_redirects=False)
        assert answer.status_code == 403, answer.text[:200]
    assert client.get(f"/api/v1/reports/{key}/corrections").json()["corrections"] == []
    stranger = TestClient(client.app, base_url="http://127.0.0.1:8000")
    answer = stranger.post(path, data={**fields, "csrf": token}, headers=HTML, follow_redirects=False)
    assert answer.status_code == 403  # the token is another visitor's
    null = {**HTML, "origin": "null"}  # as browsers say under referrer-policy no-referrer
    answer = client.post(path, data={**fields, "csrf": token}, headers=null, follow_redirects=False)
    assert answer.status_code in (200, 303), answer.text[:300]
    assert len(client.get(f"/api/v1/reports/{key}/corrections").json()["corrections"]) == 1


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(client: TestClient) -> None:
    visitor = TestClient(client.app, base_url="http://127.0.0.1:8000")
    answer = visitor.get("/", headers=HTML)
    cookies = answer.headers.get_list("set-cookie")
    assert cookies and all("HttpOnly" in c and "SameSite=Lax" in c for c in cookies)


@pytest.mark.parametrize("key", ["0" * 32, "1", "%00", "'; DROP TABLE reports; --", "a" * 5000, "..", "å"])
def test_ids_that_are_guessed_are_not_found(client: TestClient, key: str) -> None:
    for path in (f"/api/v1/reports/{key}", f"/api/v1/jobs/{key}", f"/api/v1/reports/{key}/export"):
        answer = client.get(path)
        assert answer.status_code in (200, 404), (path, answer.text)  # «..» is another address
        if answer.status_code == 404:
            problem(answer, 404)
    answer = client.get("/api/v1/search", params={"q": key, "report": key})
    assert answer.status_code == (200 if len(key) <= 200 else 422)


def test_ids_do_not_count_up(client: TestClient) -> None:
    keys = [client.post("/api/v1/reports", json={"sections": SECTIONS}).json()["id"] for _ in range(3)]
    assert all(re.fullmatch(r"[0-9a-f]{32}", k) for k in keys)
    assert len({k[:8] for k in keys}) == 3


def test_more_than_can_wait_are_told_to_come_back(tmp_path: Path) -> None:
    with served(tmp_path, limits={"waiting": 1}) as client:
        desk = client.app.state.workbench.desk  # type: ignore[attr-defined]
        with desk._admitted():
            answer = client.post("/api/v1/reports", json={"sections": SECTIONS})
        problem(answer, 503)
        assert int(answer.headers["retry-after"]) > 0
        assert client.post("/api/v1/reports", json={"sections": SECTIONS}).status_code == 201


def test_uploads_leave_nothing_behind(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    upload(client, PDF)
    client.post("/api/v1/reports", files={"file": ("a.pdf", b"%PDF-1.7 nej")})
    client.get(f"/api/v1/reports/{upload(client)['id']}/export", params={"format": "docx"})
    assert os.listdir(tmp_path) == []  # noqa: PTH208
