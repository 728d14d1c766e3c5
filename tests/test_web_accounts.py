"""Accounts: who gets in, what each role sees, that passwords cannot be tried, and what `spur serve` refuses to open."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from web_fixtures import SECTIONS, TXT, problem, process, served, upload

from pipeline.cli.app import run
from pipeline.report import SpurError
from pipeline.store import Store, accounts

HTML = {"accept": "text/html"}
PASSWORD = "ett långt lösenord"
TOKEN = "t" * 40
PEOPLE = {"anna": "inspector", "bo": "inspector", "kim": "quality", "ada": "admin"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("web")
    with Store.open(path / "store.db") as store, store.write() as session:
        for name, role in PEOPLE.items():
            accounts.add(session, name, role, PASSWORD)
    return path


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[TestClient]:
    with served(folder, login=True, token=TOKEN) as client:
        yield client


def visitor(server: TestClient) -> TestClient:
    return TestClient(server.app, base_url="http://127.0.0.1:8000", raise_server_exceptions=False)


def logged_in(server: TestClient, name: str) -> TestClient:
    """A browser of someone who has logged in; it says where it comes from, as browsers do."""
    client = visitor(server)
    client.headers["origin"] = "http://127.0.0.1:8000"
    answer = client.post("/api/v1/login", json={"name": name, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"name": name, "role": PEOPLE[name]}
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    return client


def test_nobody_gets_in_without_a_login(server: TestClient) -> None:
    stranger = visitor(server)
    for method, path in (
        ("GET", "/api/v1/reports"),
        ("POST", "/api/v1/reports"),
        ("GET", "/api/v1/search?q=a"),
        ("GET", "/api/v1/audit"),
        ("POST", "/api/v1/jobs"),
        ("DELETE", "/api/v1/corrections/" + "0" * 32),
        ("POST", "/api/v1/suggestions"),
        ("GET", "/api/v1/me"),
    ):
        answer = stranger.request(method, path)
        problem(answer, 401)
        assert "www-authenticate" in answer.headers
    for page in ("/", "/arkiv", "/sok", "/granskning", "/skriv", "/utkast/" + "0" * 32):
        answer = stranger.get(page, headers=HTML, follow_redirects=False)
        assert answer.status_code == 303 and answer.headers["location"].startswith("/logga-in"), page
    assert stranger.get("/logga-in", headers=HTML).status_code == 200
    assert stranger.get("/api/v1/health").json()["login"] is True
    for wrong in ("x", TOKEN[:-1], TOKEN + "t"):
        answer = stranger.get("/api/v1/reports", headers={"authorization": f"Bearer {wrong}"})
        problem(answer, 401)
    stranger.cookies.set("spur_login", "gissad")
    problem(stranger.get("/api/v1/reports"), 401)


def test_the_page_lets_in_and_leads_back(server: TestClient) -> None:
    client = visitor(server)
    page = client.get("/logga-in?next=/arkiv", headers=HTML).text
    token = re.search(r'name="csrf" value="([0-9a-f]{64})"', page).group(1)  # type: ignore[union-attr]
    fields = {"name": "anna", "password": "fel lösenord", "next": "/arkiv", "csrf": token}
    assert client.post("/logga-in", data=fields, headers=HTML).status_code in (403, 422)
    assert client.get("/arkiv", headers=HTML, follow_redirects=False).status_code == 303
    fields["password"] = PASSWORD
    assert client.post("/logga-in", data={**fields, "csrf": ""}, headers=HTML).status_code == 403
    away = {**fields, "next": "//ond.example/x"}
    answer = client.post("/logga-in", data=away, headers=HTML, follow_redirects=False)
    assert answer.status_code == 303 and not answer.headers["location"].startswith(("//", "http"))
    assert client.get("/arkiv", headers=HTML, follow_redirects=False).status_code == 200


def test_what_another_person_has_is_not_found(server: TestClient) -> None:
    anna, bo = logged_in(server, "anna"), logged_in(server, "bo")
    told = upload(anna)
    key = told["id"]
    correction = anna.post(
        f"/api/v1/reports/{key}/corrections", json={"target": "grade", "area": "E", "grade": "B"}
    ).json()["id"]
    job = anna.post("/api/v1/jobs", files={"files": ("a.txt", TXT.read_bytes())}).json()["id"]
    before = anna.get(f"/api/v1/reports/{key}").json()
    problem(bo.get(f"/api/v1/reports/{key}"), 404)
    problem(bo.get(f"/api/v1/reports/{key}/corrections"), 404)
    problem(bo.get(f"/api/v1/reports/{key}/export"), 404)
    problem(bo.delete(f"/api/v1/reports/{key}"), 404)
    problem(bo.patch(f"/api/v1/reports/{key}", json={"region": "x"}), 404)
    body = {"target": "grade", "area": "E", "grade": "A"}
    problem(bo.post(f"/api/v1/reports/{key}/corrections", json=body), 404)
    problem(bo.delete(f"/api/v1/corrections/{correction}"), 404)
    problem(bo.get(f"/api/v1/jobs/{job}"), 404)
    assert job not in {j["id"] for j in bo.get("/api/v1/jobs").json()["jobs"]}
    assert bo.get(f"/utkast/{key}", headers=HTML).status_code == 404
    assert key not in {r["id"] for r in bo.get("/api/v1/reports").json()["reports"]}
    hits = bo.get("/api/v1/search", params={"q": "handledare", "limit": 1000}).json()["hits"]
    assert key not in {h["report"] for h in hits}
    assert bo.get("/api/v1/search", params={"report": key}).json()["hits"] == []
    problem(bo.get("/api/v1/audit", params={"text": "w20"}), 404)
    assert anna.get(f"/api/v1/reports/{key}").json() == before
    # the same words of another answer: whether it exists is not told
    missing = bo.get("/api/v1/reports/" + "0" * 32).json()["detail"]
    assert bo.get(f"/api/v1/reports/{key}").json()["detail"] == missing


def test_quality_and_admin_see_all(server: TestClient) -> None:
    key = upload(logged_in(server, "anna"))["id"]
    for name in ("kim", "ada"):
        client = logged_in(server, name)
        assert client.get(f"/api/v1/reports/{key}").status_code == 200
        assert key in {r["id"] for r in client.get("/api/v1/reports?limit=200").json()["reports"]}
    program = visitor(server)
    program.headers["authorization"] = f"Bearer {TOKEN}"
    assert program.get(f"/api/v1/reports/{key}").status_code == 200
    foreign = {"origin": "http://ett-annat-system.example"}  # programs with the token come from anywhere
    answer = program.post("/api/v1/reports", json={"sections": SECTIONS}, headers=foreign)
    assert answer.status_code == 201


def test_corrections_are_signed_by_the_account(server: TestClient) -> None:
    anna = logged_in(server, "anna")
    key = upload(anna)["id"]
    body = {"target": "grade", "area": "E", "grade": "B", "author": "Någon Annan"}
    assert anna.post(f"/api/v1/reports/{key}/corrections", json=body).status_code == 201
    (told,) = anna.get(f"/api/v1/reports/{key}/corrections").json()["corrections"]
    assert told["author"] == "anna"
    problem(anna.put("/api/v1/me", json={"name": "Någon Annan"}), 422)


def test_a_login_without_an_origin_needs_the_token(server: TestClient) -> None:
    anna = logged_in(server, "anna")
    del anna.headers["origin"]
    problem(anna.post("/api/v1/suggestions", json={"sections": SECTIONS}), 403)
    token = anna.get("/api/v1/token").json()["csrf"]
    for headers, status in (({"x-csrf-token": token}, 200), ({"x-csrf-token": "0" * 64}, 403)):
        answer = anna.post("/api/v1/suggestions", json={"sections": SECTIONS}, headers=headers)
        assert answer.status_code == status
    other = logged_in(server, "bo").get("/api/v1/token").json()["csrf"]
    assert other != token


def test_logging_out_ends_the_login_on_the_server(server: TestClient) -> None:
    anna = logged_in(server, "anna")
    stolen = anna.cookies["spur_login"]
    assert anna.get("/api/v1/me").status_code == 200
    assert anna.post("/api/v1/logout").status_code == 204
    thief = visitor(server)
    thief.cookies.set("spur_login", stolen)
    problem(thief.get("/api/v1/me"), 401)


def test_a_disabled_account_and_a_new_password_end_logins(server: TestClient, folder: Path) -> None:
    bo = logged_in(server, "bo")
    with Store.open(folder / "store.db") as store:
        with store.write() as session:
            accounts.disable(session, "bo")
        problem(bo.get("/api/v1/me"), 401)
        answer = visitor(server).post("/api/v1/login", json={"name": "bo", "password": PASSWORD})
        problem(answer, 403)
        with store.write() as session:
            accounts.disable(session, "bo", False)
        bo = logged_in(server, "bo")
        with store.write() as session:
            accounts.set_password(session, "bo", PASSWORD)
        problem(bo.get("/api/v1/me"), 401)
        stored = (folder / "store.db").read_bytes() + (folder / "store.db-wal").read_bytes()
        assert PASSWORD.encode() not in stored and b"$argon2id$" in stored


def test_passwords_cannot_be_tried(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store.db") as store, store.write() as session:
        accounts.add(session, "anna", "inspector", PASSWORD)
    with served(tmp_path, login=True, limits={"login_attempts": 3}) as client:

        def attempt(password: str, name: str = "anna") -> int:
            return client.post("/api/v1/login", json={"name": name, "password": password}).status_code

        assert [attempt(f"fel {n}") for n in range(3)] == [403] * 3
        answer = client.post("/api/v1/login", json={"name": " ANNA ", "password": PASSWORD})
        problem(answer, 429)  # the right one too: nobody learns that it was right
        assert 0 < int(answer.headers["retry-after"]) <= 61
        assert attempt("fel", "finns-inte") == 403  # others may still try
        assert [attempt("fel", f"namn{n}") for n in range(9)][-1] in (403, 429)
        assert attempt("fel", "ännu-en") == 429  # but not one address all names


def test_without_accounts_the_local_profile_signs(tmp_path: Path) -> None:
    with served(tmp_path) as client:
        assert client.get("/api/v1/me").json() == {"name": "Lokal användare", "role": "admin"}
        client.put("/api/v1/me", json={"name": "Åsa Öberg"})
        assert client.get("/api/v1/me").json()["name"] == "Åsa Öberg"
        problem(client.post("/api/v1/login", json={"name": "a", "password": "b"}), 403)


# --- the commands ---


@pytest.fixture
def spur(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs a command line with its data in a folder of its own; a password on stdin."""
    monkeypatch.setenv("SPUR_HOME", str(tmp_path))
    for name in ("SPUR_STORE", "SPUR_TOKEN"):
        monkeypatch.delenv(name, raising=False)

    def command(*args: object, stdin: str = "") -> int:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        return run([str(a) for a in args])

    return command


