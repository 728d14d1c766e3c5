"""An inspector's morning in the browser: upload, read, correct, export, find again, audit; with and without scripts."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

import docx
from conftest import EXAMPLES, Opened, Watched  # type: ignore[import-not-found]

PDF = EXAMPLES / "graded" / "w15-tx-20.pdf"


def _upload(w: Watched, path: Any = PDF) -> str:
    w.go("/")
    w.page.set_input_files("#fil", path)
    w.page.click("text=Läs in och föreslå betyg")
    w.page.wait_for_url("**/utkast/*")
    return str(w.page.url.split("/utkast/")[1])


def _open_sentence(w: Watched, number: int) -> None:
    w.page.click(f"#m{number} .nr")
    w.page.wait_for_selector("dialog[open] #panel-rubrik")


def _saved(w: Watched, words: str) -> None:
    w.page.wait_for_selector(f".saved:has-text('{words}')")


def test_the_whole_morning(opened: Opened) -> None:
    w = opened()
    report = _upload(w)
    assert w.page.text_content("h1") == "Kirurgkliniken, Ekbrunna universitetssjukhus"
    assert w.page.locator("section.area .verdict").count() == 8
    assert w.page.locator("#A .chip.big").text_content() == "D"
    _correct_findings(w)
    _correct_a_grade(w)
    _export_as_word(w)
    _find_it_again(w, report)
    _see_it_in_the_audit(w, report)
    w.page.click("#historik li:first-child button:has-text('Ångra')")
    w.page.wait_for_selector(".saved:has-text('Ångrat')")
    assert w.page.locator("#F .chip.big").text_content() == "A"


def _correct_findings(w: Watched) -> None:
    page = w.page
    # one is wrong: the name is asked for, once
    _open_sentence(w, 23)
    page.fill("#namn-bort-1", "Eva Ek")
    page.locator("dialog section.finding").first.get_by_role("button", name="Stämmer inte").click()
    _saved(w, "Mening 23: A.F2 togs bort")
    assert page.evaluate("document.activeElement.closest('.s').id") == "m23"  # where the reader was
    assert page.locator("dialog[open]").count() == 0
    # another has another status
    _open_sentence(w, 22)
    page.click("dialog summary:has-text('Ändra status') >> nth=0")
    page.check("dialog section.finding >> nth=0 >> input[value=partly]")
    page.fill("dialog section.finding >> nth=0 >> textarea", "Metoder finns, men inte från vårdgivaren")
    assert page.locator("dialog input[name=name]").count() == 0
    page.click("dialog section.finding >> nth=0 >> text=Spara ändringen")
    _saved(w, "från inte uppfyllt till delvis uppfyllt")
    assert "delvis A.F2" in (page.text_content("#m22") or "")
    # one is missing
    _open_sentence(w, 25)
    page.fill("#sok-kriterium", "studierektor uppdragsbeskrivning")
    assert page.locator(".picker-row:visible").count() == 1
    page.check(".picker-row:visible input")
    page.click("dialog form:has([value=add]) button.primary")
    _saved(w, "B.K3 lades till")


def _correct_a_grade(w: Watched) -> None:
    page = w.page
    top = page.locator("#F .grade-form").evaluate(
        "e => { e.scrollIntoView({behavior: 'instant'}); return scrollY }"
    )
    page.check("#F input[value=C]")
    page.fill("#c-F", "Enligt samtal på plats")
    page.click("#F .grade-form button")
    _saved(w, "Område F: betyg A ändrades till C")
    assert abs(page.evaluate("scrollY") - top) < 400  # the reader stays in place
    told = page.locator("#F .verdict").text_content() or ""
    assert "Satt av Eva Ek" in told
    assert "Modellens förslag var A" in told


def _export_as_word(w: Watched) -> None:
    w.page.click("text=Spara som fil")
    with w.page.expect_download() as download:
        w.page.click("text=Word (DOCX)")
    word = docx.Document(io.BytesIO(download.value.path().read_bytes()))
    headings = [p.text for p in word.paragraphs if p.style.name == "Heading 2"]
    assert "F Teoretisk utbildning: C" in headings


def _find_it_again(w: Watched, report: str) -> None:
    w.go("/arkiv?grade=C&area=F")
    assert w.page.locator(f".row a[href='/utkast/{report}']").count() == 1
    w.go("/sok")
    w.page.fill("#q", "riktlinje bedömas sektionerna")
    w.page.click(".filters button.primary")
    w.page.locator(".hit a", has_text="Handledarna efterfrågar en riktlinje").first.click()
    w.page.wait_for_url(f"**/utkast/{report}#m22")
    box = w.page.locator("#m22").bounding_box()
    assert box and 0 < box["y"] < 900  # the hit leads to its sentence


def _see_it_in_the_audit(w: Watched, report: str) -> None:
    w.go("/granskning")
    assert w.page.locator("#tveksamma").get_by_role("link", name="w15-tx-20").count() > 0
    w.page.click(f"#enheter a[href='/utkast/{report}#F']")
    w.page.wait_for_url(f"**/utkast/{report}#F")


def test_every_export_is_a_file_of_its_kind(opened: Opened) -> None:
    w = opened()
    report = _upload(w, EXAMPLES / "layout-2" / "w9-ts-31.txt")
    starts = {"docx": b"PK", "xlsx": b"PK", "pdf": b"%PDF-", "json": b"["}
    for form, start in starts.items():
        answer = w.page.request.get(f"{w.base}/utkast/{report}/fil/{form}")
        assert answer.ok, answer.text()
        assert answer.body().startswith(start) or form == "json"
        assert re.fullmatch(rf'attachment; filename="[\w.-]+\.{form}"', answer.headers["content-disposition"])
        if start == b"PK":
            assert zipfile.is_zipfile(io.BytesIO(answer.body()))


def test_the_same_without_scripts(opened: Opened) -> None:
    w = opened(java_script_enabled=False)
    page = w.page
    report = _upload(w, EXAMPLES / "layout-1" / "w20-tz-49.txt")
    page.locator(".mark .nr").nth(30).click()
    page.wait_for_url("**/mening/*")
    page.fill("input[name=name] >> nth=-1", "Bo Berg")
    page.locator(".add summary").click() if not page.locator(".add[open]").count() else None
    page.check("input[name=criterion][value='E.F6']")
    page.click("form:has([value=add]) button.primary")
    page.wait_for_url(f"**/utkast/{report}?sparat=*")
    assert "E.F6 lades till som inte uppfyllt" in (page.text_content(".saved") or "")
    page.check("#E input[value=D]")
    page.click("#E .grade-form button")
    assert page.locator("#E .chip.big").text_content() == "D"
    page.click(".saved button")
    assert "Ångrat" in (page.text_content(".saved") or "")
    assert "Bo Berg" in (page.text_content("#historik") or "")


def test_a_sentence_has_a_page_of_its_own(opened: Opened) -> None:
    w = opened()
    report = _upload(w)
    w.go(f"/utkast/{report}/mening/9")
    w.page.fill("#namn-bort-1", "Eva Ek")
    w.page.locator("section.finding").first.get_by_role("button", name="Stämmer inte").click()
    w.page.wait_for_url(f"**/utkast/{report}?sparat=*#m9")
    _saved(w, "Mening 9")


def test_writing_area_by_area_with_suggestions(opened: Opened) -> None:
    w = opened()
    page = w.page
    w.go("/skriv")
    page.fill("#t-E", "Handledning sker inte regelbundet och är inte inplanerad. ")
    page.type("#t-E", "Kompetensbedömningar dokumenteras inte.")
    page.wait_for_selector("#forslag-E .chip.big", timeout=5_000)
    page.wait_for_selector("#forslag-E .status.unmet", timeout=5_000)
    assert page.evaluate("document.activeElement.id") == "t-E"
    assert page.locator("#forslag-A .chip").count() == 0
    page.get_by_role("button", name="Spara som utkast").click()
    page.wait_for_url("**/utkast/*")
    assert "Handledning sker inte regelbundet" in (page.text_content("#E .text") or "")


def test_suggestions_while_writing_without_scripts(opened: Opened) -> None:
    w = opened(java_script_enabled=False)
    w.go("/skriv")
    w.page.fill("#t-E", "Kompetensbedömningar dokumenteras inte.")
    w.page.click("text=Uppdatera förslagen")
    assert w.page.locator("#forslag-E .chip.big").count() == 1
    assert w.page.input_value("#t-E") == "Kompetensbedömningar dokumenteras inte."


def test_a_dropped_file_is_read(opened: Opened) -> None:
    w = opened()
    w.go("/")
    text = (EXAMPLES / "layout-3" / "w17-tz-21.txt").read_text(encoding="utf8")
    w.page.evaluate(
        """text => { const carried = new DataTransfer();
        carried.items.add(new File([text], "släppt.txt", {type: "text/plain"}));
        document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: carried, bubbles: true, cancelable: true})); }""",
        text,
    )
    w.page.wait_for_url("**/utkast/*")
    assert "släppt.txt" in (w.page.text_content(".facts-line") or "")


def test_several_files_become_a_job(opened: Opened) -> None:
    w = opened()
    w.go("/")
    odd = {"name": "inte en rapport.txt", "mimeType": "text/plain", "buffer": b"Hej. Det var allt."}
    text = (EXAMPLES / "layout-3" / "w15-tx-23.md").read_bytes()
    good = {"name": "w15-tx-23.md", "mimeType": "text/markdown", "buffer": text}
    w.page.set_input_files("#fil", [good, odd])
    w.page.click("text=Läs in och föreslå betyg")
    w.page.wait_for_url("**/omgangar/*")
    w.page.wait_for_selector("h1:has-text('Rapporterna är lästa')", timeout=30_000)
    assert w.page.locator(".row:has-text('kunde inte läsas') .fault").count() == 1
    w.page.click(".row-title >> text=w15-tx-23.md")
    w.page.wait_for_url("**/utkast/*")


def test_what_cannot_be_read_is_told_on_the_page(opened: Opened) -> None:
    w = opened()
    w.go("/")
    odd = {"name": "<b>brev</b>.txt", "mimeType": "text/plain", "buffer": b"Hej. Det var allt."}
    w.page.set_input_files("#fil", [odd])
    w.page.click("text=Läs in och föreslå betyg")
    assert "<b>brev</b>.txt" in (w.page.text_content("[role=alert]") or "")
    w.page.fill("#text", "Hej")
    w.page.click("text=Föreslå betyg för texten")
    w.page.wait_for_selector("[role=alert]")
    assert w.page.input_value("#text") == "Hej"  # what was typed is not lost


def test_the_keyboard_is_enough(opened: Opened) -> None:
    w = opened()
    page = w.page
    _upload(w, EXAMPLES / "layout-2" / "w16-tz-08.md")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.locator("#D .mark").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open]")
    assert page.evaluate("document.activeElement.id") == "panel-rubrik"
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="hidden")
    assert page.evaluate("document.activeElement.className") == "mark"
    page.locator("#D .grade-form input:checked").focus()
    page.keyboard.press("ArrowLeft")
    page.locator("#D .grade-form input[name=name]").focus()
    page.keyboard.type("Kim")
    page.keyboard.press("Enter")
    _saved(w, "Område D")


def test_text_of_a_report_is_never_markup(opened: Opened) -> None:
    w = opened()
    text = (EXAMPLES / "layout-1" / "w20-tz-49.txt").read_text(encoding="utf8")
    evil = "<script>window.taken = 1</script><img src=x onerror='window.taken = 2'>"
    marked = text.replace(". ", f" {evil}. ", 12)
    w.page.goto(w.base)
    odd = {"name": f"{evil}.txt".replace("/", ""), "mimeType": "text/plain", "buffer": marked.encode()}
    w.page.set_input_files("#fil", [odd])
    w.page.click("text=Läs in och föreslå betyg")
    w.page.wait_for_url("**/utkast/*")
    assert w.page.evaluate("window.taken") is None
    assert w.page.locator(".text img, .text script").count() == 0
    for path in ("/arkiv", "/sok?q=%3Cscript%3Ealert(1)%3C/script%3E", "/granskning"):
        w.go(path)
        assert w.page.evaluate("window.taken") is None
