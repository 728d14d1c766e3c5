"""The pages as a browser gets them: what they hold, what they refuse, and nothing inline or from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from web_fixtures import EXAMPLES, PDF, TXT, a_finding, served, upload

from pipeline.catalogue import load
from pipeline.grading import Policy
from pipeline.report import AreaDraft
from pipeline.store import Store, accounts
from pipeline.web.pages import text, view
from pipeline.web.pages.deps import inside

HTML = {"accept": "text/html"}
PASSWORD = "ett långt lösenord"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with served(tmp_path_factory.mktemp("web")) as client:
        client.headers.update(HTML)
        yield client


@pytest.fixture(scope="module")
def report(client: TestClient) -> dict[str, Any]:
    return upload(client, PDF)


def token(client: TestClient, path: str = "/hjalp") -> str:
    found = re.search(r'"X-CSRF-Token": "(\w+)"', client.get(path).text)
    assert found
    return found[1]


def post(client: TestClient, path: str, **fields: str) -> Any:
    return client.post(path, data={"csrf": token(client), **fields}, follow_redirects=False)


class Page(HTMLParser):
    """Collects what a strict policy forbids, and ids."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.inline: list[str] = []
        self.foreign: list[str] = []
        self.ids: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "style" or (tag == "script" and not told.get("src")):
            self.inline.append(tag)
        self.inline += [k for k in told if k == "style" or k.startswith("on") or k == "hx-on"]
        for name in ("href", "src", "action", "hx-get", "hx-post"):
            if (value := told.get(name)) and not value.startswith(("/", "#")):
                self.foreign.append(value)
        if told.get("id"):
            self.ids.append(str(told["id"]))


def pages_of(key: str) -> list[str]:
    return [
        "/", "/skriv", f"/skriv?fran={key}", "/arkiv", "/sok", "/sok?q=handledning", "/granskning", "/hjalp", "/profil",
        f"/utkast/{key}", f"/utkast/{key}?visa=brister", f"/utkast/{key}/mening/3", f"/utkast/{key}/historik",
        f"/utkast/{key}/glom", "/finns-inte",
    ]  # fmt: skip


def test_no_page_has_anything_inline_or_from_elsewhere(client: TestClient, report: dict[str, Any]) -> None:
    for path in pages_of(report["id"]):
        answer = client.get(path)
        assert answer.headers["content-type"].startswith("text/html"), path
        page = Page(answer.text)
        assert not page.inline, (path, page.inline)
        assert not page.foreign, (path, page.foreign)
        assert len(page.ids) == len(set(page.ids)), (path, [i for i in page.ids if page.ids.count(i) > 1])
        assert '<html lang="sv">' in answer.text


def test_what_a_page_needs_is_there(client: TestClient) -> None:
    html = client.get("/granskning").text + client.get("/").text
    for path in set(re.findall(r'(?:href|src)="(/(?:static|delar)/[^"]+)"', html)):
        answer = client.get(path)
        assert answer.status_code == 200, path
        for inner in re.findall(r'url\("([^"]+)"\)', answer.text if path.endswith(".css") else ""):
            assert client.get(inner).status_code == 200, inner


def test_vendored_files_have_their_licences() -> None:
    vendor = Path(view.__file__).resolve().parents[1] / "static" / "vendor"
    for folder in (f for f in vendor.iterdir() if f.is_dir()):
        assert [f for f in folder.iterdir() if f.name.startswith("LICENSE")], folder


def test_a_report_shows_every_sentence_and_area(client: TestClient, report: dict[str, Any]) -> None:
    html = client.get(f"/utkast/{report['id']}").text
    for sentence in report["draft"]["sentences"]:
        assert f'id="m{sentence["id"]}"' in html
    for letter, area in report["draft"]["areas"].items():
        section = html.split(f'<section class="area" id="{letter}"')[1].split("</section>")[0]
        assert f'<span class="chip {area["suggested_grade"]} big">' in section
        assert "Rapporten anger" in section  # all areas state a grade in this report


def test_forms_need_the_token_of_the_page(client: TestClient, report: dict[str, Any]) -> None:
    for path in (
        "/utkast/text",
        f"/utkast/{report['id']}/betyg/A",
        "/profil",
        f"/utkast/{report['id']}/glom",
    ):
        assert client.post(path, data={"text": "x"}).status_code == 403, path
        assert client.post(path, data={"text": "x", "csrf": "0" * 64}).status_code == 403, path
    assert client.get(f"/utkast/{report['id']}").status_code == 200


