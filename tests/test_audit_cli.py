"""`spur audit` on example reports: every output, resumed after a kill, from the archive."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import openpyxl
import pytest

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "data" / "examples"
DAY = "2025-12-01"


def spur(*args: object, home: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *map(str, args)],
        env={**os.environ, "SPUR_HOME": str(home)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three graded reports, one without grades, a grades file that calls one area better than its text."""
    out = tmp_path_factory.mktemp("reports")
    for name in ("w10-ts-53.pdf", "w15-tx-20.pdf", "w12-ts-78.docx"):
        shutil.copy(EXAMPLES / "graded" / name, out)
    shutil.copy(EXAMPLES / "layout-1" / "w8-ts-20.md", out)
    (out.parent / "betyg.csv").write_text("report;area;grade\nw15-tx-20;A;A\nborta;A;A\n", encoding="utf8")
    (out.parent / "meta.csv").write_text("report,region\nw10-ts-53,Syd\nw15-tx-20,Norr\n", encoding="utf8")
    return out


@pytest.fixture(scope="module")
def made(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with all three outputs."""
    out = tmp_path_factory.mktemp("out")
    outs = [x for e in ("json", "xlsx", "html") for x in ("--out", out / f"a.{e}")]
    beside = ("--grades", folder.parent / "betyg.csv", "--metadata", folder.parent / "meta.csv")
    done = spur("audit", folder, *beside, "--as-of", DAY, "--model", "baseline", *outs, home=out / "home")
    assert done.stderr.strip() == "Betygsfilen har 1 rapport(er) som inte finns bland filerna: borta"
    return out


def test_json_has_the_stable_surface(made: Path) -> None:
    audit = json.loads((made / "a.json").read_text(encoding="utf8"))
    gradings = audit["gradings"]
    assert len(gradings) >= 24
    doubts = [g["doubt"] for g in gradings]
    assert doubts == sorted(doubts, reverse=True)
    first = gradings[0]
    assert (first["report"], first["area"], first["stated_grade"]) == ("w15-tx-20", "A", "A")
    assert first["suggested_grade"] == "D"
    assert first["doubt"] > 0.5
    assert "föreskrift" in first["reason"]
    for c in audit["contradictions"]:
        assert set(c) >= {"report", "area", "kind", "sentences", "reason"}
    assert audit["agreement"]["overall"]["small"]
    assert {e["state"] for e in audit["plans"]["entries"]} <= {"answered", "incomplete", "overdue", None}
    assert audit["compared"]["region"].keys() == {"Syd", "Norr"}


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if told.get("id"):
            self.ids.append(told["id"] or "")
        for name in ("href", "src", "action", "data", "xlink:href"):
            value = told.get(name) or ""
            if value.startswith("#"):
                self.links.append(value[1:])
            elif value:
                self.outside.append(value)


def test_the_page_stands_alone_and_every_link_leads_somewhere(made: Path) -> None:
    text = (made / "a.html").read_text(encoding="utf8")
    page = Page()
    page.feed(text)
    assert page.outside == []
    assert "url(" not in text
    assert "@import" not in text
    assert len(page.ids) == len(set(page.ids))
    assert set(page.links) <= set(page.ids)
    assert any("s" in link and link[1:2].isdigit() for link in page.links)  # numbers lead to sentences
    assert '<html lang="sv">' in text
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_the_workbook_has_its_sheets(made: Path) -> None:
    book = openpyxl.load_workbook(made / "a.xlsx")
    assert {"Graderingar", "Motsägelser", "Överensstämmelse", "Brister", "Handlingsplaner"} <= set(
        book.sheetnames
    )
    heads = [c.value for c in book["Graderingar"][1]]
    row = dict(zip(heads, (c.value for c in book["Graderingar"][2]), strict=True))
    assert (row["Rapport"], row["Område"], row["Angivet före plan"]) == ("w15-tx-20", "A", "A")


def test_a_masked_audit_has_no_names(folder: Path, made: Path) -> None:
    audit = json.loads((made / "a.json").read_text(encoding="utf8"))
    names = {n for r in audit["reports"] for n in r["facts"].get("inspectors", "").split(" och ") if n}
    assert names
    outs = [x for e in ("json", "xlsx", "html") for x in ("--out", made / f"m.{e}")]
    spur("audit", folder, "--model", "baseline", "--mask", *outs, home=made / "home")
    for ending in ("json", "html"):
        text = (made / f"m.{ending}").read_text(encoding="utf8")
        assert not [n for n in names if n in text]


def test_a_killed_audit_goes_on_where_it_was(folder: Path, made: Path, tmp_path: Path) -> None:
    home, out = tmp_path / "home", tmp_path / "a.json"
    args = [sys.executable, "-m", "pipeline", "audit", str(folder), "--model", "baseline", "--out", str(out)]
    running = subprocess.Popen(
        args, env={**os.environ, "SPUR_HOME": str(home)}, cwd=ROOT, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 120
    while (
        not (kept := sorted(home.rglob("*.json.gz"))) and running.poll() is None and time.monotonic() < until
    ):
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    running.wait()
    kept = sorted(home.rglob("*.json.gz"))
    assert kept
    assert not out.exists()
    before = {p: p.stat().st_mtime_ns for p in kept}
    spur("audit", folder, "--model", "baseline", "--as-of", DAY, "--out", out, home=home)
    assert {p: p.stat().st_mtime_ns for p in kept} == before  # not made again
    spur(
        "audit",
        folder,
        "--model",
        "baseline",
        "--as-of",
        DAY,
        "--out",
        tmp_path / "b.json",
        home=made / "home",
    )
    assert out.read_bytes() == (tmp_path / "b.json").read_bytes()
    damaged = kept[0]
    damaged.write_bytes(b"\x1f\x8b half a file")
    spur("audit", folder, "--model", "baseline", "--as-of", DAY, "--out", tmp_path / "c.json", home=home)
    assert (tmp_path / "c.json").read_bytes() == out.read_bytes()


def test_a_bad_file_is_told_and_the_others_audited(folder: Path, made: Path, tmp_path: Path) -> None:
    bad = tmp_path / "trasig.pdf"
    bad.write_bytes(b"%PDF-1.4 broken")
    out = tmp_path / "a.json"
    done = spur("audit", folder, bad, "--model", "baseline", "--out", out, home=made / "home", code=1)
    assert "trasig.pdf" in done.stderr
    assert len(json.loads(out.read_text(encoding="utf8"))["reports"]) == 4


def test_the_archive_gives_the_same_audit(folder: Path, made: Path, tmp_path: Path) -> None:
    pytest.importorskip("pipeline.cli.archive")
    home = tmp_path / "home"
    spur("archive", "add", "--model", "baseline", folder, home=home)
    spur("audit", "--archive", "--model", "baseline", "--as-of", DAY, "--out", tmp_path / "a.json", home=home)
    spur(
        "audit",
        folder,
        "--model",
        "baseline",
        "--as-of",
        DAY,
        "--out",
        tmp_path / "b.json",
        home=made / "home",
    )
    archived, filed = (json.loads((tmp_path / f"{x}.json").read_text(encoding="utf8")) for x in "ab")
    assert archived["gradings"] == filed["gradings"]
    assert archived["contradictions"] == filed["contradictions"]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["nowhere", "--out", "x.json"], "finns inte"),
        (["data/examples", "--out", "x.pdf"], "filtypen är okänd"),
        (["--out", "x.json"], "--archive"),
        (["data/examples", "--archive", "--out", "x.json"], "inte båda"),
    ],
)
def test_wrong_usage_is_told(tmp_path: Path, args: list[str], says: str) -> None:
    assert says in spur("audit", *args, home=tmp_path, code=2).stderr
