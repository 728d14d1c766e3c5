"""The command `spur` as a user meets it: output, lines on stderr, exit codes."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import docx
import openpyxl
import pytest
from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from pipeline import catalogue

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "data" / "examples"
GOOD = EXAMPLES / "layout-1" / "w20-tz-49.txt"
SUBPROCESS_SECONDS = 120


def spur(*args: object, stdin: str | None = None, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Runs `spur` as a process of its own, without a terminal."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf8"}
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *map(str, args)],
        capture_output=True, text=True, encoding="utf8", input=stdin, cwd=cwd, env=env,
        timeout=SUBPROCESS_SECONDS, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def drafts() -> list[dict[str, object]]:
    """All examples, graded."""
    done = spur("grade", EXAMPLES, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_help_and_version_are_quick_and_name_the_commands() -> None:
    code = (
        "import sys\nfrom pipeline.cli.app import run\ncode = run(['--help'])\n"
        "heavy = {'spacy', 'onnxruntime', 'numpy', 'torch', 'pdfplumber', 'docx'}\n"
        "print(code, sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"
    assert all(name in done.stdout for name in ("grade", "parse", "classify", "dataset"))
    assert spur("--version").stdout.startswith("spur ")


def test_every_example_gives_a_draft(drafts: list[dict[str, object]]) -> None:
    files = sorted(p.name for p in EXAMPLES.rglob("*.*"))
    assert sorted(d["report"]["file"] for d in drafts) == files  # type: ignore[index]
    criteria = catalogue.load()
    for draft in drafts:
        areas = draft["areas"]
        assert list(areas) == list(criteria.areas)  # type: ignore[call-overload]
        for letter, area in areas.items():  # type: ignore[attr-defined]
            assert area["suggested_grade"] in criteria.grades and area["grade_set"]
            assert sum(area["probabilities"].values()) == pytest.approx(1, abs=1e-4)
            assert criteria.has_advice(letter) or area["probabilities"]["C"] == 0


def test_stated_grades_and_plans_come_out(drafts: list[dict[str, object]]) -> None:
    rows = [line.split(",") for line in (ROOT / "data" / "examples-grades.csv").read_text().split()[1:]]
    told = {(r, a): {s: g for r2, a2, g, s in rows if (r2, a2) == (r, a)} for r, a, _, _ in rows}
    by_stem = {Path(d["report"]["file"]).stem: d for d in drafts}  # type: ignore[index]
    for (report, letter), stages in told.items():
        area = by_stem[report]["areas"][letter]  # type: ignore[index]
        got = (area["grade_before_plan"], area["stated_grade"])
        assert got == (stages["before"], stages.get("after", stages["before"])), (report, letter)
    assert all(by_stem[r]["action_plan"] for r, _ in told)
    plain = [d for d in drafts if Path(d["report"]["file"]).stem not in {r for r, _ in told}]  # type: ignore[index]
    assert plain


def test_the_table_is_swedish_and_shows_the_evidence() -> None:
    done = spur("grade", GOOD)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Urologiska kliniken" in done.stdout and "Förslag" in done.stdout
    assert "E Handledning och kompetensbedömning" in done.stdout and "«" in done.stdout


def test_parse_needs_no_model_and_gives_offsets() -> None:
    done = spur("parse", GOOD, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    (got,) = map(json.loads, done.stdout.splitlines())
    assert set(got) >= {"report", "text", "blocks", "sentences", "areas", "action_plan"}
    assert all(got["text"][s["start"] : s["end"]] == s["text"] for s in got["sentences"])
    assert set(got["areas"]["A"]) == {"has_text", "stated_grade", "grade_before_plan"}
    assert "Styrkor" in spur("parse", GOOD).stdout


@pytest.mark.parametrize("suffix", [".json", ".xlsx", ".docx", ".html"])
def test_out_writes_a_file_a_person_can_use(suffix: str, tmp_path: Path) -> None:
    out = tmp_path / f"utkast{suffix}"
    done = spur("grade", GOOD, "--out", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert [p.name for p in tmp_path.iterdir()] == [out.name]  # nothing half-written beside it
    if suffix == ".json":
        assert len(json.loads(out.read_text(encoding="utf8"))) == 1
    elif suffix == ".xlsx":
        assert openpyxl.load_workbook(out)["Områden"].max_row == 9
    elif suffix == ".docx":
        assert any("Urologiska" in p.text for p in docx.Document(str(out)).paragraphs)
    else:
        assert "Urologiska" in out.read_text(encoding="utf8")


def test_wrong_usage_is_told_before_any_work(tmp_path: Path) -> None:
    for args, hint in (
        (("grade", GOOD, "--out", tmp_path / "x.pdf"), ".xlsx"),
        (("grade", GOOD, "--out", tmp_path / "ingen" / "x.json"), "mapp"),
        (("grade", tmp_path / "finns-inte.pdf"), "finns-inte.pdf: finns inte"),
        (("grade", tmp_path), "inga filer"),
        (("grade", GOOD, "--as-of", "igår"), "--as-of"),
        (("grade", GOOD, "--model", tmp_path / "ingen"), "ingen"),
        (("grade", GOOD, "--catalogue", "okänd"), "okänd"),
        (("classify", tmp_path), "mapp"),
        (("nonsens",), "nonsens"),
        (("dataset", "render", GOOD, "--out", tmp_path, "--layout", "9"), "--layout"),
    ):
        done = spur(*args)
        assert (done.returncode, done.stdout) == (2, ""), args
        assert hint in done.stderr and "Traceback" not in done.stderr, args
    assert not list(tmp_path.iterdir())


def test_files_of_one_name_are_told_apart_by_their_folder(tmp_path: Path) -> None:
    for folder in ("norr", "syd"):
        (tmp_path / folder).mkdir()
        shutil.copy(GOOD, tmp_path / folder / "rapport.txt")
    shutil.copy(GOOD, tmp_path / "annan.txt")
    lines = spur("parse", tmp_path, "--json").stdout.splitlines()
    assert sorted(json.loads(line)["report"]["file"] for line in lines) == [
        "annan.txt",
        "norr/rapport.txt",
        "syd/rapport.txt",
    ]


def test_an_earlier_result_is_neither_read_nor_lost(tmp_path: Path) -> None:
    out = tmp_path / "utkast.html"
    out.write_text("tidigare", encoding="utf8")
    (tmp_path / "tom.txt").touch()
    done = spur("grade", tmp_path, "--out", out)
    assert done.returncode == 1 and "tom.txt" in done.stderr and "utkast.html: inte skriven" in done.stderr
    assert out.read_text(encoding="utf8") == "tidigare"
    shutil.copy(GOOD, tmp_path / "rapport.txt")
    assert spur("grade", tmp_path, "--out", out).stderr.count("\n") == 1  # the empty file only
    assert "Urologiska" in out.read_text(encoding="utf8")


def test_a_reader_that_leaves_early_is_no_error() -> None:
    command = f"{sys.executable} -m pipeline parse {EXAMPLES} --json | head -c 20"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=ROOT, check=True)
    assert len(done.stdout) == 20 and done.stderr == ""


# --- classify ------------------------------------------------------------------------------------


def test_classify_gives_the_lines_back_with_findings() -> None:
    rows = [
        {"id": 0, "report": "r", "section": "E", "text": "Rutin för att dokumentera saknas.", "x": [1]},
        {"id": "b", "section": None, "text": "Huset är från 1962."},
    ]  # fmt: skip
    done = spur("classify", "--json", "-", stdin="\n".join(map(json.dumps, rows)) + "\n\n")
    assert (done.returncode, done.stderr) == (0, "")
    got = [json.loads(line) for line in done.stdout.splitlines()]
    assert [{k: v for k, v in g.items() if k != "findings"} for g in got] == rows
    first = {f["criterion"]: f for f in got[0]["findings"]}
    assert len(first) == len(got[0]["findings"])
    assert first["E.F6"]["status"] == "unmet" and 0 < first["E.F6"]["probability"] <= 1
    assert spur("classify", "--json", stdin="").stdout == ""


def test_classify_tells_bad_lines_and_does_the_others() -> None:
    lines = ['{"id": 1, "text": "Bra."}', "trasig", '{"id": 2}', '{"id": 3, "section": "Z", "text": "x"}']
    done = spur("classify", "--json", stdin="\n".join(lines))
    assert done.returncode == 1
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == [1]
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["rad 2", "rad 3", "rad 4"]


# --- bad input -----------------------------------------------------------------------------------


def _pdf(path: Path, password: str = "", scanned: bool = False) -> None:
    encryption = StandardEncryption(password) if password else None
    canvas = Canvas(str(path), encrypt=encryption)
    if scanned:
        page = Image.new("L", (600, 800), 255)
        page.paste(0, (100, 100, 400, 130))
        canvas.drawInlineImage(page, 0, 0, 595, 842)
    else:
        canvas.drawString(72, 720, "A Verksamheten")
    canvas.showPage()
    canvas.save()


def _bomb(path: Path) -> None:
    """A DOCX of some MB whose text inflates to 1 GB."""
    chunk = b" " * (1 << 20)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open("word/document.xml", "w", force_zip64=True) as part:
            for _ in range(1024):
                part.write(chunk)


MINUTES = """Protokoll fört vid klinikmöte 2024-03-04