def test_a_correction_and_its_undoing(client: TestClient, report: dict[str, Any]) -> None:
    number, criterion, _ = a_finding(report["draft"])
    where = f"/utkast/{report['id']}/mening/{number}"
    made = post(client, where, do="wrong", criterion=criterion, name="Åsa Öberg", comment="gäller inte")
    assert made.status_code == 303
    assert made.headers["location"].endswith(f"#m{number}")
    html = client.get(made.headers["location"]).text
    assert "togs bort" in html and "Åsa Öberg" in html and "gäller inte" in html
    correction = re.search(r'action="(/rattelser/[\w-]+/angra)"', html)
    assert correction
    undone = post(client, correction[1])
    assert "Ångrat" in client.get(undone.headers["location"]).text
    assert 'name="name"' not in client.get(where).text  # asked once
    told = post(client, where, do="change", criterion=criterion, to_criterion=criterion, status="none")
    assert "togs bort" in client.get(told.headers["location"]).text


def test_a_wrong_correction_is_told_and_keeps_the_page(client: TestClient, report: dict[str, Any]) -> None:
    where = f"/utkast/{report['id']}/mening/3"
    for fields in ({"do": "add", "status": "unmet"}, {"do": "add", "criterion": "X.Y9", "status": "unmet"}):
        answer = post(client, where, **fields)
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text and 'class="said"' in answer.text
    assert post(client, f"/utkast/{report['id']}/betyg/A", grade="Z").status_code == 422
    assert client.get(f"/utkast/{report['id']}/mening/9999").status_code == 404


def test_htmx_gets_the_piece_and_a_browser_the_page(client: TestClient, report: dict[str, Any]) -> None:
    where = f"/utkast/{report['id']}/mening/3"
    assert "<html" not in client.get(where, headers={"HX-Request": "true"}).text
    assert "<html" in client.get(where).text


def test_files_are_handed_out_by_kind(client: TestClient, report: dict[str, Any]) -> None:
    for form in ("docx", "pdf", "xlsx", "json", "html"):
        answer = client.get(f"/utkast/{report['id']}/fil/{form}")
        assert answer.status_code == 200, (form, answer.text[:300])
        assert answer.headers["content-disposition"].startswith("attachment;")
    assert client.get(f"/utkast/{report['id']}/fil/exe").status_code == 404
    for form in ("html", "xlsx", "json"):
        assert client.get(f"/granskning/fil/{form}").status_code == 200


def test_filters_and_search(client: TestClient, report: dict[str, Any]) -> None:
    upload(client, TXT)
    row = f'href="/utkast/{report["id"]}"'
    assert row in client.get("/arkiv?specialty=Kirurgi").text
    assert row not in client.get("/arkiv?specialty=Psykiatri&year=1999").text
    assert row in client.get("/arkiv?text=ekbrunna&sida=1&year=&grade=").text
    assert client.get("/arkiv?sida=-3&year=tvåtusen").status_code == 200
    html = client.get("/sok?q=handledarna&status=unmet").text
    assert f'href="/utkast/{report["id"]}#m' in html and "<mark>" in html.lower()
    assert "Ingen mening passar" in client.get("/sok?q=zzzz").text
    assert "Ingen rapport passar" in client.get("/granskning?year=1999").text


def test_an_empty_archive_says_what_to_do(tmp_path: Path) -> None:
    with served(tmp_path) as client:
        for path in ("/", "/arkiv", "/sok?q=x", "/granskning"):
            assert client.get(path, headers=HTML).status_code == 200, path
        assert "Arkivet är tomt" in client.get("/granskning").text


def test_a_report_is_removed_only_after_a_question(client: TestClient) -> None:
    key = upload(client, EXAMPLES / "layout-2" / "w16-tz-08.md")["id"]
    assert "Det går inte att ångra" in client.get(f"/utkast/{key}/glom").text
    assert client.get(f"/utkast/{key}").status_code == 200
    assert post(client, f"/utkast/{key}/glom").headers["location"] == "/arkiv"
    assert client.get(f"/utkast/{key}").status_code == 404