def test_accounts_are_made_listed_changed_and_disabled(
    spur: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert spur("accounts", "add", "Anna", "--role", "quality", stdin=f"{PASSWORD}\n") == 0
    assert spur("accounts", "add", "anna", stdin=f"{PASSWORD}\n") == 2
    assert spur("accounts", "add", "bo", stdin="kort\n") == 2
    assert spur("accounts", "add", "../bo", stdin=f"{PASSWORD}\n") == 2
    assert spur("accounts", "role", "anna", "admin") == 0
    assert spur("accounts", "disable", "anna") == 0
    capsys.readouterr()
    assert spur("accounts", "list") == 0
    assert capsys.readouterr().out.split() == ["anna", "admin", "avstängt"]
    assert spur("accounts", "disable", "anna", "--undo") == 0
    assert spur("accounts", "password", "anna", stdin=f"{PASSWORD} två\n") == 0
    assert spur("accounts", "password", "finns-inte", stdin=f"{PASSWORD}\n") == 2
    with Store.open() as store, store.read() as session:
        assert accounts.checked(session, "anna", PASSWORD) is None
        assert accounts.checked(session, "ANNA", f"{PASSWORD} två") is not None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "spur.example"])
def test_serve_opens_nothing_beyond_loopback_without_accounts(
    spur: Callable[..., int], capsys: pytest.CaptureFixture[str], host: str
) -> None:
    assert spur("serve", "--host", host, "--port", "0", "--model", "baseline") == 2
    told = capsys.readouterr().err
    assert "accounts add" in told and "token" in told


