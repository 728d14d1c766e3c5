"""Whether everybody can use the pages: axe (WCAG 2.2 AA) in light, dark and narrow; nothing wider than the screen."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import EXAMPLES, Opened  # type: ignore[import-not-found]

PAGES = (
    "/",
    "/skriv",
    "/arkiv",
    "/sok?q=handledning&status=unmet",
    "/granskning",
    "/hjalp",
    "/profil",
    "/nej",
)
MODES: dict[str, dict[str, Any]] = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "narrow": {"viewport": {"width": 360, "height": 740}},
}


@pytest.fixture(scope="module")
def report(server: str, chromium: Any) -> str:
    """The address of a report with corrections."""
    page = chromium.new_page()
    page.goto(server)
    page.set_input_files("#fil", EXAMPLES / "graded" / "w12-ts-78.docx")
    page.click("text=Läs in och föreslå betyg")
    page.wait_for_url("**/utkast/*")
    where = str(page.url).removeprefix(server)
    page.check("#B input[value=D]")
    page.fill("#B input[name=name]", "Eva Ek")
    page.click("#B .grade-form button")
    page.wait_for_selector(".saved")
    page.click("#m13 .nr")
    page.click("dialog[open] button:has-text('Stämmer inte') >> nth=0")
    page.wait_for_selector(".saved:has-text('Mening 13')")
    page.close()
    return where


@pytest.mark.parametrize("mode", MODES)
def test_axe_finds_nothing_wrong(opened: Opened, report: str, mode: str) -> None:
    w = opened(**MODES[mode])
    only = ["color-contrast"] if mode == "dark" else []  # all that is another in the dark
    found = {}
    more = [f"{report}/mening/13", f"{report}/historik", f"{report}/glom"] if mode == "light" else []
    pages = PAGES if mode != "narrow" else ("/", "/skriv", "/granskning")
    for path in (*pages, report, *more):
        w.go(path)
        if wrong := w.axe(only):
            found[path] = wrong
    w.go(report)
    w.page.click("#m12 .nr")
    w.page.wait_for_selector("dialog[open]")
    w.page.evaluate("document.querySelectorAll('dialog details').forEach(d => { d.open = true })")
    if wrong := w.axe(only):
        found["the panel"] = wrong
    assert not found, "\n".join(f"{path}: {x}" for path, wrong in found.items() for x in wrong)


@pytest.mark.parametrize("path", [*PAGES, "report"])
def test_nothing_is_wider_than_a_narrow_screen(opened: Opened, report: str, path: str) -> None:
    w = opened(**MODES["narrow"])
    w.go(report if path == "report" else path)
    assert w.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_targets_are_large_enough_and_focus_is_seen(opened: Opened, report: str) -> None:
    w = opened()
    w.go(report)
    w.page.keyboard.press("Tab")
    w.page.keyboard.press("Tab")
    outline = w.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_findings_are_not_told_by_colour_alone(opened: Opened, report: str) -> None:
    w = opened()
    w.go(report)
    lines = {
        s: w.page.locator(f".s.{s} .t").first.evaluate("e => getComputedStyle(e).textDecorationStyle")
        for s in ("unmet", "partly", "met")
    }
    assert lines == {"unmet": "solid", "partly": "dashed", "met": "dotted"}
    assert "brist" in (w.page.locator(".tag.unmet").first.text_content() or "")
    assert w.page.locator(".tag.unmet svg").count() > 0


def test_print_leaves_out_what_paper_cannot_do(opened: Opened, report: str) -> None:
    w = opened()
    w.go(report)
    w.page.emulate_media(media="print")
    for gone in (".top", ".grade-form", ".areas", ".tools"):
        assert not w.page.locator(gone).first.is_visible()
    assert w.page.locator("#A .text").is_visible()