def test_what_the_cover_lacks_can_be_told(client: TestClient) -> None:
    key = upload(client, EXAMPLES / "layout-3" / "w15-tx-23.md")["id"]
    post(client, f"/utkast/{key}/uppgifter", region="Region Påhitt", unit_kind="vårdcentral", year="tolv")
    html = client.get(f"/utkast/{key}").text
    assert 'value="Region Påhitt"' in html
    assert "Region Påhitt" in client.get("/arkiv").text


def test_errors_are_pages_in_swedish(client: TestClient) -> None:
    answer = client.get("/utkast/gissat")
    assert answer.status_code == 404
    assert "<h1>Finns inte</h1>" in answer.text


@pytest.mark.parametrize(
    "url",
    ["//ond.example", "https://ond.example", "/\\ond.example", "javascript:alert(1)", "", "\\\\x", "/a\nb"],
)
def test_going_on_never_leads_elsewhere(url: str) -> None:
    assert inside(url) == "/"


def test_going_on_leads_back() -> None:
    assert inside("/utkast/abc?visa=brister#m3") == "/utkast/abc?visa=brister#m3"


def test_logging_in_and_out(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store.db") as store, store.write() as session:
        accounts.add(session, "eva", "inspector", PASSWORD)
    with served(tmp_path, login=True) as client:
        client.headers.update(HTML)
        to_login = client.get("/arkiv?grade=C", follow_redirects=False)
        assert to_login.headers["location"].startswith("/logga-in?next=/arkiv")
        login = client.get(to_login.headers["location"])
        assert 'name="next" value="/arkiv?grade=C"' in login.text
        assert not Page(login.text).inline
        assert client.get("/hjalp").status_code == 200
        wrong = post(client, "/logga-in", name="eva", password="gissning", next="/arkiv")
        assert wrong.status_code == 403
        assert 'role="alert"' in wrong.text and 'value="eva"' in wrong.text and "gissning" not in wrong.text
        right = post(client, "/logga-in", name="eva", password=PASSWORD, next="//ond.example")
        assert (right.status_code, right.headers["location"]) == (303, "/")
        assert "eva" in client.get("/arkiv").text
        assert "inspektör" in client.get("/profil").text
        assert post(client, "/logga-ut").headers["location"] == "/logga-in"
        assert client.get("/arkiv", follow_redirects=False).status_code == 303


# --- words ---


def test_sentences_that_are_cited_become_links_and_nothing_else_does() -> None:
    html = str(text.cited("enligt mening 23 «<b>x</b>»; mening 13, 34 och 36 till"))
    assert re.findall(r'href="#m(\d+)"', html) == ["23", "13", "34", "36"]
    assert "<b>" not in html


def area(suggested: str, grades: tuple[str, ...], stated: str | None) -> AreaDraft:
    p = {g: 0.7 if g == suggested else 0.1 for g in "ABCD"}
    return AreaDraft(True, suggested, p, grades, False, stated_grade=stated, grade_before_plan=stated)


@pytest.mark.parametrize(
    ("letter", "suggested", "grades", "stated", "level"),
    [
        ("E", "D", ("D",), "D", "good"),
        ("E", "D", ("C", "D"), "C", "mild"),
        ("E", "D", ("D",), "A", "bad"),
        ("A", "D", ("D",), "C", "good"),  # the scale of A has no C: it was a D before its plan
        ("E", "D", ("D",), None, None),
    ],
)
def test_text_and_stated_grade_are_compared(
    letter: str, suggested: str, grades: tuple[str, ...], stated: str | None, level: str | None
) -> None:
    catalogue = load()
    found = view.fit(
        area(suggested, grades, stated), letter, catalogue, Policy.of(catalogue, "sosfs-2015-8", "baseline")
    )
    assert (found.level if found else None) == level


def test_the_possible_grades_are_told_in_words() -> None:
    assert text.possible(area("D", ("D",), None)) == "Bara D är rimligt utifrån texten."
    assert text.possible(area("D", ("C", "D"), None)) == "Både C och D är möjliga utifrån texten."
    assert text.possible(area("D", ("B", "C", "D"), None)) == "B, C och D är möjliga utifrån texten."


def test_days_are_written_out() -> None:
    assert text.day("2023-11-04") == "4 november 2023"
    assert text.day("hösten 2023") == "hösten 2023"
    assert text.day(None) == ""