def test_serve_says_what_is_wrong(
    spur: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    short = tmp_path / "token"
    short.write_text("kort")
    config = tmp_path / "c.yaml"
    config.write_text("upload_megabyte: 3")
    for options, word in (
        (["--token-file", short], "minst 20"),
        (["--token-file", tmp_path / "saknas"], "finns inte"),
        (["--login"], "accounts add"),
        (["--config", config], "upload_megabyte"),
        (["--tls-cert", short], "--tls-key"),
        (["--model", "finns-inte"], "finns-inte"),
    ):
        assert spur("serve", "--port", "0", *options) == 2, options
        assert word in capsys.readouterr().err


def test_a_taken_port_is_told(
    spur: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with process(tmp_path / "other") as server:
        port = server.url.rpartition(":")[2]
        assert spur("serve", "--port", port, "--model", "baseline") == 2
        assert "--port" in capsys.readouterr().err


def test_beyond_loopback_with_accounts_everyone_logs_in(spur: Callable[..., int], tmp_path: Path) -> None:
    assert spur("accounts", "add", "anna", stdin=f"{PASSWORD}\n") == 0
    with process(tmp_path, "--host", "0.0.0.0", "--allow-host", "spur.example") as server:
        problem(server.client.get("/api/v1/reports"), 401)
        problem(server.client.get("/api/v1/health", headers={"host": "ond.example"}), 400)
        assert server.client.get("/api/v1/health", headers={"host": "spur.example:1"}).status_code == 200
        answer = server.client.post("/api/v1/login", json={"name": "anna", "password": PASSWORD})
        assert answer.status_code == 200
        assert server.client.get("/api/v1/reports").status_code == 200


def test_names_and_roles_are_checked(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store.db") as store:
        for name, role, password in (
            ("a", "chef", PASSWORD),
            ("", "admin", PASSWORD),
            ("a", "admin", "x" * 201),
        ):
            with pytest.raises(SpurError), store.write() as session:
                accounts.add(session, name, role, password)
        with store.read() as session:
            assert accounts.listed(session) == [] and accounts.usable(session) == 0