Närvarande: verksamhetschefen, sex läkare, tre sjuksköterskor.

1. Föregående protokoll lades till handlingarna.
2. ST-läkarnas sommarsemester. Schemat skickas ut före påsk.
3. Ny kaffemaskin. Beslutades att köpa in en.
"""


@pytest.fixture
def bad_folder(tmp_path: Path) -> Path:
    """A good report among seven that are none."""
    shutil.copy(EXAMPLES / "layout-1" / "w14-tx-05.pdf", tmp_path / "bra.pdf")
    (tmp_path / "tom.txt").touch()
    _pdf(tmp_path / "krypterad.pdf", password="hemligt")
    _pdf(tmp_path / "inskannad.pdf", scanned=True)
    (tmp_path / "protokoll.txt").write_text(MINUTES, encoding="utf8")
    _bomb(tmp_path / "bomb.docx")
    Image.new("RGB", (20, 20)).save(tmp_path / "bild.png")
    (tmp_path / "skräp.bin").write_bytes(random.Random(1).randbytes(20_000))
    return tmp_path


def test_eight_files_give_one_draft_and_seven_lines(bad_folder: Path) -> None:
    done = spur("grade", bad_folder, "--json")
    assert done.returncode == 1
    (draft,) = map(json.loads, done.stdout.splitlines())
    assert draft["report"]["file"] == "bra.pdf" and len(draft["areas"]) == 8
    lines = done.stderr.splitlines()
    names = [
        "bild.png",
        "bomb.docx",
        "inskannad.pdf",
        "krypterad.pdf",
        "protokoll.txt",
        "skräp.bin",
        "tom.txt",
    ]
    assert sorted(Path(line.split(":")[0]).name for line in lines) == names
    assert all(len(line.split(": ")) >= 2 and "Traceback" not in line for line in lines)
    assert "oväntat fel" not in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="address space is bounded on Linux only")
def test_bad_files_take_little_memory(bad_folder: Path) -> None:
    code = (
        "import resource, sys; from pipeline.cli.app import run; run(['grade', sys.argv[1], '--json']);"
        "peak = [resource.getrusage(w).ru_maxrss for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)];"
        "print('KIB', sum(peak), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(bad_folder)], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert int(done.stderr.split("KIB")[1]) < 1 << 20


def test_an_unexpected_fault_in_one_file_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline import drafting  # noqa: PLC0415
    from pipeline.report import Line, Page, Source  # noqa: PLC0415

    def work(source: Source) -> str:
        if source.name == "b":
            raise ZeroDivisionError("två\nrader")
        return source.name

    def read(path: Path) -> Source:
        if path.name == "c":
            raise PermissionError(13, "Permission denied")
        return Source(path.name, (Page(1, (Line("x"),)),))

    outcomes = list(drafting.each([Path("a"), Path("b"), Path("c"), Path("d")], work, read))
    assert [o.result for o in outcomes] == ["a", None, None, "d"]
    assert "ZeroDivisionError: två rader" in outcomes[1].error
    assert "Permission denied" in outcomes[2].error


def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from pipeline.cli.app import run  # noqa: PLC0415

    monkeypatch.setitem(sys.modules, "reportlab", None)
    monkeypatch.delitem(sys.modules, "pipeline.corpus.printers.pdf", raising=False)
    tsv = ROOT / "data" / "corpus" / "dev" / "w1-tr-08.tsv"
    assert run(["dataset", "render", str(tsv), "--out", str(ROOT / "nowhere"), "--format", "pdf"]) == 2
    assert "spur-pipeline[render]" in capsys.readouterr().err
    assert not (ROOT / "nowhere").exists()


def test_a_command_whose_module_lacks_a_library_is_still_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from pipeline.cli import app  # noqa: PLC0415

    (tmp_path / "spur_test_training.py").write_text("import torch\n", encoding="utf8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(app, "COMMANDS", {"train": "spur_test_training"})
    assert app.run(["--help"]) == 0
    assert "spur-pipeline[train]" in capsys.readouterr().out
    assert app.run(["train", "--config", "x.yaml"]) == 2
    assert "spur-pipeline[train]" in capsys.readouterr().err


def test_dataset_render_names_files_after_the_corpus(tmp_path: Path) -> None:
    tsvs = [ROOT / "data" / "corpus" / "dev" / f"{s}.tsv" for s in ("w1-tr-08", "w9-ts-31")]
    (tmp_path / "trasig.tsv").write_text("ingen rubrik\n", encoding="utf8")
    done = spur(
        "dataset",
        "render",
        *tsvs,
        tmp_path / "trasig.tsv",
        "--out",
        tmp_path / "ut",
        "--format",
        "md",
        "--layout",
        3,
    )
    assert done.returncode == 1 and "trasig.tsv" in done.stderr and done.stderr.count("\n") == 1
    assert sorted(p.name for p in (tmp_path / "ut").iterdir()) == ["w1-tr-08.md", "w9-ts-31.md"]


def test_two_corpus_files_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    tsv = ROOT / "data" / "corpus" / "dev" / "w1-tr-08.tsv"
    shutil.copy(tsv, tmp_path)
    done = spur("dataset", "render", tsv, tmp_path / tsv.name, "--out", tmp_path / "ut")
    assert done.returncode == 2 and "w1-tr-08" in done.stderr and not (tmp_path / "ut").exists()


def test_reference_grades_are_those_of_the_scale(tmp_path: Path, shared: Path) -> None:
    """`--grades reference` states what eval/score.py's rule gives the same labels."""
    sys.path.insert(0, str(shared / "eval"))
    import score  # type: ignore[import-not-found]  # noqa: PLC0415

    tsv = ROOT / "data" / "corpus" / "dev" / "w15-tx-20.tsv"
    spur(
        "dataset", "render", tsv, "--out", tmp_path, "--format", "txt", "--layout", 3, "--grades", "reference"
    )
    text = (tmp_path / "w15-tx-20.txt").read_text(encoding="utf8")
    worst = score.worst_signs(score.read_gold([tsv]))["w15-tx-20"]
    chosen = [line[2] for line in text.splitlines() if line.startswith("☒")]
    assert chosen == [score.reference_grade(a, worst) for a in "ABCDEFGH"]


def test_the_examples_are_what_the_command_makes(tmp_path: Path) -> None:
    """The text formats byte for byte; PDF and DOCX depend on the libraries' versions."""
    for example in sorted(EXAMPLES.glob("layout-*/*.*")):
        if example.suffix in (".txt", ".md"):
            tsv = ROOT / "data" / "corpus" / "dev" / f"{example.stem}.tsv"
            layout = example.parent.name[-1]
            spur(
                "dataset",
                "render",
                tsv,
                "--out",
                tmp_path,
                "--format",
                example.suffix[1:],
                "--layout",
                layout,
            )
            assert (tmp_path / example.name).read_bytes() == example.read_bytes(), example.name
